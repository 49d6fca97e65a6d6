"""Wakes the queue when there is something to take, so that it need not look all the time."""

from __future__ import annotations

import time
from threading import Condition, Event
from typing import Any

# After a ring: what was announced may come a moment later (a slot that is being given back).
AWAKE_S = 1.5


class Bell:
    """Makes waiting on an event end early.

    DBOS's threads wait for their next look by waiting, with a timeout, for the event that ends
    them. Here that waiting also ends when the bell is rung; for a while after that they look
    often, and then seldom again.

    Parameters
    ----------
    often_s
        How often they look after a ring, in seconds.
    """

    def __init__(self, often_s: float) -> None:
        self._often_s = often_s
        self._rung = Condition()
        self._awake_until = 0.0

    def ring(self) -> None:
        """Have everybody look now."""
        with self._rung:
            self._awake_until = time.monotonic() + AWAKE_S
            self._rung.notify_all()

    def hang(self, launched: Any) -> bool:
        """Hang it where a launched DBOS waits; False where this DBOS is built otherwise.

        Without the bell DBOS works as well, if it looks often by itself.
        """
        events = getattr(launched, "background_thread_stop_events", None)
        if not events or not all(isinstance(event, Event) for event in events):
            return False
        for event in events:
            event.wait = self._waiting(event)
        return True

    def _waiting(self, event: Event) -> Any:
        def wait(timeout: float | None = None) -> bool:
            if timeout is None:
                return Event.wait(event)
            with self._rung:
                if not event.is_set():
                    awake = time.monotonic() < self._awake_until
                    self._rung.wait(min(timeout, self._often_s) if awake else timeout)
            return event.is_set()

        return wait
