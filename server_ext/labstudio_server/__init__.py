"""The REST API of labstudio, as a Jupyter Server extension."""

from __future__ import annotations

from typing import Any

from labstudio._version import __version__

__all__ = ["__version__"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server what to load."""
    from labstudio_server.app import LabstudioApp

    return [{"module": "labstudio_server", "app": LabstudioApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built frontend is, and its name."""
    return [{"src": "../../labextension/dist", "dest": "labstudio"}]
