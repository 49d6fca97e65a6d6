"""Jobs on a real daemon, through the SDK: the doors of the design, each once to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import labstudio
from labstudio._studio import Studio
from labstudio.errors import JobFailed
from labstudio.jobs.models import CreateJob, JobKind, JobState

pytestmark = pytest.mark.slow
WAIT_S = 120
WriteNotebook = Callable[..., Path]


def test_the_studio_of_a_home_is_one_object() -> None:
    assert labstudio.studio() is labstudio.studio()


def test_a_function_gives_its_result_back(live_studio: Studio) -> None:
    def scale(values: list[int], by: int = 2) -> list[int]:
        print("scaling", len(values))
        return [value * by for value in values]

    job = live_studio.jobs.submit(scale, [1, 2, 3], kwargs={"by": 10})
    assert job.result(WAIT_S) == [10, 20, 30]
    assert "scaling 3" in job.logs()
    assert live_studio.jobs.submit(lambda: 7).result(WAIT_S) == 7


def test_a_function_that_fails_says_how(live_studio: Studio) -> None:
    def fail() -> None:
        raise KeyError("no such thing")

    job = live_studio.jobs.submit(fail)
    with pytest.raises(JobFailed, match="KeyError"):
        job.result(WAIT_S)


def test_a_notebook_is_a_run_with_its_parameters_and_metrics(
    live_studio: Studio, write_notebook: WriteNotebook
) -> None:
    path = write_notebook(
        ("depth = 3", ["parameters"]),
        "import mlflow\nfor i in range(3):\n    mlflow.log_metric('loss', 1 / (i + depth), i)",
        "open('out.txt', 'w').write('made')",
    )
    job = live_studio.jobs.submit(path, parameters={"depth": 4}, outputs=["*.txt"]).wait(WAIT_S)
    assert job.state is JobState.succeeded, job.logs()
    run_id = job.run_id
    assert run_id is not None
    found = live_studio.jobs.metrics(job.id).metrics["loss"]
    assert [point.value for point in found] == [1 / 4, 1 / 5, 1 / 6]
    assert live_studio.tracking.get_run(run_id).params["depth"] == "4"
    assert any(file.path.endswith("out.txt") for file in live_studio.jobs.files(job.id).items)


def test_a_cell_takes_its_names_and_files_along(live_studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1\n2\n")
    from labstudio.jobs.carry import pack

    code = "total = x + sum(int(line) for line in open('data.csv'))"
    record = live_studio.jobs.create(
        CreateJob(kind=JobKind.cell, code=code, files=["data.csv"]),
        payload=pack({"x": 4}, ["x"]).payload,
        assigns=["total"],
        folder=tmp_path,
    )
    from labstudio.jobs.handle import JobHandle

    assert JobHandle(live_studio, record).result(WAIT_S) == {"total": 7}


def test_values_of_the_environment_reach_the_job_and_are_not_shown(
    live_studio: Studio, write_notebook: WriteNotebook
) -> None:
    path = write_notebook("import os\nprint(len(os.environ['API_TOKEN']))")
    job = live_studio.jobs.submit(path, env={"API_TOKEN": "s3cret"}).wait(WAIT_S)
    assert "6" in job.logs()
    shown = live_studio.jobs.detail(job.id).model_dump_json()
    assert "s3cret" not in shown
    assert "API_TOKEN" in shown
