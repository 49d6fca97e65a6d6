"""The moves of one Jupyter Server: asked for over REST or by a cell, one at a time a kernel."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async

from labstudio.errors import Conflict, NotFound, StudioError
from labstudio_server.background import Background

if TYPE_CHECKING:
    from labstudio.namespace.models import CreateMove, Move, MoveRequest
    from labstudio.namespace.moves import Moves
    from labstudio_server.container import Services
    from labstudio_server.feed import Feed

LOG = logging.getLogger(__name__)
LOOK_S = 0.25
SETTLE_S = 0.5


@dataclass
class Mover(Background):
    """Moves kernels, and looks for cells that ask for it.

    Parameters
    ----------
    services
        Where the studio and its threads are.
    feed
        Tells panels how a move goes on.
    server
        Jupyter Server: its kernels, sessions and kernelspecs.
    """

    services: Services
    feed: Feed
    server: Any
    _moving: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _revision: int = field(default=0, init=False)

    def moves(self) -> Moves:
        """Return the records; imported late, as loading the extension imports little."""
        from labstudio.home import Home
        from labstudio.namespace.moves import Moves

        return Moves(Home(self.services.home or None))

    async def _run(self) -> None:
        moves = await self.services.run(self.moves)
        while True:
            try:
                for kernel_id in await self.services.run(moves.requests):
                    await self._taken(moves, kernel_id)
            except Exception as error:
                LOG.warning("labstudio: requests to move cannot be read: %s", error)
            await asyncio.sleep(LOOK_S)

    async def stop(self) -> None:
        """End it, and the moves under way: their old kernels stay."""
        await super().stop()
        for task in self._moving.values():
            task.cancel()
        await asyncio.gather(*self._moving.values(), return_exceptions=True)

    async def _taken(self, moves: Moves, kernel_id: str) -> None:
        """Begin what a cell asked for, if the kernel is one of this server's."""
        if kernel_id not in self.server.kernel_manager:
            return
        wanted = await self.services.run(moves.take, kernel_id)
        if wanted is None:
            return
        try:
            await self.begin(kernel_id, wanted, wanted)
        except StudioError as error:
            await self.tell(moves, _refused(kernel_id, wanted, error))

    async def begin(
        self, kernel_id: str, wanted: CreateMove, from_cell: MoveRequest | None = None
    ) -> Move:
        """Begin a move; it goes on by itself.

        Raises
        ------
        NotFound
            When this server has no such kernel.
        Conflict
            When it is being moved already, or is busy.
        InvalidInput
            When the target is none.
        """
        from labstudio.namespace.models import Move
        from labstudio_server.moving.steps import Steps
        from labstudio_server.moving.talk import busy, until
        from labstudio_server.moving.targets import choose

        kernels = self.server.kernel_manager
        if kernel_id not in kernels:
            raise NotFound(f"There is no kernel {kernel_id} here.", kernel_id=kernel_id)
        if kernel_id in self._moving:
            raise Conflict("The notebook is being moved already.", kernel_id=kernel_id)
        manager = kernels.get_kernel(kernel_id)
        # That a cell has ended is heard a moment after its reply.
        if from_cell is None and not await until(lambda: not busy(manager), SETTLE_S):
            raise Conflict(
                "A cell is running: wait for its end, or interrupt it.", kernel_id=kernel_id
            )
        moves = self.moves()
        specs = await ensure_async(self.server.kernel_spec_manager.get_all_specs())
        came_by = await self.services.run(moves.origin, kernel_id)
        target = choose(wanted.to, manager.kernel_name, came_by, specs)
        move = Move(
            kernel_id=kernel_id,
            to=wanted.to,
            origin=manager.kernel_name,
            target=target.spec,
            place=target.title,
            started_at=_now(),
        )
        if from_cell is None:
            await self.services.run(moves.clear, kernel_id)
        await self.tell(moves, move)
        steps = Steps(self, moves, move, wanted, from_cell)
        task = asyncio.get_running_loop().create_task(steps.run(), name=f"move-{kernel_id}")
        self._moving[kernel_id] = task
        task.add_done_callback(lambda _: self._moving.pop(kernel_id, None))
        return move

    async def tell(self, moves: Moves, move: Move) -> None:
        """Write down how a move is, and emit that it changed."""
        await self.services.run(moves.write, move)
        self._revision += 1
        self.feed.emit("moves", move.kernel_id, "changed", self._revision)


def _refused(kernel_id: str, wanted: CreateMove, error: StudioError) -> Move:
    from labstudio.namespace.models import Move, MovePhase

    return Move(
        kernel_id=kernel_id,
        to=wanted.to,
        phase=MovePhase.refused,
        message=error.message,
        started_at=_now(),
        ended_at=_now(),
    )


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
