"""The nouns of what is computed over runs: predictions' curves, and parameters' importance."""

from __future__ import annotations

from pydantic import BaseModel, Field

from labstudio.experiments.run_models import MOST_COMPARED
from labstudio.inputs import Input


class PredictionsQuery(Input):
    """Whose predictions."""

    run: list[str] = Field(min_length=1, max_length=MOST_COMPARED)


class RocCurve(BaseModel):
    """True against false positives, over thresholds."""

    label: str = Field(description="The class that counts as positive.")
    false_positive_rate: list[float]
    true_positive_rate: list[float]
    thresholds: list[float | None] = Field(description="None: above every score.")
    auc: float


class PrCurve(BaseModel):
    """Precision against recall, over thresholds."""

    label: str = Field(description="The class that counts as positive.")
    recall: list[float]
    precision: list[float]
    thresholds: list[float | None] = Field(description="None: where nothing is called positive.")
    average_precision: float


class Confusion(BaseModel):
    """How often each class was taken for each."""

    labels: list[str]
    counts: list[list[int]] = Field(description="Rows are what is true, columns what was said.")


class RunPredictions(BaseModel):
    """What one run's predictions show."""

    run_id: str
    name: str
    rows: int
    roc: list[RocCurve] = Field(description="One, or one for each class of more than two.")
    pr: list[PrCurve]
    confusion: Confusion | None
    message: str | None = Field(description="Why something is missing, in one sentence.")


class Predictions(BaseModel):
    """The predictions of runs, in the order asked for."""

    items: list[RunPredictions]


class ImportanceQuery(Input):
    """Over which runs the parameters are weighed, and by which metric."""

    metric: str = Field(min_length=1, max_length=250)
    experiment: list[str] = Field(default_factory=list, description="Ids; all when left out.")
    filter: str = Field("", max_length=10_000, description="In MLflow's filter language.")
    run: list[str] = Field(default_factory=list, max_length=20_000, description="These runs only.")


class ParamImportance(BaseModel):
    """How much a parameter tells of the metric."""

    param: str
    importance: float = Field(description="Share, 0 to 1; all parameters' make 1.")
    correlation: float | None = Field(
        description="Spearman's, -1 to 1; None for a parameter that is no number."
    )


class Importance(BaseModel):
    """Parameters by importance, the greatest first."""

    metric: str
    items: list[ParamImportance]
    runs: int = Field(description="Runs with this metric that were looked at.")
    score: float | None = Field(
        description="How much of the metric's variance the forest explains for runs that it was "
        "not shown; near 0 or below, the importances say little."
    )
    message: str | None = Field(description="Why there is nothing to say, in one sentence.")
