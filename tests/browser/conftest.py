"""A real JupyterLab with the real daemon, and Chromium looking at it."""

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
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from labstudio._studio import Studio
from labstudio.jobs.models import ACTIVE_STATES, JobState, ListJobs
from notebooks import SLOW, TRAINING, WRONG, notebook

REPOSITORY = Path(__file__).parents[2]
BUILT = REPOSITORY / "labextension" / "dist"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Where the pictures of the documentation go; elsewhere unless they are asked for.
PICTURES = Path(os.environ.get("LABSTUDIO_PICTURES", REPOSITORY / "test-results"))
START_TIMEOUT_S = 300.0
TEST_TIMEOUT_S = 480.0
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser, and none of it is quick."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@dataclass
class Lab:
    """A JupyterLab that runs, with its files and the studio behind it."""

    url: str
    token: str
    root: Path
    studio: Studio
    process: subprocess.Popen[bytes]
    log: Path

    def fetch(self, method: str, path: str, body: Any = None) -> Any:
        """Call the studio's REST API as a script would."""
        request = urllib.request.Request(
            f"{self.url}labstudio/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def wait(self, job_id: str, *states: str, timeout_s: float = 150) -> dict[str, Any]:
        """Wait until a job is in one of the states."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            job: dict[str, Any] = self.fetch("GET", f"jobs/{job_id}")
            if job["state"] in states:
                return job
            time.sleep(0.1)
        raise AssertionError(f"job {job_id} is {job['state']}, not {states}: {job['error']}")

    def clear(self) -> None:
        """Stop and delete every job and schedule."""
        for schedule in self.fetch("GET", "schedules")["items"]:
            self.fetch("DELETE", f"schedules/{schedule['id']}")
        while items := self.studio.jobs.list(ListJobs(limit=1000)).items:
            for job in items:
                with suppress(Exception):
                    if job.state in ACTIVE_STATES:
                        self.studio.jobs.stop(job.id)
                    else:
                        self.studio.jobs.delete(job.id)
            time.sleep(0.05)


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    """One JupyterLab for all tests of this folder."""
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


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Desk:
    """A page with JupyterLab in it, and what a person does there."""

    page: Page
    lab: Lab
    complaints: list[str] = field(default_factory=list)

    def forgive(self, status: int) -> None:
        """Forget the complaints about answers with this status, which the test provoked."""
        self.complaints[:] = [each for each in self.complaints if f" {status} " not in each]

    def open(self, *, reset: bool = True) -> None:
        """Load JupyterLab and wait until every plugin is there."""
        query = "?reset&" if reset else "?"
        self.page.goto(f"{self.lab.url}lab{query}token={self.lab.token}")
        self.settle()

    def settle(self) -> None:
        """Wait until JupyterLab has started and restored what it restores."""
        self.page.wait_for_function("window.jupyterapp?.allPluginsActivated", timeout=60_000)
        self.page.evaluate(
            """async () => {
                await window.jupyterapp.allPluginsActivated;
                await window.jupyterapp.restored;
            }"""
        )

    def run(self, command: str, **arguments: Any) -> None:
        """Execute a command, as a menu would."""
        self.page.evaluate(
            """async ([command, args]) => {
                await window.jupyterapp.commands.execute(command, args);
            }""",
            [command, arguments],
        )

    def panel(self) -> Any:
        """Show the sidebar and give its element."""
        self.run("labstudio-jobs:show-panel", section="jobs")
        panel = self.page.locator("#labstudio-jobs")
        panel.wait_for(state="visible")
        return panel

    def document(self, path: str) -> Any:
        """Open a notebook with its kernel ready and give its panel's element."""
        self.run("docmanager:open", path=path)
        panel = self.page.locator(".jp-NotebookPanel:visible")
        panel.wait_for()
        self.page.wait_for_function(
            """async () => {
                const widget = window.jupyterapp.shell.currentWidget;
                if (!widget?.sessionContext) return false;
                await widget.sessionContext.ready;
                await widget.sessionContext.session?.kernel?.info;
                return true;
            }"""
        )
        return panel

    def theme(self, name: str) -> None:
        """Switch to JupyterLab's light or dark theme."""
        self.run("apputils:change-theme", theme=f"JupyterLab {name.title()}")
        light = "true" if name == "light" else "false"
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        self.page.wait_for_timeout(150)

    def picture(self, name: str, before: Callable[[], None] = lambda: None) -> None:
        """Save what is seen, light and dark; `before` is called once the theme is there."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.mouse.move(640, 799)
        for theme in ("dark", "light"):
            self.theme(theme)
            before()
            self.page.screenshot(path=PICTURES / f"{name}-{theme}.png")


# What Chromium and JupyterLab themselves say and no code of the studio can help.
NOT_OURS = (
    "favicon",
    "net::ERR_ABORTED",
    "GPU stall",
    "/api/me",
)


@pytest.fixture
def desk(lab: Lab, chromium: Browser) -> Iterator[Desk]:
    """JupyterLab, freshly loaded in a context of its own. Errors in its console fail the test."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="Europe/Berlin", locale="en-GB"
    )
    page = context.new_page()
    made = Desk(page, lab)

    def listen(message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not any(each in text for each in NOT_OURS):
            made.complaints.append(text)

    page.on("console", listen)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    made.open()
    yield made
    if made.complaints:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "complaint.png")
    context.close()
    lab.clear()
    assert made.complaints == [], lab.log.read_text()[-3000:]


__all__ = ["Desk", "JobState", "Lab"]
