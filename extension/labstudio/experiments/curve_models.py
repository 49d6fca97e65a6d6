"""The nouns of metric curves."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from labstudio.inputs import Input

MOST_RUNS = 500
MOST_METRICS = 100

Spread = Literal["range", "quantiles", "deviation"]


class CurvesQuery(Input):
    """Which curves, and how they are to be drawn."""

    run: list[str] = Field(min_length=1, max_length=MOST_RUNS)
    metric: list[str] = Field(min_length=1, max_length=MOST_METRICS)
    points: int = Field(1000, ge=5, le=20_000, description="Of one curve, at most.")
    x: str = Field(
        "step",
        max_length=260,
        description="`step`, `time` (seconds since the run began), or a metric such as "
        "`metrics.epoch`, whose value at the same step is used.",
    )
    from_: float | None = Field(None, alias="from", description="Leave out what lies before.")
    to: float | None = Field(None, description="Leave out what lies after.")
    group: list[str] = Field(
        default_factory=list,
        description="Parameters that may differ, such as `seed`: runs that agree in all others "
        "are drawn as one band. None: a curve for each run.",
    )
    spread: Spread = Field(
        "range",
        description="What a band spans: lowest to highest, the quartiles, or one standard "
        "deviation about the mean.",
    )


class Curve(BaseModel):
    """One metric of one run, thinned; extremes are kept."""

    run_id: str
    metric: str
    x: list[float]
    y: list[float | None] = Field(description="None where the value is not finite.")
    nan: list[int] = Field(description="Places in `y` where NaN was logged.")
    inf: list[int] = Field(description="Places in `y` where positive infinity was logged.")
    neg_inf: list[int] = Field(description="Places in `y` where negative infinity was logged.")
    total: int = Field(description="Values in the window, before thinning.")


class Band(BaseModel):
    """One metric over runs that differ only in the parameters named, such as the seed."""

    metric: str
    group: dict[str, str] = Field(description="Parameters that tell this band from the others.")
    runs: list[str]
    x: list[float]
    mid: list[float | None] = Field(description="The mean; the median with `quantiles`.")
    low: list[float | None]
    high: list[float | None]
    count: list[int] = Field(description="Runs that have a value there.")


class Curves(BaseModel):
    """What was asked for, in the order of runs, then of metrics."""

    x: str
    series: list[Curve]
    bands: list[Band]
