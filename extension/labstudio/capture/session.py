"""One process's capture: what it reads, which runs it makes, and the thread that records them.

In a kernel that is ``%load_ext labstudio``; in a script it begins with the first ``studio.run()``.
Whatever fails here is said once and breaks nothing of the user's.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labstudio.capture.inside import witness
from labstudio.capture.inside.witness import Witness

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from labstudio.capture.history import History
    from labstudio.capture.spool import Spool
    from labstudio.home import Home

SYNC_S = 10.0
EXIT_S = 5.0


@dataclass
class MadeRun:
    """A run that this process made."""

    run_id: str
    spool: Spool
    cell: int
    ordinal: int
    tagged: bool
    capture_id: str = field(default_factory=lambda: secrets.token_hex(16))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: bool = False
    whole: bool = False
    around: Any = None
    inputs: set[str] = field(default_factory=set)


class Session:
    """What one process records.

    Parameters
    ----------
    shell
        IPython; None in a script.
    """

    def __init__(self, shell: InteractiveShell | None) -> None:
        self.shell = shell
        self.history: History | None = None
        # A job's kernel has one already.
        self.witness = witness.present() or Witness(self.fail)
        self.runs: dict[str, MadeRun] = {}
        self._spools: dict[str, Spool | None] = {}
        self._of_run: dict[str, Spool | None] = {}
        self._lock = threading.RLock()
        self._said = False
        self.autologging = False
        self._pid = os.getpid()
        atexit.register(self.close)

    # -- where

    @property
    def notebook(self) -> str | None:
        """The notebook's path, as the server that started the kernel told it."""
        return os.environ.get("JPY_SESSION_NAME") or None

    @property
    def home(self) -> Home | None:
        """The studio's home; None in a kernel elsewhere, which has a gateway instead."""
        if os.environ.get("LABSTUDIO_URL") and not os.environ.get("LABSTUDIO_HOME"):
            return None
        import labstudio

        return labstudio.studio().home

    def spool_to(self, uri: str) -> Spool | None:
        """Return the way to a tracking server; None where none can be made."""
        with self._lock:
            if uri not in self._spools:
                from labstudio.capture.spool import Spool

                try:
                    self._spools[uri] = Spool(home_of(self.home, uri), uri)
                except OSError as error:
                    self.fail(error)
                    self._spools[uri] = None
            return self._spools[uri]

    def spool_of(self, run_id: str) -> Spool | None:
        """Return the way to the server of a run that is logged to now."""
        try:
            return self._of_run[run_id]
        except KeyError:
            import mlflow

            found = self._of_run[run_id] = self.spool_to(mlflow.get_tracking_uri())
            return found

    # -- what happens

    def before_cell(self, info: Any) -> None:
        """Note that a cell begins."""
        if self.history is not None:
            self.history.begin(info)
        self.witness.reads.watching = True

    def after_cell(self, _result: Any) -> None:
        """Record the runs that the cell made or ended."""
        self.witness.reads.watching = False
        for run in self.unfinished():
            run.whole = run.ended
            self._publish_later(run)
        if self.history is not None:
            self.history.current = None

    @property
    def cell(self) -> int:
        """The count of the cell that runs."""
        return self.history.last if self.history is not None else 0

    def run_made(self, run_id: str, capture_id: str | None) -> None:
        """Record a run; called by whatever thread made it."""
        if os.getpid() != self._pid or (spool := self.spool_of(run_id)) is None:
            return
        with self._lock:
            run = MadeRun(run_id, spool, self.cell, len(self.runs), capture_id is not None)
            run.capture_id = capture_id or run.capture_id
            self.runs[run_id] = run
        self._publish_later(run)

    def run_ended(self, run_id: str) -> None:
        """Have the server know all of a run that ends, and its capsule be whole."""
        self.sync(run_id)
        if (run := self.runs.get(run_id)) is not None:
            run.ended = True
            if self.history is None or self.history.current is None:
                run.whole = True
                self._publish_later(run)

    def unfinished(self) -> list[MadeRun]:
        """Return the runs whose capsule is not whole."""
        return [run for run in list(self.runs.values()) if not run.whole]

    def sync(self, run_id: str) -> None:
        """Wait until the server has what was logged to a run."""
        if (spool := self._of_run.get(run_id)) is None or os.getpid() != self._pid:
            return
        if not spool.sync(SYNC_S):
            self.say(
                "The tracking server does not answer; what was logged is kept, and sent later."
            )
        elif (refused := spool.refused()) is not None:
            self.say(f"The tracking server refused something: {refused}")

    # -- the thread

    def _publish_later(self, run: MadeRun) -> None:
        upto = self.cell
        self.witness.later(lambda: self._publish(run, upto))

    def _publish(self, run: MadeRun, upto: int) -> None:
        from labstudio.capture.publish import publish

        publish(self, run, upto)

    # -- ends and failures

    def close(self) -> None:
        """Record what is left; the process ends."""
        if os.getpid() != self._pid:
            return  # A fork of it ends, not the kernel.
        for run in self.unfinished():
            self._publish_later(run)
        self.witness.settle(EXIT_S)

    def fail(self, error: Exception) -> None:
        """Say once that something is not recorded."""
        self.say(f"Not everything about this run is recorded: {type(error).__name__}: {error}")

    def say(self, text: str) -> None:
        """Say something to the user, the first time."""
        if not self._said:
            self._said = True
            with contextlib.suppress(Exception):
                sys.stderr.write(f"[labstudio] {text}\n")


def home_of(home: Home | None, uri: str) -> Home | None:
    """Return the home whose own tracking server an address is; None where it is another one."""
    if home is None:
        return None
    from labstudio.experiments.server import read_tracking_json

    return home if read_tracking_json(home).get("url") == uri else None


_session: Session | None = None


def current() -> Session | None:
    """Return this process's session; None where nothing is recorded."""
    return _session if _session is not None and _session._pid == os.getpid() else None


def ensure(shell: InteractiveShell | None = None) -> Session:
    """Return this process's session, begun when need be."""
    global _session
    if _session is None or _session._pid != os.getpid():
        _session = Session(shell)
    return _session


def settle() -> None:
    """Have the server know all that this process recorded so far."""
    if (session := current()) is not None:
        session.witness.settle(SYNC_S)
        for run in list(session.runs.values()):
            session.sync(run.run_id)
