"""Computes over REST: added, looked at, drained, removed; what is wrong is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Call

    from labstudio.home import Home


async def test_a_compute_is_described_and_drained(call: Call, home: Home) -> None:
    settings = {
        "price_per_hour": 1.5,
        "description": "half of this machine",
        "cpus": 1,
        "env": {"TOKEN": "s3cret"},
    }
    entry = {"name": "local", "type": "local", "settings": settings}
    made = await call("POST", "computes", body=entry)
    assert (made.code, made.data["name"], made.data["cpus"]) == (201, "local", 1)
    assert "[local]" in (home.path / "compute.toml").read_text()
    detail = (await call("GET", "computes", "local")).data
    assert detail["settings"]["price_per_hour"] == 1.5
    assert detail["settings"]["env"] == {"TOKEN": "•••"}
    assert (detail["occupants"], detail["waiting"], detail["state"]) == ([], [], "ready")
    for draining, state in ((True, "draining"), (False, "ready")):
        reply = await call("POST", "computes", "local", "drain", body={"draining": draining})
        assert reply.data["state"] == state


async def test_notice_is_given_only_where_that_may_be(call: Call, home: Home) -> None:
    asked = {"draining": True, "now": True}
    refused = await call("POST", "computes", "local", "drain", body=asked)
    assert (refused.code, refused.data["details"]["field"]) == (400, "now")
    assert "is not preemptible" in refused.data["message"]
    (home.create().path / "compute.toml").write_text("[local]\npreemptible = true\n")
    drained = (await call("POST", "computes", "local", "drain", body=asked)).data
    assert drained["message"] == "Nothing new is let in; jobs save a checkpoint and wait."
    asked["draining"] = False
    refused = await call("POST", "computes", "local", "drain", body=asked)
    assert (refused.code, refused.data["details"]["field"]) == (400, "now")


async def test_a_look_and_a_test(call: Call) -> None:
    seen = (await call("GET", "computes", "local", "resources")).data
    assert seen["memory_bytes"] > seen["memory_used_bytes"] > 0
    report = (await call("POST", "computes", "local", "test")).data
    assert report["ok"]
    assert report["checks"][0]["state"] == "ok"


async def test_kinds_say_what_they_take(call: Call) -> None:
    kinds = {each["type"]: each for each in (await call("GET", "computes", "kinds")).data["items"]}
    assert kinds["local"]["available"]
    fields = {each["name"]: each for each in kinds["local"]["fields"]}
    assert fields["preemptible"]["type"] == "boolean"
    assert fields["price_per_hour"]["description"]


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"name": "Big Box", "type": "local"}, "name"),
        ({"name": "big", "type": "balloon"}, "type"),
        ({"name": "local", "type": "local", "settings": {"cpus": -1}}, "cpus"),
        ({"name": "local", "type": "local", "settings": {"colour": "red"}}, "colour"),
    ],
)
async def test_what_is_wrong_is_named(
    call: Call, home: Home, entry: dict[str, object], field: str
) -> None:
    reply = await call("POST", "computes", body=entry)
    assert reply.code == 400
    assert reply.data["details"]["field"].rpartition(".")[2] == field
    assert not (home.path / "compute.toml").exists()


@pytest.mark.parametrize("rest", [(), ("resources",)])
async def test_one_that_is_not_there(call: Call, rest: tuple[str, ...]) -> None:
    reply = await call("GET", "computes", "nowhere", *rest)
    assert (reply.code, reply.data["code"]) == (404, "not_found")


async def test_the_local_one_stays(call: Call) -> None:
    assert (await call("DELETE", "computes", "local")).code == 409
