"""The source of runs that a studio's settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.experiments.place import Store, place

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.experiments.search.source import RunSource


def open_source(studio: Studio) -> RunSource:
    """Return what keeps a studio's runs: a database that is read, or a server that is asked."""
    where = place(studio.config.tracking_uri)
    if where is None or (isinstance(where, Store) and where.folder is None):
        from labstudio.experiments.search.database import DatabaseSource
        from labstudio.experiments.store import store_url

        own = store_url(studio.home.tracking_database_path, studio.config.database_url or None)
        return DatabaseSource(own if where is None else where.url)
    from labstudio.experiments.search.remote import RemoteSource

    return RemoteSource(studio.tracking)
