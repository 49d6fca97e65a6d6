"""The spool and its sender: order is kept, and a server that is away loses nothing."""

from __future__ import annotations

import json
import shutil
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labstudio._studio import Studio
from labstudio.capture.sender import gathered
from labstudio.capture.spool import Spool, is_free, resume_left
from labstudio.experiments.connection import connection
from labstudio.home import Home

RECORDS = st.lists(
    st.one_of(
        st.builds(
            lambda run, step, names: {
                "r": run,
                "m": dict.fromkeys(names, 1.0),
                "s": step,
                "t": 1,
            },
            st.sampled_from("ab"),
            st.integers(0, 5),
            st.lists(st.sampled_from("xyz"), min_size=1, unique=True),
        ),
        st.builds(lambda run: {"o": "tags", "r": run, "v": {}}, st.sampled_from("ab")),
        st.just({"sync": 1}),
    )
)


@given(RECORDS)
def test_what_is_gathered_is_all_there_was_in_its_order(records: list[dict[str, object]]) -> None:
    content = b"".join(json.dumps(each).encode() + b"\n" for each in records)
    groups = list(gathered(content))
    assert [record for group, _ in groups for record in group] == records
    assert sum(length for _, length in groups) == len(content)
    for group, _ in groups:
        if len(group) > 1:
            assert {record["r"] for record in group} == {group[0]["r"]}
            assert all("m" in record for record in group)


@pytest.mark.slow
def test_a_server_that_is_away_loses_nothing(tracked: Studio, home: Home) -> None:
    where = connection(tracked.home)
    run_id = tracked.tracking.create_run("0", "away", tags={})
    home.create()
    nobody = {"url": "http://127.0.0.1:9", "token": where.token}
    home.tracking_json.write_text(json.dumps(nobody))
    spool = Spool(home, "http://127.0.0.1:9")
    now = int(time.time() * 1000)
    for step in range(2500):
        spool.metrics(run_id, {"loss": 1.0 / (step + 1)}, step, now + step)
    spool.write({"o": "params", "r": run_id, "v": {"depth": "3"}})
    assert not spool.sync(0.5)
    home.tracking_json.write_text(json.dumps({"url": where.url, "token": where.token}))
    assert spool.sync(30)
    run = tracked.tracking.get_run(run_id)
    assert run.params == {"depth": "3"}
    assert len(tracked.tracking.metric_histories(run_id, 10_000)["loss"]) == 2500


def test_a_sender_ends_when_its_home_is_gone(home: Home) -> None:
    home.create()
    nobody = {"url": "http://127.0.0.1:9", "token": "t"}
    home.tracking_json.write_text(json.dumps(nobody))
    spool = Spool(home, "http://127.0.0.1:9")
    spool.metrics("0" * 32, {"loss": 1.0}, 0, 1)
    assert not spool.sync(1.0)
    shutil.rmtree(home.path)
    assert spool._sender.wait(30) == 1
    spool.close()


def test_a_sender_with_nothing_to_send_ends_too_when_its_home_is_gone(home: Home) -> None:
    home.create()
    spool = Spool(home, "http://127.0.0.1:9")
    assert spool.sync(0)
    shutil.rmtree(home.path)
    assert spool._sender.wait(30) is not None
    spool.close()


@pytest.mark.slow
def test_what_the_server_refuses_stops_nothing_behind_it(tracked: Studio, home: Home) -> None:
    where = connection(tracked.home)
    home.create()
    home.tracking_json.write_text(json.dumps({"url": where.url, "token": where.token}))
    spool = Spool(home, where.url)
    run_id = tracked.tracking.create_run("0", "refused", tags={})
    spool.metrics("0" * 32, {"loss": 1.0}, 0, 1)
    spool.metrics(run_id, {"loss": 2.0}, 0, 1)
    assert spool.sync(30)
    assert "0" * 32 in (spool.refused() or "")
    assert spool.refused() is None
    assert tracked.tracking.get_run(run_id).metrics["loss"].value == 2.0


@pytest.mark.slow
def test_a_spool_that_was_left_behind_is_taken_up(tracked: Studio, home: Home) -> None:
    where = connection(tracked.home)
    home.create()
    home.tracking_json.write_text(json.dumps({"url": where.url, "token": where.token}))
    run_id = tracked.tracking.create_run("0", "left", tags={})
    spool = Spool(home, where.url)
    spool._sender.kill()
    spool._sender.wait()
    spool.metrics(run_id, {"loss": 3.0}, 0, 1)
    assert resume_left(home) == []  # Its writer lives.
    spool.close()
    assert is_free(spool.folder, "sender.lock")
    assert resume_left(home) == [spool.folder]
    over = time.monotonic() + 30
    while spool.folder.exists():
        assert time.monotonic() < over
        time.sleep(0.05)
    assert tracked.tracking.get_run(run_id).metrics["loss"].value == 3.0
