"""The nouns of a namespace: what was packed, what stayed behind, what came back."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from labstudio.inputs import Input

MANIFEST = "manifest.json"


class LeftBehind(BaseModel):
    """A name that cannot travel."""

    name: str
    reason: str = Field(description="Completes the sentence that begins with the name.")
    cell: int | None = Field(None, description="Number of the cell that assigned it last.")
    line: str = Field("", description="The line of that cell that made it.")

    def __str__(self) -> str:
        made = f" (cell {self.cell}: {self.line})" if self.cell else ""
        return f"{self.name} {self.reason}{made}"


class Part(BaseModel):
    """One file of packed bytes, named by its hash."""

    sha256: str
    size_bytes: int


class Manifest(BaseModel):
    """What a folder of packed names holds, as far as others than the packer need to know."""

    format: int
    python: str = Field(description="Version of the Python that packed it.")
    names: dict[str, dict[str, Any]] = Field(
        description="What each value looks like: `type`, and `shape`, `dtype` or `length`."
    )
    modules: dict[str, str]
    groups: list[dict[str, Any]] = Field(default_factory=list)
    origins: dict[str, tuple[int | None, str]] = Field(
        default_factory=dict, description="The cell that made each name, and the line."
    )
    left: list[LeftBehind]
    parts: list[Part]
    size_bytes: int
    seconds: float

    def reads(self) -> dict[str, list[str]]:
        """Return the names of the notebook that each name's functions read when they are called."""
        return {name: group["reads"] for group in self.groups for name in group["names"]}

    def origin(self, name: str) -> dict[str, Any]:
        """Return the cell that made a name, as fields of `LeftBehind`."""
        cell, line = self.origins.get(name, (None, ""))
        return {"cell": cell, "line": line}

    @property
    def packages(self) -> dict[str, list[str]]:
        """The top-level modules that reading it imports, and the names that need each."""
        found: dict[str, list[str]] = {}
        for name, module in self.modules.items():
            found.setdefault(module.partition(".")[0], []).append(name)
        for group in self.groups:
            for package in group["packages"]:
                found.setdefault(package, []).extend(group["names"])
        return found


class Restored(BaseModel):
    """What came back, and what did not."""

    restored: list[str]
    failed: dict[str, str] = Field(
        default_factory=dict, description="Why each other name could not be restored."
    )
    packages: dict[str, list[str]] = Field(
        default_factory=dict, description="Packages that are missing, and the names that need each."
    )
    seconds: float = 0.0


class Checkpoint(BaseModel):
    """The names of a notebook as they were at one moment."""

    name: str
    created_at: datetime
    python: str
    names: list[str]
    left: list[LeftBehind] = Field(default_factory=list)
    size_bytes: int


class MovePhase(StrEnum):
    """How far a move is. The last three are final; until then the old kernel is the notebook's."""

    looking = "looking"
    starting = "starting"
    packing = "packing"
    sending = "sending"
    restoring = "restoring"
    switching = "switching"
    done = "done"
    refused = "refused"
    failed = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self in FINAL_PHASES


FINAL_PHASES = frozenset({MovePhase.done, MovePhase.refused, MovePhase.failed})


class CreateMove(Input):
    """Where a live notebook is to go."""

    to: str = Field(
        min_length=1,
        max_length=100,
        description="A compute, a kernelspec, or `back`: where it came from.",
    )
    leave_behind: bool = Field(
        False,
        description="Go on although some names cannot travel. Without it the move is refused with "
        "their list, before anything is done.",
    )


class MoveRequest(CreateMove):
    """A move as a kernel asks for it, whose own cell packs."""

    there: str = Field(description="The folder on the kernel's machine that it packs into.")
    packages: dict[str, list[str]] = Field(
        default_factory=dict, description="What `Manifest.packages` will tell."
    )
    size_bytes: int = Field(0, description="About how much is to be sent.")


class Move(BaseModel):
    """The move of a notebook from one kernel to another."""

    kernel_id: str = Field(description="The kernel that it leaves.")
    new_kernel_id: str | None = Field(None, description="The kernel that it goes to.")
    to: str = Field(description="As it was asked for.")
    origin: str = Field("", description="The kernelspec that it leaves.")
    target: str = Field("", description="The kernelspec that it goes to.")
    place: str = Field("", description="What the target is called.")
    phase: MovePhase = MovePhase.looking
    message: str = Field("", description="One sentence on why it was refused, or what failed.")
    left: list[LeftBehind] = Field(
        default_factory=list, description="Names that cannot travel, or did not come back."
    )
    packages: dict[str, list[str]] = Field(
        default_factory=dict, description="Packages missing there, and the names that need each."
    )
    names: int = Field(0, description="How many names came along.")
    size_bytes: int = Field(0, description="What is to be sent.")
    sent_bytes: int = Field(0, description="What is packed and sent so far.")
    started_at: datetime
    ended_at: datetime | None = None
    seconds: dict[str, float] = Field(default_factory=dict, description="By phase.")


class Place(BaseModel):
    """A folder on a kernel's machine."""

    there: str


class MoveState(BaseModel):
    """What a kernel elsewhere is told of its move."""

    move: Move | None = None
    withdrawn: bool = False


class CheckpointThere(Input):
    """A checkpoint that a kernel elsewhere has packed."""

    name: str
    there: str


class CheckpointPage(BaseModel):
    """Every checkpoint."""

    items: list[Checkpoint]
