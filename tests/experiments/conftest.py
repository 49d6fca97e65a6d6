"""MLflow's store, made once for each worker: one filled with odd runs, and one that is served.

- ``filled``: a home whose store holds odd runs; nobody writes into it. ``reading`` is a studio on
  it, ``oracle`` MLflow's own store of it, which says what is right.
- ``tracked``: a studio whose tracking server runs, without a daemon; its store is empty at first
  and shared by the tests of a worker: write into experiments of your own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filled_home import FilledHome, open_store
from odd_store import fill

from labstudio._studio import Studio
from labstudio.experiments.server import TrackingServer
from labstudio.experiments.store import prepare, store_url
from labstudio.home import Home


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with MLflow's tables, to be copied: making them takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    open_store(path).engine.dispose()
    prepare(store_url(path, None))
    return path


@pytest.fixture(scope="session")
def filled(empty_store: Path) -> Iterator[FilledHome]:
    """A home whose store holds odd runs; nobody writes into it."""
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    home = Home(folder).create()
    shutil.copy(empty_store, home.tracking_database_path)
    store = open_store(home.tracking_database_path)
    yield FilledHome(home, fill(store), store)
    store.engine.dispose()
    shutil.rmtree(home.runtime, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def oracle(filled: FilledHome) -> Any:
    """MLflow's own store of the odd runs."""
    return filled.oracle


@pytest.fixture(scope="session")
def reading(filled: FilledHome) -> Iterator[Studio]:
    """A studio on the odd runs, without daemon or server."""
    studio = Studio(filled.home.path)
    yield studio
    studio.close()


@pytest.fixture(scope="session")
def tracked(empty_store: Path) -> Iterator[Studio]:
    """A studio whose tracking server runs, without a daemon; shared by the tests of a worker."""
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    studio = Studio(folder)
    shutil.copy(empty_store, studio.home.create().tracking_database_path)
    server = TrackingServer(studio.home)
    server.start()
    server.wait_ready(90)
    yield studio
    studio.tracking.close()
    studio.close()
    server.stop()
    shutil.rmtree(studio.home.runtime, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
