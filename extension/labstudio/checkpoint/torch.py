"""Checkpoints of PyTorch: modules, optimizers and whatever else has a state dict.

>>> from labstudio import checkpoint
>>> from labstudio.checkpoint import torch as saved
>>> parts = {"model": model, "optimizer": optimizer}  # doctest: +SKIP
>>> saved.restore(**parts)  # doctest: +SKIP
>>> for epoch in checkpoint.steps(range(90), saved.saver(**parts)):  # doctest: +SKIP
...     train_one(model, optimizer)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio.checkpoint import latest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "state.pt"
RANDOM, CUDA = "random", "cuda"


def saver(**parts: Any) -> Callable[[Path], None]:
    """Return what `checkpoint.steps` and `checkpoint.save` take: it saves parts and randomness.

    Parameters
    ----------
    **parts
        Modules, optimizers, schedulers, scalers: what has ``state_dict`` and ``load_state_dict``.
    """
    if RANDOM in parts or CUDA in parts:
        raise ValueError(f"A part cannot be called {RANDOM!r} or {CUDA!r}.")

    def write(folder: Path) -> None:
        import torch

        state = {name: part.state_dict() for name, part in parts.items()}
        state[RANDOM] = torch.get_rng_state()
        if torch.cuda.is_available():
            state[CUDA] = torch.cuda.get_rng_state_all()
        torch.save(state, folder / FILE)

    return write


def restore(map_location: Any = "cpu", **parts: Any) -> int:
    """Bring the newest whole checkpoint into the parts; return its step, 0 where there is none.

    Parameters
    ----------
    map_location
        Where tensors are read to; ``load_state_dict`` then copies them to where each part is.
    **parts
        As given to `saver`.
    """
    import torch

    found = latest()
    if found is None:
        return 0
    state = torch.load(found.path / FILE, map_location=map_location, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    torch.set_rng_state(state[RANDOM])
    if CUDA in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state[CUDA])
    return found.step
