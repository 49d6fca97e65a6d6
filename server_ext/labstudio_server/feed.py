"""Follows the studio's change feed and tells the event stream what changed."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labstudio.problems import unavailable
from labstudio_server.background import Background
from labstudio_server.events import TOPICS, schema_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_events import EventLogger

    from labstudio._studio import Studio
    from labstudio.changes import Change
    from labstudio_server.container import Services

LOG = logging.getLogger(__name__)

ANY = "*"
BATCH = 1000
# An event costs about 0.2 ms of the loop: a burst is told as one.
MOST_PER_TOPIC = 20
LONGEST_PAUSE_S = 10.0


@dataclass
class Feed(Background):
    """A task that follows the change feed of one studio.

    Parameters
    ----------
    services
        Where the studio and its threads are.
    logger
        Jupyter Server's event logger.
    interval_s
        How often the feed is looked at.
    """

    services: Services
    logger: EventLogger
    interval_s: float = 0.2

    async def _run(self) -> None:
        known: int | None = None
        pause = self.interval_s
        while True:
            try:
                known = await self._step(known)
                pause = self.interval_s
            except Exception as error:
                # The disk may be full or the database locked for a while; the feed is not lost.
                if not unavailable(error):
                    LOG.warning("labstudio: the change feed cannot be read: %s", error)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _step(self, known: int | None) -> int:
        """Tell what came after the revision that is known; return the newest."""
        if known is None:
            return await self.services.run(lambda: self.services.studio().changes.latest())
        changes = await self.services.run(_since, self.services.studio(), known)
        await self._tell(changes)
        return changes[-1].revision if changes else known

    async def _tell(self, changes: list[Change]) -> None:
        for topic, object_id, kind, revision in merged(changes):
            self.emit(topic, object_id, kind, revision)
            await asyncio.sleep(0)  # requests go first

    def emit(self, topic: str, object_id: str, kind: str, revision: int) -> None:
        """Emit one event."""
        self.logger.emit(
            schema_id=schema_id(topic),
            data={"id": object_id, "kind": kind, "revision": revision},
        )


def _since(studio: Studio, known: int) -> list[Change]:
    if studio.changes.latest() == known:
        return []
    found: list[Change] = []
    while batch := studio.changes.since(found[-1].revision if found else known, BATCH):
        found += batch
        if len(batch) < BATCH:
            break
    return found


def merged(changes: Iterable[Change]) -> list[tuple[str, str, str, int]]:
    """Tell each object once, and many objects of a topic as one.

    Returns
    -------
    list of (topic, id, kind, revision)
        An object that was created and then changed is created; one that was deleted is deleted.
    """
    kinds: dict[tuple[str, str], tuple[str, int]] = {}
    for change in changes:
        if change.topic not in TOPICS:
            continue
        key = (change.topic, change.object_id)
        before = kinds.pop(key, (change.kind, 0))[0]
        kind = "created" if before == "created" and change.kind == "changed" else change.kind
        kinds[key] = (kind, change.revision)
    told: list[tuple[str, str, str, int]] = []
    for topic in TOPICS:
        mine = [(*key, *value) for key, value in kinds.items() if key[0] == topic]
        if len(mine) > MOST_PER_TOPIC:
            mine = [(topic, ANY, "changed", max(each[3] for each in mine))]
        told += mine
    return told
