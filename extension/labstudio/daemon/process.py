"""The daemon's process: a worker that also keeps tracking server, schedules and house."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from datetime import timedelta
from functools import partial
from typing import IO, TYPE_CHECKING, NoReturn

import psutil

from labstudio._version import __version__
from labstudio.daemon.identity import worker_id
from labstudio.daemon.keeper import DaemonFile, read_daemon
from labstudio.daemon.recording import Recording
from labstudio.daemon.strays import end_strays, sweep_computes
from labstudio.daemon.worker import Worker
from labstudio.errors import Conflict, StudioError, Unavailable
from labstudio.gateway.server import GatewayServer
from labstudio.home import write_atomic
from labstudio.jobs.runner.protocol import boot_id, started_at
from labstudio.jobs.store import now
from labstudio.kernels.upkeep import Upkeep
from labstudio.lineage import openlineage
from labstudio.lineage.harvest import Harvest

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from labstudio._studio import Studio
    from labstudio.home import Home

log = logging.getLogger(__name__)

LOCK_WAIT_S = 2.0
TICK_S = 1.0
RECORDING_S = 1.0
STATUS_S = 1.0
HOUSEKEEPING_S = 3600.0
STRAYS_S = 30.0
SWEEP_S = 300.0
KERNELS_S = 3.0
LINEAGE_S = 1.0
HISTORY_KEPT = timedelta(days=365)
WAKE_SOCKET = "wake.sock"


def take_lock(home: Home) -> IO[str]:
    """Become the daemon of a home.

    Raises
    ------
    Conflict
        When there is one already.
    """
    try:
        file = home.create().daemon_lock.open("a")
    except OSError as error:
        raise Unavailable(f"The studio home {home.path} cannot be written: {error}.") from error
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            file.close()
            other = read_daemon(home)
            who = f" (process {other.pid})" if other else ""
            raise Conflict(f"Another daemon{who} already serves {home.path}.") from None
        return file


class Daemon(Worker):
    """The worker of a home that also tends what every home has one of."""

    returns = True

    def __init__(self, studio: Studio) -> None:
        self._recording = Recording(studio)
        self._gateway = GatewayServer(studio)
        super().__init__(studio, worker_id(studio.home), self._recording.run_of)
        self._started_at = now()

    def start(self) -> None:
        """Start everything; returns once attempts are taken."""
        self.studio.database.migrate()
        self._recording.start()
        self.guarded(self._gateway.start, "gateway")
        super().start()
        self._tell()
        self.every(STATUS_S, self._tell, "status")
        self.every(0.0, self._recording.open, "runs")
        self.every(RECORDING_S, self._recording.step, "recording")
        self.every(TICK_S, self._scheduler(), "schedules")
        self.every(HOUSEKEEPING_S, self._keep_house, "housekeeping")
        self.every(STRAYS_S, partial(end_strays, self.studio), "strays")
        self.every(SWEEP_S, partial(sweep_computes, self.studio, self._computes), "sweep")
        harvest = Harvest(self.studio, self.stopping.is_set)
        self.every(LINEAGE_S, harvest.step, "lineage")
        if url := openlineage.destination(self.studio):
            self.every(LINEAGE_S, openlineage.Emitter(self.studio, url).step, "openlineage")
        upkeep = Upkeep(self.studio, self._computes)
        self.every(KERNELS_S, upkeep.offer, "kernelspecs")
        self.every(KERNELS_S, upkeep.sweep, "kernels")

    def close(self) -> None:
        """End what belongs to the daemon; runners go on."""
        super().close()
        self._gateway.stop()
        self._recording.close()
        self.studio.home.daemon_json.unlink(missing_ok=True)

    def _tell(self) -> None:
        warm = self.warm()
        told = DaemonFile(
            pid=os.getpid(),
            create_time=psutil.Process().create_time(),
            started=started_at(os.getpid()),
            boot_id=boot_id(),
            version=__version__,
            started_at=self._started_at,
            warm_ready=warm.ready,
            warm_wanted=warm.wanted,
            warm_memory_bytes=warm.memory_bytes,
        )
        write_atomic(self.studio.home.daemon_json, told.model_dump_json(), durable=False)

    def _wake_line(self) -> socket.socket:
        line = super()._wake_line()
        try:
            path = self.studio.home.runtime / WAKE_SOCKET
            path.unlink(missing_ok=True)
            line.bind(str(path))
        except (OSError, StudioError) as error:
            log.warning("New work is noticed a moment later: %s", error)
        return line

    def _scheduler(self) -> Callable[[], object]:
        from labstudio.schedules.loop import Scheduler

        scheduler = Scheduler(self.studio)
        return lambda: scheduler.tick(now())

    def _keep_house(self) -> None:
        from labstudio.daemon.finished import forget_finished
        from labstudio.jobs import retention

        settings = self.studio.config
        retention.sweep(
            self.studio,
            max_age_s=settings.retain_days * 86_400 or None,
            max_bytes=settings.retain_bytes or None,
        )
        self.studio.changes.sweep(timedelta(days=1))
        self.studio.schedules.store.sweep(HISTORY_KEPT, now())
        forget_finished(self.studio, now() - timedelta(days=1))


def set_up_log() -> None:
    """Log to stderr, which the keeper leads into ``daemon.log``; libraries only when they warn."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("labstudio").setLevel(logging.INFO)


def main() -> int:
    """Run the daemon of ``LABSTUDIO_HOME`` until it is told to end; return the exit code."""
    from labstudio._studio import Studio

    set_up_log()
    studio = Studio()
    try:
        lock = take_lock(studio.home)
    except StudioError as error:
        _complain(error)
        return 1
    try:
        daemon = Daemon(studio)
        heed_signals(daemon)
        daemon.start()
    except Exception as error:
        _give_up(error)
    log.info("labstudio %s serves %s as %s", __version__, studio.home.path, daemon.id)
    return serve(daemon, lock)


def worker_main() -> int:
    """Run a further worker of ``LABSTUDIO_HOME``'s database until it is told to end."""
    from labstudio._studio import Studio

    set_up_log()
    studio = Studio()
    try:
        worker = Worker(studio, f"{worker_id(studio.home)}-{os.getpid()}", Recording(studio).run_of)
        heed_signals(worker)
        worker.start()
    except Exception as error:
        _give_up(error)
    log.info("labstudio %s works for %s as %s", __version__, studio.home.path, worker.id)
    return serve(worker, None)


def _give_up(error: Exception) -> NoReturn:
    """Say why the start failed, in one sentence where it is foreseen, and end at once.

    Threads that were started meanwhile would keep the process, and the home's lock with it.
    """
    _complain(error)
    logging.shutdown()
    os._exit(1)


def _complain(error: Exception) -> None:
    foreseen = isinstance(error, (StudioError, OSError))
    log.error("It does not start: %s", error, exc_info=not foreseen)


def heed_signals(worker: Worker) -> None:
    """Let SIGTERM and SIGINT end a worker in good order, also one that is only starting."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())


def serve(worker: Worker, lock: IO[str] | None) -> int:
    """Work until told to end, then end without waiting for what runs."""
    worker.loop()
    worker.close()
    if lock is not None:
        lock.close()
    log.info("ended")
    logging.shutdown()
    # Threads still follow attempts; the next daemon goes on where they are.
    os._exit(0)
