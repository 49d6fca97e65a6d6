"""A kind of compute of the tests' own, for what all kinds have in common."""

from __future__ import annotations

import pytest

from labstudio.compute.kind import Kind
from labstudio.compute.local import Local
from labstudio.compute.models import ComputeSettings
from labstudio.compute.registry import kinds


class Shed(Local):
    """A kind that is as the local one, under another name."""

    TYPE = "shed"
    summary = "The shed in the garden."

    class Settings(ComputeSettings):
        """Where it stands."""

        host: str
        port: int = 22
        tools: list[str] = []  # noqa: RUF012  pydantic copies it
        warm: bool | None = None


@pytest.fixture
def shed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the kind installed."""
    known: dict[str, type[Kind]] = {**kinds(), "shed": Shed}
    monkeypatch.setattr("labstudio.compute.registry.kinds", lambda: known)
    monkeypatch.setattr("labstudio.compute.overview.kinds", lambda: known)
    monkeypatch.setattr("labstudio.compute.forms.kinds", lambda: known)
