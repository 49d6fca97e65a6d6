"""What ten metrics a step cost a training loop, against the same loop without them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from labstudio._studio import Studio
from tests.benchmarks.measure import Result, compare

STEPS = 20
ROUNDS = 51
BOUND = 1.02
METRICS = 10


def logged(studio: Studio) -> list[Result]:
    """Measure `run.log`, and MLflow's own `log_metric`, ten calls a step."""
    os.environ["LABSTUDIO_HOME"] = str(studio.home.path)
    train = trainer()
    results = []
    with studio.run("logging cost") as run:
        import mlflow

        names = [f"metric_{number}" for number in range(METRICS)]

        def by_run(step: int, value: float) -> None:
            run.log(step=step, **dict.fromkeys(names, value))

        def by_mlflow(step: int, value: float) -> None:
            for name in names:
                mlflow.log_metric(name, value, step=step)

        for name, what, log in (
            ("log_run", "A training loop that logs 10 metrics a step, `run.log`", by_run),
            ("log_mlflow", "The same, 10 calls of `mlflow.log_metric`", by_mlflow),
        ):
            results.append(
                compare(
                    name,
                    what,
                    "the loop without logging",
                    ours=lambda log=log: loop(train, log),  # type: ignore[misc]
                    theirs=lambda: loop(train, lambda _step, _value: None),
                    bound=BOUND,
                    rounds=ROUNDS,
                )
            )
    return results


def trainer() -> Callable[[], float]:
    """Return one step of training, of some milliseconds, that gives its loss."""
    import numpy as np
    from sklearn.linear_model import SGDClassifier

    random = np.random.default_rng(0)
    x = random.normal(size=(3000, 40))
    y = (x[:, 0] + random.normal(size=3000) > 0).astype(int)
    model: Any = SGDClassifier(loss="log_loss", random_state=0)

    def step() -> float:
        model.partial_fit(x, y, classes=[0, 1])
        return float(np.abs(model.coef_).mean())

    return step


def loop(train: Callable[[], float], log: Callable[[int, float], None]) -> float:
    """Train, log each step, and return the seconds it took."""
    began = time.perf_counter()
    for step in range(STEPS):
        log(step, train())
    return time.perf_counter() - began
