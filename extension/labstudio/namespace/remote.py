"""Moves and checkpoints as a kernel elsewhere asks for them, through the gateway."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from labstudio.errors import NotFound
from labstudio.gateway.client import TIMEOUT_S
from labstudio.namespace import helper
from labstudio.namespace.models import (
    Checkpoint,
    CheckpointPage,
    Move,
    MoveRequest,
    MoveState,
    Place,
    Restored,
)
from labstudio.namespace.service import default_name

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from labstudio.gateway.client import Client

# What is kept travels over the link before the gateway answers; a slower one is as good as cut.
LEAST_BYTES_PER_S = 1e6


class RemoteMoves:
    """The move of this kernel's notebook; the gateway knows which kernel it is.

    Parameters
    ----------
    client
        Speaks to the gateway.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def place(self, _kernel_id: str) -> str:
        """Return an empty folder of this machine to pack into."""
        return Place.model_validate(self._client.post("kernel/move/place")).there

    def request(self, _kernel_id: str, wanted: MoveRequest) -> None:
        """Ask for a move."""
        self._client.post("kernel/move", wanted.model_dump_json())

    def find(self, _kernel_id: str) -> Move | None:
        """Return how it is; None before the server has taken it."""
        return MoveState.model_validate(self._client.get("kernel/move")).move

    def withdraw(self, _kernel_id: str) -> bool:
        """Take the request back; False when it has been taken."""
        return MoveState.model_validate(self._client.post("kernel/move/withdraw")).withdrawn

    def cancel(self, _kernel_id: str) -> None:
        """Give it up."""
        self._client.post("kernel/move/cancel")


class RemoteCheckpoints:
    """The checkpoints of a studio elsewhere; what they hold lies there.

    Parameters
    ----------
    client
        Speaks to the gateway.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def save(self, name: str | None = None, names: Sequence[str] | None = None) -> Checkpoint:
        """Keep the names of this kernel's notebook; see `Checkpoints.save`."""
        helper.install_here()
        from _labstudio_namespace import packing

        there = Place.model_validate(self._client.post("kernel/checkpoint/place")).there
        try:
            told = packing.pack(there, names if names is None else list(names))
            body = {"name": name or default_name(), "there": there}
            timeout_s = TIMEOUT_S + told["size_bytes"] / LEAST_BYTES_PER_S
            return Checkpoint.model_validate(
                self._client.post("kernel/checkpoint", body, timeout_s=timeout_s)
            )
        finally:
            shutil.rmtree(there, ignore_errors=True)

    def restore(self, name: str | None = None, names: Sequence[str] | None = None) -> Restored:
        """Put a checkpoint's names into this kernel's notebook; see `Checkpoints.restore`."""
        wanted = name or default_name()
        helper.install_here()
        from _labstudio_namespace import restoring

        timeout_s = TIMEOUT_S + self.get(wanted).size_bytes / LEAST_BYTES_PER_S
        told = self._client.post(f"kernel/checkpoint/{wanted}/bring", timeout_s=timeout_s)
        there = Place.model_validate(told).there
        return Restored.model_validate(restoring.restore(there, names, history=False))

    def list(self) -> builtins.list[Checkpoint]:
        """Return all of them, the newest first."""
        return CheckpointPage.model_validate(self._client.get("kernel/checkpoint")).items

    def get(self, name: str) -> Checkpoint:
        """Return one."""
        for each in self.list():
            if each.name == name:
                return each
        raise NotFound(f"There is no checkpoint {name}.")

    def delete(self, name: str) -> None:
        """Delete one."""
        self._client.post(f"kernel/checkpoint/{name}/delete")
