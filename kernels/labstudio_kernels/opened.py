"""What a keeper has open: the studio, and its computes; a spare opens them ahead of time."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING

from labstudio._studio import Studio
from labstudio.compute.kind import Host
from labstudio.compute.opened import OpenComputes
from labstudio.compute.registry import kinds
from labstudio.errors import StudioError

if TYPE_CHECKING:
    from pathlib import Path

# What taking slots, keeping the record, and making a token load when they are first called.
LOADED = ("labstudio.compute.admission", "labstudio.usage.service", "labstudio.gateway.tokens",
          "itsdangerous", "ulid")  # fmt: skip


class Opened:
    """A studio and its computes.

    Parameters
    ----------
    home
        The studio's home.
    """

    def __init__(self, home: Path | str) -> None:
        self.studio = Studio(home)
        self.gateway = self.studio.home.runtime / "gateway.sock"
        self.computes = self._computes()
        self._warmed: str | None = None

    def _computes(self) -> OpenComputes:
        host = Host(self.studio.home, nursery=None, gateway=self.gateway)
        return OpenComputes(self.studio.computes, host)

    def warm(self, compute: str) -> None:
        """Load what keeping a kernel takes, and get in touch with a compute."""
        self._warmed, computes = compute, self.computes
        for name in LOADED:
            importlib.import_module(name)
        for kind in kinds().values():
            if kind.missing() is None:
                kind.preload()
        # Whatever fails now is met again, and told, when a kernel is wanted.
        with contextlib.suppress(StudioError, OSError):
            self.studio.database.migrate()
            if self.computes is computes:
                computes.get(compute).warm()

    def settle(self, compute: str) -> None:
        """Keep nothing open but for the compute whose kernel is kept."""
        if self._warmed not in (None, compute):
            self.cool()

    def cool(self) -> None:
        """Let go of the computes; they are opened anew when they are wanted."""
        computes, self.computes = self.computes, self._computes()
        computes.close()
