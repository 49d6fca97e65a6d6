"""Checkpoints of LightGBM: the booster, after some rounds.

>>> from labstudio.checkpoint import lightgbm as saved
>>> booster, done = saved.resume()  # doctest: +SKIP
>>> booster = lightgbm.train(  # doctest: +SKIP
...     parameters, data, 500 - done, init_model=booster, callbacks=[saved.callback()]
... )
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio.checkpoint import KEPT, Preempted, latest, preempted, save

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "model.txt"


def callback(every: int = 10, keep: int = KEPT) -> Callable[[Any], None]:
    """Return a callback that saves after so many rounds, and ends when the compute is taken away.

    Parameters
    ----------
    every
        Save after so many rounds.
    keep
        How many checkpoints stay.
    """

    def saving(env: Any) -> None:
        done, ending = env.model.current_iteration(), preempted()
        if ending or done % every == 0:
            # All trees: the best so far are chosen when training ends.
            def write(folder: Any) -> None:
                env.model.save_model(folder / FILE, num_iteration=-1)

            save(done, write, keep=keep)
        if ending:
            raise Preempted

    return saving


def resume() -> tuple[Any, int]:
    """Return the booster of the newest whole checkpoint and its rounds; None and 0 without one."""
    found = latest()
    if found is None:
        return None, 0
    from lightgbm import Booster

    return Booster(model_file=found.path / FILE), found.step
