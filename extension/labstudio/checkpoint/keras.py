"""Checkpoints of Keras: the whole model with its optimizer, after each epoch.

>>> from labstudio.checkpoint import keras as saved
>>> model, done = saved.resume(build)  # doctest: +SKIP
>>> model.fit(x, y, epochs=20, initial_epoch=done, callbacks=[saved.callback()])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio.checkpoint import KEPT, Preempted, latest, preempted, save

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "model.keras"


def callback(every: int = 1, keep: int = KEPT) -> Any:
    """Return a callback that saves after so many epochs, and ends when the compute is taken away.

    Parameters
    ----------
    every
        Save after so many epochs.
    keep
        How many checkpoints stay.
    """
    from keras.callbacks import Callback

    class Saving(Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            ending = preempted()
            if ending or (epoch + 1) % every == 0:
                save(epoch + 1, lambda folder: self.model.save(folder / FILE), keep=keep)
            if ending:
                raise Preempted

    return Saving()


def resume(build: Callable[[], Any]) -> tuple[Any, int]:
    """Return the model of the newest whole checkpoint and its epochs, or a new one and 0.

    Parameters
    ----------
    build
        Makes a new model, compiled.
    """
    found = latest()
    if found is None:
        return build(), 0
    from keras.models import load_model

    return load_model(found.path / FILE), found.step
