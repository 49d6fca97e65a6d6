"""The notice that the compute is being taken away: a file that the runner lays, or SIGTERM."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = ".preempted"

_told = threading.Event()
_heeding: list[bool] = []


def given(folder: Path) -> bool:
    """Say whether notice was given; from the first call on, SIGTERM ends the code no more."""
    _heed()
    return _told.is_set() or (folder / FILE).exists()


def _heed() -> None:
    """Take SIGTERM as notice, unless the code has a handler of its own."""
    if _heeding or threading.current_thread() is not threading.main_thread():
        return
    _heeding.append(True)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: _told.set())
