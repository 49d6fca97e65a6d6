"""Kept kernels as kernel specs, through which Jupyter Server and JupyterLab reach them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from labstudio.errors import Conflict, Unavailable
from labstudio.home import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.home import Home
    from labstudio.jobs.models import Job

PREFIX = "labstudio-"
PROVISIONER = "labstudio-attach"


def spec_name(job_id: str) -> str:
    """Return the name of a kept kernel's spec; Jupyter wants such names in lower case."""
    return PREFIX + job_id.lower()


def write_spec(studio: Studio, job: Job) -> str:
    """Write the spec that attaches to a job's kept kernel, and return its name.

    Raises
    ------
    Conflict
        When the job keeps no kernel, or not any more.
    Unavailable
        When this server cannot attach to kernels.
    """
    from labstudio.jobs.files import read_notebook
    from labstudio.jobs.runner.protocol import read_runner, read_status

    folder = studio.home.attempt(job.id, job.attempt)
    status, runner = read_status(folder), read_runner(folder)
    until = status.kernel_kept_until if status else None
    existing = status.connection_file if status else None
    if status is None or runner is None or until is None or existing is None:
        raise Conflict(
            "The job keeps no kernel; submit it with keep_kernel_s to have its kernel kept when "
            "it fails.",
            job_id=job.id,
        )
    config = {
        "existing": existing,
        "pid": runner.kernel_pid,
        "started": runner.kernel_started or 0.0,
        "create_time": runner.kernel_create_time or 0.0,
        "boot_id": runner.boot_id or "",
    }
    # Whether its time is over is the runner's to say, which ends it: the clock here may be set.
    if not _lives(config):
        raise Conflict("The job's kernel was kept, but has ended.", job_id=job.id)
    stanza = {"provisioner_name": PROVISIONER, "config": config}
    _require_provisioner(stanza)
    told = read_notebook(folder).get("metadata", {})
    spec = {
        "argv": [],
        "display_name": f"{job.name} (kept kernel)",
        "language": told.get("language_info", {}).get("name")
        or told.get("kernelspec", {}).get("language", "python"),
        "metadata": {
            "kernel_provisioner": stanza,
            "labstudio": {"job_id": job.id, "kept_until": until.isoformat()},
        },
    }
    name = spec_name(job.id)
    target = studio.home.kernelspecs / name
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(target / "kernel.json", json.dumps(spec, indent=1), durable=False)
    return name


def remove_spec(home: Home, job_id: str) -> None:
    """Forget a kept kernel."""
    shutil.rmtree(home.kernelspecs / spec_name(job_id), ignore_errors=True)


def prune(home: Home) -> None:
    """Forget the kept kernels that have ended, so that the launcher does not offer them."""
    for file in home.kernelspecs.glob(f"{PREFIX}*/kernel.json"):
        if not _lives(_config(file)):
            shutil.rmtree(file.parent, ignore_errors=True)


def _lives(config: dict[str, Any]) -> bool:
    """Tell whether the process that a spec attaches to is still that one, in this boot."""
    from labstudio.jobs.runner.protocol import process_of

    told = (config.get(name) or None for name in ("pid", "create_time", "started", "boot_id"))
    return process_of(*told) is not None


def _require_provisioner(stanza: dict[str, Any]) -> None:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.provisioning.factory import KernelProvisionerFactory

    spec = KernelSpec(metadata={"kernel_provisioner": stanza})
    if not KernelProvisionerFactory.instance().is_provisioner_available(spec):
        raise Unavailable(
            f"This Jupyter Server does not have the kernel provisioner {PROVISIONER}, which comes "
            "with labstudio: install labstudio again where the server runs, and restart it."
        )


def _config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_bytes())["metadata"]["kernel_provisioner"]["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(config)
