"""Who asks, and whose things they may see.

A resource is either a collection (``labstudio:jobs``) or what one user owns in it
(``labstudio:jobs/alice``). Every verb asks the server's authorizer for the collection. A verb on
something that belongs to somebody else asks for the owner's resource too, and a list holds only
what the authorizer lets the user read. Jupyter Server's default authorizer says yes to all of it.

Jupyter Server without user accounts gives each browser session a random anonymous name. These
sessions are one person, or persons who share everything anyhow, so that all of them own their jobs
under the name of the operating system's user; the same name that the shell and notebooks use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jupyter_core.utils import ensure_async
from jupyter_server.auth import Authorizer, IdentityProvider, User
from jupyter_server.auth.identity import LegacyIdentityProvider, PasswordIdentityProvider

from labstudio.errors import Forbidden
from labstudio_server.container import system_user

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_server.base.handlers import JupyterHandler

_WITHOUT_ACCOUNTS = (IdentityProvider, PasswordIdentityProvider, LegacyIdentityProvider)
_GENERATED_NAME = re.compile(r"[0-9a-f]{32}")


def owner_of(user: User, provider: IdentityProvider) -> str:
    """Return the name under which a request's jobs are kept.

    Parameters
    ----------
    user
        Whom the identity provider found.
    provider
        The server's identity provider; one without accounts yields the system's user name.
    """
    if not has_accounts(provider):
        return system_user()
    generated = _GENERATED_NAME.fullmatch(user.username) and user.name.startswith("Anonymous ")
    return system_user() if generated else user.username


def has_accounts(provider: IdentityProvider) -> bool:
    """Tell whether a server knows its users one from another."""
    return type(provider) not in _WITHOUT_ACCOUNTS


async def is_allowed(handler: JupyterHandler, action: str, resource: str) -> bool:
    """Ask the server's authorizer."""
    authorizer: Authorizer = handler.authorizer
    return bool(
        await ensure_async(
            authorizer.is_authorized(handler, handler.current_user, action, resource)
        )
    )


async def require(handler: JupyterHandler, action: str, resource: str) -> None:
    """Ask the server's authorizer, and refuse where it says no."""
    if not await is_allowed(handler, action, resource):
        raise Forbidden(f"You are not allowed to {action} {resource}.", resource=resource)


async def visible(
    handler: JupyterHandler, resource: str, me: str, owners: Iterable[str]
) -> list[str]:
    """Return those of the owners whose things the user may read."""
    return await allowed(handler, "read", resource, me, owners)


async def allowed(
    handler: JupyterHandler, action: str, resource: str, me: str, owners: Iterable[str]
) -> list[str]:
    """Return those of the owners to whose things the user may do something."""
    return [
        owner
        for owner in owners
        if owner == me or await is_allowed(handler, action, f"{resource}/{owner}")
    ]
