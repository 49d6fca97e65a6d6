"""An attempt as its compute is asked to make it: what runs, with what, and what it begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.compute.kind import Kind, Order
from labstudio.errors import NotFound
from labstudio.gateway.tokens import Scope, mint
from labstudio.home import write_atomic
from labstudio.jobs.checkpoints import with_checkpoint
from labstudio.jobs.resume import bring
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.late_run import NO_RUN
from labstudio.jobs.snapshot import blob_path

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.jobs.models import JobDetail


def make_order(
    studio: Studio, kind: Kind, job: JobDetail, number: int, tracking: protocol.Tracking | None
) -> Order:
    """Lay out an attempt's folder and return what its compute is asked for.

    Parameters
    ----------
    studio
        Whose job it is.
    kind
        Where it is to run.
    job, number
        Which attempt.
    tracking
        The MLflow run to log to, if there is one.
    """
    spec, folder = job.spec, studio.home.attempt(job.id, number)
    assert job.snapshot is not None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def say(text: str) -> None:
        with (folder / protocol.LOG).open("a") as file:
            file.write(f"[labstudio] {text}\n")

    if tracking is None and studio.config.tracking:
        say(NO_RUN)
    _bring_kept(studio, job, number, folder)
    if job.snapshot.payload:
        _bring(blob_path(studio.home, job.snapshot.payload), folder / protocol.CARRY)
    settings = studio.computes.settings(job.compute)
    gpus = studio.computes.gpus_of("job", job.id)
    gateway = None
    if not kind.at_home:
        scope = Scope("job", job.id, job.user, number)
        gateway = protocol.Gateway(token=mint(studio.home, scope))
    attempt = protocol.AttemptSpec(
        job_id=job.id,
        attempt=number,
        kind=job.kind,
        entry=job.snapshot.entry,
        parameters=job.parameters,
        kernel_name=spec.kernel_name,
        environment=spec.environment,
        home=str(studio.home.path),
        env={**settings.env, **spec.env},
        timeout_s=spec.timeout_s,
        keep_kernel_s=spec.keep_kernel_s,
        autolog=spec.autolog,
        outputs=spec.outputs,
        assigns=studio.jobs.store.assigns(job.id),
        carry=job.snapshot.payload is not None,
        tracking=reached(kind, tracking),
        gateway=gateway,
        compute=job.compute,
        need=spec.need,
        gpus=list(gpus),
        preemptible=settings.preemptible,
        grace_s=settings.grace_s,
        checkpoint=spec.checkpoint,
        snapshot=with_checkpoint(studio.home, job.id, number, job.snapshot, say),
        labels=job.tags,
    )
    return Order(folder, attempt, need=spec.need, gpus=gpus, say=say)


def reached(kind: Kind, tracking: protocol.Tracking | None) -> protocol.Tracking | None:
    """Return the run as the attempt reaches it: the server's own token stays on this machine."""
    if tracking is None or kind.at_home:
        return tracking
    return tracking.model_copy(update={"uri": "", "token": None})


def _bring_kept(studio: Studio, job: JobDetail, number: int, folder: Path) -> None:
    """Lay what an earlier attempt kept into this one's folder."""
    earlier = studio.home.attempt(job.id, number - 1)
    if number == 1:
        if job.spec.checkpoint.resume is None:
            return
        before = studio.jobs.store.get(job.spec.checkpoint.resume)
        earlier = studio.home.attempt(before.id, before.attempt)
    if job.spec.checkpoint.cells:
        bring(earlier, folder)


def _bring(blob: Path, carried: Path) -> None:
    """Lay the pickled names beside the attempt; a runner may be reading them already."""
    if carried.exists():
        return
    if not blob.exists():
        raise NotFound("The names that the job carries are gone from the studio home.")
    try:
        carried.hardlink_to(blob)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links, or too many of them.
        write_atomic(carried, blob.read_bytes())
