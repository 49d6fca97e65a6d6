"""The computes that one process has opened, by name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from labstudio.compute.registry import kind
from labstudio.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from labstudio.compute.kind import Host, Kind
    from labstudio.compute.models import ComputeSettings
    from labstudio.compute.service import ComputeService


class OpenComputes:
    """Opens each compute once, and anew when its settings have changed.

    Parameters
    ----------
    service
        Knows their settings.
    host
        What this process lends them.
    """

    def __init__(self, service: ComputeService, host: Host) -> None:
        self._service = service
        self.host = host
        self._lock = threading.Lock()
        self._open: dict[str, tuple[ComputeSettings, Kind]] = {}

    def get(self, name: str) -> Kind:
        """Return a compute, opened.

        Raises
        ------
        InvalidInput
            When there is none of that name, or its entry is wrong.
        Unavailable
            When its kind needs something that is not installed.
        """
        with self._lock:
            known = self._open.get(name)
        try:
            settings = self._service.settings(name)
        except InvalidInput:
            # What runs there is followed to its end, whatever became of the entry meanwhile.
            if known is not None:
                return known[1]
            raise
        with self._lock:
            known = self._open.get(name)
            if known is not None and known[0] == settings:
                return known[1]
            made = kind(settings.type)
            if (missing := made.missing()) is not None:
                raise Unavailable(f"compute {name!r} cannot be used: {missing}")
            opened = made(name, settings, self.host)
            # One whose settings changed stays open for the attempts that it follows.
            self._open[name] = (settings, opened)
            return opened

    def all(self) -> list[Kind]:
        """Return those that are open."""
        with self._lock:
            return [opened for _, opened in self._open.values()]

    def close(self) -> None:
        """Let go of all of them."""
        for each in self.all():
            each.close()
