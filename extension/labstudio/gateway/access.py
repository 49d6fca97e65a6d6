"""Who asks, and what they may ask for.

A kernel's token acts as its user: it submits, sees and stops the user's jobs, on any compute. A
job's token sees its own job and nothing else, and submits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.database.tables import kernels
from labstudio.errors import Forbidden, NotFound, Unauthenticated
from labstudio.gateway.tokens import Scope, verify

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.jobs.models import Job

BEARER = "bearer "


@dataclass(frozen=True)
class Caller:
    """Who asks, as the token says and the records confirm.

    Parameters
    ----------
    scope
        What the token says.
    job
        The job whose code asks; None when a kernel asks.
    """

    scope: Scope
    job: Job | None = None

    def must_be_kernel(self, verb: str) -> None:
        """Refuse a job.

        Parameters
        ----------
        verb
            What was asked for, to be said in the refusal.
        """
        if self.job is not None:
            raise Forbidden(f"A job's token cannot {verb}; it is for the job itself.")

    def may_upload(self, studio: Studio) -> None:
        """Refuse a job, unless its compute may be taken away: then it brings checkpoints."""
        if self.job is not None and not studio.computes.settings(self.job.compute).preemptible:
            self.must_be_kernel("upload files")

    def may_see(self, job: Job) -> Job:
        """Return a job that the caller may read, and refuse any other."""
        mine = job.id == self.job.id if self.job is not None else job.user == self.scope.user
        if not mine:
            whose = "another job" if self.job is not None else "another user's job"
            raise Forbidden(f"This token is not for {whose}.")
        return job


def recognise(studio: Studio, header: str | None) -> Caller:
    """Return who sends a request with this ``Authorization``.

    Raises
    ------
    Unauthenticated
        When the token is none, or what it was made for has ended.
    """
    if header is None or header[: len(BEARER)].lower() != BEARER:
        raise Unauthenticated("A bearer token is required.")
    scope = verify(studio.home, header[len(BEARER) :].strip())
    if scope.holder == "kernel":
        _must_live(studio, scope)
        return Caller(scope)
    try:
        job = studio.jobs.get(scope.id)
    except NotFound:
        raise Unauthenticated("The token's job is gone.") from None
    if job.state.final or job.attempt != scope.attempt:
        raise Unauthenticated("The token's attempt has ended.")
    return Caller(scope, job)


def _must_live(studio: Studio, scope: Scope) -> None:
    """Refuse the token of a kernel that is on record as ended."""
    query = sa.select(kernels.c.ended_at).where(kernels.c.id == scope.id)
    with studio.database.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is not None and row.ended_at is not None:
        raise Unauthenticated("The token's kernel has ended.")
