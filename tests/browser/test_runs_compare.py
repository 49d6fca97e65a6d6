"""Runs side by side: what differs, their curves, parameters, predictions and code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from test_panel_widths import CUT, resize

if TYPE_CHECKING:
    from lab_desk import Desk, Lab
    from lab_training import Trained
    from playwright.sync_api import Locator


# The wheel turns for twenty frames.
PAN = """async over => {
    for (let at = 0; at < 20; at++) {
        over.dispatchEvent(new WheelEvent('wheel', { deltaX: 9, bubbles: true, cancelable: true }));
        await new Promise(requestAnimationFrame);
    }
}"""


def compared(desk: Desk, ids: list[str], tab: str) -> Locator:
    """Compare runs and give the view."""
    desk.run("labstudio-runs:compare", runs=ids, tab=tab)
    view = desk.page.locator(".lst-CompareRuns:visible")
    expect(view.get_by_role("tabpanel")).to_be_visible()
    return view


def test_what_differs_is_seen_first(desk: Desk, training: Trained) -> None:
    view = compared(desk, training.ids, "table")
    table = view.get_by_role("table", name="Runs side by side")
    hidden = table.get_by_role("row", name="hidden")
    expect(hidden).to_contain_text("64")
    expect(table.get_by_role("columnheader", name="wide 2")).to_be_visible()
    rows = table.get_by_role("row").count()
    view.get_by_label("Only what differs").uncheck()
    expect(table.get_by_role("row", name="epoch")).to_be_visible()
    assert table.get_by_role("row").count() > rows
    view.get_by_label("Only what differs").check()
    desk.picture("compare-table")
    legend = view.get_by_role("group", name="Runs")
    legend.get_by_text("wide 2").hover()
    legend.get_by_role("button", name="Hide wide 2").click()
    expect(table.get_by_role("columnheader", name="wide 2")).to_have_count(0)
    legend.get_by_role("button", name="Show wide 2").click()
    legend.get_by_text("hasty").hover()
    legend.get_by_role("button", name="Take hasty out of the comparison").click()
    expect(table.get_by_role("columnheader", name="hasty")).to_have_count(0)
    expect(table.get_by_role("columnheader", name="wide 2")).to_be_visible()


def test_curves_share_what_is_looked_at(desk: Desk, training: Trained) -> None:
    page = desk.page
    view = compared(desk, training.ids, "curves")
    expect(view.get_by_role("figure")).to_have_count(3)
    view.get_by_label("Metric").select_option("val/loss")
    view.get_by_label("Smooth").fill("60")
    chart = view.get_by_role("figure", name="val/loss")
    plot = chart.locator(".u-over")
    box = plot.bounding_box()
    assert box is not None

    def point() -> None:
        page.wait_for_timeout(300)  # the chart is made anew for another theme
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
        page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)

    desk.picture("compare-curves", point)
    tip = chart.locator(".lst-Curves-tip")
    expect(tip.locator("b")).to_have_count(6)
    values = [float(each) for each in tip.locator("b").all_inner_texts()]
    assert values == sorted(values, reverse=True)
    view.get_by_role("group", name="Runs").get_by_text("hasty").hover()
    expect(view.locator("[data-front=true]")).to_contain_text("hasty")

    view.get_by_label("Bands over seeds").check()
    point()
    expect(tip.locator("b")).to_have_count(4)
    expect(tip).to_contain_text("(3)")
    view.get_by_label("Bands over seeds").uncheck()

    # A part of the axis is read in more detail once it rests, and not while it moves.
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "/curves" in each.url else None)
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=4)
    page.mouse.up()
    expect(chart.get_by_role("button", name="See all of it again")).to_be_visible()
    page.wait_for_timeout(600)
    assert len(asked) == 1
    assert "from=" in asked[0]
    plot.evaluate(PAN)
    assert len(asked) == 1
    page.wait_for_timeout(600)
    assert len(asked) == 2
    chart.get_by_role("img").press("0")
    expect(chart.get_by_role("button", name="See all of it again")).to_have_count(0)
    view.get_by_text("As a table").click()
    expect(view.get_by_role("table", name="val/loss").get_by_role("row")).to_have_count(7)


def test_parameters_and_predictions_are_charts(desk: Desk, training: Trained) -> None:
    view = compared(desk, training.ids, "parameters")
    figure = view.get_by_role("figure")
    expect(figure.locator(".parcoords").first).to_be_attached()
    desk.picture("compare-parameters")
    kind = view.get_by_role("combobox", name="Chart")
    kind.select_option("scatter")
    expect(figure.locator(".scatterlayer .point")).to_have_count(6)
    kind.select_option("contour")
    expect(figure.locator(".contourlayer")).to_be_visible()
    kind.select_option("importance")
    expect(view.get_by_text("Spearman").or_(view.locator(".lst-Empty"))).to_be_visible()

    compared(desk, training.ids, "predictions")
    roc = view.get_by_role("figure", name="ROC")
    expect(roc.locator(".scatterlayer .js-line")).to_have_count(7)  # and what chance does
    expect(view.get_by_role("table", name="Confusion of wide", exact=True)).to_be_visible()
    desk.picture("compare-predictions")


def test_code_is_compared_cell_by_cell(desk: Desk, lab: Lab) -> None:
    path = lab.root / "train.ipynb"
    before = path.read_text()
    first = lab.fetch("POST", "jobs", {"path": "train.ipynb"})
    changed = json.loads(before)
    changed["cells"][3]["source"] = changed["cells"][3]["source"].replace("range(40)", "range(20)")
    path.write_text(json.dumps(changed))
    second = lab.fetch("POST", "jobs", {"path": "train.ipynb"})
    ids = [lab.wait(each["id"], "succeeded")["run_id"] for each in (first, second)]
    path.write_text(before)
    view = compared(desk, ids, "code")
    expect(view.locator("[data-kind=removed]")).to_contain_text("range(40)")
    expect(view.locator("[data-kind=added]")).to_contain_text("range(20)")
    desk.picture("compare-code")


def test_a_comparison_fits_a_narrow_main_area(desk: Desk, training: Trained) -> None:
    page = desk.page
    desk.panel()
    page.set_viewport_size({"width": 900, "height": 800})
    for tab in ("table", "curves", "parameters", "predictions", "code"):
        view = compared(desk, training.ids, tab)
        resize(desk, 414)
        page.wait_for_timeout(500)
        assert view.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, tab
        assert view.evaluate(CUT) == [], tab
