"""Curves: thinned without losing what matters, over steps, time or a metric, and as bands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labstudio._studio import Studio
from labstudio.errors import InvalidInput
from labstudio.experiments.bands import band, grouped
from labstudio.experiments.curve_models import Curve, CurvesQuery
from labstudio.experiments.downsample import keep
from labstudio.experiments.wire import Metric

ANY = st.floats(width=32) | st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0])


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY, max_size=400), st.integers(5, 60))
def test_extremes_ends_and_order_are_kept(values: list[float], limit: int) -> None:
    array = np.array(values, dtype=float)
    kept = keep(array, limit)
    assert len(kept) <= limit
    assert (np.diff(kept) > 0).all()
    if len(array):
        assert (kept[0], kept[-1]) == (0, len(array) - 1)
    finite = array[np.isfinite(array)]
    shown = array[kept]
    if len(finite):
        assert finite.min() in shown
        assert finite.max() in shown
    if len(finite) < len(array):
        assert not np.isfinite(shown).all()
    if len(array) <= limit:
        assert len(kept) == len(array)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80), min_size=1, max_size=5),
    st.integers(4, 40),
)
def test_a_band_holds_every_curve(values: list[list[float]], points: int) -> None:
    curves = [(np.arange(len(each)), np.array(each)) for each in values]
    edges = band(curves, points, "range")
    assert len(edges.x) <= points
    assert (np.diff(edges.x) > 0).all()
    assert edges.low.min() == min(min(each) for each in values)
    assert edges.high.max() == max(max(each) for each in values)
    assert (edges.low <= edges.high).all()
    assert edges.runs.max() == len(values)


def test_runs_that_differ_in_the_seed_alone_are_one_group() -> None:
    params = {
        "a": {"depth": "3", "seed": "1", "lr": "0.1"},
        "b": {"depth": "3", "seed": "2", "lr": "0.1"},
        "c": {"depth": "5", "seed": "1", "lr": "0.1"},
    }
    assert grouped(params, ["seed"]) == [({"depth": "3"}, ["a", "b"]), ({"depth": "5"}, ["c"])]


BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def runs(tracked: Studio) -> list[str]:
    """Two runs with a spike, a hole, two values at one step, and an epoch."""
    experiment = tracked.tracking.ensure_experiment("curves")
    made = []
    for seed in (1, 2):
        run = tracked.tracking.create_run(experiment, f"seed {seed}", start_time=BEGUN)
        tracked.tracking.log_params(run, {"seed": seed, "depth": 3})
        values = [float(step % 7 + seed) for step in range(3000)]
        values[1234] = 1e6
        values[2000:2003] = [float("nan"), float("inf"), float("-inf")]
        logged = [
            Metric("loss", value, BEGUN + timedelta(seconds=step), step)
            for step, value in enumerate(values)
        ]
        logged.append(Metric("loss", -5.0, BEGUN + timedelta(seconds=2999.5), 2999))
        logged += [
            Metric("epoch", float(step // 100), BEGUN + timedelta(seconds=step), step)
            for step in range(0, 3000, 100)
        ]
        tracked.tracking.log_batch(run, logged)
        made.append(run)
    return made


def ask(studio: Studio, **query: object) -> list[Curve]:
    return studio.runs.curves(CurvesQuery.model_validate({"metric": ["loss"], **query})).series


def test_a_curve_is_whole_thinned_or_a_window(tracked: Studio, runs: list[str]) -> None:
    whole, _ = ask(tracked, run=runs, points=20_000)
    assert (whole.run_id, whole.total, len(whole.x)) == (runs[0], 3001, 3001)
    # Both values of the last step, in the order in which they were logged.
    assert (whole.x[-2:], whole.y[-2:]) == ([2999, 2999], [2999 % 7 + 1, -5])
    assert (whole.nan, whole.inf, whole.neg_inf) == ([2000], [2001], [2002])
    thin, other = ask(tracked, run=runs, points=100)
    assert thin.total == 3001
    assert len(thin.x) <= 100
    assert 1e6 in thin.y
    assert thin.y[thin.x.index(1234)] == 1e6
    assert min(each for each in other.y if each is not None) == -5.0
    assert any(each is None for each in thin.y)
    part, _ = ask(tracked, run=runs, **{"from": 100, "to": 199.5})
    assert (part.x[0], part.x[-1], part.total) == (100, 199, 100)


def test_x_is_time_or_a_metric(tracked: Studio, runs: list[str]) -> None:
    (timed,) = ask(tracked, run=runs[:1], x="time", points=20_000, to=10)
    assert timed.x == [float(second) for second in range(11)]
    (by_epoch,) = ask(tracked, run=runs[:1], x="metrics.epoch", points=20_000)
    assert (by_epoch.x[0], by_epoch.x[150], by_epoch.x[-1]) == (0, 1, 29)
    with pytest.raises(InvalidInput, match="x should be"):
        ask(tracked, run=runs, x="wall")


def test_seeds_are_drawn_as_one_band(tracked: Studio, runs: list[str]) -> None:
    query = CurvesQuery(run=runs, metric=["loss"], points=50, group=["seed"])
    told = tracked.runs.curves(query)
    assert told.series == []
    (band,) = told.bands
    assert (set(band.runs), band.group) == (set(runs), {})
    assert len(band.x) <= 50
    assert max(each for each in band.high if each is not None) == 1e6
    assert set(band.count) == {2}
