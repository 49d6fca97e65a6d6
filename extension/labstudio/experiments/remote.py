"""Runs as code on a compute elsewhere finds them: through the studio's gateway."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from labstudio.errors import Unavailable
from labstudio.experiments.connection import Connection
from labstudio.experiments.service import RunService
from labstudio.experiments.tracking import Tracking

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.experiments.search.source import RunSource
    from labstudio.home import Home


class GatewayTracking(Tracking):
    """MLflow behind a gateway."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(cast("Home", None))
        self._address = Connection(f"{url.rstrip('/')}/mlflow", token)

    def _where(self) -> Connection:
        return self._address


class RemoteRuns(RunService):
    """Runs behind a gateway; what the studio keeps beside MLflow is not reached from there.

    Parameters
    ----------
    url
        The gateway's address.
    token
        Whom this code speaks for.
    """

    def __init__(self, url: str, token: str) -> None:
        super().__init__(cast("Studio", None))
        self._tracking = GatewayTracking(url, token)

    @cached_property
    def source(self) -> RunSource:  # type: ignore[override]
        """What keeps the runs."""
        from labstudio.experiments.search.remote import RemoteSource

        return RemoteSource(self._tracking)

    def favourites(self, user: str | None = None) -> set[str]:
        """Refuse: they are kept beside MLflow; without `user`, nothing is marked."""
        if user is not None:
            raise Unavailable("Favourites are not reached from a compute elsewhere.")
        return set()
