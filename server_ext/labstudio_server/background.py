"""What the extension does beside answering: a task on the server's loop, begun once and ended."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass
class Background(ABC):
    """Work that goes on until the server ends."""

    _task: asyncio.Task[None] | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin, if it has not begun; called on the loop."""
        if self._task is None:
            name = f"labstudio-{type(self).__name__.lower()}"
            self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    async def stop(self) -> None:
        """End it, and wait until it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def _run(self) -> None:
        """Do the work; `start` calls this, and `stop` cancels it."""
