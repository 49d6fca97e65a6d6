"""A hundred thousand runs in a table: scrolled, sorted, filtered, grouped, marked and kept up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from lab_runs import MANY, fill
from playwright.sync_api import expect
from test_panel_widths import CUT, resize

from labstudio.experiments.wire import Metric

if TYPE_CHECKING:
    from lab_desk import Desk, Lab
    from playwright.sync_api import Locator

EXPERIMENT = "a sweep of a hundred thousand"
ROW = ".lst-RunRow[data-run]"


@pytest.fixture(scope="module")
def sweep(lab: Lab) -> str:
    """The id of an experiment with very many runs."""
    experiment = lab.studio.tracking.ensure_experiment(EXPERIMENT)
    fill(lab.studio.home.tracking_database_path, int(experiment))
    return experiment


def log(lab: Lab, run: str, key: str, *values: float) -> None:
    """Log a metric, step by step."""
    now = datetime.now(UTC)
    lab.studio.tracking.log_batch(
        run,
        [Metric(key=key, value=each, step=at, timestamp=now) for at, each in enumerate(values)],
    )


def opened(desk: Desk, experiment: str, **more: Any) -> Locator:
    """Open the experiment's table and give it, once its first rows are there."""
    desk.run("labstudio-experiments:open", experiment=experiment, **more)
    table = desk.page.locator(".lst-RunTable:visible")
    table.locator(ROW).first.wait_for()
    return table


def column(table: Locator, key: str) -> list[str]:
    """Return what a column's cells say, as far as they are drawn."""
    return table.locator(f'{ROW} [data-key="{key}"]').all_inner_texts()


def names(table: Locator) -> list[str]:
    return column(table, "attributes.run_name")


def head(table: Locator, key: str) -> Locator:
    return table.locator(f'[role=columnheader][data-key="{key}"]')


def choose(desk: Desk, item: str) -> None:
    """Press what a menu offers."""
    desk.page.locator(".lm-Menu-item").get_by_text(item, exact=True).click()


def test_it_scrolls_sorts_and_filters_many(desk: Desk, sweep: str) -> None:
    page = desk.page
    desk.run("labstudio-experiments:show-panel")
    panel = page.locator("#labstudio-experiments")
    panel.get_by_text(EXPERIMENT).click()
    table = page.locator(".lst-RunTable:visible")
    grid = table.get_by_role("grid", name="Runs")
    expect(table.get_by_role("status").first).to_have_text(f"{MANY:,} runs")
    expect(grid).to_have_attribute("aria-rowcount", str(MANY + 1))
    assert names(table)[0] == "sweep-0"

    # Only what is looked at exists; the end is where it should be.
    assert table.locator(ROW).count() < 60
    grid.evaluate("e => { e.scrollTop = e.scrollHeight; }")
    expect(table.get_by_text(f"sweep-{MANY - 1}", exact=True)).to_be_visible()
    assert table.locator(ROW).count() < 60
    grid.evaluate("e => { e.scrollTop = 0; }")

    # By two keys: the first press gives the good end, Shift adds.
    head(table, "params.depth").click()
    expect(head(table, "params.depth")).to_have_attribute("aria-sort", "ascending")
    head(table, "metrics.auc").click(modifiers=["Shift"])
    expect(head(table, "metrics.auc")).to_have_attribute("aria-sort", "descending")
    expect(head(table, "metrics.auc").locator(".lst-RunHead-sort")).to_have_text("2")
    expect(grid).not_to_have_attribute("data-opening", "true")
    page.wait_for_timeout(300)
    assert set(column(table, "params.depth")[:20]) == {"2"}
    shown = [float(each) for each in column(table, "metrics.auc")[:20]]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] > 0.99

    # The filter completes keys, operators and values, and says what is wrong.
    box = table.get_by_role("combobox", name="Filter")
    box.click()
    page.keyboard.type("mod")
    expect(table.get_by_role("option", name="params.model")).to_be_visible()
    page.keyboard.press("Tab")
    expect(box).to_have_value("params.model ")
    expect(table.get_by_role("option", name="ILIKE")).to_be_visible()
    page.keyboard.type("= ")
    expect(table.get_by_role("option", name="linear")).to_be_visible()
    page.keyboard.type("'li")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(box).to_have_value("params.model = 'linear' ")
    page.keyboard.type("AND metrics.auc > ")
    page.keyboard.press("Enter")
    expect(table.get_by_role("alert")).to_contain_text("The filter is not understood")
    expect(box).to_have_attribute("aria-invalid", "true")
    desk.forgive(400)
    page.keyboard.type("0.999")
    page.keyboard.press("Enter")
    expect(table.get_by_role("alert")).to_have_count(0)
    expect(table.get_by_role("status").first).to_have_text("66 runs")
    head(table, "metrics.auc").click()
    expect(table.locator(ROW).first.locator("[data-best]")).to_have_count(1)
    # Quick filters narrow it further, and all go at once.
    table.get_by_role("button", name="Failed").click()
    expect(table.get_by_role("status").first).not_to_have_text("66 runs")
    assert set(table.locator(ROW).evaluate_all("all => all.map(e => e.dataset.status)")) == {
        "FAILED"
    }
    table.get_by_role("searchbox").fill("no run has this")
    expect(table.get_by_text("No run matches these filters.")).to_be_visible()
    table.get_by_role("button", name="Show all runs").click()
    expect(table.get_by_role("status").first).to_have_text(f"{MANY:,} runs")


def test_columns_and_groups_are_chosen(desk: Desk, sweep: str) -> None:
    page = desk.page
    table = opened(desk, sweep)
    table.get_by_role("button", name="Choose columns").click()
    chooser = page.get_by_role("dialog", name="Columns")
    chooser.get_by_label("Find a column").fill("note")
    chooser.get_by_text("Note", exact=True).click()
    chooser.get_by_label("Find a column").fill("")
    expect(chooser.get_by_role("button", name="Hide Note")).to_be_visible()
    chooser.get_by_role("button", name="Show the course of auc").click()
    expect(table.locator("[data-key='metrics.auc'] polyline").first).to_be_visible()
    shown = chooser.get_by_role("list", name="Columns that are shown")
    first = shown.locator("[data-key='metrics.auc'] input")
    first.focus()
    keys = "all => all.map(e => e.dataset.key)"
    page.keyboard.press("Alt+ArrowUp")
    expect(shown.locator("li").nth(1)).to_have_attribute("data-key", "metrics.auc")
    expect(first).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(shown.locator("li").first).to_have_attribute("data-key", "metrics.auc")
    desk.picture("experiments-columns")
    page.keyboard.press("Escape")
    expect(chooser).to_have_count(0)
    heads = table.get_by_role("columnheader")
    assert heads.evaluate_all(keys)[1:3] == ["attributes.run_name", "metrics.auc"]

    # A head is dragged to another's place, and its edge makes it wider.
    head(table, "attributes.duration").drag_to(head(table, "metrics.auc"))
    assert heads.evaluate_all(keys)[2] == "attributes.duration"
    edge = head(table, "attributes.duration").locator(".lst-RunHead-edge").bounding_box()
    assert edge is not None
    page.mouse.move(edge["x"] + 3, edge["y"] + 10)
    page.mouse.down()
    page.mouse.move(edge["x"] + 63, edge["y"] + 10, steps=5)
    page.mouse.up()
    wide = head(table, "attributes.duration").bounding_box()
    assert wide is not None
    assert abs(wide["width"] - 144) < 3

    table.get_by_role("button", name="Group").click()
    choose(desk, "params.model")
    grid = table.get_by_role("treegrid", name="Runs")
    expect(grid.get_by_role("row", expanded=False)).to_have_count(3)
    expect(grid).to_contain_text("model: forest")
    # A group says its best; its runs come when it is opened.
    expect(grid.locator(".lst-GroupRow").first).to_contain_text("33,334")
    expect(grid.locator(".lst-GroupRow").first).to_contain_text("0.999")
    grid.get_by_text("model: boosting").click()
    expect(table.locator(ROW).first).to_be_visible()
    assert set(column(table, "params.model")[:10]) == {"boosting"}
    desk.picture("experiments-grouped")

    # What was arranged is there after a reload.
    page.wait_for_timeout(3000)
    page.reload()
    desk.settle()
    expect(grid.get_by_role("row", expanded=False).first).to_be_visible()
    assert heads.evaluate_all(keys)[2:4] == ["attributes.duration", "metrics.auc"]


def test_runs_are_marked_and_undone(desk: Desk, lab: Lab) -> None:
    page = desk.page
    experiment = lab.studio.tracking.ensure_experiment("to be marked")
    made = [
        lab.studio.tracking.create_run(experiment, f"run {number}", tags={"team": "text"})
        for number in range(6)
    ]
    table = opened(desk, experiment)
    status = table.get_by_role("status").first
    expect(status).to_have_text("6 runs")
    row = table.locator(ROW)

    table.get_by_role("gridcell", name="run 5, ").click(position={"x": 150, "y": 10})
    page.keyboard.press("f")
    expect(row.first.get_by_role("button", pressed=True)).to_be_visible()
    table.get_by_role("button", name="Favourites").click()
    expect(status).to_have_text("One run")
    assert names(table) == ["run 5"]
    table.get_by_role("button", name="Show all").click()

    # A note is written in its cell.
    page.keyboard.press("n")
    table.get_by_role("gridcell", name="run 4, ").click(position={"x": 150, "y": 10})
    page.keyboard.press("n")
    page.keyboard.type("the one to keep")
    page.keyboard.press("Enter")
    expect(row.nth(1)).to_contain_text("the one to keep")

    # A range is tagged, and the tag that was there comes back.
    table.get_by_role("gridcell", name="run 3, ").click(position={"x": 150, "y": 10})
    table.get_by_role("gridcell", name="run 1, ").click(
        modifiers=["Shift"], position={"x": 150, "y": 10}
    )
    expect(status).to_have_text("3 of 6 selected")
    table.get_by_role("button", name="Tag", exact=True).click()
    dialog = page.get_by_role("dialog", name="Tags")
    expect(dialog).to_contain_text("Tags of 3 runs")
    dialog.get_by_label("A tag to add").fill("team = vision")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("team: vision")
    page.keyboard.press("Escape")
    undo = table.get_by_role("button", name="Undo")
    expect(table.get_by_text("Tagged 3 runs.")).to_be_visible()
    expect(table.locator(".lst-RunCell .lst-Chip", has_text="vision")).to_have_count(3)
    undo.click()
    expect(table.locator(".lst-RunCell .lst-Chip", has_text="text")).to_have_count(6)

    table.get_by_role("button", name="Archive", exact=True).click()
    expect(status).to_have_text("3 runs")
    table.get_by_label("Which runs").select_option("archived")
    expect(row).to_have_count(3)
    undo.click()
    expect(table.get_by_text("No run matches these filters.")).to_be_visible()
    table.get_by_label("Which runs").select_option("active")
    expect(status).to_have_text("6 runs")

    # All that the filters let through are deleted, and come back.
    row.first.get_by_role("gridcell").nth(1).click(position={"x": 150, "y": 10})
    page.keyboard.press("Control+a")
    expect(status).to_have_text("6 of 6 selected")
    page.keyboard.press("Delete")
    expect(table.get_by_text("Deleted 6 runs.")).to_be_visible()
    expect(status).to_have_text("0 runs")
    undo.click()
    expect(status).to_have_text("6 runs")
    assert {lab.fetch("GET", f"runs/{each}")["lifecycle"] for each in made} == {"active"}


def test_a_view_is_saved_and_shared(desk: Desk, lab: Lab, sweep: str) -> None:
    page = desk.page
    table = opened(desk, sweep, filter="metrics.auc > 0.999")
    head(table, "metrics.val/loss").click()
    view = table.get_by_role("button", name="View")
    expect(view).to_contain_text("changed")
    view.click()
    choose(desk, "Save as New View…")
    page.get_by_role("dialog").get_by_role("textbox").fill("The best")
    page.keyboard.press("Enter")
    expect(view).to_have_text("ViewThe best")
    view.click()
    choose(desk, "Share with Everybody")
    desk.run("labstudio-experiments:show-panel")
    panel = page.locator("#labstudio-experiments")
    expect(panel.locator("[data-kind=view]")).to_contain_text("shared")
    (kept,) = lab.fetch("GET", "views?topic=runs")["items"]
    assert kept["shared"]
    assert kept["content"]["sort"] == [{"key": "metrics.val/loss", "descending": False}]

    table.get_by_role("button", name="Mine").click()
    expect(view).to_contain_text("The best, changed")
    view.click()
    choose(desk, "Back to “The best” as It Was Saved")
    expect(view).to_have_text("ViewThe best")
    view.click()
    choose(desk, "Delete View…")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(panel.locator("[data-kind=view]")).to_have_count(0)


def test_a_running_run_is_seen_to_run(desk: Desk, lab: Lab, sweep: str) -> None:
    page = desk.page
    desk.run("labstudio-experiments:show-panel")
    panel = page.locator("#labstudio-experiments")
    table = opened(desk, sweep)
    run = lab.studio.tracking.create_run(sweep, "just begun")
    log(lab, run, "auc", 0.5, 0.55)
    row = table.locator(f"[data-run='{run}']")
    expect(row.locator("[data-key='metrics.auc']")).to_have_text("0.55")
    expect(panel.locator("[data-kind=run]", has_text="just begun")).to_be_visible()
    # The keyboard stays where it is while rows come in above it.
    table.get_by_text("sweep-3", exact=True).click(modifiers=["Control"])
    log(lab, run, "auc", 0.5, 0.55, 1.5)
    expect(row.locator("[data-key='metrics.auc']")).to_have_text("1.5")
    expect(row.locator("[data-key='metrics.auc'][data-best]")).to_be_attached()
    lab.studio.tracking.create_run(sweep, "another")
    expect(table.get_by_text("another")).to_be_visible()
    assert page.evaluate("document.activeElement.innerText") == "sweep-3"
    head(table, "metrics.auc").click(button="right")
    choose(desk, "Show Its Course")
    expect(row.locator("polyline")).to_be_visible()
    lab.fetch("PATCH", f"experiments/{sweep}", {"favourite": True})
    desk.picture("experiments-panel")
    desk.picture("experiments-table")
    lab.studio.tracking.end_run(run, "FINISHED")
    expect(row).to_have_attribute("data-status", "FINISHED")
    expect(panel.locator("[data-kind=run]", has_text="just begun")).to_have_count(0)


def test_the_keyboard_reaches_everything(desk: Desk, sweep: str) -> None:
    page = desk.page
    table = opened(desk, sweep)
    active = "document.activeElement"
    at = f"[{active}.closest('.lst-RunRow').dataset.row ?? 'head', {active}.dataset.column]"
    table.get_by_role("gridcell", name="sweep-0, Finished").focus()

    def press(*keys: str) -> list[str]:
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(100)
        found: list[str] = page.evaluate(at)
        return found

    assert press("ArrowDown", "ArrowRight") == ["1", "1"]
    assert press("End")[0] == "1"
    assert press("Home") == ["1", "0"]
    rows = int(table.get_by_role("grid").get_attribute("aria-rowcount") or 0)
    assert press("Control+End") == [str(rows - 2), "0"]
    assert press("Control+Home") == ["0", "0"]
    down = int(press("PageDown")[0])
    assert 5 < down < 40
    assert press("PageUp") == ["0", "0"]
    press(" ", "Shift+ArrowDown", "Shift+ArrowDown")
    expect(table.get_by_role("status").first).to_contain_text("3 of")
    press("Escape")
    expect(table.get_by_role("status").first).not_to_contain_text("selected")
    assert press("Control+Home", "ArrowUp") == ["head", "0"]
    assert press("ArrowRight") == ["head", "1"]
    press("Enter")
    expect(table.locator("[aria-sort]")).to_have_attribute("aria-sort", "descending")
    expect(table.locator("[aria-busy=true]")).to_have_count(0)
    assert press() == ["head", "1"]
    width = "document.activeElement.offsetWidth"
    before = page.evaluate(width)
    press("Shift+ArrowRight")
    assert page.evaluate(width) == before + 16
    assert press("Control+ArrowRight") == ["head", "2"]
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Open the run")
    page.keyboard.press("Escape")
    assert page.evaluate(at) == ["head", "2"]
    page.keyboard.press("/")
    expect(table.get_by_role("combobox", name="Filter")).to_be_focused()


@pytest.mark.parametrize("width", [400, 640])
def test_the_table_fits_its_width(desk: Desk, sweep: str, width: int) -> None:
    page = desk.page
    desk.run("labstudio-experiments:show-panel")
    panel = page.locator("#labstudio-experiments")
    page.set_viewport_size({"width": width + 280, "height": 800})
    table = opened(desk, sweep)
    resize(desk, 200)
    expect(panel.locator("[data-kind=experiment]", has_text=EXPERIMENT)).to_be_visible()
    assert panel.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert panel.evaluate(CUT) == []
    table.get_by_text("sweep-3", exact=True).click(modifiers=["Control"])
    box = table.bounding_box()
    assert box is not None
    assert box["width"] < width + 60
    assert table.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert table.evaluate(CUT) == []
    desk.picture(f"experiments-narrow-{width}")
