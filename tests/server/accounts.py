"""A server with two users, of whom neither may touch what is the other's."""

from __future__ import annotations

from typing import Any, ClassVar

from jupyter_server.auth import Authorizer, IdentityProvider, User


class Accounts(IdentityProvider):
    """Knows users by a header."""

    async def get_user(self, handler: Any) -> User | None:  # type: ignore[override]
        name = handler.request.headers.get("X-User")
        if name is None:
            return None
        handler._token_authenticated = True
        return User(name)


class Owners(Authorizer):
    """Denies everything of another owner, and what a test denies besides."""

    denied: ClassVar[set[tuple[str, str, str]]] = set()

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:
        collection, _, owner = resource.partition("/")
        if collection.startswith("labstudio:") and owner not in ("", user.username):
            return False
        return (user.username, action, resource) not in self.denied
