"""What tests of the gateway share: a studio that tracks, and processes that have only a socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from labstudio._studio import Studio
from labstudio.experiments.connection import is_ready
from labstudio.gateway.reach import FORWARDER, gateway_socket
from labstudio.gateway.tokens import Scope, mint
from labstudio.jobs.submission import current_user
from tests.conftest import serve


@contextmanager
def serve_tracked() -> Iterator[Studio]:
    """Give a studio whose tracking server answers, and whose gateway nobody has asked for."""
    with serve(max_jobs=2) as opened:
        assert gateways(opened) == []
        while not is_ready(opened.home, timeout_s=10):
            pass
        yield opened


def gateways(studio: Studio) -> list[psutil.Process]:
    """The gateways that the daemon has as children."""
    told = studio.keeper.status()
    assert told.pid is not None
    below = psutil.Process(told.pid).children()
    return [each for each in below if "labstudio.gateway.server_main" in each.cmdline()]


@contextmanager
def speaking(studio: Studio, token: str) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(gateway_socket(studio.home)))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(transport=transport, headers=headers, timeout=60) as client:
        yield client


def run_elsewhere(studio: Studio, folder: Path, token: str, code: str) -> str:
    """Run code in a process that knows of the studio only what the forwarder tells it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = kept | {
        "HOME": str(folder),
        "LABSTUDIO_TOKEN": token,
        "MLFLOW_TRACKING_TOKEN": token,
    }
    command = [sys.executable, str(FORWARDER), "--socket", str(gateway_socket(studio.home))]
    done = subprocess.run(
        [*command, "--then", sys.executable, "-c", code],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kernel_token(studio: Studio, user: str | None = None) -> str:
    return mint(studio.home, Scope("kernel", "k1", user or current_user()))
