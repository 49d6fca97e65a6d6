"""A real JupyterLab with the real daemon, and Chromium: for browser tests and benchmarks."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_desk import REPOSITORY, Lab
from lab_notebooks import SLOW, TRAINING, WRONG, notebook
from playwright.sync_api import Browser, sync_playwright

from labstudio._studio import Studio

BUILT = REPOSITORY / "labextension" / "dist"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
START_TIMEOUT_S = 300.0
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def running_lab() -> Iterator[Lab]:
    """Start a JupyterLab with folders of its own, and end it with its daemon."""
    base = Path(tempfile.mkdtemp(prefix="lb-"))
    root = base / "work"
    root.mkdir()
    (root / "train.ipynb").write_text(json.dumps(notebook(*TRAINING)))
    (root / "wrong.ipynb").write_text(json.dumps(notebook(*WRONG)))
    (root / "slow.ipynb").write_text(json.dumps(notebook(*SLOW)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    extensions = base / "labextensions"
    extensions.mkdir()
    if BUILT.exists():
        (extensions / "labstudio").symlink_to(BUILT)
    # No question about news over the pictures.
    notices = base / "settings" / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True)
    (notices / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    token = secrets.token_hex(16)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={port}"),
            f"--ServerApp.root_dir={root}",
            f"--IdentityProvider.token={token}",
            "--ServerApp.jpserver_extensions={'labstudio_server': True}",
            "--ServerApp.allow_root=True",
            "--LabApp.expose_app_in_browser=True",
            f"--LabApp.user_settings_dir={base / 'settings'}",
            f"--LabApp.workspaces_dir={base / 'workspaces'}",
            f"--LabApp.extra_labextensions_path={extensions}",
        ],
        cwd=root,
        env={
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(base / "config"),
            "JUPYTER_DATA_DIR": str(base / "data"),
            "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
            "LABSTUDIO_HOME": str(base / "home"),
            "IPYTHONDIR": str(base / "ipython"),
        },
        stdout=(base / "server.log").open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    studio = Studio(base / "home")
    running = Lab(f"http://127.0.0.1:{port}/", token, root, studio, process, base / "server.log")
    try:
        _await_ready(running)
        yield running
        running.clear()
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        studio.keeper.stop()
        studio.close()
        shutil.rmtree(studio.home.runtime, ignore_errors=True)
        shutil.rmtree(base, ignore_errors=True)


def _await_ready(lab: Lab) -> None:
    """Wait for the server, its daemon and the tracking server."""
    deadline = time.monotonic() + START_TIMEOUT_S
    last = "nothing"
    while time.monotonic() < deadline and lab.process.poll() is None:
        try:
            status = lab.fetch("GET", "status")
            if status["daemon"]["state"] == "running" and status["tracking_ready"]:
                return
            last = json.dumps(status)
        except OSError as error:
            last = str(error)
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not come up: {last}\n{lab.log.read_text()[-4000:]}")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()
