"""The gateway with everything real: a daemon, and processes that have only its socket."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_tools import gateways, kernel_token, run_elsewhere, speaking

from labstudio._studio import Studio
from labstudio.gateway.reach import gateway_socket
from labstudio.gateway.tokens import Scope, mint

pytestmark = pytest.mark.slow

API = "http://gateway/labstudio/api/v1"
MLFLOW = "http://gateway/mlflow/api/2.0/mlflow"


@pytest.fixture
def studio(gateway_studio: Studio) -> Studio:
    return gateway_studio


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that stands for another machine's."""
    folder = Path(tempfile.mkdtemp(prefix="ls-elsewhere-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def holding(gateway_studio: Studio) -> Iterator[tuple[str, str]]:
    """A job that runs as long as the tests do, and its token."""
    studio = gateway_studio
    script = Path(tempfile.mkdtemp(prefix="ls-hold-")) / "hold.py"
    script.write_text("import time\nprint('holding', flush=True)\ntime.sleep(600)\n")
    job = studio.jobs.submit(script)
    assert job.run_id
    while job.state == "queued" or "holding" not in job.logs():
        pass
    record = job.refresh().record
    yield job.id, mint(studio.home, Scope("job", job.id, record.user, record.attempt))
    job.stop()
    shutil.rmtree(script.parent)


SUBMITS = """
import labstudio, sys
from pathlib import Path
studio = labstudio.studio()
Path("numbers.txt").write_text("20 22")
Path("train.py").write_text("print(sum(map(int, open('numbers.txt').read().split())))")
job = studio.jobs.submit("train.py").wait(60)
print(job.state, job.logs().strip())

def double(x):
    return 2 * x

print(studio.jobs.submit(double, 21).result(60))
print([each.name for each in studio.jobs.list().items])
print("local" in [each.name for each in studio.computes.list().items])
heavy = {"sqlalchemy", "dbos", "mlflow", "tornado", "jupyter_server"} & set(sys.modules)
print("heavy:", sorted(heavy))
"""


def test_a_kernel_elsewhere_submits_jobs_with_its_own_files(
    studio: Studio, elsewhere: Path
) -> None:
    lines = run_elsewhere(studio, elsewhere, kernel_token(studio, "ada"), SUBMITS).splitlines()
    assert lines == ["succeeded 42", "42", "['double', 'train.py']", "True", "heavy: []"]


MAGICS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "labstudio")
open("helper.py", "w").write("def triple(x): return 3 * x")
shell.run_cell("x = 14")
shell.run_cell("%%job thrice --wait\\nfrom helper import triple\\ny = triple(x)\\nprint('y is', y)")
print("pulled", shell.user_ns["y"])
shell.run_line_magic("job_logs", "last")
shell.run_line_magic("jobs", "thrice")
shell.run_cell("z = 5")
result = shell.run_cell("%%job\\nboom = 1 / 0")
shell.user_ns["_job"].wait(60)
print(shell.user_ns["_job"].error)
"""


def test_the_magics_work_through_it(studio: Studio, elsewhere: Path) -> None:
    told = run_elsewhere(studio, elsewhere, kernel_token(studio), MAGICS)
    assert "Pulled triple, y." in told
    assert "pulled 42" in told
    assert told.count("y is 42") >= 2
    assert "ZeroDivisionError: division by zero" in told


SWEEPS = """
import json
from pathlib import Path
import labstudio
from labstudio.jobs.models import CreateJob, CreateSweep
cell = lambda source, *tags: {"cell_type": "code", "id": str(abs(hash(source)))[:8],
    "metadata": {"tags": list(tags)}, "outputs": [], "execution_count": None, "source": source}
cells = [cell("a = 1", "parameters"), cell("print(a * 10)")]
Path("n.ipynb").write_text(json.dumps({"cells": cells,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    "nbformat": 4, "nbformat_minor": 5}))
studio = labstudio.studio()
from labstudio.jobs.handle import JobHandle
made = studio.jobs.sweep(CreateSweep(job=CreateJob(path="n.ipynb"), grid={"a": [4, 5]}))
for job in made:
    handle = JobHandle(studio, job).wait(60)
    print(handle.state, handle.record.parameters, handle.record.sweep_id == made[0].sweep_id)
files = studio.jobs.files(made[0].id)
print(sorted(each.role for each in files.items))
told = json.loads(studio.jobs.read_file(made[0].id, "output.ipynb"))
print("".join(told["cells"][-1]["outputs"][0]["text"]).strip())
try:
    studio.jobs.submit("n.ipynb", parameters={"a": "many"})
except labstudio.errors.InvalidInput as error:
    print(type(error).__name__, error)
"""


def test_a_notebook_elsewhere_is_swept_and_its_files_come_back(
    studio: Studio, elsewhere: Path
) -> None:
    lines = run_elsewhere(studio, elsewhere, kernel_token(studio), SWEEPS).splitlines()
    assert lines[:2] == ["succeeded {'a': 4} True", "succeeded {'a': 5} True"]
    assert lines[2] == "['html', 'log', 'notebook']"
    assert lines[3] == "40"
    assert lines[-1] == "InvalidInput a must be an int, not 'many'."


def test_only_what_is_missing_travels(studio: Studio) -> None:
    import hashlib

    content = os.urandom(3_000_000)
    sha256 = hashlib.sha256(content).hexdigest()
    with speaking(studio, kernel_token(studio)) as client:
        ask = {"json": {"sha256": [sha256]}}
        assert client.post(f"{API}/blobs/missing", **ask).json() == {"sha256": [sha256]}
        wrong = client.put(f"{API}/blobs/{sha256}", content=content[:-1])
        assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")
        assert client.post(f"{API}/blobs/missing", **ask).json() == {"sha256": [sha256]}
        assert client.put(f"{API}/blobs/{sha256}", content=content).status_code == 204
        assert client.post(f"{API}/blobs/missing", **ask).json() == {"sha256": []}
        for name in ("..", "A" * 64, "0" * 63):
            assert client.put(f"{API}/blobs/{name}", content=b"").status_code in (400, 404)


def test_code_that_was_not_brought_is_named(studio: Studio) -> None:
    snapshot: dict[str, Any] = {
        "entry": "a.py",
        "files": [{"path": "a.py", "sha256": "0" * 64, "size_bytes": 1}],
    }
    with speaking(studio, kernel_token(studio)) as client:

        def refused(**changes: Any) -> str:
            job = {"job": {"path": "a.py"}, "snapshot": {**snapshot, **changes}}
            answer = client.post(f"{API}/jobs", json=job)
            assert answer.status_code == 400, answer.text
            return str(answer.json()["message"])

        assert refused() == "The content of 'a.py' was not uploaded."
        assert "not among the files" in refused(entry="b.py")
        escape = [{"path": "../a.py", "sha256": "0" * 64, "size_bytes": 1}]
        assert "leaves its folder" in refused(entry="../a.py", files=escape)


# Who may what


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}]
)
def test_strangers_are_refused(studio: Studio, header: dict[str, str]) -> None:
    transport = httpx.HTTPTransport(uds=str(gateway_socket(studio.home)))
    with httpx.Client(transport=transport, timeout=60) as client:
        for url in (f"{API}/jobs", f"{API}/computes", f"{MLFLOW}/experiments/search"):
            answer = client.get(url, headers=header)
            assert answer.status_code == 401, url


def test_the_servers_own_token_is_none_of_the_gateways(studio: Studio) -> None:
    token = json.loads(studio.home.tracking_json.read_text())["token"]
    with speaking(studio, token) as client:
        assert client.get(f"{API}/jobs").status_code == 401


def test_a_jobs_token_sees_that_job_alone(studio: Studio, holding: tuple[str, str]) -> None:
    job_id, token = holding
    other = studio.jobs.submit(lambda: 1).wait(60)
    with speaking(studio, token) as client:
        assert client.get(f"{API}/jobs/{job_id}").json()["id"] == job_id
        assert client.get(f"{API}/jobs/{job_id}/log").json()["text"] == "holding\n"
        for method, path in [
            ("GET", "jobs"),
            ("POST", "jobs"),
            ("POST", "sweeps"),
            ("POST", "blobs/missing"),
            ("PUT", f"blobs/{'0' * 64}"),
            ("GET", "computes"),
            ("POST", f"jobs/{job_id}/stop"),
            ("POST", f"jobs/{job_id}/rerun"),
            ("GET", f"jobs/{other.id}"),
            ("GET", f"jobs/{other.id}/log"),
            ("GET", f"jobs/{other.id}/files"),
            ("GET", f"jobs/{other.id}/files/log"),
            ("GET", f"jobs/{other.id}/result"),
        ]:
            answer = client.request(method, f"{API}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        assert client.get(f"{API}/nothing").status_code == 404
        assert client.delete(f"{API}/jobs/{job_id}").status_code == 405
    assert studio.jobs.get(job_id).state == "running"


def test_a_kernel_sees_its_users_jobs_alone(studio: Studio) -> None:
    mine = studio.jobs.submit(lambda: 1).wait(60)
    with speaking(studio, kernel_token(studio, "somebody-else")) as client:
        assert client.get(f"{API}/jobs").json()["items"] == []
        assert client.get(f"{API}/jobs/{mine.id}").status_code == 403
        assert client.post(f"{API}/jobs/{mine.id}/stop").status_code == 403


def test_a_token_ends_with_its_attempt(studio: Studio) -> None:
    job = studio.jobs.submit(lambda: 1).wait(60).record
    for attempt, id_ in [(1, job.id), (2, job.id), (1, "01J00000000000000000000000")]:
        with speaking(studio, mint(studio.home, Scope("job", id_, job.user, attempt))) as client:
            assert client.get(f"{API}/jobs/{job.id}").status_code == 401


def test_no_token_is_in_its_log(studio: Studio, holding: tuple[str, str]) -> None:
    log = (studio.home.path / "gateway.log").read_text()
    assert holding[1] not in log
    assert kernel_token(studio)[:20] not in log


def test_it_is_begun_again_when_it_dies_and_nobody_is_refused(studio: Studio) -> None:
    with speaking(studio, kernel_token(studio)) as client:
        assert client.get(f"{API}/jobs").status_code == 200
        (first,) = gateways(studio)
        first.kill()
        first.wait(10)
    with speaking(studio, kernel_token(studio)) as client:
        assert client.get(f"{API}/jobs").status_code == 200
    assert gateways(studio) not in ([], [first])
