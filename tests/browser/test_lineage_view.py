"""The lineage: from a file to the models that were trained on it, and back."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from lab_models import DATA, MODEL
from playwright.sync_api import Locator, expect
from test_panel_widths import CUT

if TYPE_CHECKING:
    from lab_desk import Desk, Lab


def opened(desk: Desk, thing: str) -> Locator:
    """Open the lineage of an object."""
    desk.run("labstudio-lineage:open", object=thing)
    return desk.page.locator(".lst-Lineage:visible")


def test_a_graph_is_walked_from_either_end(desk: Desk, lab: Lab, churn: list[str]) -> None:
    page = desk.page
    page.locator(".jp-DirListing-item", has_text=DATA).click(button="right")
    page.get_by_role("menuitem", name="Lineage of This File").click()
    view = page.locator(".lst-Lineage:visible")
    nodes = view.locator(".lst-Node")
    middle = view.locator(".lst-Node[data-middle=true]")
    expect(middle).to_have_attribute("data-kind", "data")
    expect(middle).to_contain_text(DATA)
    for version in (1, 2):
        expect(view.get_by_role("button", name=f"Model {MODEL} v{version}")).to_be_visible()
    view.get_by_role("button", name="Trained on this file").click()
    answer = view.get_by_role("region", name=f"Models trained on {DATA}")
    expect(answer.get_by_role("listitem").filter(has_text=MODEL)).to_have_count(2)

    # Along an edge with the arrow keys; the way from the file lights up.
    middle.focus()
    page.keyboard.press("ArrowRight")
    reached = nodes.and_(page.locator("[aria-pressed=true]"))
    expect(reached).to_have_attribute("data-kind", re.compile("^(run|job)$"))
    model = view.locator(f'[data-node="model:{MODEL}/2"]')
    model.click()
    expect(view.locator(".lst-Edge-on").first).to_be_attached()
    expect(view.locator(f'[data-node="model:{MODEL}/1"]')).to_have_attribute("data-aside", "true")
    desk.picture("lineage-graph")

    # From the other end, the file is what it came of.
    view.get_by_role("button", name="Put in the middle").click()
    expect(middle).to_contain_text(f"{MODEL} v2")
    expect(view.locator(".lst-Node[data-kind=data]").first).to_be_visible()
    view.get_by_role("button", name="Open model").click()
    expect(page.locator(".lst-ModelView:visible h2")).to_have_text(MODEL)


def test_the_list_the_search_and_the_file_say_the_same(
    desk: Desk, lab: Lab, churn: list[str]
) -> None:
    page = desk.page
    view = opened(desk, "")
    search = view.get_by_role("combobox")
    search.fill(DATA[:5])
    expect(view.get_by_role("option", name=DATA).first).to_be_visible()
    search.press("Enter")
    expect(view.locator(".lst-Node[data-middle=true]")).to_contain_text(DATA)
    count = view.locator(".lst-Node").count()
    with page.expect_download() as download:
        view.get_by_role("button", name="Save the graph").click()
    drawn = ET.parse(download.value.path()).getroot()
    assert MODEL in "".join(drawn.itertext())
    with page.expect_download() as download:
        view.get_by_role("button", name="Save the graph").click(modifiers=["Shift"])
    assert download.value.path().read_bytes().startswith(b"\x89PNG")

    view.get_by_role("button", name="Show as a list").click()
    table = view.get_by_role("table", name="Lineage as a list")
    expect(table.locator("tbody tr")).to_have_count(count)
    table.get_by_role("button", name=f"{MODEL} v2").first.click()
    expect(view.get_by_role("complementary")).to_contain_text(f"model:{MODEL}/2")
    for width in (700, 1000):
        page.set_viewport_size({"width": width, "height": 700})
        for shown in ("Show as a graph", "Show as a list"):
            view.get_by_role("button", name=shown).click()
            page.wait_for_timeout(300)
            assert view.evaluate(CUT) == [], (width, shown)


def test_what_is_stale_and_whether_the_record_is_whole(
    desk: Desk, lab: Lab, churn: list[str]
) -> None:
    view = opened(desk, f"model:{MODEL}/2")
    expect(view.locator(".lst-Node[data-middle=true]")).to_contain_text(f"{MODEL} v2")
    view.get_by_role("button", name="Verify").click()
    expect(view.get_by_text("entries are as they were written.")).to_be_visible()
    file = lab.root / DATA
    before = file.read_text()
    file.write_text(before + "51,9,2,1\n")
    try:
        view.get_by_role("button", name="Stale now").click()
        answer = view.get_by_role("region", name="Stale now")
        expect(answer).to_contain_text(f"{MODEL} v2")
        expect(answer).to_contain_text(DATA)
        view.get_by_role("button", name="Refresh").click()
        marked = view.locator(f'[data-node="model:{MODEL}/2"]')
        expect(marked).to_have_attribute("data-stale", "true")
        expect(marked).to_have_accessible_name(re.compile("stale: "))
    finally:
        file.write_text(before)


@pytest.mark.parametrize("thing", ["run:nowhere", "file:nowhere.csv"])
def test_what_is_not_known_is_said(desk: Desk, thing: str) -> None:
    view = opened(desk, thing)
    expect(view.locator(".lst-Empty")).to_contain_text("nowhere")
    desk.forgive(404)
