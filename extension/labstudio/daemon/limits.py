"""How many attempts this process makes at once, whatever other workers of its database do."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def keep_own_limits(slots: int, slots_per_user: int) -> bool:
    """Have this process go by its own limits; False where this DBOS is built otherwise.

    DBOS keeps the limits of a worker in one row that all workers read again at each look, so the
    last one that started would set them for the others too: for machines with other processors,
    and other settings. Called before DBOS is launched, so that not even its first look differs.

    Parameters
    ----------
    slots
        Attempts that run at once here.
    slots_per_user
        Those of one user.
    """
    try:
        from dbos._sys_db import SystemDatabase

        read = SystemDatabase.get_queue
    except (ImportError, AttributeError):
        log.warning("Workers of this database share the limits of the one that started last.")
        return False

    def get_queue(self: Any, name: str, **options: Any) -> Any:
        queue = read(self, name, **options)
        if queue is not None:
            queue._worker_concurrency = slots
            queue._partition_worker_concurrency = slots_per_user
        return queue

    SystemDatabase.get_queue = get_queue  # type: ignore[method-assign]
    return True
