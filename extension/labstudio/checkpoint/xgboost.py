"""Checkpoints of XGBoost: the booster, after some rounds.

>>> from labstudio.checkpoint import xgboost as saved
>>> booster, done = saved.resume()  # doctest: +SKIP
>>> booster = xgboost.train(  # doctest: +SKIP
...     parameters, data, 500 - done, xgb_model=booster, callbacks=[saved.callback()]
... )
"""

from __future__ import annotations

from typing import Any

from labstudio.checkpoint import KEPT, Preempted, latest, preempted, save

FILE = "model.ubj"


def callback(every: int = 10, keep: int = KEPT) -> Any:
    """Return a callback that saves after so many rounds, and ends when the compute is taken away.

    Parameters
    ----------
    every
        Save after so many rounds.
    keep
        How many checkpoints stay.
    """
    from xgboost.callback import TrainingCallback

    class Saving(TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            done, ending = model.num_boosted_rounds(), preempted()
            if ending or done % every == 0:
                save(done, lambda folder: model.save_model(folder / FILE), keep=keep)
            if ending:
                raise Preempted
            return False

    return Saving()


def resume() -> tuple[Any, int]:
    """Return the booster of the newest whole checkpoint and its rounds; None and 0 without one."""
    found = latest()
    if found is None:
        return None, 0
    from xgboost import Booster

    return Booster(model_file=found.path / FILE), found.step
