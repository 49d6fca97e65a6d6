"""One move, step by step; until the last step the old kernel is the notebook's, untouched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async

from labstudio.errors import Conflict, StudioError
from labstudio.namespace.models import MANIFEST, LeftBehind, Manifest, MovePhase
from labstudio.namespace.service import read
from labstudio_server.moving.places import place_of
from labstudio_server.moving.talk import Talk, busy, until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from labstudio.namespace.models import CreateMove, Move, MoveRequest
    from labstudio.namespace.moves import Moves
    from labstudio_server.moving.mover import Mover
    from labstudio_server.moving.places import Here

LOG = logging.getLogger(__name__)

LOOK_S = 0.2
# While packing goes on, a look that had nothing to send costs as much as the next may wait.
LONGEST_LOOK_S = 1.0
# How long the cell that asked may take to end, once all has come over.
CELL_END_S = 30.0
# How long clients may take to notice that their session has another kernel: JupyterLab looks
# every 10 s by itself.
CLIENTS_S = 30.0
LISTED = 5


class Refused(Conflict):
    """Something cannot come along, and nobody said to go on without it."""


class Steps:
    """The steps of one move.

    Parameters
    ----------
    mover
        Whose move it is.
    moves, move
        The records, and this one's.
    wanted
        What was asked for.
    from_cell
        Set when a cell of the kernel asked, which packs by itself and waits.
    """

    def __init__(
        self,
        mover: Mover,
        moves: Moves,
        move: Move,
        wanted: CreateMove,
        from_cell: MoveRequest | None,
    ) -> None:
        self.mover, self.moves, self.move = mover, moves, move
        self.wanted, self.from_cell = wanted, from_cell
        self.server = mover.server
        self.kernels: Any = mover.server.kernel_manager
        self.packed: Path = moves.packed(move.kernel_id)
        self._old: Talk | None = None
        self._new: Talk | None = None
        self._since = monotonic()
        self._shut = False

    async def run(self) -> None:
        """Make the move; write down how it ended. Nothing is raised."""
        work = asyncio.ensure_future(self._steps())
        watch = asyncio.ensure_future(self._watch(work))
        try:
            await work
        except asyncio.CancelledError:
            await self._undo(MovePhase.failed, "The move was given up.")
        except Refused as error:
            await self._undo(MovePhase.refused, error.message)
        except StudioError as error:
            await self._undo(MovePhase.failed, error.message)
        except Exception as error:
            LOG.exception("labstudio: moving kernel %s failed", self.move.kernel_id)
            await self._undo(MovePhase.failed, f"{type(error).__name__}: {error}")
        finally:
            watch.cancel()
            work.cancel()
            for talk in (self._old, self._new):
                if talk is not None:
                    talk.close()

    async def _watch(self, work: asyncio.Future[None]) -> None:
        """Tell how much has been packed; give up when that is asked for."""
        while not work.done():
            await asyncio.sleep(LOOK_S)
            if await self._do(self.moves.cancelled, self.move.kernel_id):
                work.cancel()
                return
            if self.move.phase in (MovePhase.packing, MovePhase.sending):
                sent = await self._do(_bytes_in, self.packed)
                if sent != self.move.sent_bytes:
                    self.move.sent_bytes = sent
                    await self._tell()

    async def _steps(self) -> None:
        packages = await self._look()
        await self._phase(MovePhase.starting)
        there = await self._move_names(packages)
        await self._phase(MovePhase.restoring)
        await self._restore(there)
        await self._phase(MovePhase.switching)
        await self._leave()
        await self._switch()
        await self._phase(MovePhase.done)
        await self._do(self.moves.clear, self.move.kernel_id)
        await self._end_old()

    # -- before anything is done

    async def _look(self) -> dict[str, list[str]]:
        """See what cannot travel, and which packages the rest needs; nothing is written."""
        if self.from_cell is not None:
            self.move.size_bytes = self.from_cell.size_bytes
            return self.from_cell.packages
        manager = self.kernels.get_kernel(self.move.kernel_id)
        self._old = Talk(manager, "The notebook's kernel")
        await self._old.ready()
        told = await self._old.call("packing", "pack", None, history=False)
        found = Manifest.model_validate(told)
        self.move.size_bytes = found.size_bytes
        self._leave_behind(found.left)
        return found.packages

    def _leave_behind(self, names: Iterable[LeftBehind]) -> None:
        """Note names that do not come along.

        Raises
        ------
        Refused
            When nobody said to go on without them.
        """
        known = {each.name for each in self.move.left}
        fresh = [each for each in names if each.name not in known]
        self.move.left += fresh
        if fresh and not self.wanted.leave_behind:
            listed = "; ".join(map(str, fresh[:LISTED]))
            more = f"; and {len(fresh) - LISTED} more" if len(fresh) > LISTED else ""
            raise Refused(f"Cannot move: {listed}{more}.")

    # -- the new kernel

    async def _start(self) -> None:
        sessions = await self._sessions()
        manager = self.server.session_manager
        if sessions:
            first = sessions[0]
            self.move.new_kernel_id = await manager.start_kernel_for_session(
                first["id"], first["path"], first["name"], first["type"], self.move.target
            )
        else:
            self.move.new_kernel_id = await ensure_async(
                self.kernels.start_kernel(kernel_name=self.move.target)
            )
        await self._tell()
        started = self.kernels.get_kernel(self.move.new_kernel_id)
        self._new = Talk(started, f"The kernel of {self.move.place}")

    async def _sessions(self) -> list[Any]:
        every = await ensure_async(self.server.session_manager.list_sessions())
        return [each for each in every if each["kernel"]["id"] == self.move.kernel_id]

    # -- the names on their way

    async def _place(self, kernel_id: str | None) -> Here:
        assert kernel_id is not None
        place: Here = await self._do(place_of, self.moves.home, kernel_id)
        return place

    async def _move_names(self, packages: dict[str, list[str]]) -> str:
        """Start the new kernel while names are packed, and send them as they come.

        Returns where they are there.
        """
        old = await self._place(self.move.kernel_id)
        packed_at, packing = await self._pack(old)
        work: list[asyncio.Future[Any]] = [packing]
        try:
            await self._start()
            assert self._new is not None
            sending = asyncio.ensure_future(self._send(old, packed_at, packing))
            work.append(sending)
            await self._new.ready()
            await self._need(packages)
            if not packing.done():
                await self._phase(MovePhase.packing)
                await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            await self._phase(MovePhase.sending)
            return await sending
        finally:
            for each in work:
                each.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _pack(self, old: Here) -> tuple[str, asyncio.Future[Any]]:
        """Have the names packed; return where on their kernel's machine, and the work."""
        await self._do(_make, self.packed)
        if self.from_cell is not None:
            return self.from_cell.there, asyncio.ensure_future(self._packed_by_cell())
        assert self._old is not None
        there = await old.bring(self.packed)
        return there, asyncio.ensure_future(self._old.call("packing", "pack", there))

    async def _send(self, old: Here, there: str, packing: asyncio.Future[Any]) -> str:
        """Bring the names as they are packed; return where they are."""
        new = await self._place(self.move.new_kernel_id)
        pause, brought = 0.0, 0
        while not (await asyncio.wait({packing}, timeout=pause))[0]:
            began = monotonic()
            await old.fetch(there, self.packed)
            packed = await self._do(_bytes_in, self.packed)
            await new.bring(self.packed)
            # The link is idle only where there was nothing to send.
            idle = min(max(LOOK_S, monotonic() - began), LONGEST_LOOK_S)
            pause, brought = (0.0 if packed > brought else idle), packed
        await packing
        await old.fetch(there, self.packed)
        manifest = await self._do(read, self.packed)
        if manifest is None:
            raise StudioError("What was packed is not whole.")
        self.move.size_bytes = manifest.size_bytes
        self._leave_behind(manifest.left)
        return await new.bring(self.packed)

    async def _packed_by_cell(self) -> None:
        old = self.kernels.get_kernel(self.move.kernel_id)
        while not (self.packed / MANIFEST).exists():
            if not await old.is_alive():
                raise StudioError("The notebook's kernel died while it packed.")
            await asyncio.sleep(LOOK_S)

    async def _need(self, packages: dict[str, list[str]]) -> None:
        """See that the packages are there, before all is brought and read."""
        assert self._new is not None
        for name in await self._new.call("restoring", "missing", sorted(packages)):
            self.move.packages[name] = sorted(set(packages[name]))
        if self.move.packages and not self.wanted.leave_behind:
            listed = "; ".join(
                f"{package} (for {', '.join(names[:LISTED])})"
                for package, names in self.move.packages.items()
            )
            raise Refused(f"{self.move.place} lacks packages that the names need: {listed}.")

    async def _restore(self, there: str) -> None:
        assert self._new is not None
        told = await self._new.call("restoring", "restore", there)
        manifest = await self._do(read, self.packed)
        self.move.names = len(told["restored"])
        self._leave_behind(
            LeftBehind(name=name, reason=why, **manifest.origin(name))
            for name, why in told["failed"].items()
        )

    # -- the switch

    async def _leave(self) -> None:
        """Let the old kernel run no more cells: what they did would be lost."""
        self._shut = True
        if self.from_cell is None:
            assert self._old is not None
            message = f"This notebook moved to {self.move.place}: run the cell again."
            await self._old.call("guard", "shut", message)
            return
        # The cell that asked sees the phase, shuts the kernel, and ends.
        old = self.kernels.get_kernel(self.move.kernel_id)
        ended = await until(lambda: not busy(old), CELL_END_S)
        if not ended:
            raise StudioError("The cell that asked for the move did not end.")

    async def _switch(self) -> None:
        for session in await self._sessions():
            await self.server.session_manager.update_session(
                session_id=session["id"], kernel_id=self.move.new_kernel_id
            )
        await self._do(self.moves.settle, self.move)

    async def _end_old(self) -> None:
        """End the old kernel, once its clients have noticed."""
        kernel_id = self.move.kernel_id
        connections = getattr(self.kernels, "_kernel_connections", {})
        await until(lambda: not connections.get(kernel_id), CLIENTS_S, 0.2)
        if kernel_id in self.kernels:
            ending = asyncio.ensure_future(ensure_async(self.kernels.shutdown_kernel(kernel_id)))
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                await ending  # half a shutdown would be in the way of the server's own
                raise

    # -- when it goes wrong

    async def _undo(self, phase: MovePhase, message: str) -> None:
        """Leave the old kernel as it was, and remove the new one."""
        if self.move.phase.final:
            LOG.info("labstudio: after moving %s: %s", self.move.kernel_id, message)
            return
        self.move.message = message
        if self._shut:
            with contextlib.suppress(StudioError):
                await self._open_again()
        new = self.move.new_kernel_id
        self.move.new_kernel_id = None
        if new is not None and new in self.kernels:
            with contextlib.suppress(Exception):
                await ensure_async(self.kernels.shutdown_kernel(new, now=True))
        await self._do(self.moves.clear, self.move.kernel_id)
        await self._phase(phase)

    async def _open_again(self) -> None:
        if self._old is None:
            self._old = Talk(self.kernels.get_kernel(self.move.kernel_id), "The old kernel")
            await self._old.ready()
        await self._old.call("guard", "open_again")

    # -- telling

    async def _phase(self, phase: MovePhase) -> None:
        moment = monotonic()
        self.move.seconds[self.move.phase.value] = round(moment - self._since, 3)
        self._since = moment
        self.move.phase = phase
        if phase.final:
            self.move.ended_at = datetime.now(UTC)
        await self._tell()

    async def _tell(self) -> None:
        await self.mover.tell(self.moves, self.move)

    async def _do(self, work: Any, *arguments: Any) -> Any:
        return await self.mover.services.run(work, *arguments)


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _bytes_in(folder: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for path in (folder / "parts").iterdir():
            total += path.stat().st_size
    return total
