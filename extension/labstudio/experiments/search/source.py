"""Where runs are found: what every place that keeps them can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from labstudio.experiments.models import (
        Best,
        Experiment,
        GroupQuery,
        Run,
        RunColumns,
        RunFilter,
        RunGroups,
        RunQuery,
        RunValues,
        ValuesQuery,
    )


@dataclass(frozen=True)
class Wanted:
    """A question about runs, read: who asks and from where on."""

    query: RunQuery
    at: int = 0
    favourites: Collection[str] | None = None
    """Ids of the user's favourites, when only they are wanted."""


@dataclass
class Found:
    """Some of the runs that match, in order."""

    runs: list[Run]
    total: int
    exact: bool = True
    best: dict[str, Best] = field(default_factory=dict)


class RunSource(Protocol):
    """What keeps runs: MLflow's own database beside us, or a tracking server elsewhere."""

    def find(self, wanted: Wanted) -> Found:
        """Return a window of the runs that match, exactly as MLflow orders them."""

    def ids(self, query: RunFilter, favourites: Collection[str] | None, limit: int) -> list[str]:
        """Return the ids of runs that match, newest first."""

    def get(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the runs of those ids that exist, in the order asked for."""

    def experiments(self, lifecycle: str) -> list[Experiment]:
        """Return experiments, the one that was last at work first."""

    def columns(self, experiments: Sequence[str]) -> RunColumns:
        """Return what runs have."""

    def values(self, query: ValuesQuery) -> RunValues:
        """Return values of a key."""

    def groups(self, query: GroupQuery, favourites: Collection[str] | None) -> RunGroups:
        """Return runs in groups."""

    def close(self) -> None:
        """Close connections."""
