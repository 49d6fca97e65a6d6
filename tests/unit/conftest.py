"""Fixtures of the unit tests: a nursery with attempts made by it, a tracking server."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_tools import serve_tracked
from runner_tools import Runs

from labstudio._studio import Studio
from labstudio.experiments.server import TrackingServer
from labstudio.experiments.tracking import Tracking
from labstudio.home import Home
from labstudio.jobs.runner.nursery import Nursery


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """A nursery with one warm kernel, on a home of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    home = Home(folder)
    made = Nursery(home, 1, settle_s=0.1)
    made.start()
    yield made
    made.close()
    shutil.rmtree(home.runtime, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def runs(nursery: Nursery) -> Iterator[Runs]:
    """Attempts; whatever is left of them is killed at the end."""
    made = Runs(nursery.home, nursery)
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with its tracking server."""
    home = Home(tmp_path_factory.mktemp("tracking")).create()
    server = TrackingServer(home)
    server.start()
    server.wait_ready(90)
    yield home
    server.stop()


@pytest.fixture
def tracking(served: Home) -> Iterator[Tracking]:
    """The lean client of that server."""
    client = Tracking(served)
    yield client
    client.close()


@pytest.fixture(scope="session")
def gateway_studio() -> Iterator[Studio]:
    """A studio with daemon, tracking server and gateway, shared by the tests of the gateway."""
    with serve_tracked() as opened:
        yield opened
