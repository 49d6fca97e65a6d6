"""The Models panel: models are found, looked at, compared, promoted, watched and deleted."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from lab_models import MODEL
from playwright.sync_api import Locator, expect
from test_panel_widths import CUT, resize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab_desk import Desk, Lab

SECRET = "sesame-of-the-webhook"


def panel(desk: Desk) -> Locator:
    """Show the sidebar."""
    desk.run("labstudio-models:show-panel")
    return desk.page.locator("#labstudio-models")


def view(desk: Desk, tab: str = "version") -> Locator:
    """Open the model and give its view."""
    desk.run("labstudio-models:open", model=MODEL, tab=tab)
    return desk.page.locator(".lst-ModelView:visible")


@pytest.fixture
def unpromoted(lab: Lab, churn: list[str]) -> Iterator[None]:
    """The model as it was before anybody did anything to it."""
    yield
    detail = lab.fetch("GET", f"models/{MODEL}")
    for alias in detail["aliases"]:
        lab.fetch("DELETE", f"models/{MODEL}/aliases/{alias}")
    lab.fetch("PATCH", f"models/{MODEL}", {"favourite": False, "description": ""})


def test_a_model_is_looked_at_compared_and_promoted(
    desk: Desk, lab: Lab, churn: list[str], unpromoted: None
) -> None:
    page = desk.page
    models = panel(desk)
    row = models.locator(f"[data-model={MODEL}]")
    expect(row).to_contain_text("v2")
    models.get_by_role("searchbox").fill("nothing of that name")
    expect(models.get_by_text("No model has this in its name.")).to_be_visible()
    models.get_by_role("searchbox").fill("CHURN")
    expect(row).to_be_visible()
    row.hover()
    row.get_by_role("button", name="Make it a favourite").click()
    models.get_by_role("button", name="Only favourites").click()
    expect(row.get_by_role("button", name="No longer a favourite")).to_be_visible()

    row.locator(".lst-JobRow-name").click()
    one = page.locator(".lst-ModelView:visible")
    one.get_by_role("button", name="Edit: What the model is for").click()
    one.get_by_role("textbox", name="What the model is for").fill("Tells who is about to leave.")
    one.get_by_role("button", name="Save").click()
    expect(one.locator("p", has_text="Tells who is about to leave.")).to_be_visible()
    assert lab.fetch("GET", f"models/{MODEL}")["description"] == "Tells who is about to leave."
    expect(one.get_by_text("age: long")).to_be_visible()
    expect(one.get_by_role("table", name="Input example").get_by_role("row")).to_have_count(4)
    expect(one.get_by_role("button", name="churn, depth")).to_be_visible()

    one.get_by_role("tab", name="All versions").click()
    one.get_by_role("button", name="Compare the newest two").click()
    table = one.get_by_role("table", name="Comparison")
    expect(table.get_by_role("row", name="max_depth")).to_be_visible()
    expect(table.get_by_role("row", name="criterion")).to_have_count(0)
    one.get_by_label("Only what differs").uncheck()
    expect(table.get_by_role("row", name="criterion")).to_be_visible()

    one.get_by_role("button", name="Promote…").click()
    one.get_by_label("Becomes").fill("production")
    one.get_by_label("Why").fill("It finds more of those who leave.")
    one.get_by_role("button", name="Ask for approval").click()
    expect(row).to_contain_text("1 waits")
    desk.picture("models-panel")
    waiting = one.locator(".lst-Approval")
    expect(waiting).to_contain_text("It finds more of those who leave.")
    waiting.get_by_label("Your comment").fill("Agreed.")
    waiting.get_by_role("button", name="Approve").click()
    expect(one.locator(".lst-Header")).to_contain_text("production: v2")
    expect(row).to_contain_text("production: v2")
    expect(row).not_to_contain_text("1 waits")
    decided = one.get_by_role("list", name="Decided")
    expect(decided).to_contain_text("Agreed.")
    one.get_by_role("tab", name="History").click()
    expect(one.get_by_role("table")).to_contain_text("is production now")

    # An alias that is nobody's to guard is set at once.
    one.get_by_role("tab", name="Approvals").click()
    one.get_by_label("Version", exact=True).select_option("1")
    one.get_by_label("Becomes").fill("fallback")
    one.get_by_role("button", name="Set the alias").click()
    expect(one.locator(".lst-Header")).to_contain_text("fallback: v1")

    one.get_by_role("tab", name="Version", exact=True).click()
    one.get_by_role("combobox", name="Version").select_option("1")
    expect(one.get_by_role("heading", name="Version 1", exact=True)).to_be_visible()
    desk.picture("model-view")
    page.wait_for_timeout(2500)  # the layout is saved a moment after it changed
    page.reload()
    desk.settle()
    expect(one.get_by_role("heading", name="Version 1", exact=True)).to_be_visible()


def test_what_others_do_is_told_and_ones_own_clicks_are_not(
    desk: Desk, lab: Lab, churn: list[str], unpromoted: None
) -> None:
    page = desk.page
    one = view(desk, "approvals")
    one.get_by_label("Becomes").fill("mine")
    one.get_by_role("button", name="Set the alias").click()
    expect(one.locator(".lst-Header")).to_contain_text("mine: v2")
    page.wait_for_timeout(6_000)  # as long as an echo of one's own may take
    expect(page.get_by_text(f"Version 2 of {MODEL} is mine now")).to_have_count(0)
    lab.fetch("PUT", f"models/{MODEL}/aliases/theirs", {"version": 1})
    told = page.locator(".Toastify__toast", has_text=f"Version 1 of {MODEL} is theirs now")
    expect(told).to_have_count(1)
    expect(one.locator(".lst-Header")).to_contain_text("theirs: v1")
    told.get_by_role("button", name="Open").click()
    one.get_by_role("tab", name="Version", exact=True).click()
    expect(one.get_by_role("combobox", name="Version")).to_have_value("1")


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Somebody who is told, on this machine: the address, and the headers of what came."""
    came: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            came.append(dict(self.headers))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_is_added_tried_and_deleted(desk: Desk, lab: Lab, churn: list[str]) -> None:
    page = desk.page
    with receiver() as (address, came):
        one = view(desk, "webhooks")
        one.get_by_role("button", name="Add a webhook").click()
        one.get_by_label("Name", exact=True).fill("colleagues")
        one.get_by_label("Address").fill("ftp://example.org")
        one.get_by_label("Secret").fill(SECRET)
        one.get_by_role("button", name="Add webhook").click()
        expect(one.get_by_text("url must begin with")).to_be_visible()
        desk.forgive(400)
        expect(one.get_by_label("Secret")).to_have_value(SECRET)
        one.get_by_label("Address").fill(address)
        one.get_by_role("button", name="Add webhook").click()
        hook = one.get_by_role("table", name="Webhooks").get_by_role("row", name="colleagues")
        expect(hook).to_contain_text(address)
        assert SECRET not in page.content()
        hook.get_by_role("button", name="Send a test").click()
        expect(hook).to_contain_text("The receiver answered 204.")
        assert any("signature" in name.lower() for name in came[0])
        hook.get_by_role("button", name="Delete the webhook").click()
        page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
        expect(hook).to_have_count(0)
    assert lab.fetch("GET", "webhooks")["items"] == []


def test_a_model_of_a_run_is_registered_and_deleted_with_care(
    desk: Desk, lab: Lab, churn: list[str]
) -> None:
    page = desk.page
    name = "churn-candidate"
    page.evaluate(
        "run => { window.jupyterapp.commands.execute('labstudio-models:register', {run}); }",
        churn[0],
    )
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_label("Name").fill("not/a:name")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    desk.forgive(400)
    expect(dialog.get_by_label("Name")).to_have_value("not/a:name")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Register").click()
    one = page.locator(".lst-ModelView:visible")
    expect(one.get_by_role("heading", name=name)).to_be_visible()
    assert lab.fetch("GET", f"models/{name}/versions/1")["run_id"] == churn[0]

    for typed, kept in ((f"{name} ", False), ("something else", True)):
        if kept:
            one.get_by_role("button", name="Delete…").click()
            dialog.get_by_role("textbox").fill(typed)
            dialog.get_by_role("button", name="Delete").click()
            expect(dialog).to_contain_text("The name that was typed is not")
            dialog.get_by_role("button", name="Ok").click()
            assert lab.fetch("GET", f"models/{name}")["name"] == name
    one.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("button", name="Delete").click()
    expect(one).to_have_count(0)
    assert name not in {each["name"] for each in lab.fetch("GET", "models")["items"]}
    desk.forgive(404)


@pytest.fixture
def baseline(lab: Lab, churn: list[str]) -> Iterator[None]:
    """A second model, which goes once the page that shows it is closed."""
    lab.fetch("POST", "models", {"name": "aa-baseline", "run_id": churn[0], **which(lab, churn[0])})
    yield
    lab.fetch("DELETE", "models/aa-baseline?confirm=aa-baseline")


def test_the_dashboard_leads_to_what_it_speaks_of(
    baseline: None, unpromoted: None, desk: Desk, lab: Lab
) -> None:
    page = desk.page
    asked = {"model": MODEL, "version": 1, "alias": "production", "comment": ""}
    approval = lab.fetch("POST", "approvals", asked)
    lab.fetch("POST", f"approvals/{approval['id']}/decision", {"approve": True})
    desk.run("labstudio-models:dashboard")
    board = page.locator(".lst-Dashboard")
    table = board.get_by_role("table", name="Model dashboard")
    names = table.locator("tbody td[data-column=model]")
    expect(names).to_have_text(["aa-baseline", MODEL])
    table.get_by_role("button", name="Model").click()
    expect(names).to_have_text([MODEL, "aa-baseline"])
    row = table.locator(f"[data-model={MODEL}]")
    expect(row.locator("[data-column=version]")).to_have_text("Version 1production")
    expect(row.locator("[data-column=evaluation]")).to_contain_text("auc")
    expect(row.locator("[data-column=bias]")).to_have_text("not set up")
    expect(row.locator("[data-column=drift]")).to_have_text("not set up")
    desk.picture("model-dashboard")
    board.get_by_role("searchbox").fill("baseline")
    expect(names).to_have_text(["aa-baseline"])
    board.get_by_role("searchbox").fill("")
    table.locator("[data-model=aa-baseline]").get_by_role("button", name="Not rated").click()
    expect(page.locator(".lst-CardEditor:visible")).to_be_visible()
    desk.run("labstudio-models:dashboard")
    names.get_by_role("button", name=MODEL).click()
    expect(page.locator(".lst-ModelView:visible h2")).to_have_text(MODEL)


def which(lab: Lab, run: str) -> dict[str, str]:
    """Name the model of a run."""
    found = lab.fetch("GET", f"runs/{run}/models")["items"][0]
    return {"model_id": found["model_id"]}


@pytest.mark.parametrize("width", [200, 480])
def test_models_fit_their_width(desk: Desk, lab: Lab, churn: list[str], width: int) -> None:
    page = desk.page
    long = "a-rather-long-name-of-a-model-of-the-customers-who-leave-and-of-those-who-stay"
    lab.fetch("POST", "models", {"name": long, "run_id": churn[0], **which(lab, churn[0])})
    asked = {"model": long, "version": 1, "alias": "production", "comment": "now"}
    lab.fetch("POST", "approvals", asked)
    try:
        models = panel(desk)
        row = models.locator(f"[data-model={long}]")
        expect(row).to_contain_text("1 waits")
        page.set_viewport_size({"width": 700 if width == 200 else 980, "height": 800})
        resize(desk, width)
        row.hover()
        assert models.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
        assert models.evaluate(CUT) == []
        for tab in ("version", "versions", "approvals", "history", "webhooks"):
            desk.run("labstudio-models:open", model=long, tab=tab)
            one = page.locator(".lst-ModelView:visible")
            expect(one.get_by_role("tab", selected=True)).to_be_visible()
            page.wait_for_timeout(300)
            assert one.evaluate(CUT) == [], tab
        for command, root in (
            ("labstudio-models:dashboard", ".lst-Dashboard:visible"),
            ("labstudio-models:card", ".lst-CardEditor:visible"),
            ("labstudio-lineage:open", ".lst-Lineage:visible"),
        ):
            desk.run(command, model=long, version=1, object=f"model:{long}/1")
            expect(page.locator(root)).to_be_visible()
            page.wait_for_timeout(500)
            assert page.locator(root).evaluate(CUT) == [], command
    finally:
        lab.fetch("DELETE", f"models/{long}?confirm={long}")
