"""Checkpoints of code that may be cut off: saved whole or not at all, found again by who goes on.

In a job, checkpoints lie in the job's checkpoint folder, which the next attempt finds again. When
the job's compute is taken away there is a moment's notice: a loop over `steps` then saves and ends
by itself. Outside of labstudio the same code keeps its checkpoints in ``checkpoints`` of the
working folder, or where `use` says.

>>> from labstudio import checkpoint
>>> state = checkpoint.load({"total": 0})
>>> for number in checkpoint.steps(range(1000), state, every=100):  # doctest: +SKIP
...     state["total"] += number

Helpers for PyTorch, Keras, XGBoost and LightGBM are in `labstudio.checkpoint.torch`,
`.keras`, `.xgboost` and `.lightgbm`. Importing this loads the standard library only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from labstudio.checkpoint import notice, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Preempted", "Saved", "folder", "latest", "load", "preempted", "save", "steps", "use"]

Item = TypeVar("Item")

VARIABLE = "LABSTUDIO_CHECKPOINT_DIR"
ELSEWHERE = "checkpoints"
STATE = "state.pkl"
KEPT = 2

_chosen: list[Path] = []


class Preempted(SystemExit):
    """The compute is being taken away, and what was to be saved is saved: the code ends here."""

    def __init__(self) -> None:
        super().__init__(143)  # as of a process that SIGTERM ended

    def __str__(self) -> str:
        return "The compute is being taken away; the job goes on from its checkpoint."


class Saved(NamedTuple):
    """A whole checkpoint."""

    step: int
    path: Path


def use(path: str | os.PathLike[str]) -> Path:
    """Keep checkpoints in a folder of your own from now on."""
    _chosen[:] = [Path(path)]
    return folder()


def folder() -> Path:
    """Return the folder that checkpoints are kept in; it is made when it is missing."""
    if _chosen:
        found = _chosen[0]
    elif named := os.environ.get(VARIABLE):
        found = Path(named)
    else:
        found = Path(ELSEWHERE)
    found.mkdir(parents=True, exist_ok=True)
    return found


def latest() -> Saved | None:
    """Return the newest whole checkpoint; None where there is none."""
    found = whole.newest(folder())
    return None if found is None else Saved(whole.step_of(found), found)


def save(step: int, content: Any, *, keep: int = KEPT) -> Saved:
    """Save a checkpoint: it appears under its name when it is whole, and not before.

    Parameters
    ----------
    step
        How far the work is: the number of steps done. Saving the same step again replaces it.
    content
        What to save: any object that can be pickled; or a function that is given an empty folder
        and writes what it likes into it.
    keep
        How many checkpoints stay; older ones are removed once this one is whole.
    """

    def write(path: Path) -> None:
        if callable(content):
            content(path)
        else:
            _pickle(content, path / STATE)

    if step < 0 or keep < 1:
        raise ValueError("A step is 0 or more, and at least one checkpoint is kept.")
    made = whole.write(folder(), step, write)
    whole.forget(folder(), keep)
    return Saved(step, made)


def load(default: Any = None) -> Any:
    """Return the object of the newest whole checkpoint, or the default where there is none."""
    found = latest()
    if found is None or not (found.path / STATE).exists():
        return default
    import pickle

    with (found.path / STATE).open("rb") as file:
        return pickle.load(file)  # noqa: S301  written by this same code


def preempted() -> bool:
    """Say whether the compute is being taken away: save what is to be saved, and end."""
    return notice.given(folder())


def steps(
    items: Iterable[Item],
    state: Any | Callable[[Path], object],
    *,
    every: int = 1,
    keep: int = KEPT,
) -> Iterator[Item]:
    """Loop over items, saving as it goes; go on where the newest whole checkpoint was saved.

    Parameters
    ----------
    items
        What to loop over: the same in the same order each time, for those done are passed over.
    state
        What is saved, as for `save`. An object must be changed in place, not replaced; bring it
        back by `load` before the loop.
    every
        Save after so many items. Also saved: after the last one, and when the compute is taken
        away.
    keep
        How many checkpoints stay.

    Raises
    ------
    Preempted
        After a save, when the compute is being taken away.
    """
    begun = latest()
    done, saved = 0, begun.step if begun else 0
    for item in items:
        done += 1
        if done <= saved:
            continue
        yield item
        ending = preempted()
        if ending or done - saved >= every:
            save(done, state, keep=keep)
            saved = done
        if ending:
            raise Preempted
    if done > saved:
        save(done, state, keep=keep)


def _pickle(content: Any, path: Path) -> None:
    try:
        # It also takes what a notebook defined.
        import cloudpickle as pickle
    except ImportError:
        import pickle
    with path.open("wb") as file:
        pickle.dump(content, file)
