"""Fixtures of the unit tests: a nursery, and attempts made with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_tools import Runs

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
