"""The view that compares runs: 50 runs of 10,000 points each, in Chromium.

Ours from the command to the drawn curves, MLflow's own page of the same metric from its address to
its drawn curves; then the frames while the curves are panned, against those of a page at rest.
"""

from __future__ import annotations

import json
import math
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser

from tests.benchmarks.measure import Result, compare

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from lab_desk import Desk, Lab
from lab_server import CHROMIUM, running_browser, running_lab

RUNS = 50
POINTS = 10_000
METRIC = "loss"
ROUNDS = 3
FRAMES = 180

# Opens the view, and waits until the frame that shows all curves has been drawn.
DRAW = """async runs => {
    const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
    const app = window.jupyterapp;
    [...app.shell.widgets('main')].forEach(each => each.dispose());
    await frame();
    const start = performance.now();
    await app.commands.execute('labstudio-runs:compare', { runs, tab: 'curves' });
    const drawn = () => document.querySelector('.lst-Curves-plot[aria-label*=": last"]');
    while (!drawn()) await frame();
    await frame();
    await frame();
    return (performance.now() - start) / 1000;
}"""

# Frames while the wheel turns, or while nothing is done.
FRAME_TIMES = """async ([frames, moves]) => {
    const over = document.querySelector('.lst-Curves-plot .u-over');
    const times = [];
    let last = await new Promise(requestAnimationFrame);
    for (let at = 0; at < frames; at++) {
        if (moves) {
            const deltaX = at < frames / 2 ? 4 : -4;
            const turn = { deltaX, bubbles: true, cancelable: true };
            over.dispatchEvent(new WheelEvent('wheel', turn));
        }
        const now = await new Promise(requestAnimationFrame);
        times.push((now - last) / 1000);
        last = now;
    }
    return times;
}"""

PEER_DRAWN = """count => {
    const lines = document.querySelectorAll('.js-plotly-plot .scatterlayer .trace');
    return lines.length >= count;
}"""


def compared() -> list[Result]:
    """Measure both; nothing where there is no Chromium."""
    if not Path(CHROMIUM).exists():
        print("compare_view: left out, there is no Chromium")
        return []
    with running_lab() as lab, running_browser() as browser, opened(browser, lab) as desk:
        experiment, runs = fill(lab)
        page = desk.page

        def ours() -> float:
            return float(page.evaluate(DRAW, runs))

        peer = page.context.new_page()

        def theirs() -> float:
            peer.goto("about:blank")
            start = time.perf_counter()
            peer.goto(address(lab, experiment, runs))
            peer.wait_for_function(PEER_DRAWN, arg=RUNS, timeout=180_000)
            return time.perf_counter() - start

        drawn = compare(
            "compare_view",
            f"Compare {RUNS} runs of {POINTS:,} points: from the command to the drawn curves",
            "MLflow's own page of the same curves",
            ours=ours,
            theirs=theirs,
            bound=1.0,
            rounds=ROUNDS,
        )
        peer.close()
        return [drawn, panned(desk)]


def panned(desk: Desk) -> Result:
    """Frames while a part of the curves is panned, the median, against a page at rest."""
    page = desk.page
    box = page.locator(".lst-Curves-plot .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 100, steps=4)
    page.mouse.up()
    page.wait_for_timeout(2000)  # read in detail, and drawn around what is seen
    result = compare(
        "compare_pan",
        "One frame while those curves are panned",
        "one frame of the page at rest",
        ours=lambda: statistics.median(page.evaluate(FRAME_TIMES, [FRAMES, True])),
        theirs=lambda: statistics.median(page.evaluate(FRAME_TIMES, [FRAMES, False])),
        bound=1.2,
        rounds=ROUNDS,
    )
    times = sorted(page.evaluate(FRAME_TIMES, [FRAMES, True]))
    slow = sum(each > 1.5 / 60 for each in times)
    print(f"compare_pan: 95 % under {times[int(FRAMES * 0.95)] * 1000:.1f} ms, {slow} late")
    return result


@contextmanager
def opened(browser: Browser, lab: Lab) -> Iterator[Desk]:
    """JupyterLab in a page of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    desk = Desk(context.new_page(), lab)
    desk.open()
    yield desk
    context.close()


def address(lab: Lab, experiment: str, runs: list[str]) -> str:
    """MLflow's page of a metric of several runs."""
    values = {
        "runs": runs,
        "metric": METRIC,
        "experiments": [experiment],
        "plot_metric_keys": [METRIC],
    }
    query = "&".join(f"{name}={quote(json.dumps(value))}" for name, value in values.items())
    return f"{lab.url}labstudio/mlflow/?token={lab.token}#/metric?{query}"


def fill(lab: Lab) -> tuple[str, list[str]]:
    """Make the runs; their points go straight into MLflow's tables, which takes seconds."""
    tracking = lab.studio.tracking
    experiment = tracking.ensure_experiment("many points")
    runs = [tracking.create_run(experiment, f"run {each}") for each in range(RUNS)]
    now = int(time.time() * 1000)
    chance = random.Random(7)
    with closing(sqlite3.connect(lab.studio.home.tracking_database_path, timeout=60)) as store:
        for place, run in enumerate(runs):
            tracking.log_params(run, {"rate": 10.0 ** -(1 + place % 4), "seed": place // 4})
            values = [
                math.exp(-step / (1000 + 60 * place)) + 0.2 * chance.random()
                for step in range(POINTS)
            ]
            with store:
                store.executemany(
                    "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
                    " VALUES (?, ?, ?, ?, ?, 0)",
                    ((METRIC, value, now + at, run, at) for at, value in enumerate(values)),
                )
                store.execute(
                    "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan)"
                    " VALUES (?, ?, ?, ?, ?, 0)",
                    (METRIC, values[-1], now + POINTS, run, POINTS - 1),
                )
            tracking.end_run(run, "FINISHED")
    return experiment, runs
