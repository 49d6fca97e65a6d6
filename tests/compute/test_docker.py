"""Jobs in containers of a real Docker Engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from docker_engine import DockerEngine, entry

from labstudio.compute.conformance import WAIT_S, ConformanceSuite
from labstudio.compute.conformance_place import Place, eventually, opened
from labstudio.compute.docker.checks import checks as tried
from labstudio.compute.docker.container import find
from labstudio.compute.kind import Kind
from labstudio.errors import InvalidInput

pytestmark = pytest.mark.slow


class TestDocker(ConformanceSuite):
    has_r = False

    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, docker_engine: DockerEngine) -> dict[str, Any]:
        return entry(docker_engine)

    def find_leftovers(self, kind: Kind, folder: Path) -> list[str]:
        mark = f"{folder.parent.parent.name}/{folder.name}"
        return [each.id for each in find(kind.client, kind.host.home, kind.name, mark)]


def test_its_files_come_back_and_belong_to_the_studio(docker_place: Place) -> None:
    code = (
        "import os; print('hello', os.getcwd(), os.getuid()); open('made.txt', 'w').write('made')"
    )
    job = docker_place.script("made.py", code)
    job.wait(WAIT_S)
    assert "hello /work 65534" in job.logs(), docker_place.describe(job)
    made = docker_place.folder(job) / "work" / "made.txt"
    assert made.read_text() == "made"
    assert made.owner() == "root"


def test_declared_inputs_cannot_be_changed(docker_place: Place) -> None:
    (docker_place.work / "given").mkdir()
    (docker_place.work / "given/data.txt").write_text("data")
    code = (
        "import os, pathlib\n"
        "at = pathlib.Path('given/data.txt')\n"
        "print('holds', at.read_text())\n"
        "for act in (lambda: at.chmod(0o666), lambda: at.unlink(), lambda: at.write_text('x')):\n"
        "    try:\n        act()\n        print('changed')\n"
        "    except OSError as error:\n        print(error.strerror)\n"
    )
    job = docker_place.script("reads.py", code, files=[], inputs={"given": "given"})
    job.wait(WAIT_S)
    assert "holds data" in job.logs(), docker_place.describe(job)
    assert job.logs().count("Read-only file system") == 3


def test_mlflow_in_a_container_without_network_logs_to_the_jobs_run(docker_place: Place) -> None:
    job = docker_place.script("logs.py", "import mlflow; mlflow.log_metric('loss', 0.25)")
    job.wait(WAIT_S)
    assert job.state == "succeeded", docker_place.describe(job)
    metrics = docker_place.studio.jobs.metrics(job.id).metrics
    assert [point.value for point in metrics["loss"]] == [0.25]


def test_a_failed_notebooks_kernel_is_kept_in_its_container(
    docker_place: Place, docker_engine: DockerEngine
) -> None:
    from jupyter_client.blocking import BlockingKernelClient

    job = docker_place.notebook("kept.ipynb", "answer = 42", "1 / 0", keep_kernel_s=300)
    job.wait(WAIT_S)
    folder = docker_place.folder(job)
    told = json.loads((folder / "status.json").read_text())
    client = BlockingKernelClient(connection_file=told["connection_file"])
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        shown: list[str] = []
        client.execute_interactive(
            "print(answer)",
            timeout=60,
            output_hook=lambda m: shown.append(m["content"].get("text", "")),
        )
        assert "42\n" in shown
    finally:
        client.stop_channels()
    docker_place.studio.jobs.delete(job.id)
    engine, home, name = docker_engine.client, docker_place.studio.home, docker_place.name
    eventually(lambda: not find(engine, home, name, f"{job.id}/1"), "the container stays")


def test_a_notebook_of_r_runs_in_its_image(docker_place: Place, r_image: str) -> None:
    job = docker_place.notebook(
        "r.ipynb", "cat(R.version.string, sum(1:10))", kernel="ir", environment={"image": r_image}
    )
    job.wait(WAIT_S)
    assert "55" in job.logs(), docker_place.describe(job)


TRAIN = """#!/usr/bin/env python3
import json, os, pathlib, sys
top = pathlib.Path("/opt/ml")
told = json.loads((top / "input/config/hyperparameters.json").read_text())
print("told", sys.argv[1:], told, os.environ["SM_HPS"], os.environ["SM_HP_EPOCHS"])
print("channels", os.environ["SM_CHANNELS"], os.environ["SM_CHANNEL_TRAIN"])
print("inputs", sorted(json.loads((top / "input/config/inputdataconfig.json").read_text())))
print("host", json.loads((top / "input/config/resourceconfig.json").read_text())["current_host"])
print("code", (top / "code/mine.py").read_text())
rows = (top / "input/data/train/rows.csv").read_text()
(top / "model/model.txt").write_text(rows.upper())
(top / "output/data/report.txt").write_text("report")
(top / "checkpoints/1").write_text("checkpoint")
if told["epochs"] == "13":
    (top / "output/failure").write_text("thirteen epochs bring no luck")
    sys.exit(1)
"""


@pytest.fixture(scope="module")
def training_image(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image as people make them for SageMaker."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "train.py").write_text(TRAIN)
    (folder / "Dockerfile").write_text(
        f"FROM {docker_engine.image}\nCOPY train.py /opt/program/train.py\n"
        'ENTRYPOINT ["python3", "/opt/program/train.py"]\n'
    )
    docker_engine.client.images.build(path=str(folder), tag="labstudio-test/training:1", rm=True)
    return "labstudio-test/training:1"


def test_a_training_image_finds_its_layout_and_its_model_comes_back(
    docker_place: Place, training_image: str
) -> None:
    (docker_place.work / "data").mkdir()
    (docker_place.work / "data/rows.csv").write_text("a,b")
    (docker_place.work / "src").mkdir()
    (docker_place.work / "src/mine.py").write_text("mine = 1")
    inputs = {"train": str(docker_place.work / "data"), "code": str(docker_place.work / "src")}
    submit = docker_place.studio.jobs.submit
    source = f"docker://{training_image}"
    good = submit(source, parameters={"epochs": 3}, compute=docker_place.name, inputs=inputs)
    bad = submit(source, parameters={"epochs": 13}, compute=docker_place.name, inputs=inputs)
    good.wait(WAIT_S)
    assert good.state == "succeeded", docker_place.describe(good)
    assert good.record.kind == "image"
    for line in (
        "told ['train'] {'epochs': '3'} {\"epochs\": 3} 3",
        'channels ["train"] /opt/ml/input/data/train',
        "inputs ['train']",
        "host algo-1",
        "code mine = 1",
    ):
        assert line in good.logs()
    outputs = {each.name for each in docker_place.studio.jobs.files(good.id).items}
    assert {"model/model.txt", "output/data/report.txt", "checkpoints/1"} <= outputs
    assert (docker_place.folder(good) / "work/model/model.txt").read_text() == "A,B"
    bad.wait(WAIT_S)
    assert bad.state == "failed"
    assert "thirteen epochs bring no luck" in (bad.error or "")


def test_an_image_is_refused_where_none_runs(docker_place: Place) -> None:
    submit = docker_place.studio.jobs.submit
    with pytest.raises(InvalidInput, match="runs no images"):
        submit("docker://anything:1", compute="local")
    with pytest.raises(InvalidInput, match="names no image"):
        submit("docker://Not An Image", compute=docker_place.name)
    with pytest.raises(InvalidInput, match="files does not go with an image"):
        submit("docker://anything:1", compute=docker_place.name, files=["*.py"])


def test_the_test_of_a_compute_names_what_is_wrong_and_the_mend(docker_place: Place) -> None:
    with opened(docker_place) as kind:
        assert isinstance(kind.settings.docker_host, str)
        checks = list(kind.test())
        assert [(each.name, each.state) for each in checks] == [
            ("engine", "ok"),
            ("image", "ok"),
            ("container", "ok"),
        ]
        nobody = kind.settings.model_copy(update={"docker_host": "unix:///nowhere.sock"})
        (engine,) = tried(nobody, docker_place.studio.home)
        assert "does not answer: start it, or name another with docker_host" in engine.message
        greedy = kind.settings.model_copy(update={"gpus": 1})
        assert (
            "nvidia-container-toolkit" in list(tried(greedy, docker_place.studio.home))[-1].message
        )
