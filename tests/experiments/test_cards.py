"""Model cards: filled from what is known, completed, reviewed, stale when it changed, exported."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio.cards.models import (
    Card,
    CardState,
    DecideCard,
    ImportCard,
    UpdateCard,
)
from labstudio.cards.pointers import at
from labstudio.cards.schema import check
from labstudio.cards.service import CardService
from labstudio.errors import Conflict, Forbidden, InvalidInput, NotFound
from tests.model_maker import BIAS, Made, log_metrics, make, predictions

EVIL = "<script>alert(1)</script> \"' & λ → 日本語"
HUMAN = {
    "purpose_of_model": f"Decide on loans. {EVIL}",
    "intended_uses": "By a clerk.\nNot alone.",
    "risk_rating": "High",
}


class Desk:
    """The card of one version, as somebody works on it."""

    def __init__(self, made: Made) -> None:
        self.made = made
        self.cards: CardService = made.studio.cards
        self.name, self.version = made.name, made.version

    def read(self, card_version: int | None = None) -> Card:
        return self.cards.get(self.name, self.version, card_version)

    def say(self, user: str = "ada", **fields: Any) -> Card:
        given = UpdateCard(sha256=self.read().sha256, **fields)
        return self.cards.update(self.name, self.version, given, user=user)

    def submit(self, user: str = "ada") -> Card:
        return self.cards.submit(self.name, self.version, self.read().sha256, user=user)

    def decide(self, approve: bool = True, user: str = "bob", **more: Any) -> Card:
        given = DecideCard(sha256=self.read().sha256, approve=approve, comment="Read.")
        return self.cards.decide(self.name, self.version, given, user=user, **more)


@pytest.fixture(scope="module")
def shared(tracked: Studio, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A version whose card tests read, and write in order."""
    folder = tmp_path_factory.mktemp("cards")
    made = make(tracked, folder, "card loans")
    made.put("labstudio/predictions.parquet", predictions(folder))
    return Desk(made)


@pytest.fixture
def desk(tracked: Studio, tmp_path: Path) -> Desk:
    """A version of a test's own."""
    return Desk(make(tracked, tmp_path, f"card {tmp_path.name}"))


def test_a_card_writes_itself_and_says_where_from(shared: Desk) -> None:
    card = shared.read()
    check(card.content)
    assert (card.id, card.version, card.state, card.stale) == (None, 0, CardState.draft, False)
    job = at(card.content, "/training_details/training_job_details")
    assert {"name": "C", "value": "3"} in job["hyper_parameters"]
    metrics = {each["name"]: each["value"] for each in job["training_metrics"]}
    assert metrics == {"training_accuracy": 0.9, "train_loss": 0.21}
    data = card.sources["/training_details/training_job_details/training_datasets"]
    assert data[0].object == f"data:{data[0].sha256}"
    assert data[0].sha256 in job["training_datasets"][0]
    cell = data[-1]
    assert (cell.kind, cell.notebook, cell.cell) == ("cell", "studies/train.ipynb", 7)
    overview = card.content["model_overview"]
    assert overview["algorithm_type"] == "LogisticRegression"
    assert (overview["model_creator"], overview["problem_type"]) == ("ada", "Binary classification")


def test_the_evaluation_has_metrics_predictions_and_reports(shared: Desk) -> None:
    own, report = shared.read().content["evaluation_details"]
    groups = {each["name"]: each["metric_data"] for each in own["metric_groups"]}
    assert groups["Metrics of the run"] == [
        {"name": "test_accuracy", "type": "number", "value": 0.875}
    ]
    seen = {each["name"]: each["value"] for each in groups["Measured on the predictions"]}
    assert seen["accuracy"] == 0.75
    assert seen["roc auc"] == 0.75  # by hand: 3 of the 4 pairs are in order
    assert seen["f1 (macro)"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    drawn = {each["name"]: each for each in groups["Predictions"]}
    assert drawn["Confusion matrix"]["value"] == [[1, 1], [0, 2]]
    assert drawn["ROC curve"]["value"][0] == [0.0, 0.0]
    assert drawn["ROC curve"]["value"][-1] == [1.0, 1.0]
    (bias,) = report["metric_groups"][0]["metric_data"]
    assert (bias["name"], bias["value"]) == ("DPL", BIAS["metrics"]["DPL"]["value"])
    sources = shared.read().sources["/evaluation_details/1"]
    assert sources[0].object == f"report:{shared.made.run_id}/clarify/bias.json"


def test_what_only_a_person_knows_is_asked_for(shared: Desk) -> None:
    card = shared.read()
    assert {each.field for each in card.missing if each.required} == set(HUMAN)
    with pytest.raises(Conflict, match="Purpose, Intended uses, Risk rating"):
        shared.submit()
    card = shared.say(**HUMAN)
    assert card.version == 1
    assert not [each for each in card.missing if each.required]
    assert card.sources["/intended_uses/risk_rating"][0].label == "ada"
    assert shared.say(model_owner="Zoë").content["model_overview"]["model_owner"] == "Zoë"
    assert "model_owner" not in shared.say(model_owner="").content["model_overview"]


def test_a_page_shows_the_card_and_runs_nothing(shared: Desk) -> None:
    page = shared.cards.export(shared.name, 1, "html", base="http://h/u/").decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "0.875" in page
    assert f'href="http://h/u/labstudio/mlflow/#/experiments/0/runs/{shared.made.run_id}"' in page
    assert 'href="http://h/u/lab/tree/studies/train.ipynb"' in page
    assert 'class="lacks">missing' in page


@pytest.mark.slow
def test_a_document_is_printed_and_read(shared: Desk, tmp_path: Path) -> None:
    file = tmp_path / "card.pdf"
    file.write_bytes(shared.cards.export(shared.name, 1, "pdf", base="http://h/u/"))
    assert file.read_bytes().startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed (Debian: poppler-utils)")
    run = {"check": True, "capture_output": True, "text": True}
    text = subprocess.run(["pdftotext", "-layout", file, "-"], **run).stdout
    for told in ("test_accuracy", "0.875", "ROC curve", "Confusion matrix", "DPL", "missing:"):
        assert told in text
    assert "λ →" in text
    assert re.search(r"card 1, draft, \w{12}\s+1 ?/ ?3", text)
    # The bar of a metric is drawn in colour: look at the picture, not at the promise.
    subprocess.run(["pdftoppm", "-r", "40", file, tmp_path / "page"], **run)
    pictures = sorted(tmp_path.glob("page*.ppm"))
    assert len(pictures) >= 2
    blue = sum(count_blue(each) for each in pictures)
    assert blue > 500, "no bar, curve or matrix is drawn"


def count_blue(picture: Path) -> int:
    raw = picture.read_bytes().split(b"\n", 3)[3]
    pixels = zip(raw[::3], raw[1::3], raw[2::3], strict=False)
    return sum(1 for red, green, blue in pixels if blue - red > 80 and green < 140)


def test_json_goes_out_and_comes_in_again(shared: Desk, desk: Desk) -> None:
    raw = shared.cards.export(shared.name, 1, "json")
    given = ImportCard(content=json.loads(raw))
    taken = desk.cards.adopt(desk.name, 1, given, user="bob")
    assert taken.content == json.loads(raw)
    assert taken.sources["/intended_uses/purpose_of_model"][0].label == "imported by bob"
    assert json.loads(desk.cards.export(desk.name, 1, "json")) == given.content
    with pytest.raises(InvalidInput, match="no model card: at model_overview"):
        desk.cards.adopt(desk.name, 1, ImportCard(content={"model_overview": {"x": 1}}))


def test_two_who_edit_at_once_are_told(desk: Desk) -> None:
    first = desk.read()
    desk.say(purpose_of_model="Mine.")
    given = UpdateCard(sha256=first.sha256, purpose_of_model="No, mine.")
    with pytest.raises(Conflict, match="read it again"):
        desk.cards.update(desk.name, 1, given, user="bob")
    stale = desk.read()
    row = desk.cards.store.get(desk.name, 1, None)
    assert row is not None
    desk.say(user="bob", purpose_of_model="Ours.")
    # The store itself decides, whatever was looked at before.
    with pytest.raises(Conflict):
        desk.cards.store.write(row, stale.sha256, content={})
    assert desk.read().content["intended_uses"]["purpose_of_model"] == "Ours."


def test_a_card_is_reviewed_and_never_changed_once_approved(desk: Desk) -> None:
    desk.say(**HUMAN)
    assert desk.submit().state is CardState.pending
    with pytest.raises(Conflict, match="in review"):
        desk.say(model_owner="Zoë")
    with pytest.raises(Forbidden, match="yourself"):
        desk.decide(user="ada", accounts=True)
    approved = desk.decide()
    assert (approved.state, approved.decided_by, approved.comment) == ("approved", "bob", "Read.")
    row = desk.cards.store.get(desk.name, 1, 1)
    assert row is not None
    with pytest.raises(Conflict):
        desk.cards.store.write(row, approved.sha256, content={})
    with pytest.raises(Conflict, match="not in review"):
        desk.decide()
    newer = desk.say(model_owner="Zoë")
    assert (newer.version, newer.state) == (2, CardState.draft)
    assert desk.read(1).content == approved.content
    desk.submit()
    assert desk.decide(approve=False).state is CardState.rejected
    desk.say(model_owner="Zoë Å.")
    desk.submit()
    desk.decide()
    states = [each.state for each in desk.cards.all(desk.name, 1).items]
    assert states == ["approved", "rejected", "archived"]
    tag = desk.made.studio.registry.client.version(desk.name, 1)["tags"][0]
    assert (tag["key"], json.loads(tag["value"])["state"]) == ("labstudio.card", "approved")
    (item,) = (
        each for each in desk.made.studio.registry.dashboard().items if each.model == desk.name
    )
    assert (item.card_state, item.risk, item.card_stale) == ("approved", "High", False)
    assert item.evaluation == {"test_accuracy": 0.875}
    assert (item.bias, item.drift, item.endpoint, item.alias) == ("not set up",) * 2 + (None, None)


def test_a_card_goes_stale_with_a_reason(desk: Desk) -> None:
    desk.say(**HUMAN)
    made = desk.made
    assert desk.read().stale_reasons == []
    made.data.write_text("age,y\n5,1\n")
    (reason,) = desk.read().stale_reasons
    assert (reason.label, "holds something else now" in reason.message) == (made.data.name, True)
    assert reason.was != reason.now
    made.put("clarify/bias.json", json.dumps(BIAS | {"facet": "age"}))
    log_metrics(made.studio, made.run_id, test_accuracy=0.5)
    kinds = {each.object.partition(":")[0] for each in desk.read().stale_reasons}
    assert kinds == {"data", "report", "run"}
    made.data.unlink()
    assert any("is gone" in each.message for each in desk.read().stale_reasons)
    made.put("model/MLmodel", "flavors: {sklearn: {}}\n")
    assert any(each.object.startswith("model:") for each in desk.read().stale_reasons)
    fresh = desk.cards.refresh(desk.name, 1, desk.read().sha256, user="bob")
    assert [each.object.partition(":")[0] for each in fresh.stale_reasons] == ["data"]
    assert fresh.content["intended_uses"]["risk_rating"] == "High"
    evaluation = fresh.content["evaluation_details"][0]["metric_groups"][0]["metric_data"]
    assert evaluation[0]["value"] == 0.5


def test_there_is_no_card_of_nothing(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.cards.get(desk.name, 7)
    with pytest.raises(NotFound):
        desk.read(3)
    with pytest.raises(InvalidInput, match="format"):
        desk.cards.export(desk.name, 1, "docx")
