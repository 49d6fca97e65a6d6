"""The studio as code on a compute elsewhere has it: the same verbs of jobs, through the gateway."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from labstudio.errors import Unavailable
from labstudio.gateway.client import Client
from labstudio.jobs.submitting import Submitting

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from labstudio.capture.run import Run
    from labstudio.compute.models import ComputePage
    from labstudio.experiments.service import RunService
    from labstudio.jobs.left import JobFiles, LogChunk
    from labstudio.jobs.models import (
        CreateJob,
        CreateSweep,
        Job,
        JobDetail,
        JobPage,
        ListJobs,
        Parameters,
        RerunJob,
        Snapshot,
        SourceInfo,
    )
    from labstudio.namespace.remote import RemoteCheckpoints, RemoteMoves
    from labstudio.status import DaemonStatus

LOG_CHUNK_BYTES = 1 << 20


class RemoteStudio:
    """The studio that this job or kernel belongs to.

    Parameters
    ----------
    url
        Where its gateway is reached.
    token
        Whom this code speaks for: a kernel's user, or the job alone.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self.client = Client(url, token)

    def __repr__(self) -> str:
        return f"RemoteStudio({self._url!r})"

    @cached_property
    def jobs(self) -> RemoteJobs:
        """Notebooks, scripts, cells and functions that run apart."""
        return RemoteJobs(self)

    @cached_property
    def runs(self) -> RunService:
        """MLflow's runs, found through the gateway: those that the token may read."""
        from labstudio.experiments.remote import RemoteRuns

        return RemoteRuns(self._url, self._token)

    @cached_property
    def computes(self) -> RemoteComputes:
        """The places where jobs run."""
        return RemoteComputes(self.client)

    @cached_property
    def moves(self) -> RemoteMoves:
        """The move of this kernel's notebook."""
        from labstudio.namespace.remote import RemoteMoves

        return RemoteMoves(self.client)

    @cached_property
    def namespace(self) -> RemoteCheckpoints:
        """The notebook's variables: kept in checkpoints, and restored."""
        from labstudio.namespace.remote import RemoteCheckpoints

        return RemoteCheckpoints(self.client)

    def run(
        self,
        name: str | None = None,
        experiment: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> Run:
        """Make a run, in the studio that this code belongs to."""
        from labstudio.capture.run import Run

        return Run(name, experiment, tags)

    @property
    def lineage(self) -> NoReturn:
        """What is not reached from here.

        Raises
        ------
        Unavailable
            Always.
        """
        raise Unavailable(
            "The lineage is not reached from a kernel or job on another compute; "
            "ask in a notebook on the studio's own machine."
        )

    @cached_property
    def keeper(self) -> RemoteKeeper:
        """Stands for the daemon, which is there: the gateway is its child."""
        return RemoteKeeper()


class RemoteKeeper:
    """The daemon of a studio elsewhere; nothing is started from here."""

    def ensure(self) -> DaemonStatus:
        """Say that it runs: without it there was no gateway to ask."""
        from labstudio.status import DaemonStatus

        return DaemonStatus(state="running", message="The studio's daemon is running.")


class RemoteComputes:
    """The computes of a studio elsewhere."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> ComputePage:
        """Return every compute."""
        from labstudio.compute.models import ComputePage

        return ComputePage.model_validate(self._client.get("computes"))


class RemoteJobs(Submitting):
    """The verbs of jobs; files and names travel from here, by content hash.

    Parameters
    ----------
    studio
        The studio that the jobs are of.
    """

    def __init__(self, studio: RemoteStudio) -> None:
        self._studio = studio
        self._client = studio.client

    @property
    def studio(self) -> RemoteStudio:
        """The studio that the jobs are of."""
        return self._studio

    # Submitting

    def create(
        self,
        spec: CreateJob,
        *,
        payload: bytes | None = None,
        assigns: Sequence[str] = (),
        folder: Path | None = None,
    ) -> Job:
        """Accept one job, its code read here and now.

        Parameters
        ----------
        spec
            What is asked for.
        payload, assigns
            A cell's pickled names, or a function's call, and the names that it gives back.
        folder
            Where a cell's `files` are.
        """
        from labstudio.jobs.models import Job

        told = self._submit("jobs", spec, [spec.parameters], payload, assigns, folder)
        return Job.model_validate(told)

    def sweep(self, request: CreateSweep) -> builtins.list[Job]:
        """Accept one job for each combination of the values listed."""
        from labstudio.jobs.models import JobPage
        from labstudio.jobs.parameters import expand

        points = [{**request.job.parameters, **each} for each in expand(request.grid)]
        told = self._submit("sweeps", request.job, points, None, (), None)
        return JobPage.model_validate(told).items

    def _submit(
        self,
        path: str,
        spec: CreateJob,
        points: builtins.list[Parameters],
        payload: bytes | None,
        assigns: Sequence[str],
        folder: Path | None,
    ) -> Any:
        from labstudio.gateway.models import SubmitJob, SubmitSweep
        from labstudio.home import Home
        from labstudio.jobs.taking import Place, take

        passing = Path(tempfile.mkdtemp(prefix="labstudio-"))
        try:
            home = Home(passing).create()
            # How much is too much is for the studio to say, before anything is uploaded.
            taken = take(points, spec, Place(None, payload, folder), home, 0)
            self._upload(home, taken.snapshot)
        finally:
            shutil.rmtree(passing, ignore_errors=True)
        fields: dict[str, Any] = {
            "job": taken.spec,
            "snapshot": taken.snapshot,
            "assigns": list(assigns),
            "provenance": taken.provenance,
        }
        if path == "sweeps":
            return self._client.post(path, SubmitSweep(**fields, points=points).model_dump_json())
        return self._client.post(path, SubmitJob(**fields).model_dump_json())

    def _upload(self, home: Any, snapshot: Snapshot) -> None:
        """Bring the content there that is not there yet."""
        from labstudio.jobs.snapshot import blob_path

        wanted = {file.sha256 for file in snapshot.everything}
        wanted |= {snapshot.payload} if snapshot.payload else set()
        told = self._client.post("blobs/missing", {"sha256": sorted(wanted)})
        for sha256 in told["sha256"]:
            self._client.put(f"blobs/{sha256}", blob_path(home, sha256))

    def rerun(self, job_id: str, changes: RerunJob | None = None) -> Job:
        """Submit a job's own snapshot again, with changes."""
        from labstudio.jobs.models import Job

        given = changes.model_dump(exclude_unset=True, mode="json") if changes else {}
        return Job.model_validate(self._client.post(f"jobs/{job_id}/rerun", given))

    def inspect(self, path: str) -> SourceInfo:
        """Say what a notebook or script here offers before it is submitted."""
        from labstudio.jobs.inspect import inspect_source

        return inspect_source(path, None)

    def stop(self, job_id: str) -> Job:
        """End a job."""
        from labstudio.jobs.models import Job

        return Job.model_validate(self._client.post(f"jobs/{job_id}/stop"))

    # Following

    def get(self, job_id: str) -> Job:
        """Return one job."""
        return self.detail(job_id)

    def detail(self, job_id: str) -> JobDetail:
        """Return one job with all that is known of it."""
        from labstudio.jobs.models import JobDetail

        return JobDetail.model_validate(self._client.get(f"jobs/{job_id}"))

    def list(self, query: ListJobs | None = None) -> JobPage:
        """Return a page of the user's jobs, newest first."""
        from labstudio.jobs.models import JobPage

        given = query.model_dump(mode="json", exclude_defaults=True) if query else {}
        return JobPage.model_validate(self._client.get("jobs", **given))

    def log(
        self,
        job_id: str,
        offset: int = 0,
        limit: int = LOG_CHUNK_BYTES,
        attempt: int | None = None,
    ) -> LogChunk:
        """Return a piece of an attempt's log, from a byte offset."""
        from labstudio.jobs.left import LogChunk

        given = {"offset": offset, "limit": limit, "attempt": attempt}
        return LogChunk.model_validate(self._client.get(f"jobs/{job_id}/log", **given))

    def files(self, job_id: str, attempt: int | None = None) -> JobFiles:
        """List the files that an attempt left."""
        from labstudio.jobs.left import JobFiles

        return JobFiles.model_validate(self._client.get(f"jobs/{job_id}/files", attempt=attempt))

    def read_file(self, job_id: str, path: str, attempt: int | None = None) -> bytes:
        """Return the content of one of those files."""
        address = f"jobs/{job_id}/files/{quote(path)}"
        return self._client.send("GET", address, query={"attempt": attempt}) or b""

    def result(self, job_id: str) -> Any:
        """Return what a cell assigned, as a dictionary, or what a function returned."""
        from labstudio.jobs.carry import unpack_result
        from labstudio.jobs.models import JobKind

        content = self._client.send("GET", f"jobs/{job_id}/result")
        if content is None:
            return {}
        with tempfile.TemporaryDirectory(prefix="labstudio-") as folder:
            path = Path(folder) / "result.pkl"
            path.write_bytes(content)
            names = unpack_result(path)
        return names["return"] if self.get(job_id).kind is JobKind.function else names
