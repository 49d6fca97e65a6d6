"""The studio's magics: ``%load_ext labstudio``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["register"]


def register(shell: InteractiveShell) -> None:
    """Register every magic with its completions."""
    from labstudio.magics import complete
    from labstudio.magics.compute import ComputeMagics
    from labstudio.magics.experiments import ExperimentMagics
    from labstudio.magics.jobs import JobMagics
    from labstudio.magics.lineage import LineageMagics
    from labstudio.magics.namespace import NamespaceMagics

    shell.register_magics(
        JobMagics, ComputeMagics, ExperimentMagics, LineageMagics, NamespaceMagics
    )
    complete.register(shell)
