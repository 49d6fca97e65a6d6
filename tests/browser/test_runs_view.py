"""One run in the main area: what is told of it, its charts, what it left, what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect
from test_panel_widths import CUT, resize

if TYPE_CHECKING:
    from lab_desk import Desk, Lab
    from lab_training import Trained
    from playwright.sync_api import Locator


def opened(desk: Desk, run: str, tab: str | None = None, **arguments: Any) -> Locator:
    """Open a run and give its view."""
    given = {"run": run, **({"tab": tab} if tab else {}), **arguments}
    desk.run("labstudio-runs:open", **given)
    view = desk.page.locator(".lst-RunView:visible")
    expect(view.get_by_role("tab", selected=True)).to_be_visible()
    return view


def test_a_run_is_told_and_changed_in_place(desk: Desk, training: Trained) -> None:
    page = desk.page
    view = opened(desk, training.runs["wide"])
    metrics = view.get_by_role("table", name="Metrics")
    expect(metrics.get_by_role("row", name="val/loss")).to_contain_text("40")
    expect(view.locator(".lst-Facts").filter(has_text="activation")).to_contain_text("relu")
    expect(view.get_by_role("table", name="Models")).to_contain_text("sklearn")
    expect(view.get_by_role("heading", name="Where it ran")).to_be_visible()

    view.get_by_role("button", name="Edit the note").click()
    note = view.get_by_label("Note, in Markdown")
    note.fill("**Wide** layers need *time*.")
    note.press("Control+Enter")
    expect(view.locator(".lst-Note strong")).to_have_text("Wide")
    view.get_by_role("button", name="Add a tag").click()
    view.get_by_label("Name of the tag").fill("stage")
    view.get_by_label("Value of the tag").fill("first")
    view.get_by_label("Value of the tag").press("Enter")
    view.get_by_role("button", name="first").click()
    view.get_by_label("Value of stage").fill("second")
    view.get_by_label("Value of stage").press("Enter")
    expect(view.get_by_role("button", name="second")).to_be_visible()
    star = view.get_by_role("button", name="Favourite")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    desk.picture("run-overview")

    view.get_by_role("button", name="Delete", exact=True).click()
    expect(view.get_by_text("This run is deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(view.get_by_text("This run is deleted.")).to_have_count(0)


def test_metrics_are_drawn_and_taken_along(desk: Desk, training: Trained) -> None:
    page = desk.page
    notebook = desk.document("train.ipynb")
    cells = notebook.locator(".jp-Cell").count()
    run = training.runs["wide"]
    view = opened(desk, run, "charts")
    loss = view.get_by_role("figure", name="val/loss")
    expect(loss.locator("output")).not_to_be_empty()
    expect(view.get_by_role("figure")).to_have_count(4)
    # What the chart shows, for who cannot see it.
    said = loss.get_by_role("img").get_attribute("aria-label")
    assert "val/loss: last 0.0" in str(said)
    desk.picture("run-charts")

    loss.hover()
    loss.get_by_role("button", name="Full size").click()
    expect(view.get_by_role("figure")).to_have_count(1)
    menu = loss.get_by_role("button", name="Take this chart along")
    menu.click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Save as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "run,name,step,val/loss"
    assert len(lines) == 41
    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        menu.click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=f"Save as {kind}").click()
        assert download.value.path().read_bytes().startswith(start)
    menu.click()
    page.get_by_role("menuitem", name="Copy to the notebook").click()
    desk.run("docmanager:open", path="train.ipynb")
    expect(notebook.locator(".jp-Cell")).to_have_count(cells + 1)
    made = notebook.locator(".jp-Cell").filter(has_text="labstudio.charts.curves")
    expect(made).to_contain_text(run)
    expect(made).to_contain_text('metric="val/loss"')


def test_what_a_run_left_is_looked_at(desk: Desk, training: Trained) -> None:
    page = desk.page
    run = training.runs["wide"]
    view = opened(desk, run, path="report.html")
    # Its script ran, and reached neither the page around it nor its cookies.
    frame = view.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("A report apart alone")
    assert page.title() != "taken"
    opened(desk, run, path="plots/scores.png")
    image = view.get_by_role("img", name="scores.png")
    page.wait_for_function("() => document.querySelector('.lst-Artifacts img')?.naturalWidth > 0")
    expect(image).to_be_visible()
    opened(desk, run, path="notes.md")
    expect(view.locator(".lst-Rendered strong")).to_have_text("wide")
    opened(desk, run, path="model")
    expect(view.get_by_role("table", name="Takes")).to_contain_text("mean radius")
    expect(view.get_by_text("Input example")).to_be_visible()

    opened(desk, run, path="tables/many.parquet")
    table = view.get_by_role("table", name="tables/many.parquet")
    expect(table.get_by_role("row", name="row 3", exact=False).first).to_be_visible()
    desk.picture("run-artifacts")
    table.locator(".lst-Virtual").evaluate("e => e.scrollTop = e.scrollHeight")
    expect(table.get_by_text("row 999999")).to_be_visible()
    assert table.get_by_role("row").count() < 100
    table.get_by_role("columnheader", name="half").click()
    table.get_by_role("columnheader", name="half").click()
    table.locator(".lst-Virtual").evaluate("e => e.scrollTop = 0")
    expect(table.get_by_role("row").nth(1)).to_contain_text("row 999999")

    tree = view.get_by_role("tree")
    tree.get_by_role("treeitem", name="many.parquet").focus()
    page.keyboard.press("ArrowDown")
    expect(tree.get_by_role("treeitem", selected=True)).to_contain_text("scored.csv")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem", name="tables")).to_have_attribute("aria-expanded", "false")


def test_a_run_is_followed_and_found_again(desk: Desk, lab: Lab) -> None:
    page = desk.page
    job = lab.fetch("POST", "jobs", {"path": "train.ipynb", "name": "followed"})
    run = lab.wait(job["id"], "running", "succeeded")["run_id"]
    view = opened(desk, run, "charts")
    expect(view.get_by_role("figure", name="loss")).to_be_visible()
    expect(view.locator(".lst-Header-title")).to_contain_text("Finished")
    expect(view.get_by_role("figure", name="loss").locator("output")).to_have_text("0.20408")
    view.get_by_role("tab", name="Log").click()
    expect(view.get_by_role("log")).to_contain_text("training with depth 3")
    page.wait_for_timeout(4000)  # the layout is saved a moment after it changed
    page.reload()
    desk.settle()
    expect(view.get_by_role("tab", name="Log")).to_have_attribute("aria-selected", "true")


def test_a_run_fits_a_narrow_main_area(desk: Desk, training: Trained) -> None:
    page = desk.page
    desk.panel()
    page.set_viewport_size({"width": 900, "height": 800})
    for tab in ("overview", "charts", "artifacts"):
        view = opened(desk, training.runs["wide"], tab)
        resize(desk, 414)
        page.wait_for_timeout(300)
        assert view.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, tab
        assert view.evaluate(CUT) == [], tab
