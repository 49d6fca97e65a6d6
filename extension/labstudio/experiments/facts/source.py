"""What every place that keeps runs can tell of them, beyond a row of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labstudio.experiments.run_models import DatasetUse, MetricSummary, RunLink

# MLflow keeps an infinity as the largest number there is.
LARGEST = 1.7976931348623157e308


class History(NamedTuple):
    """Every value of one metric of one run, by step, then in the order they were logged in."""

    step: NDArray[Any]
    at_ms: NDArray[Any]
    """Milliseconds since the epoch."""
    value: NDArray[Any]
    """NaN and infinities as they were logged."""


Histories = dict[tuple[str, str], History]


class LoggedModel(NamedTuple):
    """A model that a run logged."""

    name: str
    """Also of its folder among the run's artifacts."""
    model_id: str | None
    location: str | None
    """Where its artifacts lie; None: among the run's own."""
    flavors: tuple[str, ...] = ()


class RunFacts(Protocol):
    """MLflow's own database beside us, or a tracking server elsewhere."""

    elsewhere: bool
    """Whether another tracking server than the studio's own serves the artifacts."""

    def histories(
        self,
        run_ids: Sequence[str],
        metrics: Sequence[str],
        first: int | None = None,
        last: int | None = None,
    ) -> Histories:
        """Return metrics' values by run and metric, from one step to another, both included."""

    def summaries(self, run_ids: Sequence[str]) -> dict[str, list[MetricSummary]]:
        """Return what is known of each run's metrics, by name."""

    def own_tags(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return each run's tags that MLflow keeps for itself (``mlflow.``)."""

    def datasets(self, run_ids: Sequence[str]) -> dict[str, list[DatasetUse]]:
        """Return the data that each run read."""

    def models(self, run_id: str) -> list[LoggedModel]:
        """Return the models that a run logged."""

    def versions(self, run_id: str) -> Mapping[str, list[tuple[str, int]]]:
        """Return the registered versions that were made of a run, by the model's name or id."""

    def children(self, run_id: str) -> list[RunLink]:
        """Return the runs nested in a run, oldest first."""
