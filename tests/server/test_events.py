"""The event stream: what changed is told soon, once, and never more than panels can take."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from labstudio.changes import Change
from labstudio_server import events
from labstudio_server.feed import ANY, MOST_PER_TOPIC, merged

if TYPE_CHECKING:
    from conftest import Call, LoopWatch

    from labstudio_server.app import LabstudioApp


def change(revision: int, object_id: str, kind: Any, topic: Any = "jobs") -> Change:
    return Change(revision, topic, object_id, kind)


def test_changes_of_one_object_are_told_once() -> None:
    told = merged(
        [
            change(1, "a", "created"),
            change(2, "b", "changed"),
            change(3, "a", "changed"),
            change(4, "b", "deleted"),
            change(5, "s", "changed", "schedules"),
            change(6, "local", "changed", "computes"),
        ]
    )
    assert told == [
        ("jobs", "a", "created", 3),
        ("jobs", "b", "deleted", 4),
        ("schedules", "s", "changed", 5),
        ("computes", "local", "changed", 6),
    ]


def test_a_burst_is_told_as_one() -> None:
    many = [change(n, str(n), "created") for n in range(1, MOST_PER_TOPIC + 2)]
    assert merged(many) == [("jobs", ANY, "changed", MOST_PER_TOPIC + 1)]
    assert len(merged(many[1:])) == MOST_PER_TOPIC


@pytest.mark.parametrize("topic", events.TOPICS)
def test_schemas_allow_no_data(topic: str) -> None:
    path = Path(events.__file__).parent / topic / "v1.yaml"
    schema = yaml.safe_load(path.read_text())
    assert schema["$id"] == events.schema_id(topic)
    assert schema["required"] == ["id", "kind", "revision"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["kind"]["enum"] == ["created", "changed", "deleted"]


async def test_a_subscriber_hears_of_jobs_and_schedules(
    call: Call, jp_ws_fetch: Any, write_file: Any
) -> None:
    socket = await jp_ws_fetch("api", "events", "subscribe")
    await call("GET", "jobs")  # the feed is followed from the first request on
    await asyncio.sleep(0.5)
    path = write_file("a.py", "print(1)")
    job = (await call("POST", "jobs", body={"path": path})).data["id"]
    assert await heard(socket, "jobs") == {"id": job, "kind": "created"}
    await call("POST", "jobs", job, "stop")
    assert await heard(socket, "jobs") == {"id": job, "kind": "changed"}
    await call("DELETE", "jobs", job)
    assert await heard(socket, "jobs") == {"id": job, "kind": "deleted"}
    body = {"job": {"path": path}, "cron": "0 6 * * *"}
    schedule = (await call("POST", "schedules", body=body)).data["id"]
    assert await heard(socket, "schedules") == {"id": schedule, "kind": "created"}


async def heard(socket: Any, topic: str) -> dict[str, Any]:
    """Return the next event of a topic, without its revision."""
    while True:
        event = json.loads(await asyncio.wait_for(socket.read_message(), 60))
        if event["schema_id"] == events.schema_id(topic):
            assert event["revision"] > 0
            return {name: event[name] for name in ("id", "kind")}


async def test_a_burst_does_not_block_the_loop(
    call: Call,
    extension: LabstudioApp,
    jp_ws_fetch: Any,
    jp_root_dir: Any,
    write_file: Any,
    loop_watch: LoopWatch,
) -> None:
    from labstudio.jobs.models import CreateJob, CreateSweep

    path = write_file("a.py", "print(1)")
    await call("GET", "jobs")
    socket = await jp_ws_fetch("api", "events", "subscribe")
    await asyncio.sleep(0.5)
    studio = extension.services.studio()

    def submit() -> None:
        grid = {"n": list(range(300))}
        studio.jobs.sweep(CreateSweep(job=CreateJob(path=path), grid=grid), root=jp_root_dir)

    async with loop_watch.watching():
        await extension.services.run(submit)
        await asyncio.sleep(0.5)
    latest = await extension.services.run(studio.changes.latest)
    told = 0
    while (event := json.loads(await asyncio.wait_for(socket.read_message(), 60))) is not None:
        told += event["schema_id"] == events.schema_id("jobs")
        if event.get("revision") == latest:
            break
    print(f"300 jobs: {told} events; {loop_watch}")
    assert told < 50
    assert loop_watch.busy_s < 0.05


async def test_the_feed_survives_a_database_that_is_gone_for_a_while(
    call: Call, extension: LabstudioApp, jp_ws_fetch: Any, write_file: Any
) -> None:
    await call("GET", "jobs")
    socket = await jp_ws_fetch("api", "events", "subscribe")
    await asyncio.sleep(0.4)
    studio = extension.services.studio()
    await extension.services.run(studio.database.close)
    moved = studio.home.path.with_name(studio.home.path.name + "-away")
    studio.home.path.rename(moved)
    assert (await call("GET", "jobs")).code == 503
    await asyncio.sleep(0.5)
    moved.rename(studio.home.path)
    job = (await call("POST", "jobs", body={"path": write_file("a.py", "1")})).data["id"]
    assert await heard(socket, "jobs") == {"id": job, "kind": "created"}
