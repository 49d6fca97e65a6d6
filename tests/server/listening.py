"""Hearing what the event stream says."""

from __future__ import annotations

import asyncio
import json
from typing import Any


async def heard_states(socket: Any, object_id: str) -> list[str]:
    """Return the kinds of the events of one object that have come so far."""
    kinds = []
    while True:
        try:
            event = json.loads(await asyncio.wait_for(socket.read_message(), 1))
        except TimeoutError:
            return kinds
        if event.get("id") == object_id:
            kinds.append(event["kind"])
