"""What the fault tests share: a home with its real processes, and what must hold of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from invariants import FINAL, Invariants
from waiting import eventually

from labstudio._studio import Studio
from labstudio.daemon.keeper import read_daemon
from labstudio.jobs.carry import pack_call
from labstudio.jobs.models import CreateJob, Job, JobDetail, JobState, ListJobs
from labstudio.jobs.runner import protocol
from tests.notebook_maker import notebook

# Polling quickly and tracking nothing keeps these tests short; the durable parts are the same.
SETTINGS = {
    "TRACKING": "false",
    "WARM_KERNELS": "1",
    "HEARTBEAT_S": "0.5",
    "WORKER_TIMEOUT_S": "3",
    "MAX_JOBS": "3",
}
TRACKING_SERVER = "labstudio.experiments.server_main"


class House(Invariants):
    """A studio home, and the processes that serve it, each a real one."""

    def __init__(self, path: Path | None = None, **settings: object) -> None:
        self.path = path or Path(tempfile.mkdtemp(prefix="ls-f"))
        self.work = Path(tempfile.mkdtemp(prefix="ls-w"))
        merged = SETTINGS | {name.upper(): str(value) for name, value in settings.items()}
        self.settings = {f"LABSTUDIO_{name}": value for name, value in merged.items()}
        self.environment = {**os.environ, **self.settings, "LABSTUDIO_HOME": str(self.path)}
        self.studio = Studio(
            self.path,
            **{
                name.lower(): value
                for name, value in settings.items()
                if name.lower() == "database_url"
            },
        )
        self.jobs = self.studio.jobs
        self.home = self.studio.home
        self.started: list[subprocess.Popen[bytes]] = []

    # -- processes

    def python(self, code: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start Python code as a process of this home."""
        environment = self.environment | options.pop("env", {})
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=environment,
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **options,
        )
        self.started.append(process)
        return process

    def launch_daemon(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a daemon; return at once."""
        with (self.work / "daemon.err").open("ab") as output:
            return self.python(
                "import sys; from labstudio.daemon.process import main; sys.exit(main())",
                stdout=output,
                stderr=output,
                env=environment,
            )

    def launch_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start a further worker; return at once."""
        with (self.work / "worker.err").open("ab") as output:
            return self.python(
                "import sys; from labstudio.daemon.process import worker_main; "
                "sys.exit(worker_main())",
                stdout=output,
                stderr=output,
                env=environment,
            )

    def start_daemon(self, timeout_s: float = 90.0) -> subprocess.Popen[bytes]:
        """Start a daemon; return once it takes jobs."""
        process = self.launch_daemon()
        self.await_daemon(timeout_s)
        return process

    def await_daemon(self, timeout_s: float = 90.0, other_than: int | None = None) -> int:
        """Wait for a daemon; return its pid."""

        def pid() -> int | None:
            told = read_daemon(self.home)
            return told.pid if told and told.pid != other_than else None

        found: int = eventually(pid, timeout_s, lambda: f"no daemon\n{self.told()}")
        return found

    def tracking_pid(self) -> int | None:
        """Return the tracking server's pid; None when there is none."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if TRACKING_SERVER in process.cmdline():
                    return int(process.pid)
        return None

    def daemon_pid(self) -> int | None:
        """Return the daemon's pid; None when there is none."""
        told = read_daemon(self.home)
        return told.pid if told else None

    def kill_daemon(self) -> bool:
        """kill -9 of the daemon; say whether there was one."""
        pid = self.daemon_pid()
        if pid is None:
            return False
        kill(pid)
        return True

    def told(self) -> str:
        """Return what daemons and workers said."""
        parts = []
        for path in (self.work / "daemon.err", self.work / "worker.err", self.home.daemon_log):
            with contextlib.suppress(OSError):
                parts.append(f"--- {path.name}\n" + path.read_text(errors="replace")[-6000:])
        return "\n".join(parts)

    def processes(self) -> list[psutil.Process]:
        """Return every living process of this home, by what /proc shows of it."""
        needles = (os.fsencode(self.path), os.fsencode(self.work))
        jobs = {os.fsencode(folder.name) for folder in _folders(self.home.jobs)}
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                folder = Path("/proc") / str(process.pid)
                environ = (folder / "environ").read_bytes()
                shown = environ + (folder / "cmdline").read_bytes()
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
            except (OSError, psutil.Error):
                continue
            marks = [
                part.partition(b"=")[2].partition(b"/")[0]
                for part in environ.split(b"\0")
                if part.startswith(b"LABSTUDIO_ATTEMPT=")
            ]
            if any(needle in shown for needle in needles) or jobs.intersection(marks):
                found.append(process)
        return found

    def close(self) -> None:
        """End everything, and remove the home."""
        self.studio.keeper.stop()
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.studio.close()
        for folder in (self.home.runtime, self.path, self.work):
            shutil.rmtree(folder, ignore_errors=True)

    # -- jobs

    def script(self, code: str, *, suffix: str = ".py", name: str = "", **fields: Any) -> Job:
        """Submit a script."""
        path = self.work / f"{name or _hash(code)}{suffix}"
        path.write_text(code)
        return self.jobs.create(CreateJob(path=str(path), files=[], **fields))

    def notebook(self, *cells: str, **fields: Any) -> Job:
        """Submit a notebook."""
        path = self.work / f"{_hash(*cells)}.ipynb"
        path.write_text(json.dumps(notebook(*cells)))
        return self.jobs.create(CreateJob(path=str(path), files=[], **fields))

    def cell(self, code: str, **fields: Any) -> Job:
        """Submit a cell."""
        return self.jobs.create(CreateJob(kind="cell", code=code, **fields))

    def function(self, function: Callable[..., Any], *args: Any, **fields: Any) -> Job:
        """Submit a function."""
        spec = CreateJob(kind="function", code=f"{function.__name__}(*args)", **fields)
        return self.jobs.create(spec, payload=pack_call(function, args))

    def state(self, job: Job) -> JobState:
        """Return where a job stands now."""
        return self.jobs.get(job.id).state

    def await_state(self, job: Job, *states: str, timeout_s: float = 90.0) -> Job:
        """Wait until a job is in one of some states."""

        def reached() -> Job | None:
            now = self.jobs.get(job.id)
            return now if now.state in states else None

        found: Job = eventually(reached, timeout_s, lambda: self.describe(job.id))
        return found

    def await_end(self, job: Job, timeout_s: float = 90.0) -> Job:
        """Wait until a job has ended."""
        return self.await_state(job, *FINAL, timeout_s=timeout_s)

    def await_log(self, job: Job, text: str, timeout_s: float = 90.0) -> None:
        """Wait until a job's log holds a text."""
        eventually(
            lambda: text in self.jobs.log(job.id).text, timeout_s, lambda: self.describe(job.id)
        )

    def all_jobs(self) -> list[JobDetail]:
        """Return every job, in the order of submission."""
        page = self.jobs.list(ListJobs(limit=1000))
        return [self.jobs.detail(job.id) for job in reversed(page.items)]

    def describe(self, job_id: str) -> str:
        """Say all that is known of a job, for a failure's message."""
        job = self.jobs.detail(job_id)
        record = job.model_dump_json(
            indent=1, exclude={"spec", "provenance", "snapshot"}, exclude_none=True
        )
        files = []
        for attempt in job.attempts:
            folder = self.home.attempt(job_id, attempt.number)
            names = sorted(path.name for path in _folders(folder))
            files.append(f"{attempt.number}: {names}, alive: {protocol.is_alive(folder)}")
            with contextlib.suppress(OSError):
                files.append((folder / "log").read_text(errors="replace")[-1500:])
        return "\n".join([record, *files, self.told()])

    def runner(self, job: Job) -> protocol.RunnerInfo:
        """Wait for the runner of a job's newest attempt, with its kernel or script."""

        def known() -> protocol.RunnerInfo | None:
            number = self.jobs.get(job.id).attempt
            info = protocol.read_runner(self.home.attempt(job.id, number)) if number else None
            return info if info and info.kernel_pid else None

        found: protocol.RunnerInfo = eventually(known, 40, lambda: self.describe(job.id))
        return found


def _folders(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _hash(*parts: str) -> str:
    import hashlib

    return "j" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal, and wait until the process is gone (or a zombie)."""
    try:
        process = psutil.Process(pid)
        os.kill(pid, number)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return

    def gone() -> bool:
        try:
            return process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    if number == signal.SIGKILL:
        eventually(gone, 10, f"process {pid} does not die", pause_s=0.005)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def house(**settings: Any) -> Iterator[House]:
    """Have a home for a while."""
    made = House(**settings)
    try:
        yield made
    finally:
        made.close()
