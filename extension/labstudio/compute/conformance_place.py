"""What the conformance suite works with: a studio of its own whose jobs go to one compute."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio._studio import Studio
from labstudio.compute.models import CreateCompute
from labstudio.compute.toml import FILE, add_table
from labstudio.daemon.keeper import read_daemon
from labstudio.ids import new_id
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.models import CreateJob, JobKind
from labstudio.jobs.runner import protocol
from labstudio.jobs.snapshot import take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labstudio.compute.kind import Kind

JOBS_AT_ONCE = 4
PATIENCE_S = 150.0


@dataclass
class Place:
    """A compute under test, and the studio that sends jobs there.

    Parameters
    ----------
    studio
        Opened; its daemon runs.
    name
        The compute's name.
    work
        Where sources are written.
    """

    studio: Studio
    name: str
    work: Path

    def script(self, name: str, code: str, **fields: Any) -> JobHandle:
        """Submit a script; the suffix of its name says the language."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
        return self.submit(path=str(path), **fields)

    def notebook(self, name: str, *cells: str, kernel: str = "python3", **fields: Any) -> JobHandle:
        """Submit a notebook; the first of its cells holds the parameters when there are any."""
        import nbformat

        spec = {"name": kernel, "display_name": kernel}
        made = nbformat.v4.new_notebook(metadata={"kernelspec": spec})
        made.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        if fields.get("parameters"):
            made.cells[0].metadata["tags"] = ["parameters"]
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(made, path)
        return self.submit(path=str(path), **fields)

    def cell(self, code: str, *, carries: dict[str, Any], assigns: tuple[str, ...]) -> JobHandle:
        """Submit a cell that takes names along and gives others back."""
        from labstudio.jobs.carry import pack

        carried = pack(carries, list(carries))
        spec = CreateJob(kind=JobKind.cell, code=code, compute=self.name)
        job = self.studio.jobs.create(spec, payload=carried.payload, assigns=assigns)
        return JobHandle(self.studio, job)

    def function(self, function: Callable[..., Any], *args: Any) -> JobHandle:
        """Submit a call."""
        return self.studio.jobs.submit(function, *args, compute=self.name)

    def submit(self, **fields: Any) -> JobHandle:
        """Submit what the fields say."""
        job = self.studio.jobs.create(CreateJob(compute=self.name, **fields))
        return JobHandle(self.studio, job)

    def folder(self, job: JobHandle) -> Path:
        """Return the folder of a job's newest attempt."""
        return self.studio.home.attempt(job.id, max(1, job.refresh().record.attempt))

    def await_log(self, job: JobHandle, text: str) -> None:
        """Wait until a job's log holds a text."""
        eventually(lambda: text in job.logs(), lambda: self.describe(job))

    def describe(self, job: JobHandle) -> str:
        """Say all that is known of a job, for a failure's message."""
        record = self.studio.jobs.detail(job.id)
        told = record.model_dump_json(
            indent=1, exclude={"spec", "provenance", "snapshot"}, exclude_none=True
        )
        with contextlib.suppress(OSError):
            told += "\n" + self.studio.home.daemon_log.read_text(errors="replace")[-4000:]
        return f"{told}\n{job.logs()[-2000:]}"

    def kill_daemon(self) -> None:
        """Kill -9 of the daemon."""
        daemon = read_daemon(self.studio.home)
        assert daemon is not None
        os.kill(daemon.pid, signal.SIGKILL)
        eventually(lambda: read_daemon(self.studio.home) is None, "the daemon does not die")

    def start_daemon(self) -> None:
        """Start a daemon; one that was just killed may be a zombie for a moment."""
        keeper = self.studio.keeper
        eventually(lambda: keeper.ensure(wait=True).state == "running", "no daemon starts")

    @contextmanager
    def preemptible(self) -> Iterator[None]:
        """Have the compute be one that may be taken away, for a while."""
        file = self.studio.home.path / FILE
        before = file.read_text()
        head = f"[{self.name}]\n"
        assert head in before
        file.write_text(before.replace(head, f"{head}preemptible = true\ngrace_s = 20.0\n"))
        try:
            yield
        finally:
            file.write_text(before)

    def attempt(self, code: str) -> tuple[Path, protocol.AttemptSpec]:
        """Make the folder and the description of an attempt that no daemon knows of."""
        home = self.studio.home
        taken = take(home, "once.py", [], {"once.py": code.encode()})
        spec = protocol.AttemptSpec(
            job_id=new_id(),
            kind=JobKind.script,
            entry="once.py",
            home=str(home.path),
            compute=self.name,
            snapshot=taken,
        )
        folder = home.attempt(spec.job_id, 1)
        folder.mkdir(mode=0o700, parents=True)
        return folder, spec


@contextmanager
def place(settings: dict[str, Any], **studio_settings: Any) -> Iterator[Place]:
    """Have a studio with a daemon whose home names one compute.

    Parameters
    ----------
    settings
        Its entry. Where they say nothing else it gives out enough for some small jobs at once.
    **studio_settings
        Traits of `StudioConfig`; `tracking=False` starts no MLflow where it is not asked for.
    """
    folder = Path(tempfile.mkdtemp(prefix="ls-c"))
    work = Path(tempfile.mkdtemp(prefix="ls-w"))
    traits = {"max_jobs": JOBS_AT_ONCE, "warm_kernels": 1, "heartbeat_s": 0.5, **studio_settings}
    studio = Studio(folder, **traits)
    entry = {"cpus": float(JOBS_AT_ONCE), "max_jobs": JOBS_AT_ONCE, **settings}
    type_ = entry.pop("type")
    name = "local" if type_ == "local" else "there"
    studio.home.create()
    try:
        if name == "local":
            add_table(folder / FILE, name, entry)
        else:
            studio.computes.add(CreateCompute(name=name, type=type_, settings=entry))
        made = Place(studio, name, work)
        made.start_daemon()
        yield made
    finally:
        studio.keeper.stop()
        runtime = studio.home.runtime
        studio.close()
        for each in (runtime, folder, work):
            shutil.rmtree(each, ignore_errors=True)


@contextmanager
def opened(made: Place) -> Iterator[Kind]:
    """Open the compute in this process, as a worker does."""
    from labstudio.compute.kind import Host
    from labstudio.compute.opened import OpenComputes
    from labstudio.gateway.reach import gateway_socket
    from labstudio.jobs.runner.nursery import Nursery

    home = made.studio.home
    nursery = Nursery(home, warm=0)
    computes = OpenComputes(made.studio.computes, Host(home, nursery, gateway_socket(home)))
    try:
        yield computes.get(made.name)
    finally:
        computes.close()
        nursery.close()


def eventually(
    true: Callable[[], Any], told: str | Callable[[], str], timeout_s: float = PATIENCE_S
) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + timeout_s
    while not (found := true()):
        if time.monotonic() > deadline:
            raise AssertionError(told if isinstance(told, str) else told())
        time.sleep(0.05)
    return found
