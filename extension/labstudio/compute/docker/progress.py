"""What an Engine tells while it pulls or builds, in few lines."""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1_000_000
NOTE_EVERY_S = 5.0
SHOW_EVERY_S = 0.25
TAIL_LINES = 12
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class PullProgress:
    """Adds up the layers of an image that is pulled.

    Parameters
    ----------
    name
        The image.
    note
        Takes a line now and then.
    show
        Takes the present state, some times a second.
    """

    def __init__(self, name: str, note: Callable[[str], None], show: Callable[[str], None]) -> None:
        self._name = name
        self._note = note
        self._show = show
        self._layers: dict[str, tuple[int, int]] = {}
        self._noted = time.monotonic()
        self._shown = 0.0

    def take(self, event: dict[str, Any]) -> None:
        """Take one of the Engine's messages."""
        detail = event.get("progressDetail") or {}
        total = detail.get("total")
        if event.get("status") == "Downloading" and total:
            self._layers[event.get("id", "")] = (int(detail.get("current", 0)), int(total))
        elif event.get("status") in ("Download complete", "Pull complete"):
            known = self._layers.get(event.get("id", ""))
            if known is not None:
                self._layers[event["id"]] = (known[1], known[1])
        else:
            return
        now = time.monotonic()
        if now - self._shown > SHOW_EVERY_S:
            self._shown = now
            self._show(f"Pulling {self._name}: {self.text()}")
        if now - self._noted > NOTE_EVERY_S:
            self._noted = now
            self._note(f"Pulling: {self.text()}.")

    def text(self) -> str:
        """Return how far it is."""
        done = sum(current for current, _ in self._layers.values())
        total = sum(size for _, size in self._layers.values())
        if not total:
            return "begun"
        return f"{done / MEGABYTE:.0f} of {total / MEGABYTE:.0f} MB ({100 * done // total} %)"


class BuildLines:
    """Passes on what a build prints, and remembers its end.

    Parameters
    ----------
    log
        Takes the text.
    """

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def take(self, event: dict[str, Any]) -> None:
        """Take one of the Engine's messages."""
        text = event.get("stream") or ""
        if text:
            self._log(text)
            plain = CONTROL.sub("", text)
            self.tail.extend(line.rstrip() for line in plain.splitlines() if line.strip())

    def reason(self, told: str) -> str:
        """Return why it failed, with the last line that tells more than the exit code."""
        last = [line for line in self.tail if line.lstrip().lower().startswith("error")]
        text = told.strip().rstrip(".")
        return f"{text}: {last[-1].strip()}" if last else f"{text}."
