"""Values of tables as JSON has them."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time
from typing import Any

# Beyond this a browser's numbers are no longer whole.
WHOLE = 2**53
TEXT_LIMIT = 10_000


def shown(value: Any) -> str | float | int | bool | None:
    """Return a value as it is sent: what JSON has no form for is text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= WHOLE else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT] + "…"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, list | dict):
        return shown(json.dumps(value, ensure_ascii=False, default=str))
    return str(value)
