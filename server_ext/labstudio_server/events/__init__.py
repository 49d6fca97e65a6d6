"""Live updates on Jupyter Server's own event stream: what changed, never what is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_events import EventLogger

TOPICS = (
    *("jobs", "schedules", "computes", "kernels", "moves", "daemon"),
    *("runs", "views", "models", "lineage"),
)


def schema_id(topic: str) -> str:
    """Return the id of a topic's schema."""
    return f"https://schema.labstudio.org/{topic}/v1"


def register(logger: EventLogger) -> None:
    """Make the schemas known; an event of an unknown schema is dropped."""
    for topic in TOPICS:
        if schema_id(topic) not in logger.schemas:
            logger.register_event_schema(Path(__file__).parent / topic / "v1.yaml")
