"""A home whose store holds odd runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odd_store import Filled

from labstudio.experiments.server_main import PROXIED_ARTIFACTS
from labstudio.experiments.store import store_url
from labstudio.home import Home


def open_store(path: Path) -> Any:
    """Open MLflow's own store on a SQLite file."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(store_url(path, None), PROXIED_ARTIFACTS)


@dataclass(frozen=True)
class FilledHome:
    """A home with runs, and what they are."""

    home: Home
    made: Filled
    oracle: Any
