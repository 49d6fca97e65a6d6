"""Hearing what the event stream says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

WAIT_S = 60


async def hears_of(socket: Any, object_id: str, times: int) -> None:
    """Wait until events of one object have come so often."""
    async with asyncio.timeout(WAIT_S):
        while times:
            event = json.loads(await socket.read_message())
            times -= event.get("id") == object_id
