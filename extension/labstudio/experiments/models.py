"""The nouns of experiments: runs as they are found, listed, grouped and chosen from.

What one run holds beyond a row of the table is in the models of its own modules.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from labstudio.inputs import Input

FILTER_LIMIT = 10_000
KEY_LIMIT = 300
PAGE_LIMIT = 1000
SPARK_LIMIT = 8

Key = Annotated[str, Field(min_length=1, max_length=KEY_LIMIT)]
RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]


class Lifecycle(StrEnum):
    """Which runs are looked at."""

    active = "active"
    archived = "archived"
    deleted = "deleted"
    all = "all"


class Experiment(BaseModel):
    """What runs are gathered under."""

    id: str
    name: str
    lifecycle: Literal["active", "deleted"]
    runs: int | None = Field(description="Runs that are not deleted; null: not counted.")
    created_at: datetime | None
    updated_at: datetime | None = Field(description="When a run of it last began or ended.")
    tags: dict[str, str] = Field(default_factory=dict)
    favourite: bool = Field(False, description="The asking user's own mark.")


class UpdateExperiment(Input):
    """What to change of an experiment; what is left out stays."""

    favourite: bool | None = Field(None, description="The asking user's own mark.")


class ExperimentPage(BaseModel):
    """All experiments, the one that was last at work first."""

    items: list[Experiment]


class ListExperiments(Input):
    """Which experiments."""

    lifecycle: Literal["active", "deleted", "all"] = "active"


class RunFilter(Input):
    """What runs must be like, to be found."""

    filter: str = Field(
        "",
        max_length=FILTER_LIMIT,
        description="MLflow's filter language: `metrics.auc > 0.9 AND params.model = 'xgb'`.",
    )
    text: str = Field(
        "", max_length=500, description="What name, id, parameters or note must contain, all words."
    )
    experiment: list[str] = Field(
        default_factory=list, description="Ids of experiments; none: all that are not deleted."
    )
    lifecycle: Lifecycle = Lifecycle.active
    favourite: bool = Field(False, description="Only the user's favourites.")


class RunQuery(RunFilter):
    """Which runs, in which order, and what of them."""

    order_by: list[str] = Field(
        default_factory=list,
        max_length=8,
        description="MLflow's order, such as `metrics.auc DESC`; what is equal goes by start time, "
        "newest first, and id.",
    )
    at: int = Field(0, ge=0, description="How many to skip.")
    limit: int = Field(100, ge=1, le=PAGE_LIMIT)
    cursor: str | None = Field(None, description="`next_cursor` of the page before; wins over at.")
    column: list[Key] = Field(
        default_factory=list,
        max_length=200,
        description="What to give of each run, such as `metrics.auc`, `params.depth`, "
        "`tags.team`; a kind alone, such as `tags`: all of it; none: everything.",
    )
    spark: list[Key] = Field(
        default_factory=list,
        max_length=SPARK_LIMIT,
        description="Metrics whose course is wanted, a few dozen values each.",
    )
    best: list[Key] = Field(
        default_factory=list,
        max_length=50,
        description="Metrics whose highest and lowest run among all that are found is wanted.",
    )


class Run(BaseModel):
    """A run, as a row of the table shows it."""

    id: str
    name: str
    experiment_id: str
    experiment: str
    status: RunStatus
    lifecycle: Literal["active", "deleted"]
    user: str | None
    started_at: datetime | None
    ended_at: datetime | None
    duration_s: float | None = Field(description="Until now, while it runs.")
    params: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, float | None] = Field(
        default_factory=dict,
        description="The last value of each; null: not a number. MLflow keeps an infinity as the "
        "largest number there is.",
    )
    tags: dict[str, str] = Field(default_factory=dict, description="Without MLflow's own.")
    note: str | None = None
    favourite: bool = False
    archived: bool = False
    job_id: str | None = None
    parent_run_id: str | None = None
    notebook: str | None = None
    workspace: str | None = None
    source: str | None = Field(None, description="The file or notebook that MLflow names.")
    artifact_uri: str | None = None
    spark: dict[str, list[float | None]] = Field(default_factory=dict)


class Best(BaseModel):
    """Which runs have a metric's extremes."""

    max: str | None = Field(description="Id of the run with the highest value.")
    max_value: float | None
    min: str | None
    min_value: float | None


class RunPage(BaseModel):
    """Some of the runs that were found."""

    items: list[Run]
    total: int = Field(description="Runs found in all.")
    total_exact: bool = Field(True, description="False: there are at least so many.")
    at: int = Field(description="How many come before.")
    next_cursor: str | None = None
    best: dict[str, Best] = Field(default_factory=dict)


class ColumnKey(BaseModel):
    """A parameter, metric or tag that runs have."""

    key: str
    count: int = Field(description="Runs that have it.")


class RunColumns(BaseModel):
    """What the runs of some experiments have."""

    attributes: list[str] = Field(description="Attributes that can be filtered and ordered by.")
    params: list[ColumnKey]
    metrics: list[ColumnKey]
    tags: list[ColumnKey]
    datasets: list[str] = Field(
        default_factory=list, description="What of a run's data can be filtered by."
    )
    runs: int = Field(description="Runs that were looked at.")


class ColumnsQuery(Input):
    """Whose columns."""

    experiment: list[str] = Field(default_factory=list)


class ValuesQuery(Input):
    """Which values."""

    key: Key = Field(description="As in a filter: `params.model`, `tags.team`, `status`.")
    prefix: str = Field("", max_length=500)
    experiment: list[str] = Field(default_factory=list)
    limit: int = Field(50, ge=1, le=1000)


class RunValues(BaseModel):
    """Values that a key has, the most frequent first."""

    items: list[str]


class GroupQuery(RunFilter):
    """How to group."""

    by: Key = Field(description="`params.model`, `tags.team`, `experiment`, or an attribute.")
    metric: list[Key] = Field(default_factory=list, max_length=20)
    limit: int = Field(200, ge=1, le=PAGE_LIMIT)


class MetricRange(BaseModel):
    """What a metric is among the runs of a group; a value that is not a number is left out."""

    min: float | None
    max: float | None
    mean: float | None
    count: int


class RunGroup(BaseModel):
    """Runs that have one value in common."""

    key: str
    value: str | None = Field(description="Null: they have none.")
    label: str
    count: int
    filter: str | None = Field(
        description="MLflow's filter that finds them; null where its language cannot say it."
    )
    experiment: str | None = Field(None, description="Its id, when grouped by experiment.")
    metrics: dict[str, MetricRange] = Field(default_factory=dict)


class RunGroups(BaseModel):
    """Groups, the largest first."""

    items: list[RunGroup]
    total: int = Field(description="Groups in all.")
