"""A worker: takes attempts from the durable queue and runs them on this machine."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.compute import leases
from labstudio.compute.admission import Admission
from labstudio.compute.kind import Host, Signal
from labstudio.compute.opened import OpenComputes
from labstudio.daemon.queue import DurableQueue
from labstudio.daemon.watch import Watch
from labstudio.daemon.workers import Workers
from labstudio.database.tables import attempts, jobs
from labstudio.errors import StudioError
from labstudio.gateway.reach import gateway_socket
from labstudio.jobs.engine import Engine
from labstudio.jobs.runner.nursery import Nursery

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio._studio import Studio
    from labstudio.jobs.runner.protocol import Tracking
    from labstudio.status import WarmKernels

log = logging.getLogger(__name__)

# How long new work may lie unnoticed when the wake-up was lost, or came from another machine.
IDLE_S = 0.5
# How often a stop is pressed until it is done.
PRESSING_S = 0.1
QUIET_S = 30.0
WATCH_S = 1.0


class Worker:
    """Takes attempts and follows them.

    Parameters
    ----------
    studio
        The studio that it works for.
    worker
        Its id; one that comes back under the same id finds its own attempts again.
    run_of
        Gives an attempt the MLflow run to log to; see `Recording.run_of`.
    """

    returns = False
    """Whether a worker that ends comes back under the same id."""

    def __init__(
        self,
        studio: Studio,
        worker: str,
        run_of: Callable[[str, float], Tracking | None],
    ) -> None:
        self.studio = studio
        self.id = worker
        self.stopping = threading.Event()
        self._nursery = Nursery(studio.home, warm=studio.config.warm_kernels)
        host = Host(studio.home, self._nursery, gateway_socket(studio.home))
        self._computes = OpenComputes(studio.computes, host)
        self._engine = Engine(studio, self._computes, worker, run_of)
        self._watch = Watch(studio, self._computes, self._dispatch)
        self._queue = DurableQueue(studio, worker, Admission(studio, worker, self._watch.ask))
        self._workers = Workers(studio, worker, self._queue)
        self._pressed: dict[tuple[str, int, bool], float] = {}
        self._told: dict[str, float] = {}
        self._astray: set[tuple[str, int]] = set()

    def start(self) -> None:
        """Start taking attempts; returns at once."""
        self._nursery.start()
        self._workers.beat()
        self._queue.start(self._run)
        self.every(self.studio.config.heartbeat_s, self._heartbeat, "heartbeat")
        self.every(WATCH_S, self._watch.step, "watch")

    def loop(self) -> None:
        """Hand work to the queue and stops to runners, until told to end."""
        with self._wake_line() as line:
            while not self.stopping.is_set():
                self._dispatch()
                self.guarded(self._end_asked, "stop")
                stops = any(stopped for _, _, stopped in self._pressed)
                line.settimeout(PRESSING_S if stops else IDLE_S)
                with contextlib.suppress(TimeoutError, BlockingIOError):
                    line.recv(1)
                    _drain(line)

    def close(self) -> None:
        """Say good-bye; attempts go on, for their runners are processes of their own."""
        self.stopping.set()
        self.guarded(self._leave, "leave")
        self.guarded(self._computes.close, "computes")
        self._nursery.close()

    def warm(self) -> WarmKernels:
        """Say how many warm kernels there are, and what they cost."""
        return self._nursery.status()

    def every(self, seconds: float, what: Callable[[], object], name: str) -> None:
        """Call something again and again in a thread of its own."""

        def repeat() -> None:
            while not self.stopping.is_set():
                self.guarded(what, name)
                self.stopping.wait(seconds)

        threading.Thread(target=repeat, name=name, daemon=True).start()

    def guarded(self, what: Callable[[], object], name: str) -> None:
        """Call something whose failure must not end the worker; log the failure, not often."""
        try:
            what()
        except Exception as error:
            expected = isinstance(error, (StudioError, OSError))
            if time.monotonic() - self._told.get(name, -QUIET_S) >= QUIET_S:
                self._told[name] = time.monotonic()
                log.warning("%s: %s", name, error, exc_info=not expected)
            self.stopping.wait(IDLE_S)

    def _heartbeat(self) -> None:
        self._workers.beat()
        self._workers.take_over()
        with self.studio.database.begin() as connection:
            leases.sweep(connection)
        self._engine.let_go()
        self._put_back_astray()

    def _run(self, job_id: str, number: int) -> None:
        try:
            self._engine.run(job_id, number)
        finally:
            self._dispatch()  # It gave its slots back.

    def _dispatch(self) -> None:
        self.guarded(self._queue.dispatch, "dispatch")

    def _leave(self) -> None:
        self._workers.leave(returns=self.returns)

    def _put_back_astray(self) -> None:
        """Put back what the queue believes to be made here, and is not.

        The queue notes who takes an attempt before it starts it; a database that fails between the
        two leaves one that nobody makes. What is so at two heartbeats is no passing state.
        """
        astray = self._queue.taken() - self._engine.active
        if stuck := astray & self._astray:
            self._queue.put_back(self.id, only=stuck)
        self._astray = astray - stuck

    def _end_asked(self) -> None:
        """Pass on who is stopped, and from whom the compute is taken away."""
        query = (
            sa.select(jobs.c.id, jobs.c.attempt, jobs.c.stop_requested)
            .join(
                attempts,
                sa.and_(attempts.c.job_id == jobs.c.id, attempts.c.number == jobs.c.attempt),
            )
            .where(
                sa.or_(jobs.c.stop_requested, attempts.c.notice_at.is_not(None)),
                jobs.c.state.in_(["starting", "running"]),
                attempts.c.worker == self.id,
            )
        )
        with self.studio.database.read() as connection:
            asked = {tuple(row) for row in connection.execute(query)}
        self._pressed = {key: at for key, at in self._pressed.items() if key in asked}
        for job_id, number, stopped in asked:
            since = self._pressed.setdefault((job_id, number, stopped), time.monotonic())
            how = Signal.stop if stopped else Signal.preempt
            press = partial(self._engine.end, job_id, number, how, since)
            self.guarded(press, f"stop {job_id}")

    def _wake_line(self) -> socket.socket:
        """Return where others say that there is something to do; a further worker only looks."""
        return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def _drain(line: socket.socket) -> None:
    """Take what else was sent meanwhile: one look at the queue serves all of it."""
    line.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while line.recv(64):
            pass
