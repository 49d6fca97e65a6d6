"""Tokens of the gateway: each lets one attempt at a job, or one kernel, speak to the studio.

A token carries its own scope and end, signed with a key that never leaves the home. Nothing is
kept of it: whoever holds the key can verify it.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from labstudio.errors import Unauthenticated, Unavailable
from labstudio.home import write_once

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer

    from labstudio.home import Home

KEY = "gateway.key"
SALT = "labstudio.gateway"
# Long enough for the longest training; a token dies with its job or kernel before (see access.py).
LIFE_S = 30 * 86_400.0


@dataclass(frozen=True)
class Scope:
    """Whom a token speaks for.

    Parameters
    ----------
    holder
        An attempt at a job, or a kernel.
    id
        The job's id, or the kernel's.
    user
        Whose it is.
    attempt
        The attempt's number; 0 for a kernel.
    """

    holder: Literal["job", "kernel"]
    id: str
    user: str
    attempt: int = 0


def mint(home: Home, scope: Scope, life_s: float = LIFE_S) -> str:
    """Return a token for a scope, good for `life_s` seconds.

    Raises
    ------
    Unavailable
        When the home's key can be neither read nor made.
    """
    content = {**asdict(scope), "until": int(time.time() + life_s)}
    return str(_serializer(home).dumps(content))


def verify(home: Home, token: str) -> Scope:
    """Return what a token is good for.

    Raises
    ------
    Unauthenticated
        When it is none of this home's, or its time is over.
    """
    from itsdangerous import BadData

    try:
        content = _serializer(home).loads(token)
        until = content.pop("until")
        scope = Scope(**content)
    except (BadData, AttributeError, KeyError, TypeError):
        raise Unauthenticated("The token is not one of this studio's.") from None
    if time.time() > until:
        raise Unauthenticated("The token's time is over.")
    return scope


def _serializer(home: Home) -> URLSafeSerializer:
    import hashlib

    from itsdangerous import URLSafeSerializer

    # Its default digest is SHA-1.
    signing = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeSerializer(_key(home), salt=SALT, signer_kwargs=signing)


def _key(home: Home) -> bytes:
    """Return the home's key, made by whoever needs it first."""
    path = home.path / KEY
    try:
        if not path.exists():
            home.create()
        return write_once(path, secrets.token_hex(32))
    except OSError as error:
        raise Unavailable(f"The key {path} cannot be read or made: {error.strerror}.") from error
