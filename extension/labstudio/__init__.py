"""labstudio: JupyterLab as an ML studio.

>>> import labstudio
>>> studio = labstudio.studio()
>>> job = studio.jobs.submit("train.ipynb", parameters={"depth": 3})  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio._version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from labstudio._studio import Studio

__all__ = ["__version__", "load_ipython_extension", "studio"]

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
        The same object for the same home, unless settings are given.
    """
    from labstudio._studio import Studio

    fresh = Studio(home, **settings)
    return fresh if settings else _opened.setdefault(fresh.home.path, fresh)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics: ``%load_ext labstudio``."""
    from labstudio.magics import register

    register(shell)
