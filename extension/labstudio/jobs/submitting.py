"""Submitting from Python: the same call wherever the studio is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput
from labstudio.jobs.models import CreateJob, JobKind, Parameters
from labstudio.jobs.taking import IMAGE_SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labstudio.jobs.door import AnyStudio
    from labstudio.jobs.handle import JobHandle
    from labstudio.jobs.models import Job


class Submitting(ABC):
    """Makes a job of a path or a callable."""

    @property
    @abstractmethod
    def studio(self) -> AnyStudio:
        """The studio that the jobs are of."""

    @abstractmethod
    def create(
        self,
        spec: CreateJob,
        *,
        payload: bytes | None = None,
        assigns: Sequence[str] = (),
        folder: Path | None = None,
    ) -> Job:
        """Accept one job."""

    def submit(
        self,
        source: str | Path | Callable[..., Any],
        *args: Any,
        parameters: Parameters | None = None,
        kwargs: dict[str, Any] | None = None,
        wait: bool = False,
        **fields: Any,
    ) -> JobHandle:
        """Submit a notebook, a script or a function.

        Parameters
        ----------
        source
            A path, ``docker://IMAGE``, or a callable.
        *args
            The callable's arguments.
        parameters
            Values for a notebook's or script's parameters.
        kwargs
            The callable's keyword arguments.
        wait
            Wait for the end before returning.
        **fields
            Any further field of `CreateJob`, such as ``compute`` or ``retries``.

        Returns
        -------
        JobHandle
            The job, to be waited for and asked for its result.

        Raises
        ------
        InvalidInput
            When a field is wrong; its name is in the sentence.
        CannotCarry
            When the callable or an argument cannot be pickled.

        Examples
        --------
        >>> job = studio().jobs.submit("train.ipynb", parameters={"depth": 3})  # doctest: +SKIP
        >>> job.wait().state  # doctest: +SKIP
        <JobState.succeeded: 'succeeded'>
        """
        from labstudio.jobs.handle import JobHandle

        payload = None
        if callable(source):
            from labstudio.jobs.carry import pack_call

            payload = pack_call(source, args, kwargs or {})
            fields = {**_call(source, with_kwargs=bool(kwargs)), **fields}
        else:
            if args or kwargs:
                raise InvalidInput(
                    "Arguments go with a callable; a notebook takes parameters=.", field="args"
                )
            image = str(source).startswith(IMAGE_SCHEME)
            fields["path"] = str(source if image else Path(source).expanduser().absolute())
        spec = CreateJob(parameters=parameters or {}, **fields)
        job = self.create(spec, payload=payload)
        self.studio.keeper.ensure()
        handle = JobHandle(self.studio, job)
        if wait:
            handle.wait()
        return handle


def _call(function: Callable[..., Any], *, with_kwargs: bool) -> dict[str, Any]:
    """Return the fields of a job that calls a function, which the kernel finds by its name."""
    name = getattr(function, "__name__", "")
    known = name if name.isidentifier() else "function"
    arguments = "*args, **kwargs" if with_kwargs else "*args"
    return {
        "name": name or type(function).__name__,
        "kind": JobKind.function,
        "code": f"result = {known}({arguments})",
    }
