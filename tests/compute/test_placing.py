"""A notebook whose kernel is of a compute runs there, unless another compute is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ByteSize

from labstudio._studio import Studio
from labstudio.compute.conformance_place import Place
from labstudio.compute.models import CreateCompute, Need
from labstudio.errors import InvalidInput
from labstudio.jobs.models import CreateJob, CreateSweep, RerunJob
from labstudio.jobs.taking import Place as TakenFrom
from labstudio.jobs.taking import take
from labstudio.schedules.models import CreateSchedule

WriteNotebook = Callable[..., Path]

BOX = "labstudio.box.python3"


@pytest.fixture
def box(shed: None, studio: Studio) -> Studio:
    """A studio with a compute beside this machine."""
    settings = {"host": "h", "cpus": 2.0, "memory": "4GiB"}
    studio.computes.add(CreateCompute(name="box", type="shed", settings=settings))
    return studio


@pytest.mark.parametrize(
    ("own", "fields", "compute", "kernel"),
    [
        ("python3", {}, "local", None),
        (BOX, {}, "box", None),
        (BOX, {"compute": "local"}, "local", None),
        ("python3", {"compute": "box"}, "box", None),
        ("python3", {"kernel_name": "labstudio.box.ir"}, "box", "ir"),
        ("python3", {"kernel_name": BOX, "compute": "local"}, "local", "python3"),
        (BOX, {"kernel_name": "python3"}, "local", "python3"),
    ],
)
def test_a_notebook_goes_where_its_kernel_is(
    box: Studio,
    write_notebook: WriteNotebook,
    own: str,
    fields: dict[str, Any],
    compute: str,
    kernel: str | None,
) -> None:
    path = str(write_notebook("1", kernel=own))
    job = box.jobs.create(CreateJob(path=path, **fields))
    spec = box.jobs.detail(job.id).spec
    assert (job.compute, spec.compute, spec.kernel_name) == (compute, compute, kernel)
    assert box.jobs.rerun(job.id).compute == compute
    assert box.jobs.rerun(job.id, RerunJob(compute="local")).compute == "local"
    many = CreateSweep(job=CreateJob(path=path, **fields), grid={"depth": [1, 2]})
    assert {each.compute for each in box.jobs.sweep(many)} == {compute}
    # Read in a kernel elsewhere, and brought here.
    taken = take([{}], CreateJob(path=path, **fields), TakenFrom(), box.home, 0)
    assert box.jobs.adopt(taken, user="u")[0].compute == compute


def test_the_notebooks_compute_must_be_there_and_have_enough(
    box: Studio, write_notebook: WriteNotebook
) -> None:
    gone = str(write_notebook("1", name="gone.ipynb", kernel="labstudio.gone.python3"))
    path = str(write_notebook("1", kernel=BOX))
    for ask in (
        lambda: box.jobs.create(CreateJob(path=gone)),
        lambda: box.schedules.create(CreateSchedule(job=CreateJob(path=gone), cron="0 6 * * *")),
    ):
        with pytest.raises(InvalidInput, match="compute 'gone' is not known"):
            ask()
    for need, told in (
        (Need(cpus=3), "need.cpus is 3, and compute 'box' has 2 to give out"),
        (Need(memory=ByteSize(6 << 30)), "need.memory is 6.0 GiB, and compute 'box' has 4.0 GiB"),
        (Need(gpus=1), "need.gpus is 1, and compute 'box' has 0"),
    ):
        with pytest.raises(InvalidInput, match=told):
            box.jobs.create(CreateJob(path=path, need=need))


def test_a_schedule_follows_the_notebook(box: Studio, write_notebook: WriteNotebook) -> None:
    path = str(write_notebook("1", kernel=BOX))
    schedule = box.schedules.create(CreateSchedule(job=CreateJob(path=path), cron="0 6 * * *"))
    assert box.schedules.run(schedule.id).compute == "box"
    write_notebook("1", kernel="python3")
    assert box.schedules.run(schedule.id).compute == "local"


def test_the_source_says_which_compute_its_kernel_is_of(
    box: Studio, write_notebook: WriteNotebook
) -> None:
    found = box.jobs.inspect(str(write_notebook("1", kernel="labstudio.box.ir")))
    assert (found.compute, found.kernel_name) == ("box", "ir")


@pytest.mark.slow
def test_the_shell_runs_it_where_its_kernel_is(
    docker_place: Place, write_notebook: WriteNotebook
) -> None:
    kernel = f"labstudio.{docker_place.name}.python3"
    path = write_notebook("import sys; print('prefix', sys.prefix)", kernel=kernel)
    command = [sys.executable, "-m", "labstudio", "job", "submit", str(path), "--wait", "--json"]
    environment = {"LABSTUDIO_HOME": str(docker_place.studio.home.path)}
    for options, prefix in (([], "/opt/python"), (["--compute", "local"], sys.prefix)):
        done = subprocess.run(
            [*command, *options], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        job = json.loads(done.stdout)
        assert job["state"] == "succeeded", job
        log = docker_place.studio.jobs.log(job["id"]).text
        assert f"prefix {prefix}" in log
