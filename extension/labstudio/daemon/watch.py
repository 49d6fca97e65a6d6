"""Looks at computes: what they have to give out, how busy they are, whether they answer."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from labstudio.compute.seen import look_at_capacity, look_at_resources, note
from labstudio.errors import InvalidInput, StudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio._studio import Studio
    from labstudio.compute.opened import OpenComputes

log = logging.getLogger(__name__)

LOOK_S = 10.0
# Somebody waits for one that did not answer.
AGAIN_S = 3.0


class Watch:
    """Looks at the computes that one worker has open, and at those that jobs wait for.

    Each look is a thread of its own: one that does not answer holds up no other.

    Parameters
    ----------
    studio
        Where what is seen is noted.
    computes
        The worker's.
    ring
        Called when a compute can take jobs that could not before.
    """

    def __init__(self, studio: Studio, computes: OpenComputes, ring: Callable[[], None]) -> None:
        self._studio = studio
        self._computes = computes
        self._ring = ring
        self._lock = threading.Lock()
        self._looking: set[str] = set()
        self._looked: dict[str, float] = {}

    def ask(self, name: str) -> None:
        """Have a compute looked at soon: somebody waits for it."""
        self._look(name, AGAIN_S)

    def step(self) -> None:
        """Look at what is open, where the last look is long enough ago, and at the files."""
        self._studio.computes.catalogue.tell_edits()
        for kind in self._computes.all():
            self._look(kind.name, LOOK_S)

    def _look(self, name: str, every_s: float) -> None:
        with self._lock:
            recent = time.monotonic() - self._looked.get(name, -every_s) < every_s
            if recent or name in self._looking:
                return
            self._looking.add(name)
        threading.Thread(target=self._see, args=(name,), name=f"look {name}", daemon=True).start()

    def _see(self, name: str) -> None:
        try:
            kind = self._computes.get(name)
            if look_at_capacity(self._studio, kind):
                self._ring()
            look_at_resources(self._studio, kind)
        except InvalidInput as error:
            log.info("%s is not looked at: %s", name, error)
        except StudioError as error:
            note(self._studio, name, {"problem": error.message})
        except Exception as error:
            # A kind's own fault must not end the watch of it.
            log.exception("%s cannot be looked at.", name)
            note(self._studio, name, {"problem": f"{type(error).__name__}: {error}"})
        finally:
            with self._lock:
                self._looked[name] = time.monotonic()
                self._looking.discard(name)
