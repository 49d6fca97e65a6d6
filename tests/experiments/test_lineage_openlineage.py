"""OpenLineage: what a catalogue is told of runs and jobs, over HTTP and into a file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from labstudio._studio import Studio
from labstudio.errors import InvalidInput, Unavailable
from labstudio.lineage.openlineage import Emitter, destination, transport

pytest.importorskip("openlineage.client", reason="labstudio[openlineage] is not installed")

RUN = "0123456789abcdef0123456789abcdef"
JOB = "01JD0000000000000000000000"


@dataclass
class Catalogue:
    """A receiver of events."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    found = Catalogue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = found.answers.pop(0) if found.answers else 201
            if status < 300:
                found.events.append({"path": self.path, **json.loads(body)})
                found.headers.append(dict(self.headers))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def tell(studio: Studio) -> None:
    """Record a job with its run from begin to end, as the harvest does."""
    record = studio.lineage.record
    run, job = f"run:{RUN}", f"job:{JOB}"
    record("is", "data:a1", "data:a1", name="d.csv", schema={"age": "long", "city": "string"})
    record("given", "data:a1", job, path="/data/d.csv")
    record("is", job, job, name="train", source="train.ipynb", state="queued")
    record("ran", job, run)
    record("read", "data:a1", run, path="/data/d.csv")
    begun = {"name": "train", "experiment": "churn", "started_at": "2026-03-01T10:00:00+00:00"}
    record("is", run, run, **begun, status="RUNNING")
    record("is", run, run, **begun, status="RUNNING", user="ann")
    record("made", run, "logged_model:m-1")
    record("wrote", job, "data:b2")
    record("is", run, run, **begun, status="FINISHED", ended_at="2026-03-01T10:05:00+00:00")
    record("is", job, job, name="train", source="train.ipynb", state="failed")


def test_a_catalogue_is_told_once_and_in_order(
    studio: Studio, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "k3y")
    studio.lineage.record("is", "run:0f", "run:0f", name="of before", status="FINISHED")
    emitter = Emitter(studio, catalogue.url)
    assert emitter.step() == 0, "what was before it was switched on is not told"
    tell(studio)
    assert emitter.step() == 4
    assert emitter.step() == Emitter(studio, catalogue.url).step() == 0

    assert {each["path"] for each in catalogue.events} == {"/api/v1/lineage"}
    assert {each["Authorization"] for each in catalogue.headers} == {"Bearer k3y"}
    kinds = [(each["job"]["name"], each["eventType"]) for each in catalogue.events]
    assert kinds == [
        ("churn/train", "START"), ("churn/train", "COMPLETE"),
        ("train.ipynb", "START"), ("train.ipynb", "FAIL"),
    ]  # fmt: skip
    start, complete, _, failed = catalogue.events
    assert UUID(start["run"]["runId"]).hex == complete["run"]["runId"].replace("-", "") == RUN
    assert start["eventTime"].startswith("2026-03-01T10:00:00")
    assert complete["eventTime"].startswith("2026-03-01T10:05:00")
    (data,) = complete["inputs"]
    assert (data["namespace"], data["name"]) == ("file", "/data/d.csv")
    assert data["facets"]["version"]["datasetVersion"] == "a1"
    assert [(each["name"], each["type"]) for each in data["facets"]["schema"]["fields"]] == [
        ("age", "long"), ("city", "string")
    ]  # fmt: skip
    assert [each["name"] for each in complete["outputs"]] == ["logged_model:m-1"]
    assert start["outputs"] == []
    assert failed["outputs"][0]["facets"]["version"]["datasetVersion"] == "b2"
    assert complete["run"]["facets"]["parent"]["run"]["runId"] == failed["run"]["runId"]
    assert complete["run"]["facets"]["parent"]["job"]["name"] == "train.ipynb"


REQUIRED = {"eventTime", "eventType", "run", "job", "producer", "schemaURL", "inputs", "outputs"}


def test_events_have_what_the_specification_asks_for(studio: Studio, tmp_path: Path) -> None:
    emitter = Emitter(studio, f"file:{tmp_path}/events.ndjson")
    emitter.step()
    tell(studio)
    emitter.step()
    lines = (tmp_path / "events.ndjson").read_text().splitlines()
    assert len(lines) == 4
    for event in map(json.loads, lines):
        assert event.keys() >= REQUIRED
        assert event["schemaURL"].startswith("https://openlineage.io/spec/")
        facets = [*event["run"]["facets"].values(), *event["job"]["facets"].values()]
        for data in (*event["inputs"], *event["outputs"]):
            assert data["namespace"]
            assert data["name"]
            facets += data["facets"].values()
        for facet in facets:
            assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")
            assert facet["_producer"].startswith("https://labstudio")


def test_what_is_not_taken_is_told_again_and_what_is_refused_is_left_out(
    studio: Studio, catalogue: Catalogue
) -> None:
    emitter = Emitter(studio, catalogue.url)
    emitter.step()
    tell(studio)
    catalogue.answers = [201, 503]
    with pytest.raises(Unavailable, match="are not taken"):
        emitter.step()
    assert len(catalogue.events) == 1
    # A daemon after this one goes on where it stood.
    catalogue.answers = [422]
    assert Emitter(studio, catalogue.url).step() == 3
    assert [each["eventType"] for each in catalogue.events] == ["START", "START", "FAIL"]


def test_nobody_there_is_said(studio: Studio) -> None:
    emitter = Emitter(studio, "http://127.0.0.1:1")
    emitter.step()
    tell(studio)
    with pytest.raises(Unavailable, match="OpenLineage events are not taken"):
        emitter.step()


def test_where_events_go(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    assert destination(studio) == ""
    monkeypatch.setenv("OPENLINEAGE_URL", "http://catalogue")
    assert destination(studio) == "http://catalogue"
    assert destination(Studio(studio.home.path, openlineage_url="file:/x")) == "file:/x"
    with pytest.raises(InvalidInput, match="should begin with http"):
        transport("ftp://x")
