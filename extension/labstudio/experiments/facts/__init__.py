"""What runs hold beside their row: histories of metrics, data, models, children."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.experiments.facts.source import RunFacts
    from labstudio.experiments.search.source import RunSource


def opened(studio: Studio, source: RunSource) -> RunFacts:
    """Return what tells of the runs of a source."""
    from labstudio.experiments.search.database import DatabaseSource

    if isinstance(source, DatabaseSource):
        from labstudio.experiments.facts.database import DatabaseFacts

        return DatabaseFacts(source.records)
    from labstudio.experiments.facts.remote import RemoteFacts

    return RemoteFacts(studio.tracking)
