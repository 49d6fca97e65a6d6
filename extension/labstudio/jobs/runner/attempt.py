"""One attempt at a job: its folder, its place, its time limit, who asks it to end, its result."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from labstudio.checkpoint import VARIABLE as CHECKPOINT_VARIABLE
from labstudio.home import Home
from labstudio.jobs.processes import (
    adopt_orphans,
    mark_process,
    name_process,
)
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.faults import RunError, Stopped
from labstudio.jobs.runner.journal import Log, StatusFile
from labstudio.jobs.runner.place import open_place
from labstudio.jobs.runner.safekeeping import Safekeeping, keep_safe
from labstudio.jobs.runner.sampling import Sampler
from labstudio.jobs.runner.surroundings import working_folder
from labstudio.jobs.runner.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from labstudio.jobs.models import JobError
    from labstudio.jobs.runner.children import Child
    from labstudio.jobs.runner.protocol import Outcome

T = TypeVar("T")
RESERVE_BYTES = 256 * 1024
STUBBORN_S = 60.0
# How soon a stop is noticed while the code has its grace period.
HURRY_S = 0.1


class Attempt:
    """The state that the parts of a runner share.

    Parameters
    ----------
    folder
        The attempt's folder.
    loop
        The event loop of a warm runner; otherwise it is made when it is first wanted, for a kernel
        is forked before.
    """

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.folder = folder
        self.log = Log(folder)
        self.status = StatusFile(folder)
        self.child: Child | None = None
        self.exit_code: int | None = None
        self.not_returned: dict[str, str] = {}
        self.stopping: Outcome | None = None
        self.began = monotonic()
        self.work: Work | None = None
        self._stop_asked: asyncio.Event | None = None
        self._loop = loop
        self._prepared = False
        self.may_fork = loop is None
        self._timer: asyncio.TimerHandle | None = None
        self._info = protocol.RunnerInfo(
            pid=os.getpid(),
            create_time=psutil.Process().create_time(),
            started=protocol.started_at(os.getpid()),
            boot_id=protocol.boot_id(),
        )
        self._sampling: asyncio.Task[None] | None = None
        self._safekeeping: Safekeeping | None = None

    # -- beginning

    def begin(self) -> None:
        """Say who runs it, and read what it is.

        Raises
        ------
        RunError
            When the attempt's description cannot be read.
        """
        signal.signal(signal.SIGTERM, lambda *_: self.told_to_end())
        signal.signal(signal.SIGINT, lambda *_: None)  # not ignored: children would inherit that
        adopt_orphans()
        name_process("labstudio-run")
        marker = f"{self.folder.parent.parent.name}/{self.folder.name}"
        try:
            self.spec = protocol.read_spec(self.folder)
            marker = self.spec.marker
        except (OSError, ValueError) as error:
            raise RunError("BadAttempt", f"attempt.json cannot be read: {error}") from error
        finally:
            mark_process(marker)
            self._info.marker = marker
            self.record(None)
        self._reserve()
        self.home = Home(self.spec.home)
        self.place = open_place(self)
        self.work = work = Work(self.folder, self.spec, self.home)
        work.lay_out()
        self.cwd = working_folder(self.folder, self.spec)
        self._safekeeping = keep_safe(self)

    def record(self, child: Child | None) -> None:
        """Write which processes the attempt is, so that they are found if this one is killed."""
        self.child = child
        if child is not None and child.pid is not None:
            self._info.kernel_pid = child.pid
            self._info.kernel_create_time = child.create_time
            self._info.kernel_started = protocol.started_at(child.pid)
        protocol.write_model(self.folder / protocol.RUNNER, self._info)

    def checkpoint_variable(self) -> dict[str, str]:
        """Return the variable that tells the code where its checkpoints are kept."""
        assert self.work is not None
        seen = self.place.seen(self.work.checkpoint)
        return {} if seen is None else {CHECKPOINT_VARIABLE: seen}

    def log_size(self) -> int:
        """Return the log's length in bytes."""
        return os.fstat(self.log.handle).st_size

    def _reserve(self) -> None:
        """Keep a little room, so that the result can be written on a disk that became full."""
        with contextlib.suppress(OSError):
            (self.folder / ".reserve").write_bytes(b"\0" * RESERVE_BYTES)

    # -- running

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one event loop of this process, with its clocks and signals set up."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        if not self._prepared:
            self._prepared = True
            self.may_fork = False
            asyncio.set_event_loop(self._loop)
            self._stop_asked = asyncio.Event()
            if self.stopping:
                self._stop_asked.set()
            self._loop.add_signal_handler(signal.SIGTERM, self.told_to_end)
            self._set_timer(self._loop)
            sampler = Sampler(
                self.folder / protocol.RESOURCES, lambda: self.awaited, self.place.usage
            )
            self._sampling = self._loop.create_task(sampler.run())
        return self._loop

    @property
    def awaited(self) -> list[int]:
        """The children of this process whose exit is waited for."""
        return [] if self.child is None or self.child.pid is None else [self.child.pid]

    def told_to_end(self) -> None:
        """Heed SIGTERM: somebody stops the job, or the compute is being taken away."""
        spec = getattr(self, "spec", None)
        stopped = (self.folder / protocol.STOP).exists()
        taken_away = spec is not None and spec.preemptible and not stopped
        self.ask_stop("preempted" if taken_away else "stopped")

    def ask_stop(self, why: Outcome) -> None:
        """Ask the attempt to end; the first reason stands, but who stops a job means at once."""
        if self.stopping is None or (self.stopping, why) == ("preempted", "stopped"):
            self.stopping = why
        if self._stop_asked is not None:
            self._stop_asked.set()

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.spec.timeout_s is not None:
            left = self.spec.timeout_s - (monotonic() - self.began)
            self._timer = loop.call_later(max(0.0, left), self.ask_stop, "timeout")

    @contextlib.contextmanager
    def clock_stopped(self) -> Iterator[None]:
        """Let the time limit not count while something else than the job is waited for."""
        loop, stopped_at = self.loop, monotonic()
        self.forget_timeout()
        try:
            yield
        finally:
            self.began += monotonic() - stopped_at
            self._set_timer(loop)

    def forget_timeout(self) -> None:
        """Let the time limit count no more: the attempt is over, only its kernel is kept."""
        if self._timer is not None:
            self._timer.cancel()

    async def stop_asked(self) -> None:
        """Wait until the attempt is asked to end."""
        assert self._stop_asked is not None
        await self._stop_asked.wait()

    def until_stop(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop; give it up when the attempt is asked to end.

        Raises
        ------
        Stopped
            When it was.
        """

        async def race() -> T:
            task = asyncio.ensure_future(work)
            stop = asyncio.ensure_future(self.stop_asked())
            try:
                await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    return task.result()
                raise Stopped
            finally:
                for each in (task, stop):
                    each.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

        return self.loop.run_until_complete(race())

    async def wind_up(
        self, ended: asyncio.Future[Any], tell: Callable[[], None], spare_s: float = 0.0
    ) -> None:
        """Give the code its grace period, where the compute is being taken away.

        Parameters
        ----------
        ended
            What is done when the code has let go.
        tell
            Tells the code, beside the notice in its checkpoint folder.
        spare_s
            How much of the grace period is for something else.
        """
        if self.stopping != "preempted" or self.work is None:
            return
        self.log.note(f"The compute is being taken away; the code has {self.spec.grace_s:g} s.")
        self.work.give_notice()
        tell()
        until = monotonic() + self.spec.grace_s - spare_s
        while self.stopping == "preempted" and not ended.done() and monotonic() < until:
            await asyncio.wait({ended}, timeout=min(HURRY_S, max(0.0, until - monotonic())))

    async def put_down(self, ended: asyncio.Future[Any], interrupt: Any) -> None:
        """End what runs: interrupt, terminate, kill; each only when the one before did not help.

        Parameters
        ----------
        ended
            What is done when the code has let go (a cell ended, the script's process is gone).
        interrupt
            A coroutine function that interrupts.
        """
        with contextlib.suppress(Exception):
            await interrupt()
        await asyncio.wait({ended}, timeout=self.spec.interrupt_grace_s)
        self.place.terminate()
        deadline = monotonic() + self.spec.terminate_grace_s
        while monotonic() < deadline and self.place.alive():
            await asyncio.sleep(0.02)
        self.place.kill()

    # -- ending

    def leave_place(self) -> None:
        """End whatever still runs, and bring back what it wrote."""
        self.place.kill()
        self.place.leave()

    def lose(self, why: JobError) -> None:
        """End without a result, and say why: the code was cut off where it ran."""
        self._bring_in()
        protocol.write_loss(self.folder, why)

    def finish(self, outcome: Outcome, error: JobError | None) -> None:
        """Write what the attempt left, its result last."""
        self._bring_in()
        self.write_result(outcome, error)

    def _bring_in(self) -> None:
        if self._sampling is not None:
            self._sampling.cancel()
        if self._safekeeping is not None:
            self._safekeeping.stop()
        if self.work is not None:
            self.work.collect()
        self.status.flush()

    def write_result(self, outcome: Outcome, error: JobError | None) -> None:
        """Write the result, durably; a full disk is waited for a while, using the reserve."""
        result = protocol.Result(
            outcome=outcome,
            error=error,
            exit_code=self.exit_code,
            ended_at=protocol.now(),
            cells=self.status.cells,
            not_returned=self.not_returned,
        )
        give_up = monotonic() + STUBBORN_S
        (self.folder / ".reserve").unlink(missing_ok=True)
        while True:
            try:
                protocol.write_model(self.folder / protocol.RESULT, result, durable=True)
            except FileNotFoundError:
                return  # The job was deleted.
            except OSError:
                if monotonic() > give_up:
                    raise
                sleep(0.5)
            else:
                return
