"""Identifiers."""

from __future__ import annotations

import re

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def new_id() -> str:
    """Return a new ULID: 26 characters that sort by the millisecond they were made in."""
    from ulid import ULID

    return str(ULID())


def is_id(text: str) -> bool:
    """Tell whether `text` is a ULID in canonical form."""
    return _ULID.fullmatch(text) is not None
