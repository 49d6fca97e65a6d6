"""labstudio: JupyterLab as an ML studio.

>>> import labstudio
>>> studio = labstudio.studio()
>>> job = studio.jobs.submit("train.ipynb", parameters={"depth": 3})  # doctest: +SKIP
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from labstudio._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from labstudio._studio import Studio

__all__ = ["__version__", "load_ipython_extension", "log_predictions", "studio"]

_opened: dict[Path, Studio] = {}


def studio(home: str | Path | None = None, **settings: Any) -> Studio:
    """Open a studio.

    Parameters
    ----------
    home
        Its folder; that of ``LABSTUDIO_HOME``, or the default one, when left out.
    **settings
        Traits of `labstudio.config.StudioConfig` that override file and environment.

    Returns
    -------
    Studio
        The same object for the same home, unless settings are given. In a job or kernel on a
        compute elsewhere, where ``LABSTUDIO_URL`` and ``LABSTUDIO_TOKEN`` are set and no home is
        named: a `labstudio.gateway.remote.RemoteStudio`, the studio that it belongs to.
    """
    if home is None and not settings and not os.environ.get("LABSTUDIO_HOME"):
        url, token = os.environ.get("LABSTUDIO_URL"), os.environ.get("LABSTUDIO_TOKEN")
        if url and token:
            from labstudio.gateway.remote import RemoteStudio

            # It has the verbs of jobs and computes; nothing else is reached from there.
            return cast("Studio", RemoteStudio(url, token))
    from labstudio._studio import Studio

    fresh = Studio(home, **settings)
    return fresh if settings else _opened.setdefault(fresh.home.path, fresh)


def log_predictions(
    y_true: Any,
    y_pred: Any = None,
    y_score: Any = None,
    run_id: str | None = None,
    *,
    classes: Sequence[Any] | None = None,
) -> None:
    """Keep what a model predicted; see `labstudio.experiments.predictions.log_predictions`."""
    from labstudio.experiments import predictions

    predictions.log_predictions(y_true, y_pred, y_score, run_id, classes=classes)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics and begin to record runs: ``%load_ext labstudio``."""
    from labstudio.capture.extension import load
    from labstudio.magics import register

    register(shell)
    load(shell)
