"""Models, approvals and cards over REST: who may, what is refused, what a file is sent as."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts import Accounts, Owners
from tornado.httpclient import HTTPClientError

from labstudio.experiments.server import TrackingServer
from tests.model_maker import make

HERE = "labstudio/api/v1"
ADA, BOB = {"X-User": "ada"}, {"X-User": "bob"}


@pytest.fixture
def jp_server_config(jp_server_config: Any) -> Any:
    jp_server_config.ServerApp.identity_provider_class = Accounts
    jp_server_config.ServerApp.authorizer_class = Owners
    return jp_server_config


@pytest.fixture(autouse=True)
def _nothing_denied() -> None:
    Owners.denied.clear()


@pytest.fixture
def served(extension: Any, tmp_path: Path) -> Iterator[Any]:
    """The studio of the server, its tracking server running, with one model in it."""
    studio = extension.services.studio()
    server = TrackingServer(studio.home.create())
    server.start()
    server.wait_ready(120)
    make(studio, tmp_path, "loans")
    yield studio
    studio.tracking.close()
    server.stop()


@pytest.mark.slow
async def test_a_model_goes_its_way_over_rest(
    call: Any, served: Any, jp_fetch: Any, tmp_path: Path
) -> None:
    async def ask(who: dict[str, str], method: str, *path: str, **body: Any) -> Any:
        return await call(method, *path, body=body or None, headers=dict(who))

    listed = (await ask(ADA, "GET", "models")).data
    assert [each["name"] for each in listed["items"]] == ["loans"]
    assert listed["protected"] == ["champion", "production"]
    refused = await ask(ADA, "PUT", "models", "loans", "aliases", "champion", version=1)
    assert (refused.code, refused.data["code"]) == (403, "forbidden")
    assert "labstudio model promote loans 1" in refused.data["message"]

    wanted = {"model": "loans", "version": 1, "alias": "champion", "comment": "Good."}
    approval = (await ask(ADA, "POST", "approvals", **wanted)).data
    assert (approval["requested_by"], approval["state"]) == ("ada", "pending")
    place = ("approvals", approval["id"], "decision")
    own = await ask(ADA, "POST", *place, approve=True)
    assert (own.code, "somebody else" in own.data["message"]) == (403, True)
    Owners.denied.add(("bob", "write", "labstudio:approvals"))
    assert (await ask(BOB, "POST", *place, approve=True)).code == 403
    Owners.denied.clear()
    decided = (await ask(BOB, "POST", *place, approve=True, comment="Yes.")).data
    assert (decided["state"], decided["decided_by"], decided["applied"]) == (
        "approved",
        "bob",
        True,
    )
    assert (await ask(BOB, "POST", *place, approve=False)).code == 409

    card = ("models", "loans", "versions", "1", "card")
    first = (await ask(ADA, "GET", *card)).data
    said = {"purpose_of_model": "<b>Loans</b>", "intended_uses": "Here.", "risk_rating": "Low"}
    saved = await ask(ADA, "PATCH", *card, sha256=first["sha256"], **said)
    assert (saved.code, saved.data["version"]) == (200, 1)
    late = await ask(BOB, "PATCH", *card, sha256=first["sha256"], model_owner="Bob")
    assert (late.code, late.data["details"]["sha256"]) == (409, saved.data["sha256"])
    now = {"sha256": saved.data["sha256"]}
    assert (await ask(ADA, "POST", *card, "submit", **now)).data["state"] == "pending"
    done = await ask(BOB, "POST", *card, "decision", approve=True, **now)
    assert (done.data["state"], done.data["decided_by"]) == ("approved", "bob")

    page = await jp_fetch(f"{HERE}/models/loans/versions/1/card.html", headers=dict(ADA))
    policy = page.headers["Content-Security-Policy"]
    assert ("sandbox" in policy, "allow-scripts" in policy) == (True, False)
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert b"&lt;b&gt;Loans&lt;/b&gt;" in page.body
    sent = await jp_fetch(
        f"{HERE}/models/loans/versions/1/card.json", params={"download": "true"}, headers=dict(ADA)
    )
    assert sent.headers["Content-Disposition"].startswith("attachment")
    content = json.loads(sent.body)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == saved.data["sha256"]
    (item,) = (await ask(ADA, "GET", "dashboard")).data["items"]
    assert (item["alias"], item["approved"], item["risk"]) == ("champion", True, "Low")
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch(f"{HERE}/models/loans/versions/x/card", headers=dict(ADA))
    assert caught.value.code == 400
