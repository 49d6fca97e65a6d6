"""The verbs of jobs. Handlers, the CLI, magics and notebooks all call these."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labstudio.changes import record as note_change
from labstudio.database.engine import is_full
from labstudio.errors import Conflict, InvalidInput, NotFound, StudioError, Unavailable
from labstudio.ids import new_id
from labstudio.jobs.models import (
    CheckpointPolicy,
    CreateJob,
    CreateSweep,
    Job,
    JobDetail,
    RerunJob,
    SourceInfo,
)
from labstudio.jobs.reading import JobReader
from labstudio.jobs.resume import keeps
from labstudio.jobs.submission import (
    Origin,
    current_user,
    place,
    prepare,
    rerun_row,
    rows,
    source_folder,
)
from labstudio.jobs.submitting import Submitting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.jobs.taking import Taken

# More than SQLite writes to its log when a job is deleted.
ROOM_BYTES = 1 << 20


class JobService(JobReader, Submitting):
    """Submit jobs, follow them, end them, read what they left.

    Every method may be called from any thread. Submitting needs no daemon: a job is accepted once
    it is in the database, and runs when a daemon is there.
    """

    @property
    def studio(self) -> Studio:
        """The studio that the jobs are of."""
        return self._studio

    # Submitting

    def create(
        self,
        spec: CreateJob,
        *,
        user: str | None = None,
        root: Path | None = None,
        payload: bytes | None = None,
        assigns: Sequence[str] = (),
        folder: Path | None = None,
        schedule_id: str | None = None,
    ) -> Job:
        """Accept one job.

        Parameters
        ----------
        spec
            What is asked for.
        user
            Its owner; who runs this process when left out.
        root
            The folder that paths are relative to and may not leave; None trusts the caller.
        payload, assigns
            A cell's pickled names, or a function's call, and the names that it gives back.
        folder
            Where a cell's `files` are.
        schedule_id
            The schedule that asks for it.

        Raises
        ------
        InvalidInput, NotFound, TooLarge
            When what was asked for cannot be; nothing is kept.
        Unavailable
            When the home or the database cannot be written.
        """
        origin = Origin(
            user=user or current_user(),
            root=root,
            payload=payload,
            assigns=tuple(assigns),
            folder=folder or root,
            schedule_id=schedule_id,
        )
        if before := self._first_with_key(spec, origin.user):
            return before
        spec = place(spec, origin)
        self._studio.computes.check_job(spec, source_folder(spec, origin), root)
        home = self._studio.home.create()
        made = prepare([spec.parameters], spec, origin, home, self._studio.config)
        return self._accept(made, spec, origin.user)[0]

    def sweep(
        self, request: CreateSweep, *, user: str | None = None, root: Path | None = None
    ) -> Sequence[Job]:
        """Accept one job for each combination of the values listed."""
        from labstudio.jobs.parameters import expand

        spec = request.job
        if spec.idempotency_key is not None:
            raise InvalidInput(
                "idempotency_key names one job; a sweep makes many.", field="job.idempotency_key"
            )
        origin = Origin(user=user or current_user(), root=root, sweep_id=new_id())
        spec = place(spec, origin)
        self._studio.computes.check_job(spec, source_folder(spec, origin), root)
        points = [{**spec.parameters, **each} for each in expand(request.grid)]
        home = self._studio.home.create()
        made = prepare(points, spec, origin, home, self._studio.config)
        return self._accept(made, spec, origin.user)

    def adopt(
        self, taken: Taken, *, user: str, assigns: Sequence[str] = (), sweep: bool = False
    ) -> Sequence[Job]:
        """Accept jobs whose code was read elsewhere, and whose files' content was brought here.

        Parameters
        ----------
        taken
            The code, as it was read there.
        user
            The owner.
        assigns
            The names that a cell gives back.
        sweep
            Whether the jobs belong together.

        Raises
        ------
        InvalidInput
            When a field is wrong, or content is missing.
        """
        from labstudio.jobs.taking import verified

        if before := self._first_with_key(taken.spec, user):
            return [before]
        home = self._studio.home.create()
        taken = verified(taken, home, self._studio.config.snapshot_limit_bytes)
        self._studio.computes.check_job(taken.spec)
        sweep_id = new_id() if sweep else None
        origin = Origin(user=user, assigns=tuple(assigns), sweep_id=sweep_id)
        return self._accept(rows(taken, origin), taken.spec, user)

    def rerun(
        self, job_id: str, changes: RerunJob | None = None, *, user: str | None = None
    ) -> Job:
        """Submit a job's own snapshot again, with changes."""
        from labstudio.jobs.parameters import check

        before = self.store.detail(job_id)
        given = (changes or RerunJob()).model_dump(exclude_unset=True, exclude_none=True)
        resume = given.pop("resume", False)
        spec = CreateJob(
            **{**before.spec.model_dump(), **given, "idempotency_key": None},
        )
        if changes and changes.parameters is not None:
            spec.parameters = check(self.declared(before), changes.parameters)
        self._studio.computes.check_job(spec)
        assert before.snapshot is not None
        spec.checkpoint = self._checkpoint(before, spec.checkpoint, resume=resume)
        origin = Origin(
            user=user or current_user(),
            assigns=tuple(self.store.assigns(job_id)),
            rerun_of=job_id,
        )
        record = before.provenance.model_dump() if before.provenance else None
        row = rerun_row(spec, before.snapshot, record, origin)
        return self._accept([row], spec, origin.user)[0]

    def resume(self, job_id: str, *, user: str | None = None) -> Job:
        """Submit a notebook's job again, to go on at the cell that failed.

        Its variables are those that it kept: it must have been submitted with
        ``checkpoint={"cells": True}``. Where they cannot be restored, or its code changed, it runs
        from the start, and its log says why.

        Raises
        ------
        Conflict
            When it has not ended, or kept no variables.
        """
        return self.rerun(job_id, RerunJob(resume=True), user=user)

    def _checkpoint(
        self, before: JobDetail, policy: CheckpointPolicy, *, resume: bool
    ) -> CheckpointPolicy:
        if not resume:
            return policy.model_copy(update={"resume": None})
        if not before.state.final:
            raise Conflict(f"The job is {before.state}: it is not over yet.", job_id=before.id)
        if not keeps(self._studio.home.attempt(before.id, before.attempt)):
            raise Conflict(
                "The job kept no variables to resume with: submit it with checkpoint.cells.",
                job_id=before.id,
            )
        return policy.model_copy(update={"resume": before.id})

    def inspect(self, path: str, root: Path | None = None) -> SourceInfo:
        """Say what a notebook or script offers before it is submitted."""
        from labstudio.jobs.inspect import inspect_source

        return inspect_source(path, root)

    # Ending

    def stop(self, job_id: str) -> Job:
        """End a job: interrupt, then terminate, then kill, within five seconds.

        Raises
        ------
        Conflict
            When it has ended already.
        """
        if not self.store.request_stop(job_id):
            job = self.store.get(job_id)
            raise Conflict(f"The job has already ended ({job.state}).", job_id=job_id)
        self._studio.wake()
        return self.store.get(job_id)

    def delete(self, job_id: str) -> None:
        """Delete an ended job with its files; its MLflow run stays.

        Raises
        ------
        Conflict
            While it has not ended.
        Unavailable
            When the database cannot be written; the job is still there.
        """
        job = self.store.get(job_id)
        if not job.state.final:
            raise Conflict(f"The job is {job.state}; stop it before deleting it.", job_id=job_id)
        self.release_kernel(job_id)
        folder = self._studio.home.job(job_id)
        try:
            gone = self.store.delete(job_id)
        except Unavailable as error:
            if not is_full(error):
                raise
            gone = self._delete_without_room(job_id, folder)
        if not gone:
            raise NotFound(f"There is no job {job_id}.", job_id=job_id)
        shutil.rmtree(folder, ignore_errors=True)

    def _delete_without_room(self, job_id: str, folder: Path) -> bool:
        """Delete a job on a full disk: SQLite needs some room to delete, and the files make it."""
        from labstudio.jobs.retention import folder_bytes

        if folder_bytes(folder) < ROOM_BYTES:
            raise Unavailable(
                "The disk of the studio home is full, and this job's files are too small to make "
                "the room that deleting it takes: delete a larger job or another file first.",
                job_id=job_id,
            )
        shutil.rmtree(folder, ignore_errors=True)
        try:
            return self.store.delete(job_id)
        except Unavailable as error:
            raise Unavailable(
                "The job's files are deleted, but the disk of the studio home is full again "
                "already: free some space, and delete the job once more.",
                job_id=job_id,
            ) from error

    def release_kernel(self, job_id: str) -> None:
        """End the kernel that a failed job kept, if there is one."""
        from labstudio.jobs.processes import kill_attempt

        job = self.store.get(job_id)
        if not (job.state.final and job.attempt):
            return
        folder = self._studio.home.attempt(job_id, job.attempt)
        if kill_attempt(folder):
            # Its runner would have cleaned up there; where that cannot be done now, the sweep does.
            with suppress(StudioError):
                self._studio.computes.opened.get(job.compute).clean(folder)
            # That it is told is not worth a failure, on a full disk for instance.
            with suppress(Unavailable), self._studio.database.begin() as connection:
                note_change(connection, "jobs", job_id, "changed")

    # Inside

    def _first_with_key(self, spec: CreateJob, user: str) -> Job | None:
        if spec.idempotency_key is None:
            return None
        return self.store.by_idempotency_key(user, spec.idempotency_key)

    def _accept(self, rows: Sequence[dict[str, Any]], spec: CreateJob, user: str) -> Sequence[Job]:
        from sqlalchemy.exc import IntegrityError

        try:
            self.store.insert(rows)
        except IntegrityError:
            # Somebody else was first with the same key.
            if before := self._first_with_key(spec, user):
                return [before]
            raise
        self._studio.wake()
        return self.store.get_all([row["id"] for row in rows])
