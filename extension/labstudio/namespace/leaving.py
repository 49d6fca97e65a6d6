"""Leaving a kernel from a cell that runs in it: ``%move``.

The cell packs its own names, and waits while Jupyter Server starts the other kernel, brings the
names there and restores them. Once they are there the kernel takes no more cells, the cell ends,
and the server gives the notebook its new kernel. Whatever goes wrong before that, the cell says so
and the notebook stays.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from labstudio.errors import Conflict, StudioError, Unavailable
from labstudio.namespace import helper
from labstudio.namespace.models import Manifest, Move, MovePhase, MoveRequest

if TYPE_CHECKING:
    from collections.abc import Callable

TAKEN_S = 15.0
LOOK_S = 0.1


class Records(Protocol):
    """Where a kernel asks for a move: this home, or the gateway of another machine's."""

    def request(self, kernel_id: str, wanted: MoveRequest) -> None:
        """Ask for a move."""

    def find(self, kernel_id: str) -> Move | None:
        """Return how it is; None before the server has taken it."""

    def withdraw(self, kernel_id: str) -> bool:
        """Take the request back; False when it has been taken."""

    def cancel(self, kernel_id: str) -> None:
        """Give it up."""

    def place(self, kernel_id: str) -> str:
        """Return an empty folder of this machine to pack into."""


class CannotMove(Conflict):
    """The notebook stays where it is; ``details["left"]`` names what cannot travel."""

    code = "cannot_move"


def kernel_id() -> str:
    """Return the id that Jupyter knows this kernel by.

    Raises
    ------
    Conflict
        When this process is no kernel.
    """
    if told := os.environ.get("LABSTUDIO_KERNEL_ID"):
        return told
    try:
        from ipykernel.connect import get_connection_file

        return Path(get_connection_file()).stem.removeprefix("kernel-")
    except (ImportError, RuntimeError) as error:
        raise Conflict("Only a notebook in JupyterLab can move: this is no kernel.") from error


def leave(
    records: Records,
    to: str,
    *,
    leave_behind: bool = False,
    tell: Callable[[Move], None] = lambda _move: None,
) -> Move:
    """Move this notebook to another compute, its variables with it.

    Parameters
    ----------
    records
        Where the move is asked for.
    to
        A compute, a kernelspec, or ``back``.
    leave_behind
        Go on without names that cannot travel.
    tell
        Called with the move when it has got further.

    Raises
    ------
    CannotMove
        When names cannot travel, or the move was refused or failed. Nothing has changed.
    """
    helper.install_here()
    from _labstudio_namespace import guard, packing

    found = Manifest.model_validate(packing.pack(None, history=False))
    if found.left and not leave_behind:
        raise CannotMove("Some names cannot travel.", left=found.left)
    own = kernel_id()
    there = records.place(own)
    wanted = MoveRequest(
        to=to,
        leave_behind=leave_behind,
        there=there,
        packages=found.packages,
        size_bytes=found.size_bytes,
    )
    records.request(own, wanted)
    try:
        _await_server(records, own)
        packing.pack(there)
        move = _follow(records, own, tell)
        guard.shut(f"This notebook moved to {move.place}: run the cell again.")
    except BaseException:
        _give_up(records, own)
        raise
    return move


def _await_server(records: Records, own: str) -> None:
    deadline = time.monotonic() + TAKEN_S
    while (move := records.find(own)) is None:
        if time.monotonic() > deadline and records.withdraw(own):
            raise Unavailable(
                "No JupyterLab of this studio answered: a notebook moves only where labstudio is "
                "installed in the server too."
            )
        time.sleep(LOOK_S)
    _check(move)


def _follow(records: Records, own: str, tell: Callable[[Move], None]) -> Move:
    """Wait until all is there."""
    while True:
        move = records.find(own)
        if move is not None:
            tell(move)
            _check(move)
            if move.phase is MovePhase.switching:
                return move
        time.sleep(LOOK_S)


def _check(move: Move) -> None:
    if move.phase in (MovePhase.refused, MovePhase.failed):
        raise CannotMove(move.message, left=move.left)


def _give_up(records: Records, own: str) -> Any:
    """Have the server forget a move that this cell does not wait for any more."""
    try:
        if not records.withdraw(own):
            move = records.find(own)
            if move is not None and not move.phase.final:
                records.cancel(own)
    except StudioError:
        return  # It cannot be told; the cell's own error is what counts.
