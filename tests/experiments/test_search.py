"""Runs are found as MLflow finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from labstudio.errors import InvalidInput
from labstudio.experiments.models import Lifecycle

if TYPE_CHECKING:
    from filled_home import FilledHome

    from labstudio._studio import Studio


def mlflow_ids(oracle: Any, experiments: list[str], text: str, order: list[str]) -> list[str]:
    from mlflow.entities import ViewType

    found = oracle.search_runs(experiments, text, ViewType.ACTIVE_ONLY, 1000, order)
    return [run.info.run_id for run in found]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", []),
        ("metrics.auc > 0.5", ["metrics.auc DESC"]),
        ("params.model LIKE 'x%'", ["params.depth ASC", "metrics.loss DESC"]),
        ("attributes.run_name ILIKE '%xgb%' AND datasets.name = 'iris'", ["start_time ASC"]),
    ],
)
def test_the_same_runs_in_the_same_order(
    reading: Studio, filled: FilledHome, text: str, order: list[str]
) -> None:
    ids = [number for name, number in filled.made.experiments.items() if name != "gone"]
    page = reading.runs.search(text, order_by=order, limit=1000)
    assert [run.id for run in page.items] == mlflow_ids(filled.oracle, ids, text, order)
    assert page.total == len(page.items)


def test_a_wrong_filter_is_told_in_one_sentence(reading: Studio) -> None:
    with pytest.raises(InvalidInput, match="filter is not understood") as wrong:
        reading.runs.search("metrics.auc >")
    assert wrong.value.details["field"] == "filter"


def test_what_runs_have(reading: Studio) -> None:
    columns = reading.runs.columns()
    assert {each.key for each in columns.params} >= {"model", "my param", "λ"}
    deleted = reading.runs.search(lifecycle=Lifecycle.deleted)
    assert deleted.total
    assert {run.lifecycle for run in deleted.items} == {"deleted"}
