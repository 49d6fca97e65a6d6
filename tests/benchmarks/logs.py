"""A long log in an open panel against `tail -f` of the same lines."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.measure import Result, compare

# The browser tests' own laboratory: a real JupyterLab, a real daemon, Chromium.
sys.path.append(str(Path(__file__).parents[1] / "browser"))

from lab_desk import Desk, Lab
from lab_server import running_browser, running_lab

LINES = 100_000
PRODUCER = f"""
import pathlib, sys, time
go = pathlib.Path(sys.argv[-1])
print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
for line in range({LINES}):
    print("line", line, "of a log that is long enough to be worth streaming")
"""
WAIT_S = 120


def streamed(place: Path) -> Result:
    """From the first line being written to the last one being in the panel."""
    with running_lab() as lab, running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        desk = Desk(page, lab)
        desk.open()
        return compare(
            "log",
            "100,000 lines of log, until the last is in an open panel",
            "`tail -f` of the same lines",
            ours=lambda: in_panel(desk, lab, place),
            theirs=lambda: in_tail(place),
            bound=2.0,
            rounds=3,
        )


def in_panel(desk: Desk, lab: Lab, place: Path) -> float:
    """Have a job write the lines while its log is open; return the seconds until all are there."""
    go = place / "go"
    go.unlink(missing_ok=True)
    (lab.root / "long.py").write_text(PRODUCER.replace("sys.argv[-1]", repr(str(go))))
    job = lab.fetch("POST", "jobs", {"path": "long.py"})
    desk.page.evaluate(
        "async id => { await window.jupyterapp.commands.execute('labstudio-jobs:open', {id}); }",
        job["id"],
    )
    desk.page.get_by_role("tab", name="Log").last.click()
    shown = desk.page.locator(".lst-Log-size:visible")
    shown.wait_for()
    wait_lines(desk, 1)
    began = time.perf_counter()
    go.touch()
    wait_lines(desk, LINES + 1)
    took = time.perf_counter() - began
    lab.wait(job["id"], "succeeded")
    desk.page.evaluate(
        "async () => { await window.jupyterapp.commands.execute('application:close'); }"
    )
    return took


def wait_lines(desk: Desk, count: int) -> None:
    """Wait until the open log holds so many lines."""
    desk.page.wait_for_function(
        "count => [...document.querySelectorAll('.lst-Log-size')]"
        ".some(e => e.offsetParent && Number(e.dataset.lines) >= count)",
        arg=count,
        polling=10,
        timeout=WAIT_S * 1000,
    )


def in_tail(place: Path) -> float:
    """Have a process write the lines to a file; return the seconds until tail has given all."""
    go, log = place / "go", place / "log"
    go.unlink(missing_ok=True)
    log.write_bytes(b"")
    program = place / "long.py"
    program.write_text(PRODUCER)
    with log.open("ab") as output:
        writer = subprocess.Popen(
            [sys.executable, "-u", str(program), str(go)], stdout=output, stderr=output
        )
    reader = subprocess.Popen(["tail", "-n", "+1", "-f", str(log)], stdout=subprocess.PIPE)
    assert reader.stdout is not None
    reader.stdout.readline()
    began = time.perf_counter()
    go.touch()
    for _ in range(LINES):
        reader.stdout.readline()
    took = time.perf_counter() - began
    reader.kill()
    reader.communicate()
    writer.wait()
    return took
