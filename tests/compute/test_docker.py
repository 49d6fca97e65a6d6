"""Jobs in containers of a real Docker Engine."""

from __future__ import annotations

import pytest

from labstudio.compute.conformance_place import Place
from labstudio.jobs.models import JobState

pytestmark = pytest.mark.slow


def test_a_script_runs_in_a_container_and_its_files_come_back(docker_place: Place) -> None:
    job = docker_place.script(
        "train.py",
        "import os, sys, json\n"
        "print('hello', os.getcwd(), sys.prefix, os.getuid())\n"
        "print(json.loads(os.environ['LABSTUDIO_PARAMETERS']), sys.argv[1:])\n"
        "open('made.txt', 'w').write('made')\n",
        parameters={"depth": 3},
    )
    job.wait(60)
    assert job.state is JobState.succeeded, docker_place.describe(job)
    assert "hello /work /opt/python 65534" in job.logs()
    assert "{'depth': 3} ['--depth', '3']" in job.logs()
    work = docker_place.folder(job) / "work"
    assert (work / "made.txt").read_text() == "made"
    assert (work / "made.txt").owner() == "root"


def test_a_notebook_runs_in_a_container(docker_place: Place) -> None:
    job = docker_place.notebook("n.ipynb", "import sys; print(sys.prefix, 6*7)", "1/0")
    job.wait(60)
    assert "/opt/python 42" in job.logs(), docker_place.describe(job)
    assert "ZeroDivisionError" in (job.error or ""), docker_place.describe(job)
