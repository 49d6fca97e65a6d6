"""From what was asked for to a row that can be accepted: checked, snapshotted, complete."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.compute.models import LOCAL
from labstudio.errors import InvalidInput
from labstudio.ids import new_id
from labstudio.jobs import taking
from labstudio.jobs.inspect import compute_of
from labstudio.jobs.models import NAME_LIMIT, CreateJob, JobState, Parameters, Snapshot
from labstudio.jobs.placing import placed
from labstudio.jobs.store import now

if TYPE_CHECKING:
    from labstudio.config import StudioConfig
    from labstudio.home import Home


@dataclass(frozen=True)
class Origin:
    """Where a job comes from, beside what was asked for.

    Parameters
    ----------
    user
        Its owner.
    root
        The folder that paths are relative to and may not leave; None trusts the caller.
    payload
        The pickled names of a cell, or call of a function.
    folder
        Where a cell's files are.
    assigns
        The names that a cell gives back.
    """

    user: str
    root: Path | None = None
    payload: bytes | None = None
    folder: Path | None = None
    assigns: tuple[str, ...] = ()
    schedule_id: str | None = None
    sweep_id: str | None = None
    rerun_of: str | None = None


def current_user() -> str:
    """Return the operating system's name of who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def source_folder(spec: CreateJob, origin: Origin) -> Path:
    """Return the folder that a job comes from, in which its compute is looked for first."""
    if spec.path and taking.image_of(spec.path) is None:
        return taking.resolve(spec.path, origin.root).parent
    return origin.folder or origin.root or Path.cwd()


def place(spec: CreateJob, origin: Origin) -> CreateJob:
    """Say in a spec where its job runs: where it says, where the notebook's kernel is, or here."""
    own = None
    if spec.path and taking.image_of(spec.path) is None:
        own = compute_of(taking.resolve(spec.path, origin.root))
    return placed(spec, own)


def prepare(
    points: list[Parameters], spec: CreateJob, origin: Origin, home: Home, settings: StudioConfig
) -> list[dict[str, Any]]:
    """Make a row for each set of parameters; they share one snapshot.

    Everything that can be wrong is found here, before anything is kept.
    """
    place = taking.Place(origin.root, origin.payload, origin.folder)
    return rows(taking.take(points, spec, place, home, settings.snapshot_limit_bytes), origin)


def rows(taken: taking.Taken, origin: Origin) -> list[dict[str, Any]]:
    """Make a row for each job of code that was taken, here or by somebody elsewhere."""
    _check_kernel(taken.spec)
    record = taken.provenance.model_dump()
    return [
        _row(taken.spec.model_copy(update={"parameters": each}), origin, taken.snapshot, record)
        for each in taken.points
    ]


def rerun_row(spec: CreateJob, taken: Snapshot, record: Any, origin: Origin) -> dict[str, Any]:
    """Make the row of a job that runs an earlier one's snapshot again."""
    return _row(spec, origin, taken, record)


def _row(spec: CreateJob, origin: Origin, taken: Snapshot, record: Any) -> dict[str, Any]:
    assert spec.kind is not None
    return {
        "id": new_id(),
        "name": spec.name or _default_name(spec),
        "kind": spec.kind.value,
        "state": JobState.queued.value,
        "compute": spec.compute,
        "user": origin.user,
        "path": spec.path,
        "spec": spec.model_dump(mode="json"),
        "parameters": spec.parameters,
        "tags": spec.tags,
        "snapshot": taken.model_dump(mode="json"),
        "provenance": record,
        "assigns": list(origin.assigns),
        "priority": spec.priority,
        "created_at": now(),
        "attempt": 0,
        "dispatched": 0,
        "attempts_allowed": spec.retries + 1,
        "run_state": "none",
        "schedule_id": origin.schedule_id,
        "sweep_id": origin.sweep_id,
        "rerun_of": origin.rerun_of,
        "stop_requested": False,
        "idempotency_key": spec.idempotency_key,
        "revision": 0,
    }


def _default_name(spec: CreateJob) -> str:
    if spec.path:
        return Path(spec.path).name[:NAME_LIMIT]
    lines = [line for line in (spec.code or "").splitlines() if line.strip()]
    return (lines[0].strip() if lines else str(spec.kind))[:60]


def _check_kernel(spec: CreateJob) -> None:
    # A compute has kernels of its own: the attempt finds out.
    if spec.kernel_name is None or spec.compute != LOCAL:
        return
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    try:
        manager.get_kernel_spec(spec.kernel_name)
    except NoSuchKernel as error:
        known = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise InvalidInput(
            f"kernel_name {spec.kernel_name!r} is no kernel here; there are: {known}.",
            field="kernel_name",
        ) from error
