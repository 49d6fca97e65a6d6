"""The way from a notebook to its job, and what is seen of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab_desk import Desk, Lab


def submitted(lab: Lab) -> str:
    """Give the id of the newest job."""
    return str(lab.fetch("GET", "jobs?limit=1")["items"][0]["id"])


def show_cell(desk: Desk) -> None:
    """Go to the failing cell again: another theme's letters move it."""
    desk.page.get_by_role("button", name="Show the cell").click()
    desk.page.wait_for_timeout(500)


def test_a_notebook_becomes_a_job_from_its_toolbar(desk: Desk, lab: Lab) -> None:
    page = desk.page
    desk.panel()
    document = desk.document("train.ipynb")
    document.locator(".lst-RunAsJob button, jp-button.lst-RunAsJob, .lst-RunAsJob").first.click()
    form = page.get_by_role("form", name="New job")
    expect(form.get_by_label("Notebook or script")).to_have_value("train.ipynb")
    depth = form.get_by_label(re.compile("^depth"))
    expect(depth).to_have_value("3")
    desk.picture("jobs-form")

    # A wrong value is told at its field, and nothing that was typed is lost.
    depth.fill("deep")
    form.get_by_role("button", name="Run job").click()
    expect(form.get_by_text("A whole number is wanted")).to_be_visible()
    expect(depth).to_have_value("deep")
    depth.fill("5")
    form.get_by_role("button", name="Run job").click()

    header = page.locator(".lst-Header:visible")
    expect(header.get_by_role("heading", name=re.compile("^train"))).to_be_visible()
    job_id = submitted(lab)
    # The log is live: its lines are seen before the job has ended.
    page.get_by_role("tab", name="Log").click()
    log = page.get_by_role("log")
    expect(log.get_by_text("training with depth 5")).to_be_visible(timeout=90_000)
    expect(log.get_by_text(re.compile("step +3 "))).to_be_visible()
    assert lab.fetch("GET", f"jobs/{job_id}")["state"] == "running"
    desk.picture("jobs-log")
    lab.wait(job_id, "succeeded")
    expect(header.get_by_text("Succeeded")).to_be_visible()
    expect(log.get_by_text(re.compile("step +39 "))).to_be_visible()

    page.get_by_role("tab", name="Notebook").click()
    notebook = page.locator(".lst-Notebook")
    expect(notebook.get_by_role("heading", name="Train a small model")).to_be_visible()
    expect(notebook.locator(".jp-Cell[data-lst-state=succeeded]").first).to_be_visible()
    assert notebook.bounding_box()["height"] > 300
    desk.picture("jobs-notebook")

    page.get_by_role("tab", name="Metrics").click()
    expect(page.get_by_role("figure", name="loss")).to_be_visible()
    assert page.get_by_role("figure", name="loss").locator("polyline").count() == 1
    expect(page.get_by_role("figure", name="CPU")).to_be_visible()
    desk.picture("jobs-metrics")

    page.get_by_role("tab", name="Files").click()
    made = page.get_by_role("button", name="model.txt", exact=True)
    expect(made).to_be_visible()
    desk.picture("jobs-files")
    made.click()
    expect(page.locator(".jp-FileEditor:visible").get_by_text("loss=")).to_be_visible()

    desk.run("labstudio-jobs:open", id=job_id, tab="overview")
    expect(page.get_by_text("Where it came from")).to_be_visible()
    desk.picture("jobs-overview")


def test_a_job_is_stopped_from_its_row(desk: Desk, lab: Lab) -> None:
    panel = desk.panel()
    job = lab.fetch("POST", "jobs", {"path": "slow.ipynb"})
    row = panel.locator(f"[data-job='{job['id']}']")
    expect(row).to_have_attribute("data-state", "running", timeout=90_000)
    expect(row.get_by_text("Cell 2 of 3")).to_be_visible()
    row.hover()
    row.get_by_role("button", name="Stop").click()
    expect(row).to_have_attribute("data-state", "stopped", timeout=60_000)
    desk.run("labstudio-jobs:open", id=job["id"])
    expect(desk.page.locator(".lst-JobView")).to_be_visible()
    # The keyboard does the rest: select it, delete it, say yes. Its view goes with it.
    row.click(position={"x": 150, "y": 30})
    panel.get_by_role("listbox", name="Jobs").press("Delete")
    desk.page.get_by_role("button", name="Delete").last.click()
    expect(row).to_have_count(0)
    expect(desk.page.locator(".lst-JobView")).to_have_count(0)


def test_a_failed_job_opens_at_its_cell(desk: Desk, lab: Lab) -> None:
    panel = desk.panel()
    job = lab.fetch("POST", "jobs", {"path": "wrong.ipynb", "keep_kernel_s": 60})
    lab.wait(job["id"], "failed")
    panel.locator(f"[data-job='{job['id']}'] .lst-JobRow-name").click()
    page = desk.page
    expect(page.locator(".lst-NotebookTab .lst-Banner")).to_contain_text("KeyError")
    failing = page.locator(".lst-Notebook .jp-Cell[data-lst-state=failed]")
    expect(failing).to_be_in_viewport()
    page.wait_for_timeout(2500)
    top = page.locator(".lst-Notebook").bounding_box()["y"]
    assert abs(failing.bounding_box()["y"] - top) < 40
    desk.picture("jobs-failed", lambda: show_cell(desk))
    page.get_by_role("button", name="Attach", exact=True).click()
    desk.ask_console("sorted(rows)", "['age', 'income']")


def test_a_page_reloaded_in_the_middle_goes_on(desk: Desk, lab: Lab) -> None:
    panel = desk.panel()
    job = lab.fetch("POST", "jobs", {"path": "slow.ipynb"})
    lab.wait(job["id"], "running")
    panel.locator(f"[data-job='{job['id']}'] .lst-JobRow-name").click()
    page = desk.page
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_role("log").get_by_text("tick 2", exact=True)).to_be_visible(timeout=90_000)
    page.wait_for_timeout(4000)  # the layout is saved a moment after it changed
    page.reload()
    desk.settle()
    log = page.get_by_role("log")
    expect(log).to_be_visible()
    shown = page.locator(".lst-Log-size")
    expect(log.locator(".lst-Line").last).to_contain_text("tick")
    first = shown.get_attribute("data-lines") or ""
    expect(shown).not_to_have_attribute("data-lines", first)  # more have come
    expect(page.locator(f"[data-job='{job['id']}']")).to_be_visible()


def test_a_sweep_makes_a_job_for_each_value_and_they_compare(desk: Desk, lab: Lab) -> None:
    page = desk.page
    panel = desk.panel()
    desk.run("labstudio-jobs:submit", path="train.ipynb")
    form = page.get_by_role("form", name="New job")
    depth = form.get_by_label(re.compile("^depth"))
    expect(depth).to_have_value("3")
    form.get_by_role("button", name="Sweep").first.click()
    depth.fill("2, 4")
    form.get_by_role("button", name="Run 2 jobs").click()
    rows = panel.locator(".lst-JobRow")
    expect(rows).to_have_count(2)
    for row in lab.fetch("GET", "jobs")["items"]:
        lab.wait(row["id"], "succeeded")
    expect(panel.locator("[data-state=succeeded].lst-JobRow")).to_have_count(2)
    listbox = panel.get_by_role("listbox", name="Jobs")
    listbox.press("Home")
    listbox.press("Shift+End")
    panel.get_by_role("button", name="Compare 2 jobs").click()
    table = page.locator(".lst-Compare-table")
    expect(table.get_by_role("row", name=re.compile("^depth"))).to_contain_text("2")
    expect(table.get_by_role("row", name=re.compile("^rate"))).to_have_count(0)
    page.wait_for_timeout(500)
    desk.picture("jobs-compare")


def test_a_script_runs_from_the_file_browser(desk: Desk, lab: Lab) -> None:
    (lab.root / "hello 日本 'x'.py").write_text("print('\\x1b[31mred\\x1b[0m hello')\n")
    page = desk.page
    desk.run("filebrowser:activate")
    desk.run("filebrowser:refresh")
    page.locator(".jp-DirListing-item", has_text="hello 日本").click(button="right")
    page.locator(".lm-Menu-itemLabel", has_text="Run as Job").click()
    form = page.get_by_role("form", name="New job")
    expect(form.get_by_label("Notebook or script")).to_have_value("hello 日本 'x'.py")
    form.get_by_role("button", name="Run job").click()
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_role("log").locator(".lst-fg-red")).to_have_text("red", timeout=90_000)


def test_bad_input_is_told_at_its_field(desk: Desk, lab: Lab) -> None:
    (lab.root / "broken.ipynb").write_text("this is not JSON")
    form = desk.page.get_by_role("form", name="New job")
    desk.run("labstudio-jobs:submit", path="broken.ipynb")
    expect(form.locator(".lst-Field-error").first).to_contain_text(re.compile("JSON|notebook"))
    form.get_by_label("Notebook or script").fill("../../etc/passwd")
    form.get_by_role("button", name="Run job").click()
    expect(form.locator(".lst-Field-error").first).to_contain_text("..")
    desk.forgive(400)


def test_the_panel_is_usable_when_narrow_and_by_keyboard(desk: Desk, lab: Lab) -> None:
    for name in ("train.ipynb", "wrong.ipynb"):
        job = lab.fetch("POST", "jobs", {"path": name})
        lab.wait(job["id"], "succeeded", "failed")
    panel = desk.panel()
    listbox = panel.get_by_role("listbox", name="Jobs")
    listbox.focus()
    listbox.press("ArrowDown")
    listbox.press("ArrowUp")
    listbox.press("Enter")
    expect(desk.page.locator(".lst-Header:visible h2")).to_have_text(re.compile("^wrong"))
    panel.get_by_role("button", name=re.compile("^Failed")).click()
    expect(panel.locator(".lst-JobRow")).to_have_count(1)
    panel.get_by_role("searchbox").fill("train")
    expect(panel.get_by_text("No job matches")).to_be_visible()
    panel.get_by_role("button", name="Show all jobs").click()
    expect(panel.locator(".lst-JobRow")).to_have_count(2)
    expect(panel.get_by_role("searchbox")).to_have_value("")
    overflow = panel.evaluate("e => e.scrollWidth - e.clientWidth")
    assert overflow <= 0
    desk.picture("jobs-panel", lambda: show_cell(desk))


def test_a_thousand_jobs_scroll(desk: Desk, lab: Lab) -> None:
    (lab.root / "one.py").write_text("print(1)\n")
    spec = {"job": {"path": "one.py", "name": "sweep"}, "grid": {"n": list(range(1000))}}
    lab.studio.keeper.stop()
    try:
        lab.fetch("POST", "sweeps", spec)
        panel = desk.panel()
        listbox = panel.get_by_role("listbox", name="Jobs")
        expect(panel.get_by_role("button", name=re.compile("^All"))).to_contain_text("1000")
        # Down to the very end, a page at a time, with frames counted.
        result = desk.page.evaluate(
            """async () => {
                const list = document.querySelector('.lst-JobList');
                const slow = [];
                let most = 0;
                let last = performance.now();
                for (let i = 0; i < 400; i++) {
                    list.scrollTop += 300;
                    await new Promise(requestAnimationFrame);
                    const now = performance.now();
                    slow.push(now - last);
                    last = now;
                    most = Math.max(most, list.querySelectorAll('.lst-JobRow').length);
                    if (i % 20 === 0) await new Promise(r => setTimeout(r, 60));
                }
                slow.sort((a, b) => a - b);
                return { most, median: slow[200], height: list.scrollHeight };
            }"""
        )
        assert result["height"] == 1000 * 46, result
        assert result["most"] < 60, result
        assert result["median"] < 50, result
        listbox.press("Home")
        desk.picture("jobs-thousand")
    finally:
        lab.studio.keeper.ensure(wait=True)
