"""What the browser tests work with: a running JupyterLab, and a page that shows it."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from labstudio._studio import Studio
from labstudio.jobs.models import ACTIVE_STATES, ListJobs

REPOSITORY = Path(__file__).parents[2]
# Where the pictures of the documentation go; elsewhere unless they are asked for.
PICTURES = Path(os.environ.get("LABSTUDIO_PICTURES", REPOSITORY / "test-results"))


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

    def ask_console(self, code: str, answer: str) -> None:
        """Type code into the console that is open, and wait until its answer shows."""
        console = self.page.locator(".jp-CodeConsole:visible")
        console.wait_for()
        expect(console.get_by_text("Type 'copyright'")).to_be_visible()
        console.locator(".jp-CodeConsole-promptCell .cm-content").click()
        self.page.keyboard.type(code)
        self.page.keyboard.press("Shift+Enter")
        expect(console.get_by_text(answer).last).to_be_visible()

    def run(self, command: str, **arguments: Any) -> None:
        """Execute a command, as a menu would."""
        self.page.evaluate(
            """async ([command, args]) => {
                await window.jupyterapp.commands.execute(command, args);
            }""",
            [command, arguments],
        )

    def panel(self) -> Locator:
        """Show the sidebar and give its element."""
        self.run("labstudio-jobs:show-panel", section="jobs")
        panel = self.page.locator("#labstudio-jobs")
        panel.wait_for(state="visible")
        return panel

    def document(self, path: str) -> Locator:
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
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_timeout(150)

    def picture(self, name: str, before: Callable[[], None] = lambda: None) -> None:
        """Save what is seen, light and dark; `before` is called once the theme is there."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.mouse.move(640, 799)
        for theme in ("dark", "light"):
            self.theme(theme)
            before()
            self.page.screenshot(path=PICTURES / f"{name}-{theme}.png")
