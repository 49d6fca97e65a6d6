"""The card of a model: it is filled from facts, completed by people, reviewed, kept and printed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from lab_models import MODEL
from playwright.sync_api import Locator, expect

from labstudio.experiments.tracking import API

if TYPE_CHECKING:
    from pathlib import Path

    from lab_desk import Desk, Lab

PURPOSE = "To find customers who are about to leave, so that somebody calls them."


def editor(desk: Desk, version: int) -> Locator:
    """Open the card of a version."""
    desk.run("labstudio-models:card", model=MODEL, version=version)
    return desk.page.locator(".lst-CardEditor:visible")


def field(card: Locator, name: str) -> Locator:
    """Give the control of a field."""
    return card.locator(f"[data-field={name}] :is(input, textarea, select)")


def test_a_card_is_completed_reviewed_and_printed(
    desk: Desk, lab: Lab, churn: list[str], tmp_path: Path
) -> None:
    page = desk.page
    where = f"models/{MODEL}/versions/2/card"
    card = editor(desk, 2)
    document = card.get_by_role("article", name="Model card")
    # Facts have come by themselves, each with its source.
    expect(document).to_contain_text("max_depth")
    expect(document).to_contain_text("auc")
    claim = document.locator(".lst-Claim", has=page.locator("button.lst-Source")).first
    expect(claim).to_be_visible()
    # What only a person knows is asked for: one click leads to its field.
    submit = card.get_by_role("button", name="Submit for review")
    expect(submit).to_be_disabled()
    document.get_by_role("button", name="Missing: needed for review").first.click()
    expect(field(card, "purpose_of_model")).to_be_focused()
    page.keyboard.type(PURPOSE)
    field(card, "intended_uses").fill("By the service team. Not to set prices.")
    field(card, "risk_rating").select_option("Low")
    expect(card.get_by_role("status").filter(has_text="Not saved yet")).to_be_visible()

    # Somebody else writes meanwhile, in the same field too: nothing that was typed is lost.
    seen = lab.fetch("GET", where)
    lab.fetch("PATCH", where, {"sha256": seen["sha256"], "intended_uses": "By everybody."})
    expect(card.get_by_text("Somebody changed the card meanwhile")).to_be_visible()
    expect(field(card, "purpose_of_model")).to_have_value(PURPOSE)
    expect(card.get_by_text("Meanwhile somebody wrote: By everybody.")).to_be_visible()
    card.get_by_role("button", name="Save").click()
    expect(document).to_contain_text(PURPOSE)
    expect(document).to_contain_text("By the service team.")
    expect(card.get_by_text("Somebody changed the card meanwhile")).to_have_count(0)
    desk.picture("model-card")

    submit.click()
    review = card.get_by_role("group", name="Review")
    expect(field(card, "purpose_of_model")).to_be_disabled()
    review.get_by_role("textbox").fill("Name an owner.")
    review.get_by_role("button", name="Reject").click()
    expect(card.get_by_text("Rejected: Name an owner.")).to_be_visible()
    field(card, "model_owner").fill("Ada")
    submit.click()
    review.get_by_role("button", name="Approve").click()
    expect(card.locator(".lst-Mark[data-kind=approved]")).to_be_visible()
    approved = lab.fetch("GET", where)
    assert (approved["state"], approved["version"]) == ("approved", 2)

    # What was approved is not written into: a change begins a new version.
    field(card, "model_owner").fill("Grace")
    card.get_by_role("button", name="Save").click()
    expect(card.locator(".lst-Header")).to_contain_text("card version 3")
    old = lab.fetch("GET", f"{where}?card_version=2")
    assert old["content"] == approved["content"]
    card.get_by_label("Version of the card").select_option("2")
    expect(card.get_by_text("This is version 2 of the card, to read only.")).to_be_visible()
    expect(document).to_contain_text("Ada")
    expect(field(card, "model_owner")).to_be_disabled()

    with page.expect_download() as download:
        card.get_by_role("link", name="PDF").click()
    text, pixels = read_pdf(download.value.path())
    assert "Ada" in text
    assert "To find customers who are about to leave" in text
    auc = lab.fetch("GET", f"models/{MODEL}/versions/2")["metrics"]["auc"]
    assert f"{auc:.3f}"[:4] in text, text
    assert pixels > 2000, "the page is not empty"
    with page.expect_download() as download:
        card.get_by_role("link", name="JSON").click()
    assert json.loads(download.value.path().read_text()) == approved["content"]
    with page.expect_download() as download:
        card.get_by_role("link", name="HTML").click()
    assert PURPOSE in download.value.path().read_text()

    # SageMaker's JSON comes in as a new draft; what is none is refused in a sentence.
    card.get_by_role("button", name="Show the newest").click()
    chooser = card.locator("input[type=file]")
    (tmp_path / "broken.json").write_text("not a card")
    chooser.set_input_files(tmp_path / "broken.json")
    expect(card.get_by_text("“broken.json” is not a card in JSON.")).to_be_visible()
    brought = {"model_overview": {"model_owner": "Hedy"}, "intended_uses": {"risk_rating": "High"}}
    (tmp_path / "card.json").write_text(json.dumps(brought))
    chooser.set_input_files(tmp_path / "card.json")
    expect(document).to_contain_text("Hedy")
    assert lab.fetch("GET", where)["content"]["model_overview"]["model_owner"] == "Hedy"


def read_pdf(path: Path) -> tuple[str, int]:
    """Read a PDF as whoever looks at it does: its text, and how much of its pages is dark."""
    import pypdfium2

    with pypdfium2.PdfDocument(path) as pdf:
        pages = [pdf[index] for index in range(len(pdf))]
        text = " ".join(page.get_textpage().get_text_range() for page in pages)
        grey = [page.render(scale=1).to_pil().convert("L") for page in pages]
    return " ".join(text.split()), sum(sum(image.histogram()[:96]) for image in grey)


def test_a_card_says_when_it_is_stale(desk: Desk, lab: Lab, churn: list[str]) -> None:
    where = f"models/{MODEL}/versions/1"
    seen = lab.fetch("GET", f"{where}/card")
    lab.fetch("PATCH", f"{where}/card", {"sha256": seen["sha256"], "model_owner": "Ada"})
    card = editor(desk, 1)
    expect(card.locator(".lst-Header")).to_contain_text("card version 1")
    expect(card.get_by_text("Stale.")).to_have_count(0)
    # No file changed: the run did, from which the card was filled.
    point = {"key": "auc", "value": 0.5, "step": 1, "timestamp": int(time.time() * 1000)}
    lab.studio.tracking.call("POST", f"{API}/runs/log-metric", run_id=run_of(lab, 1), **point)
    desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    stale = card.locator(".lst-Banner", has_text="Stale.")
    expect(stale).to_contain_text("the source run changed")
    stale.get_by_role("button", name="Refresh from facts").click()
    expect(stale).to_have_count(0)
    expect(card.get_by_role("article")).to_contain_text("Ada")


def run_of(lab: Lab, version: int) -> str:
    """Give the run that made a version."""
    run: str = lab.fetch("GET", f"models/{MODEL}/versions/{version}")["run_id"]
    return run
