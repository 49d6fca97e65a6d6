"""One event loop for all hosts of a process, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

T = TypeVar("T")


class Loop:
    """An event loop that runs in the background, and is spoken to from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="ssh", daemon=True).start()
            return self._loop

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have something done there; do not wait."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done there, and wait for it."""
        return self.submit(work).result()

    def call(self, what: Callable[[], object]) -> None:
        """Have something called there; do not wait."""
        self._running().call_soon_threadsafe(what)


loop = Loop()
"""The one of this process."""
