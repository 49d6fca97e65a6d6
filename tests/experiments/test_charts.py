"""Charts in a notebook: each is drawn of real runs, and holds what they hold."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

import labstudio.charts as charts
from labstudio._studio import Studio
from labstudio.charts.lines import smoothed, so_far
from labstudio.errors import InvalidInput
from labstudio.experiments.predictions import columns
from labstudio.experiments.wire import Metric


@pytest.fixture(scope="module")
def runs(tracked: Studio, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Twelve runs of two depths and six seeds; the first two logged predictions."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    experiment = tracked.tracking.ensure_experiment("charts")
    now, made = datetime.now(UTC), []
    for number in range(12):
        run = tracked.tracking.create_run(experiment, f"run {number}")
        params = {
            "depth": number % 2,
            "seed": number,
            "rate": number / 10,
            "kind": "ab"[number % 2],
        }
        tracked.tracking.log_params(run, params)
        loss = [Metric("loss", (number + 1) / (step + 1), now, step) for step in range(20)]
        tracked.tracking.log_batch(run, [*loss, Metric("auc", number / 12, now)])
        made.append(run)
    file = tmp_path_factory.mktemp("predictions") / "predictions.parquet"
    pq.write_table(pa.table(columns([0, 0, 1, 1], [0, 1, 1, 1], [0.1, 0.6, 0.7, 0.9], None)), file)
    for run in made[:2]:
        tracked.tracking.upload_artifact(run, "labstudio/predictions.parquet", file)
    return made


def drawn(figure: Any) -> dict[str, Any]:
    """What a browser is given."""
    content: dict[str, Any] = json.loads(figure.to_json())
    return content


def test_each_chart_is_drawn(tracked: Studio, runs: list[str]) -> None:
    for figure in (
        charts.curves(runs, "loss", smoothing=0.5, log_y=True, studio=tracked),
        charts.curves(runs, metric="loss", best=True, x="time", studio=tracked),
        charts.parallel(runs, metric="auc", params=["depth", "kind"], studio=tracked),
        charts.scatter(runs, x="params.rate", y="metrics.auc", studio=tracked),
        charts.contour(runs, x="rate", y="depth", metric="auc", studio=tracked),
        charts.importance(runs, metric="auc", studio=tracked),
        charts.roc(runs[:2], label="1", studio=tracked),
        charts.pr(runs[:2], studio=tracked),
        charts.confusion(runs[:2], studio=tracked),
    ):
        assert drawn(figure)["data"]
    curves = drawn(charts.curves(runs[:3], "loss", studio=tracked))["data"]
    assert [each["name"] for each in curves] == ["run 0", "run 1", "run 2"]
    assert curves[1]["y"][:2] == [2, 1]
    bands = drawn(charts.curves(runs, "auc", bands=True, studio=tracked))["data"]
    assert sum(each.get("fill") == "tonexty" for each in bands) == 12
    roc = drawn(charts.roc(runs[:2], studio=tracked))["data"]
    assert roc[1]["name"] == "run 0: 1.000"


def test_what_cannot_be_drawn_is_said(tracked: Studio, runs: list[str]) -> None:
    with pytest.raises(InvalidInput, match="log_predictions"):
        charts.roc(runs[5:], studio=tracked)
    with pytest.raises(InvalidInput, match="as numbers"):
        charts.contour(runs, "kind", "depth", "auc", studio=tracked)
    with pytest.raises(InvalidInput, match="At least 10 runs"):
        charts.importance(runs[:3], "auc", studio=tracked)


def test_frames_hold_what_runs_hold(tracked: Studio, runs: list[str]) -> None:
    frame = tracked.runs.curves_frame(runs[:2], "loss")
    assert len(frame) == 40
    assert frame[frame.run_id == runs[1]].y.tolist()[:2] == [2, 1]
    table = tracked.runs.compare_frame(runs)
    assert table.loc[runs[3], "params.rate"] == 0.3
    assert table.loc[runs[3], "params.kind"] == "b"
    assert table["metrics.auc"].max() == 11 / 12


def test_smoothing_keeps_a_level_and_best_keeps_the_best() -> None:
    assert smoothed([0, 1, 2], [3.0, 3.0, 3.0], 0.9) == pytest.approx([3, 3, 3])
    # As the frontend draws it: runs.test.ts has the same figure.
    assert smoothed([0, 100, 200], [0.0, 0.0, 1.0], 0.5)[2] == pytest.approx(4 / 7)
    values = [5.0, math.nan, 3.0, 4.0]
    assert so_far(values, lower=True) == [5, 5, 3, 3]
    assert so_far(values, lower=False) == [5, 5, 5, 5]
