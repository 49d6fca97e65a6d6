"""Lineage over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio.lineage.objects import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Call

    from labstudio_server.app import LabstudioApp


async def test_lineage_is_asked_searched_checked_and_compared(
    call: Call, extension: LabstudioApp, jp_root_dir: Any, write_file: Callable[[str, str], str]
) -> None:
    path = write_file("data/customers.csv", "a\n1\n")
    file = jp_root_dir / path
    sha256 = content_hash(file)
    record = extension.services.studio().lineage.record
    record("is", f"data:{sha256}", f"data:{sha256}", name="customers.csv")
    record("held", f"file:{file}", f"data:{sha256}", path=str(file))
    record("read", f"data:{sha256}", "run:1", path=str(file))
    record("made", "run:1", "model:churn/1")

    for name in (f"data:{sha256}", f"file:{path}", f"file:/{path}"):
        reply = await call("GET", "lineage", params={"object": name, "direction": "down"})
        assert reply.code == 200, reply.data
        assert [node["id"] for node in reply.data["nodes"]] == [
            f"data:{sha256}", "run:1", "model:churn/1"
        ]  # fmt: skip
        assert reply.data["edges"][0]["relation"] == "read"
    reply = await call("GET", "lineage/search", params={"q": "CUSTOMERS"})
    assert [node["label"] for node in reply.data["items"]] == ["customers.csv"]
    reply = await call("GET", "lineage/verify")
    assert (reply.data["entries"], reply.data["whole"], reply.data["broken_at"]) == (4, True, None)
    file.write_text("a\n2\n")
    reply = await call("GET", "lineage/stale", params={"object": "model:churn/1"})
    stale = {item["node"]["id"]: item for item in reply.data["items"]}
    assert set(stale) == {"run:1", "model:churn/1"}
    assert stale["run:1"]["recorded_sha256"] == sha256


async def test_what_is_wrong_is_said(call: Call, tmp_path: Any) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("x")
    reply = await call("GET", "lineage", params={"object": f"file:../{outside.name}"})
    assert (reply.code, reply.data["details"]["field"]) == (400, "object")
    assert "leads out of the server's root" in reply.data["message"]
    reply = await call("GET", "lineage", params={"object": f"file:{outside}"})
    assert reply.code == 404
    reply = await call("GET", "lineage", params={"object": "run:none"})
    assert reply.code == 404
    reply = await call("GET", "lineage", params={"object": "run:1", "direction": "sideways"})
    assert (reply.code, reply.data["details"]["field"]) == (400, "direction")
