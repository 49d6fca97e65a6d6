"""The nouns of a namespace: what was packed, what stayed behind, what came back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

MANIFEST = "manifest.json"


class LeftBehind(BaseModel):
    """A name that cannot travel."""

    name: str
    reason: str = Field(description="Completes the sentence that begins with the name.")
    cell: int | None = Field(None, description="Number of the cell that assigned it last.")
    line: str = Field("", description="That cell's first line.")

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
    left: list[LeftBehind]
    parts: list[Part]
    size_bytes: int
    seconds: float

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
