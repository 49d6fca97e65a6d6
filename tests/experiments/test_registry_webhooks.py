"""Webhooks: a real receiver is told, signed with a secret that is never shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio.errors import InvalidInput, NotFound
from labstudio.registry.models import CreateApproval, CreateWebhook, Decision, EventQuery
from labstudio.registry.webhooks import KEY_FILE
from tests.model_maker import Made, make

SECRET = "between you and me"


class Receiver:
    """An HTTP server that keeps what it is told; it refuses the first so many."""

    def __init__(self, refuse: int = 0) -> None:
        self.told: list[dict[str, Any]] = []
        self.refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.refused < refuse:
                    receiver.refused += 1
                    self.send_response(503)
                else:
                    receiver.check(self.headers, body)
                    receiver.told.append(json.loads(body))
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def check(headers: Any, body: bytes) -> None:
        signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode()
        mark = base64.b64encode(hmac.digest(SECRET.encode(), signed + body, hashlib.sha256))
        assert headers["X-MLflow-Signature"] == f"v1,{mark.decode()}"

    def wait(
        self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 20
    ) -> dict[str, Any]:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if found := next(filter(wanted, list(self.told)), None):
                return found
            time.sleep(0.05)
        raise AssertionError(self.told)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver(refuse=1)
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


@pytest.fixture(scope="module")
def made(tracked: Studio, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tracked, tmp_path_factory.mktemp("hooks"), "hooked")


@pytest.mark.slow
def test_a_receiver_is_told_signed_and_again(made: Made, receiver: Receiver) -> None:
    registry = made.studio.registry
    events = ["model_version_alias.created", "model_version_tag.set"]
    spec = CreateWebhook(name="ci", url=receiver.url, events=events, secret=SECRET)
    assert SECRET not in repr(spec)
    hook = registry.webhooks.create(spec)
    assert SECRET not in registry.webhooks.list().model_dump_json()
    # Stores cache their webhooks for a second.
    time.sleep(1.1)
    request = CreateApproval(model="hooked", version=1, alias="champion")
    approval = registry.approvals.create(request, user="ada")
    registry.approvals.decide(approval.id, Decision(approve=True, comment="Yes."), user="bob")
    alias = receiver.wait(lambda each: each["entity"] == "model_version_alias")
    assert alias["data"] == {"name": "hooked", "alias": "champion", "version": "1"}

    def approved(each: dict[str, Any]) -> bool:
        data = each["data"]
        return data.get("key") == "labstudio.approval" and '"approved"' in data["value"]

    told = json.loads(receiver.wait(approved)["data"]["value"])
    assert (told["decided_by"], told["comment"]) == ("bob", "Yes.")
    # Whichever was refused at first came again.
    assert receiver.refused == 1
    receiver.wait(lambda each: '"pending"' in each["data"].get("value", ""))
    assert registry.webhooks.test(hook.id).ok
    registry.webhooks.delete(hook.id)
    assert [each.id for each in registry.webhooks.list().items] == []


def test_secrets_outlive_the_server(made: Made) -> None:
    home = made.studio.home
    assert (home.path / KEY_FILE).stat().st_mode & 0o077 == 0
    raw = home.tracking_database_path.read_bytes()
    wal = Path(f"{home.tracking_database_path}-wal")
    raw += wal.read_bytes() if wal.exists() else b""
    assert SECRET.encode() not in raw


def test_what_is_no_webhook_is_refused(made: Made) -> None:
    hooks = made.studio.registry.webhooks
    with pytest.raises(InvalidInput, match=r"'nothing\.happened'"):
        hooks.create(CreateWebhook(name="x", url="https://h/", events=["nothing.happened"]))
    with pytest.raises(InvalidInput, match="https://"):
        hooks.create(CreateWebhook(name="x", url="file:///etc", events=["model_version.created"]))
    with pytest.raises(NotFound):
        hooks.delete("nothing")


def test_a_change_past_the_studio_is_told_too(made: Made) -> None:
    registry, tracking = made.studio.registry, made.studio.tracking
    before = registry.events(EventQuery(limit=1)).items
    after = before[0].id if before else None
    place = {"name": "hooked", "version": "1", "key": "stage", "value": "trial"}
    tracking.call("POST", "/api/2.0/mlflow/model-versions/set-tag", **place)
    end = time.monotonic() + 10
    query = EventQuery(model="hooked", after=after)
    while not (found := registry.events(query).items) and time.monotonic() < end:
        time.sleep(0.05)
    assert found[0].message == "The tag stage of version 1 of hooked was set."
    assert any(
        (each.topic, each.object_id) == ("models", "hooked")
        for each in made.studio.changes.since(0)
    )
