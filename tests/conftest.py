"""Fixtures for every test: a studio on a home of its own, with or without its daemon."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio.home import Home
from tests.notebook_maker import Cell, notebook


@pytest.fixture(scope="session", autouse=True)
def _own_home() -> Iterator[None]:
    """Keep tests that name no home away from the developer's own."""
    folder = tempfile.mkdtemp(prefix="ls-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABSTUDIO_HOME", folder)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_runs() -> Iterator[None]:
    """Keep runs in the homes of tests: MLflow leaves what it was led to in the environment."""
    names = ("MLFLOW_TRACKING_URI", "LABSTUDIO_TRACKING_URI")
    for name in names:
        os.environ.pop(name, None)
    yield
    for name in names:
        os.environ.pop(name, None)


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty studio home, with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    made = Home(folder)
    yield made
    shutil.rmtree(made.runtime, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def studio(home: Home) -> Iterator[Studio]:
    """A studio without a daemon: jobs can be submitted, and wait."""
    opened = Studio(home.path)
    yield opened
    opened.close()


@contextmanager
def serve(**settings: Any) -> Iterator[Studio]:
    """Give a studio with its daemon, on a home of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    opened = Studio(folder, **settings)
    state = opened.keeper.ensure(wait=True)
    assert state.state == "running", state.message
    yield opened
    opened.keeper.stop()
    opened.close()
    shutil.rmtree(opened.home.runtime, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def live_studio() -> Iterator[Studio]:
    """A studio with its daemon, shared by the tests of one process."""
    with serve(max_jobs=2) as opened:
        yield opened


@pytest.fixture
def serving() -> Callable[..., AbstractContextManager[Studio]]:
    """Make a studio with a daemon that one test has for itself."""
    return serve


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook of the given cells to a file and return its path."""

    def write(*cells: Cell, name: str = "train.ipynb", kernel: str = "python3") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(notebook(*cells, kernel=kernel)))
        return path

    return write


POSTGRES = Path("/usr/lib/postgresql")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, served for this run alone."""
    found = sorted(POSTGRES.glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="ls-pg-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # PostgreSQL refuses to run as root.
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    run = partial(subprocess.run, check=True, capture_output=True, cwd=folder)
    run([*user, programs / "initdb", "-D", data, "-U", "studio", "-A", "trust", "-E", "UTF8"])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [*user, programs / "pg_ctl", "-D", data, "-w"]
    run([*control, "-l", folder / "log", "-o", options, "start"])
    yield f"postgresql://studio@127.0.0.1:{port}/postgres"
    run([*control, "-m", "immediate", "stop"])
    shutil.rmtree(folder, ignore_errors=True)
