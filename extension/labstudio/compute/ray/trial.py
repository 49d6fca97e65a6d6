"""What ``labstudio compute test`` tries of a Ray cluster."""

from __future__ import annotations

import asyncio
import json
import platform
import shlex
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from packaging.version import Version

from labstudio.compute.ray import client as api
from labstudio.compute.ray import packages
from labstudio.compute.ray.client import TERMINAL, Dashboard, last_line
from labstudio.compute.ray.probe import MARK
from labstudio.errors import Unavailable
from labstudio.status import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labstudio.compute.ray.settings import RaySettings

OLDEST = "2.50"
TRIAL_S, LOOK_S = 120.0, 0.5


def trial(dashboard: Dashboard, settings: RaySettings, studio: str) -> Iterator[Check]:
    """Try a cluster, step by step; end with the first that fails."""
    version = dashboard.version()
    if Version(version) < Version(OLDEST):
        yield Check(
            name="ray",
            state="error",
            message=f"The cluster runs Ray {version}, and labstudio needs {OLDEST} or newer.",
            mend="Upgrade Ray on the cluster.",
        )
        return
    yield Check(name="ray", state="ok", message=f"{dashboard.address} runs Ray {version}.")
    began = time.monotonic()
    try:
        found = _look(dashboard, settings, studio)
    except Unavailable as error:
        yield Check(name="job", state="error", message=error.message, mend=_mend(settings))
        return
    seconds = time.monotonic() - began
    yield Check(name="job", state="ok", message=f"A job ran there in {seconds:.1f} s.")
    yield from _node(found)


def _node(found: dict[str, Any]) -> Iterator[Check]:
    here, there = platform.python_version(), str(found["python"])
    same = here.split(".")[:2] == there.split(".")[:2]
    yield Check(
        name="python",
        state="ok" if same else "warning",
        message=f"The nodes run Python {there}"
        + (
            "."
            if same
            else f", here it is {here}: cells and functions that carry objects may fail to unpack."
        ),
        mend=None if same else f"Give the nodes Python {'.'.join(here.split('.')[:2])}.",
    )
    missing = found["missing"]
    yield Check(
        name="packages",
        state="error" if missing else "ok",
        message=f"The nodes lack {', '.join(missing)}."
        if missing
        else "The nodes have what jobs need.",
        mend=f"Add them to the compute's entry: install = {json.dumps(missing)}."
        if missing
        else None,
    )
    if found["r"]:
        yield Check(name="r", state="ok", message="R notebooks run there too.")


def _mend(settings: RaySettings) -> str:
    return (
        f"The command {settings.python!r} must start Python on the nodes (setting `python`), and a "
        "core must be free."
    )


def _look(dashboard: Dashboard, settings: RaySettings, studio: str) -> dict[str, Any]:
    """Have a job look at a node.

    Raises
    ------
    Unavailable
        When it does not run.
    """
    submission = f"labstudio-test-{uuid4().hex[:12]}"
    environment: dict[str, Any] = {"py_modules": [packages.bring_code(dashboard)]}
    if settings.install:
        environment[settings.installer] = {"packages": settings.install}
    dashboard.submit(
        {
            "submission_id": submission,
            "entrypoint": f"exec {shlex.quote(settings.python)} -m labstudio.compute.ray.probe",
            "runtime_env": environment,
            "metadata": {"labstudio_studio": studio},
            "entrypoint_num_cpus": 1,
        }
    )
    deadline = time.monotonic() + TRIAL_S
    while (job := dashboard.job(submission)) is not None and job["status"] not in TERMINAL:
        if time.monotonic() > deadline:
            dashboard.stop(submission)
            raise Unavailable(f"A job did not end in {TRIAL_S:g} s: {job.get('message')}")
        time.sleep(LOOK_S)
    if job is None:
        raise Unavailable("The cluster forgot the job that was to try it.")
    # Its record is removed by the next sweep: it belongs to no attempt.
    return asyncio.run(_said(dashboard, submission, job))


async def _said(dashboard: Dashboard, submission: str, job: dict[str, Any]) -> dict[str, Any]:
    node = job.get("driver_node_id")
    if node:
        async with dashboard.asynchronous() as client:
            async for line in api.lines(client, dashboard, submission, node, follow=False):
                if line.startswith(MARK.encode()):
                    return dict(json.loads(line[len(MARK) :]))
    raise Unavailable(f"A job that looks at a node failed: {last_line(str(job.get('message')))}")
