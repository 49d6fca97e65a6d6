"""Waiting for what comes a little later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def eventually(
    true: Callable[[], Any], timeout_s: float, told: str | Callable[[], str], pause_s: float = 0.05
) -> Any:
    """Wait until something is true, and return it; fail with what is told."""
    deadline = time.monotonic() + timeout_s
    while True:
        if found := true():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(told if isinstance(told, str) else told())
        time.sleep(pause_s)
