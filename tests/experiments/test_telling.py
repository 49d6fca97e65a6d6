"""What is written through the tracking server is told of in the change feed."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from labstudio.experiments.telling import Teller, change, is_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labstudio._studio import Studio
    from labstudio.changes import Change

RUN = "a" * 32
API = "/api/2.0/mlflow"


@pytest.mark.parametrize(
    ("path", "sent", "answered", "told"),
    [
        ("/runs/create", b"{}", f'{{"run": {{"info": {{"run_id": "{RUN}"', "created"),
        ("/runs/log-batch", f'{{"run_id": "{RUN}", "metrics": []}}', b"{}", "changed"),
        ("/runs/delete", f'{{"run_id": "{RUN}"}}', b"{}", "deleted"),
        ("/runs/set-tag", f'{{"key": "\\"run_id\\": \\"", "run_id":"{RUN}"}}', b"{}", "changed"),
        ("/logged-models", f'{{"source_run_id": "{RUN}"}}', b"{}", None),
    ],
)  # fmt: skip
def test_a_write_names_its_run(
    path: str, sent: str | bytes, answered: str | bytes, told: str | None
) -> None:
    given = [each.encode() if isinstance(each, str) else each for each in (sent, answered)]
    if told is not None:
        assert is_write("POST", API + path)
        assert change(API + path, *given) == ("runs", RUN, told)


def test_models_are_told_by_their_name() -> None:
    told = change(f"{API}/registered-models/create", '{"name": "a \\"ü\\""}'.encode(), b"")
    assert told == ("models", 'a "ü"', "created")
    told = change(f"{API}/model-versions/create", b'{"name": "m"}', b"")
    assert told == ("models", "m", "changed")
    path = f"/api/2.0/mlflow-artifacts/artifacts/1/{RUN}/artifacts/a.txt"
    assert change(path, b"", b"") == ("runs", RUN, "changed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{API}/runs/get"),
        ("POST", f"{API}/runs/search"),
        ("POST", f"{API}/experiments/search"),
        ("POST", f"{API}/registered-models/get-latest-versions"),
        ("POST", "/health"),
        ("POST", f"{API}/traces/search"),
    ],
)
def test_what_reads_is_no_write(method: str, path: str) -> None:
    assert not is_write(method, path)


@pytest.fixture
def teller(studio: Studio) -> Iterator[Teller]:
    made = Teller(studio.database, interval_s=0.4)
    made.start()
    yield made
    made.stop()


def until(ready: Callable[[], object], patience_s: float = 20.0) -> None:
    end = time.monotonic() + patience_s
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_many_writes_of_a_run_are_few_rows_and_the_last_is_told(
    studio: Studio, teller: Teller
) -> None:
    began = time.monotonic()
    teller.note(("runs", RUN, "created"))
    while time.monotonic() < began + 1.0:
        teller.note(("runs", RUN, "changed"))
    teller.note(("runs", RUN, "deleted"))
    last = time.monotonic() - began
    until(lambda: kinds(studio)[-1:] == ["deleted"])
    told = kinds(studio)
    assert told[0] == "created"
    assert 2 <= len(told) <= last / 0.4 + 2


def kinds(studio: Studio) -> list[str]:
    return [each.kind for each in studio.changes.since(0) if each.object_id == RUN]


def test_a_feed_that_cannot_be_written_loses_nothing_and_stops_nobody(
    studio: Studio, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from labstudio.experiments import telling

    monkeypatch.setattr(telling, "RETRY_S", 0.05)
    studio.changes.latest()
    with sqlite3.connect(studio.home.database_path) as other:
        other.execute("ALTER TABLE changes RENAME TO hidden")
        other.commit()
        teller.note(("runs", RUN, "created"))
        time.sleep(0.5)
        other.execute("ALTER TABLE hidden RENAME TO changes")
    until(lambda: kinds(studio))
    assert kinds(studio) == ["created"]


@pytest.mark.slow
def test_writes_through_the_server_reach_the_feed(tracked: Studio) -> None:
    before = tracked.changes.latest()
    experiment = tracked.tracking.ensure_experiment("told")
    run_id = tracked.tracking.create_run(experiment, "r")
    for number in range(20):
        tracked.tracking.set_tags(run_id, {"number": str(number)})
    tracked.tracking.delete_run(run_id)

    def told() -> list[Change]:
        return [each for each in tracked.changes.since(before) if each.object_id == run_id]

    until(lambda: [each.kind for each in told()][-1:] == ["deleted"])
    assert told()[0].kind == "created"
    assert len(told()) < 10
    assert {each.topic for each in told()} == {"runs"}
