"""The context in which a run is made, told to MLflow by its entry point for that.

MLflow loads this wherever labstudio is installed, so it imports nothing that costs.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labstudio.capture.session import Session

CAPTURE_TAG = "labstudio.capture_id"


class StudioContext:
    """Tags of a run that is made where the studio records."""

    def in_context(self) -> bool:
        """Say whether this process is recorded."""
        from labstudio.capture import session

        return session.current() is not None

    def tags(self) -> dict[str, str]:
        """Return the tags of a run that is made now."""
        from labstudio.capture import session

        found = session.current()
        return own_tags(found, secrets.token_hex(16)) if found is not None else {}


def own_tags(session: Session, capture_id: str) -> dict[str, str]:
    """Return the tags that are known at once."""
    tags = {CAPTURE_TAG: capture_id}
    if (notebook := session.notebook) is not None and session.history is not None:
        tags["labstudio.notebook"] = notebook
        tags["labstudio.cell"] = str(session.cell)
        tags["mlflow.source.name"] = notebook
        tags["mlflow.source.type"] = "NOTEBOOK"
    if workspace := os.environ.get("LABSTUDIO_WORKSPACE"):
        tags["labstudio.workspace"] = workspace
    return tags
