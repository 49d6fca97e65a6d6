"""kill -9 of the server, the daemon, a job's processes, and of all of them, at random moments."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from harness import House, free_port, house, kill
from invariants import FINAL
from waiting import eventually

from labstudio.jobs.models import Job, JobState
from labstudio.jobs.runner import protocol
from labstudio.jobs.snapshot import blob_path

pytestmark = pytest.mark.faults

ROUNDS = int(os.environ.get("LABSTUDIO_FAULT_ROUNDS", "32"))
# MLflow takes a core for many seconds each time it starts, so a quarter of the rounds have it.
TRACKED = ROUNDS // 4
TARGETS = ["server", "daemon", "daemon", "job", "job", "all"]
SEED = int(os.environ.get("LABSTUDIO_FAULT_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
IN_FLIGHT = 7

# Each body says in a file outside when it begins and ends: that is how often it really ran.
BODY = """
import os, sys, time, uuid
told = {told!r} + "/" + os.environ["LABSTUDIO_ATTEMPT"].replace("/", ".")
def tell(what):
    with open(told, "a") as file:
        file.write(what + "\\n")
tell("begin")
for line in range({lines}):
    print("line", line, uuid.uuid4(), flush=True)
    time.sleep(0.02)
tell("end")
"""

STUBBORN = """
import os, signal, subprocess, sys
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([sys.executable, "-S", "-c", code])
subprocess.Popen([sys.executable, "-S", "-c", code], start_new_session=True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""


class Server:
    """A real Jupyter server with the extension, on a home."""

    def __init__(self, home: House) -> None:
        self.home = home
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home.work / "server.err").open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyter_server",
                    "--no-browser",
                    "--allow-root",
                    f"--ServerApp.port={self.port}",
                    "--ServerApp.port_retries=0",
                    f"--ServerApp.root_dir={self.home.work}",
                    "--IdentityProvider.token=secret",
                    "--ServerApp.jpserver_extensions={'labstudio_server': True}",
                    "--LabstudioApp.keep_interval_s=0.2",
                ],
                env=self.home.environment | {"JUPYTER_CONFIG_DIR": str(self.home.work / "conf")},
                cwd=self.home.work,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.home.started.append(self.process)

    def answers(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/api?token=secret", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def await_ready(self) -> None:
        eventually(self.answers, 60, lambda: (self.home.work / "server.err").read_text()[-3000:])


class Rounds:
    """Jobs in flight, what was seen of them, and whom to kill."""

    def __init__(self, home: House, seed: int) -> None:
        self.home = home
        self.random = random.Random(seed)
        self.told = home.work / "told"
        self.told.mkdir()
        self.seen: dict[tuple[str, int], tuple[str, int]] = {}
        self.kills: Counter[str] = Counter()
        self.submitted: list[str] = []

    def submit(self) -> Job:
        pick, home = self.random, self.home
        fields: dict[str, Any] = {"retries": pick.choice([0, 1, 2]), "retry_backoff_s": 0.2}
        body = BODY.format(told=str(self.told), lines=pick.choice([2, 30, 150]))
        match pick.choice(["notebook", "script", "cell", "function", "stubborn"]):
            case "notebook":
                job = home.notebook("print('first')", body, "print('last')", **fields)
            case "script":
                job = home.script(body, **fields)
            case "stubborn":
                job = home.script(STUBBORN + body, **fields)
            case "cell":
                job = home.cell(body, **fields)
            case _:
                job = home.function(exec, body, {}, **fields)
        self.submitted.append(job.id)
        return job

    def fill(self) -> list[Job]:
        """Keep some jobs in flight."""
        now = [self.home.jobs.get(job_id) for job_id in self.submitted]
        open_jobs = [job for job in now if job.state not in FINAL]
        for _ in range(min(3, IN_FLIGHT - len(open_jobs))):
            open_jobs.append(self.submit())
        return open_jobs

    def look(self, jobs: list[Job]) -> None:
        """Read logs as a panel does, on from where the last look ended."""
        for job in jobs:
            chunk = self.home.jobs.log(job.id)
            if chunk.attempt == 0:
                continue
            text, offset = self.seen.get((job.id, chunk.attempt), ("", 0))
            more = self.home.jobs.log(job.id, offset, attempt=chunk.attempt)
            self.seen[job.id, chunk.attempt] = (text + more.text, more.next_offset)

    def victims(self, jobs: list[Job]) -> list[int]:
        """Choose processes of a job that runs: its runner, its kernel or script, or both."""
        running = []
        for job in jobs:
            now = self.home.jobs.get(job.id)
            info = protocol.read_runner(self.home.home.attempt(job.id, now.attempt))
            if now.attempt and info and protocol.process_of(info.pid, info.create_time):
                running.append(info)
        if not running:
            return []
        info = self.random.choice(running)
        child = (
            info.kernel_pid
            if protocol.process_of(info.kernel_pid, info.kernel_create_time)
            else None
        )
        chosen = self.random.choice([[info.pid], [child], [info.pid, child]])
        return [pid for pid in chosen if pid]

    def strike(self, server: Server, targets: list[str]) -> None:
        """Kill something at a random moment, submit a job all the same, start what is dead."""
        in_flight = self.fill()
        time.sleep(self.random.choice([0.0, 0.1, 0.3, 0.6, 1.0, 1.5]) * self.random.random())
        self.look(in_flight)
        target = self.random.choice(targets)
        victims: list[int] = []
        patience = time.monotonic() + 10
        while target in ("job", "all") and not victims and time.monotonic() < patience:
            victims = self.victims(in_flight)
            time.sleep(0.02)
        self.look(in_flight)
        self.kills[target] += 1
        if target in ("server", "all"):
            server.kill()
        if target in ("daemon", "all"):
            self.home.kill_daemon()
        if target == "mlflow" and (pid := self.home.tracking_pid()) is not None:
            victims = [pid]
        for pid in victims:
            kill(pid)
            self.kills["process"] += 1
        self.submit()  # accepted whatever is dead
        if not server.alive():
            server.start()
            server.await_ready()
        if target in ("server", "daemon", "all") or self.random.random() < 0.2:
            self.home.await_daemon()

    def check_logs(self) -> None:
        """No line that was shown is lost."""
        for (job_id, number), (text, offset) in self.seen.items():
            chunk = self.home.jobs.log(job_id, 0, attempt=number)
            assert chunk.size_bytes >= offset
            assert chunk.text.startswith(text), self.home.describe(job_id)

    def check_effects(self) -> None:
        """The body of an attempt ran at most once, and once where it succeeded."""
        for job in self.home.all_jobs():
            for attempt in job.attempts:
                path = self.told / f"{job.id}.{attempt.number}"
                lines = path.read_text().split() if path.exists() else []
                assert lines.count("begin") <= 1, self.home.describe(job.id)
                if attempt.state is JobState.succeeded:
                    assert lines == ["begin", "end"], self.home.describe(job.id)
            made = {int(path.suffix[1:]) for path in self.told.glob(f"{job.id}.*")}
            assert made <= {attempt.number for attempt in job.attempts}, self.home.describe(job.id)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("tracking", "count"), [(False, ROUNDS - TRACKED), (True, TRACKED)], ids=["plain", "mlflow"]
)
def test_whatever_is_killed_every_job_ends_once(
    capsys: pytest.CaptureFixture[str], *, tracking: bool, count: int
) -> None:
    print(f"LABSTUDIO_FAULT_SEED={SEED}")
    targets = [*TARGETS, "mlflow", "mlflow"] if tracking else TARGETS
    with house(max_jobs=3, tracking=tracking) as home:
        rounds, server = Rounds(home, SEED), Server(home)
        server.start()
        server.await_ready()
        home.await_daemon()
        began = time.monotonic()
        for _ in range(count):
            rounds.strike(server, targets)
        for job_id in rounds.submitted:
            home.await_end(home.jobs.get(job_id), timeout_s=120)
        rounds.look([home.jobs.get(job_id) for job_id in rounds.submitted])
        home.check_jobs()
        rounds.check_effects()
        rounds.check_logs()
        home.check_no_job_processes()
        if tracking:
            home.await_runs()
            home.check_runs()
        assert len(home.all_jobs()) == len(rounds.submitted) == len(set(rounds.submitted))
        server.kill()
        assert home.studio.keeper.stop()
        home.check_no_orphans()
        seconds = time.monotonic() - began
        states = Counter(job.state.value for job in home.all_jobs())
        tries = sum(len(job.attempts) for job in home.all_jobs())
    how = "with MLflow" if tracking else "without MLflow"
    with capsys.disabled():
        print(
            f"\n{count} rounds {how} in {seconds:.0f} s, killed {dict(rounds.kills)}: "
            f"{len(rounds.submitted)} jobs, {tries} attempts, {dict(states)} (seed {SEED})"
        )


SUBMIT = """
import os, sys, time
from labstudio._studio import Studio
from labstudio.jobs.models import CreateJob
import labstudio.jobs.inspect, labstudio.jobs.submission, labstudio.database.engine
jobs = Studio().jobs
jobs.list()
print("go", flush=True)
for number in range(1000):
    job = jobs.create(CreateJob(path=sys.argv[1], name=f"job {number}", files=["big.bin"]))
    os.write(1, (job.id + "\\n").encode())
"""


def test_submit_killed_in_the_middle_leaves_a_whole_job_or_none() -> None:
    pick = random.Random(SEED)
    print(f"LABSTUDIO_FAULT_SEED={SEED}")
    with house() as home:
        acknowledged: list[str] = []
        for number in range(8):
            (home.work / "big.bin").write_bytes(os.urandom(4 << 20))
            source = home.work / f"job{number}.py"
            source.write_text(f"print({number})\n")
            process = home.python(SUBMIT, str(source), stdout=subprocess.PIPE)
            assert process.stdout is not None
            assert process.stdout.readline() == b"go\n"
            time.sleep(pick.random() * 0.15)
            process.kill()
            acknowledged += process.stdout.read().decode().split()
            process.wait()
        found = home.all_jobs()
        # Who was told an id has that job; one more at most was accepted without being told.
        ids = [job.id for job in found]
        assert set(acknowledged) <= set(ids)
        assert len(ids) - len(acknowledged) <= 8
        for job in found:
            assert job.snapshot is not None
            assert {file.path for file in job.snapshot.files} == {Path(job.path).name, "big.bin"}
            for file in job.snapshot.files:
                assert blob_path(home.home, file.sha256).stat().st_size == file.size_bytes
        home.start_daemon()
        for job in found[-10:]:
            assert home.await_end(job).state is JobState.succeeded
        for job in found[:-10]:
            assert home.await_end(job, 120).state is JobState.succeeded
        home.check_jobs()


def test_jobs_submitted_while_the_daemon_is_dead_run_once_it_is_back() -> None:
    with house() as home:
        home.start_daemon()
        home.kill_daemon()
        waiting = [home.script("print('late')"), home.cell("print('late')")]
        time.sleep(0.5)
        assert [home.state(job) for job in waiting] == ["queued", "queued"]
        home.start_daemon()
        for job in waiting:
            assert home.await_end(job).state is JobState.succeeded, home.describe(job.id)
            assert "late" in home.jobs.log(job.id).text
        home.check_jobs()


def test_a_job_ends_while_nobody_watches_and_its_end_is_told_as_it_was() -> None:
    """The time and state are the runner's, not those of the daemon that found them later."""
    with house() as home:
        home.start_daemon()
        job = home.script(
            "import time\nprint('on', flush=True)\ntime.sleep(1.5)\nraise SystemExit(3)"
        )
        home.await_log(job, "on")
        home.kill_daemon()
        runner = home.runner(job)
        gone = lambda: protocol.process_of(runner.pid, runner.create_time) is None  # noqa: E731
        eventually(gone, 30, "the runner does not end")
        found = datetime.now(UTC)
        home.start_daemon()
        ended = home.await_end(job)
        assert ended.state is JobState.failed
        detail = home.jobs.detail(job.id)
        assert detail.attempts[0].exit_code == 3
        assert ended.ended_at is not None
        assert ended.ended_at < found


def test_killed_within_a_recovery_a_job_is_still_followed_first() -> None:
    """What runs keeps its place: a job that waits does not start beside it after a restart."""
    with house(max_jobs=1) as home:
        home.start_daemon()
        long = home.script("import time\nprint('on', flush=True)\ntime.sleep(4)", name="long")
        home.await_log(long, "on")
        later = [home.script("print(1)", priority=9, name=f"later{each}") for each in range(4)]
        home.kill_daemon()
        home.start_daemon()
        ended = home.await_end(long)
        assert ended.state is JobState.succeeded
        for job in later:
            started = home.await_end(job).started_at
            assert started is not None
            assert ended.ended_at is not None
            assert started >= ended.ended_at, "two jobs ran at once"
