"""What a kernel elsewhere asks for its notebook's variables: a move, a checkpoint.

The kernel packs into a folder of its own machine, which its keeper brought there empty; the keeper
fetches what was packed. Each kernel speaks for itself alone: its token says which it is.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from labstudio.inputs import validated
from labstudio.kernels import control
from labstudio.kernels.folder import KernelFolder
from labstudio.namespace.models import (
    CheckpointPage,
    CheckpointThere,
    MoveRequest,
    MoveState,
    Place,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from labstudio.gateway.api import Asked

KEPT = "checkpoint"


def _own(asked: Asked) -> str:
    asked.caller.must_be_kernel("move or keep a notebook")
    return asked.caller.scope.id


def _bring(asked: Asked, here: Path) -> Place:
    here.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = KernelFolder(asked.studio.home, _own(asked))
    return Place(there=control.ask(folder, "bring", None, here=str(here))["there"])


def move_place(asked: Asked) -> BaseModel:
    """Give the kernel an empty folder of its machine to pack into."""
    own = _own(asked)
    asked.studio.moves.clear(own)
    return _bring(asked, asked.studio.moves.packed(own))


def request_move(asked: Asked) -> BaseModel:
    """Ask for a move of the kernel's notebook; Jupyter Server makes it."""
    asked.studio.moves.request(_own(asked), validated(MoveRequest, asked.body))
    return MoveState()


def get_move(asked: Asked) -> BaseModel:
    """Tell how the move is."""
    return MoveState(move=asked.studio.moves.find(_own(asked)))


def withdraw_move(asked: Asked) -> BaseModel:
    """Take the request back, if nobody has begun it."""
    return MoveState(withdrawn=asked.studio.moves.withdraw(_own(asked)))


def cancel_move(asked: Asked) -> None:
    """Give the move up."""
    asked.studio.moves.cancel(_own(asked))


def checkpoint_place(asked: Asked) -> BaseModel:
    """Give the kernel an empty folder of its machine to pack a checkpoint into."""
    here = asked.studio.moves.folder(_own(asked)) / KEPT
    shutil.rmtree(here, ignore_errors=True)
    return _bring(asked, here)


def keep_checkpoint(asked: Asked) -> BaseModel:
    """Fetch what the kernel packed, and keep it as a checkpoint."""
    wanted = validated(CheckpointThere, asked.body)
    own = _own(asked)
    here = asked.studio.moves.folder(own) / KEPT
    folder = KernelFolder(asked.studio.home, own)
    control.ask(folder, "fetch", None, there=wanted.there, here=str(here))
    return asked.studio.namespace.adopt(wanted.name, here)


def bring_checkpoint(asked: Asked) -> BaseModel:
    """Bring a checkpoint to the kernel's machine."""
    kept = asked.studio.namespace
    return _bring(asked, kept.folder(kept.get(asked.path["name"]).name))


def list_checkpoints(asked: Asked) -> BaseModel:
    """List the checkpoints, the newest first."""
    _own(asked)
    return CheckpointPage(items=asked.studio.namespace.list())


def delete_checkpoint(asked: Asked) -> None:
    """Delete one."""
    _own(asked)
    asked.studio.namespace.delete(asked.path["name"])
