"""What the daemon does for kernels on computes: offers them, and looks after those that live."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from labstudio.compute.registry import kinds
from labstudio.errors import StudioError
from labstudio.kernels import specs
from labstudio.kernels.folder import KernelFolder, folders
from labstudio.kernels.keepers import Keepers
from labstudio.kernels.models import KernelState, ListKernels
from labstudio.kernels.service import DEAD_KEPT

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.compute.catalogue import Entry
    from labstudio.compute.models import ComputeSettings
    from labstudio.compute.opened import OpenComputes

log = logging.getLogger(__name__)

# How often a compute is asked again what it offers: one that answered, and one that did not.
ASK_S, ASK_AGAIN_S = 60.0, 15.0
# One that was just made has a keeper on its way.
COMING_S = 15.0
GONE = "The kernel is gone, and nothing of it is left to be found."


@dataclass
class Asked:
    """When a compute was asked for its kernels, and how it was set then."""

    settings: ComputeSettings | None
    due: float
    thread: threading.Thread | None = None


class Upkeep:
    """Keeps kernelspecs and keepers as they should be.

    Parameters
    ----------
    studio
        The studio.
    computes
        The computes, as the daemon has them open.
    """

    def __init__(self, studio: Studio, computes: OpenComputes) -> None:
        self._studio = studio
        self._computes = computes
        self._keepers = Keepers()
        self._asked: dict[str, Asked] = {}

    def offer(self) -> None:
        """Have the kernels of every compute among the kernelspecs; asking waits for nobody."""
        hosting = {
            name: entry
            for name, entry in self._studio.computes.catalogue.entries().items()
            if (kind := kinds().get(entry.type)) is not None
            and kind.hosts_kernels
            and not kind.at_home
        }
        specs.keep_only(self._studio.home, hosting)
        for name, entry in hosting.items():
            self._ask(name, entry)

    def _ask(self, name: str, entry: Entry) -> None:
        known = self._asked.get(name)
        if known is not None and known.thread is not None and known.thread.is_alive():
            return
        now = time.monotonic()
        if known is not None and known.settings == entry.settings and now < known.due:
            return
        asked = self._asked[name] = Asked(entry.settings, now + ASK_AGAIN_S)
        asked.thread = threading.Thread(
            target=self._lay, args=(name, asked), name=f"offers of {name}", daemon=True
        )
        asked.thread.start()

    def _lay(self, name: str, asked: Asked) -> None:
        try:
            offers = self._computes.get(name).kernel_offers()
        except StudioError as error:
            # What is laid stays: it may be in reach again by the time that somebody chooses it.
            log.info("The kernels of %s are not known now: %s", name, error)
            return
        except Exception:
            log.exception("The kernels of %s are not known", name)
            return
        asked.due = time.monotonic() + ASK_S
        if specs.lay(self._studio.home, name, offers):
            log.info("%s offers kernels: %s", name, ", ".join(each.name for each in offers))

    def sweep(self) -> None:
        """Start keepers where they died, and mend the record of what is gone."""
        for folder in folders(self._studio.home):
            if not folder.kept() and folder.age_s() > COMING_S:
                log.warning("The keeper of kernel %s is gone; starting another.", folder.id)
                self._keepers.ensure(folder, spare=False)
        service = self._studio.kernels
        for kernel in service.select(ListKernels()).items:
            there = KernelFolder(self._studio.home, kernel.id).sheet() is not None
            if kernel.state.lives and not there:
                service.release(kernel.id)
                service.store.update(
                    kernel.id,
                    state=KernelState.dead.value,
                    message=GONE,
                    ended_at=datetime.now(UTC),
                )
        service.store.forget_dead(DEAD_KEPT)
