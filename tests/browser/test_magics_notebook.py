"""A cell sent away from a notebook: its card, its buttons, and what comes back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lab_notebooks import notebook
from playwright.sync_api import Locator, expect

if TYPE_CHECKING:
    from lab_desk import Desk, Lab

CELLS = (
    "%load_ext labstudio",
    "rows = [3, 1, 2]",
    "%%job sorting\nimport time\n\nfor step in range(40):\n    print('step', step, flush=True)\n"
    "    time.sleep(0.25)\nordered = sorted(rows)",
    "print('free while', _job.state)",
    "%job_pull --wait",
    "ordered",
    "_job.result()",
    "%%job endless\nimport time\n\nwhile True:\n    print('still here', flush=True)\n"
    "    time.sleep(0.5)",
)


def run_cells(desk: Desk, first: int, last: int) -> None:
    """Run some of the notebook's cells, as with Shift+Enter."""
    cells = desk.page.locator(".jp-NotebookPanel:visible .jp-Cell")
    cells.nth(first).locator(".cm-content").click()
    for _ in range(first, last + 1):
        desk.page.keyboard.press("Shift+Enter")


def outputs(desk: Desk, index: int) -> Locator:
    """Give the output area of a cell."""
    return (
        desk.page.locator(".jp-NotebookPanel:visible .jp-Cell")
        .nth(index)
        .locator(".jp-Cell-outputArea")
    )


def allow(desk: Desk) -> None:
    """Answer JupyterLab, which asks before a link in a notebook not trusted runs a command."""
    desk.page.get_by_role("dialog").get_by_role("button", name="Run Once").click()


def test_a_cell_runs_elsewhere_and_its_names_come_back(desk: Desk, lab: Lab) -> None:
    page = desk.page
    (lab.root / "away.ipynb").write_text(json.dumps(notebook(*CELLS)))
    desk.document("away.ipynb")
    run_cells(desk, 0, 3)
    card = outputs(desk, 2)
    # What it prints comes while it runs, and the notebook answers meanwhile.
    expect(card.get_by_text(re.compile(r"step 2\b"))).to_be_visible(timeout=90_000)
    expect(outputs(desk, 3).get_by_text(re.compile("free while"))).to_be_visible()
    expect(card.get_by_text("running", exact=True)).to_be_visible()
    expect(card.get_by_text("gives back")).to_be_visible()
    desk.picture("cell-card")
    # The card opens the job beside the notebook.
    card.get_by_text("Open", exact=True).click()
    allow(desk)
    header = page.locator(".lst-Header:visible")
    expect(header.get_by_role("heading", name="sorting")).to_be_visible()
    desk.run("docmanager:open", path="away.ipynb")

    run_cells(desk, 4, 6)
    expect(outputs(desk, 4).get_by_text("Pulled", exact=False)).to_be_visible(timeout=60_000)
    expect(outputs(desk, 5).get_by_text("[1, 2, 3]")).to_be_visible()
    expect(outputs(desk, 6).get_by_text("'ordered': [1, 2, 3]")).to_be_visible()
    # What has ended is plain HTML: nothing is left that a kernel would have to answer.
    expect(card.get_by_text("succeeded", exact=True)).to_be_visible()
    expect(card.get_by_text("Stop", exact=True)).to_have_count(0)
    expect(card.get_by_text(re.compile(r"step 39\b"))).to_be_attached()


def test_a_cell_is_stopped_from_its_card(desk: Desk, lab: Lab) -> None:
    (lab.root / "endless.ipynb").write_text(json.dumps(notebook(*CELLS)))
    desk.document("endless.ipynb")
    run_cells(desk, 0, 0)
    run_cells(desk, 7, 7)
    card = outputs(desk, 7)
    expect(card.get_by_text("still here").first).to_be_visible(timeout=90_000)
    expect(card.get_by_role("button", name="Stop")).to_have_count(0)
    card.locator("a", has_text="Stop").click()
    allow(desk)
    expect(card.get_by_text("stopped", exact=True)).to_be_visible()
    job = lab.fetch("GET", "jobs?limit=1")["items"][0]
    assert (job["name"], job["state"]) == ("endless", "stopped")
