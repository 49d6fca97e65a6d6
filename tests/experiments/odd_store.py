"""Runs as they are found in real stores: odd values, missing keys, all scripts, deleted ones."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

METRICS = ("auc", "loss", "odd name", "val/ü", "acc.top-1")
PARAMS = ("model", "depth", "my param", "λ", "path/to")
TAGS = ("team", "labstudio.workspace", "odd tag", "empty")
NUMBERS = (0.0, -0.0, 0.5, 0.9, 0.9, 1.0, -1.5, 1e-9, 1e300, math.nan, math.inf, -math.inf)
TEXTS = (
    "xgb", "XGB", "xgb%", "x_b", "it's", 'a "quoted" one', "back`tick", "Ünïcode", "ünïcode",
    "日本語", "", " ", "3", "10", "None", "a\\b", "émile", "Zebra", "zebra", "100%", "_",
)  # fmt: skip
USERS = ("ann", "Bob", "", "zoë")
STATUSES = ("RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED")
DATASETS = (
    ("iris", "d1", "training"), ("iris", "d2", "eval"), ("Iris", "d3", None), ("it's", "d4", "Eval")
)  # fmt: skip


@dataclass
class Filled:
    """What was put into a store."""

    experiments: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)


def fill(store: SqlAlchemyStore, runs: int = 60, seed: int = 4) -> Filled:
    """Fill a store with odd runs in a few experiments, one of them deleted."""
    from mlflow.entities import ExperimentTag

    chance = random.Random(seed)
    made = Filled({"Default": "0"})
    for name in ("first", "sécond", "third's", "gone"):
        made.experiments[name] = store.create_experiment(
            name, f"mlflow-artifacts:/{len(made.experiments)}", [ExperimentTag("kind", name)]
        )
    for number in range(runs):
        experiment = chance.choice(list(made.experiments.values()))
        made.runs.append(add_run(store, experiment, number, chance))
    for run_id in chance.sample(made.runs, runs // 10):
        store.delete_run(run_id)
    store.delete_experiment(made.experiments["gone"])
    return made


def add_run(store: SqlAlchemyStore, experiment: str, number: int, chance: random.Random) -> str:
    """Add one run with some of everything."""
    from mlflow.entities import Metric, Param, RunStatus, RunTag

    start = 1_700_000_000_000 + chance.randrange(12) * 1000
    name = chance.choice(TEXTS).strip() or f"run {number}"
    run = store.create_run(experiment, chance.choice(USERS), start, [], name)
    run_id: str = run.info.run_id
    status = chance.choice(STATUSES)
    end = None if status in ("RUNNING", "SCHEDULED") else start + chance.randrange(5) * 60_000
    store.update_run_info(run_id, RunStatus.from_string(status), end, None)
    store.log_batch(
        run_id,
        [Metric(key, chance.choice(NUMBERS), start, 0) for key in some(METRICS, chance)],
        [Param(key, chance.choice(TEXTS)) for key in some(PARAMS, chance)],
        [RunTag(key, chance.choice(TEXTS)) for key in some(TAGS, chance)],
    )
    if chance.random() < 0.5:
        store.log_inputs(run_id, [data(*each) for each in some(DATASETS, chance)])
    return run_id


def some(values: Any, chance: random.Random) -> list[Any]:
    """Return some of the values."""
    return [each for each in values if chance.random() < 0.7]


def data(name: str, digest: str, context: str | None) -> Any:
    """Return a data set that a run has used."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    tags = [] if context is None else [InputTag(MLFLOW_DATASET_CONTEXT, context)]
    return DatasetInput(Dataset(name, digest, "local", '{"uri": "a.csv"}'), tags)
