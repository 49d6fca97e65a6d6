"""The nouns of one run: its details, what may be changed of it, and how runs compare."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from labstudio.capture.models import Capsule
from labstudio.experiments.models import Run
from labstudio.inputs import Input

MOST_AT_ONCE = 100_000
MOST_COMPARED = 200

Tags = dict[str, str | None]


class RunLink(BaseModel):
    """Another run, as a run's page names it."""

    id: str
    name: str
    status: str


class MetricSummary(BaseModel):
    """What is known of one metric of a run without drawing it."""

    key: str
    count: int | None = Field(description="Values logged; None where they were not counted.")
    last: float | None = Field(description="None where it is not finite.")
    low: float | None = Field(description="The lowest finite value.")
    high: float | None = Field(description="The highest finite value.")
    step: int = Field(description="Of the last value.")


class DatasetUse(BaseModel):
    """A dataset that a run read."""

    name: str
    digest: str
    context: str | None = Field(description="What for, such as `training`.")
    source_type: str
    uri: str | None
    sha256: str | None = Field(description="Of the content, where it is known whole.")
    rows: int | None
    columns: int | None
    schema_: dict[str, Any] | None = Field(None, serialization_alias="schema")


class ModelVersionLink(BaseModel):
    """A registered model version."""

    model: str
    version: int


class RunModel(BaseModel):
    """A model that a run logged."""

    name: str
    path: str | None = Field(description="Among the run's artifacts, where it lies there.")
    model_id: str | None
    flavors: list[str]
    registered: list[ModelVersionLink]


class RunDetail(Run):
    """One run, whole."""

    git_commit: str | None
    datasets: list[DatasetUse]
    models: list[RunModel]
    capsule: Capsule | None = Field(
        description="What it ran in and on, as recorded when it began; None when nothing was."
    )
    metric_keys: list[MetricSummary]
    system_metric_keys: list[MetricSummary]
    parent: RunLink | None
    children: list[RunLink]


class EditRun(Input):
    """What to change of one run; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=250)
    note: str | None = Field(None, max_length=8000, description="Markdown; empty takes it away.")
    tags: Tags = Field(
        default_factory=dict, max_length=100, description="None takes a tag away; others stay."
    )


class EditRuns(Input):
    """What to change of many runs; what is left out stays."""

    ids: list[str] = Field(min_length=1, max_length=MOST_AT_ONCE)
    favourite: bool | None = Field(None, description="The asking user's own mark.")
    archived: bool | None = None
    deleted: bool | None = Field(None, description="False restores.")
    tags: Tags = Field(default_factory=dict, max_length=100)


class RunsEdited(BaseModel):
    """What was changed; the opposite edit of these ids undoes it."""

    changed: list[str] = Field(description="Runs that were not so before.")
    left: list[str] = Field(
        description="Runs that were not reached in time: send the same edit with these."
    )


class ComparedRun(BaseModel):
    """A run that is compared, in the order asked for."""

    id: str
    name: str
    status: str
    experiment: str
    started_at: datetime | None
    missing: list[str] = Field(description="One sentence for each thing that was not recorded.")


class CompareQuery(Input):
    """Which runs to compare; the first is the one the others' code is compared with."""

    run: list[str] = Field(min_length=1, max_length=MOST_COMPARED)


class ComparedValue(BaseModel):
    """One fact of each run; a run that does not have it is left out."""

    key: str
    values: dict[str, str | float | None]
    differs: bool


class ComparedMetric(BaseModel):
    """One metric of each run."""

    key: str
    values: dict[str, MetricSummary]
    differs: bool


class CodePart(BaseModel):
    """One file or notebook cell, as it changed."""

    name: str = Field(description="A path, or a cell's place such as `cell 3`.")
    change: Literal["added", "removed", "changed"]
    diff: str = Field(description="Unified, without the header lines.")


class CodeDiff(BaseModel):
    """A run's code beside the first run's."""

    run_id: str
    same: bool
    parts: list[CodePart]
    diff: str = Field(description="All parts as one unified diff.")
    message: str | None = Field(description="Why there is none, in one sentence.")


class Comparison(BaseModel):
    """Any number of runs side by side."""

    runs: list[ComparedRun]
    params: list[ComparedValue]
    metrics: list[ComparedMetric]
    tags: list[ComparedValue]
    environment: list[ComparedValue]
    data: list[ComparedValue]
    hardware: list[ComparedValue]
    code: list[CodeDiff]
