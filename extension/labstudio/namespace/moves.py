"""The records of moves: how a kernel asks for one, and how whoever waits hears of it.

``HOME/moves/KERNEL_ID/`` belongs to the kernel that is to be left:

- ``request.json``: a `MoveRequest` that a cell of the kernel made. Jupyter Server takes it away
  when it begins.
- ``move.json``: the `Move`, written by Jupyter Server as it goes on.
- ``cancel``: is there when whoever asked has thought better of it.
- ``packed/``: what was packed, while it is on its way.

The kernel that a notebook came to has a folder with ``origin.json``: the move that led there.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput, NotFound
from labstudio.home import write_atomic
from labstudio.jobs.runner.protocol import read_model
from labstudio.namespace.models import Move, MoveRequest

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.home import Home

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


class Moves:
    """The moves of a home's kernels.

    Parameters
    ----------
    home
        They lie in its folder ``moves``.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._folder = home.path / "moves"

    def folder(self, kernel_id: str) -> Path:
        """Return the folder of a kernel's move."""
        if not _ID.fullmatch(kernel_id):
            raise InvalidInput(f"{kernel_id!r} is no id of a kernel.", field="kernel_id")
        return self._folder / kernel_id

    def packed(self, kernel_id: str) -> Path:
        """Return the folder for what is packed."""
        return self.folder(kernel_id) / "packed"

    def place(self, kernel_id: str) -> str:
        """Return the folder that a kernel of this machine packs into, empty."""
        self.clear(kernel_id)
        return str(self.packed(kernel_id))

    def request(self, kernel_id: str, wanted: MoveRequest) -> None:
        """Ask for a move, from within the kernel."""
        folder = self.folder(kernel_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for earlier in ("move.json", "cancel"):
            (folder / earlier).unlink(missing_ok=True)
        write_atomic(folder / "request.json", wanted.model_dump_json(), durable=False)

    def requests(self) -> list[str]:
        """Return the kernels that ask for a move."""
        return [path.parent.name for path in self._folder.glob("*/request.json")]

    def take(self, kernel_id: str) -> MoveRequest | None:
        """Take a request, once."""
        path = self.folder(kernel_id) / "request.json"
        taken = path.with_name("taken.json")
        try:
            path.rename(taken)
        except FileNotFoundError:
            return None
        return read_model(taken, MoveRequest)

    def withdraw(self, kernel_id: str) -> bool:
        """Take a request back; False when it has been taken."""
        try:
            (self.folder(kernel_id) / "request.json").unlink()
        except FileNotFoundError:
            return False
        return True

    def cancel(self, kernel_id: str) -> None:
        """Ask for a move to be given up; the old kernel stays the notebook's."""
        self.get(kernel_id)
        (self.folder(kernel_id) / "cancel").touch(mode=0o600)

    def cancelled(self, kernel_id: str) -> bool:
        """Say whether it is to be given up."""
        return (self.folder(kernel_id) / "cancel").exists()

    def write(self, move: Move) -> None:
        """Tell how a move is."""
        folder = self.folder(move.kernel_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(folder / "move.json", move.model_dump_json(), durable=False)

    def find(self, kernel_id: str) -> Move | None:
        """Return a kernel's move, the one under way or the last."""
        return read_model(self.folder(kernel_id) / "move.json", Move)

    def get(self, kernel_id: str) -> Move:
        """Return a kernel's move.

        Raises
        ------
        NotFound
            When the kernel was never asked to move.
        """
        move = self.find(kernel_id)
        if move is None:
            raise NotFound(f"The kernel {kernel_id} was not asked to move.", kernel_id=kernel_id)
        return move

    def settle(self, move: Move) -> None:
        """Note at the new kernel where it came from."""
        assert move.new_kernel_id is not None
        folder = self.folder(move.new_kernel_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(folder / "origin.json", move.model_dump_json(), durable=False)

    def origin(self, kernel_id: str) -> Move | None:
        """Return the move that led to a kernel."""
        return read_model(self.folder(kernel_id) / "origin.json", Move)

    def clear(self, kernel_id: str) -> None:
        """Remove what was packed for a move."""
        folder = self.folder(kernel_id)
        shutil.rmtree(folder / "packed", ignore_errors=True)
        for name in ("cancel", "taken.json", "request.json"):
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
