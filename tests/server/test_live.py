"""The whole way, on a real daemon: submitted, followed, failed, looked into, ended."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from listening import hears_of

from tests.notebook_maker import notebook

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Call
    from traitlets.config import Config

    from labstudio._studio import Studio

pytestmark = pytest.mark.slow


@pytest.fixture
def jp_server_config(jp_server_config: Config, live_studio: Studio) -> Config:
    jp_server_config.LabstudioApp.home = str(live_studio.home.path)
    return jp_server_config


async def ended(call: Call, job_id: str) -> dict[str, Any]:
    """Wait for a job's end."""
    for _ in range(600):
        job: dict[str, Any] = (await call("GET", "jobs", job_id)).data
        if job["ended_at"]:
            return job
        await asyncio.sleep(0.2)
    raise AssertionError(f"it did not end: {job}")


async def test_a_script_is_followed_line_by_line(
    call: Call, write_file: Any, jp_ws_fetch: Any, tmp_path: Path
) -> None:
    # Each line waits until the one before was read: what is seen is seen while the script runs.
    path = write_file(
        "count.py",
        "import pathlib, time\n"
        "for n in range(5):\n"
        "    print('line', n, '世界', flush=True)\n"
        f"    while not pathlib.Path({str(tmp_path)!r}, f'read-{{n}}').exists():\n"
        "        time.sleep(0.01)\n"
        "open('made.txt', 'w').write('x')\n",
    )
    events = await jp_ws_fetch("api", "events", "subscribe")
    job = (await call("POST", "jobs", body={"path": path})).data["id"]
    socket = await jp_ws_fetch("labstudio", "api", "v1", "jobs", job, "log", "stream")
    text = ""
    while (message := await asyncio.wait_for(socket.read_message(), 60)) is not None:
        text += json.loads(message)["text"]
        for n in re.findall(r"^line (\d) 世界\n", text, re.MULTILINE):
            (tmp_path / f"read-{n}").touch()
    assert [line for line in text.splitlines() if line.startswith("line")] == [
        f"line {n} 世界" for n in range(5)
    ]
    assert (await ended(call, job))["state"] == "succeeded"
    paths = [item["path"] for item in (await call("GET", "jobs", job, "files")).data["items"]]
    assert "work/made.txt" in paths
    assert (await call("GET", "jobs", job, "files", "work/made.txt")).body == b"x"
    await hears_of(events, job, times=2)


async def test_a_failed_notebooks_kernel_is_looked_into(
    call: Call, write_file: Any, jp_serverapp: Any
) -> None:
    path = write_file("fails.ipynb", json.dumps(notebook("kept = 6 * 7", "1 / 0")))
    made = await call("POST", "jobs", body={"path": path, "keep_kernel_s": 120})
    job = await ended(call, made.data["id"])
    assert job["state"] == "failed"
    output = (await call("GET", "jobs", job["id"], "notebook")).data
    assert "".join(output["cells"][job["error_detail"]["cell"]]["source"]) == "1 / 0"
    assert "ZeroDivisionError" in json.dumps(output)
    page = await call("GET", "jobs", job["id"], "html")
    assert b"ZeroDivisionError" in page.body
    attached = await call("POST", "jobs", job["id"], "kernel", request_timeout=60)
    assert attached.code == 200, attached.data
    client = jp_serverapp.kernel_manager.get_kernel(attached.data["kernel_id"]).client()
    client.start_channels()
    await client.wait_for_ready(timeout=30)
    reply = await client.execute_interactive("", user_expressions={"it": "kept"}, timeout=30)
    assert reply["content"]["user_expressions"]["it"]["data"]["text/plain"] == "42"
    client.stop_channels()
    kept = (await call("GET", "jobs", job["id"])).data["attempts"][-1]
    assert kept["kernel_kept_until"] is not None
    assert (await call("DELETE", "jobs", job["id"], "kernel")).code == 204
    gone = (await call("GET", "jobs", job["id"])).data["attempts"][-1]
    assert gone["kernel_kept_until"] is None
    assert (await call("POST", "jobs", job["id"], "kernel")).code == 409


async def test_a_running_job_is_stopped_within_five_seconds(call: Call, write_file: Any) -> None:
    path = write_file("sleep.py", "import time\nprint('go', flush=True)\ntime.sleep(600)\n")
    job = (await call("POST", "jobs", body={"path": path})).data["id"]
    async with asyncio.timeout(90):
        while "go" not in (await call("GET", "jobs", job, "log")).data["text"]:
            await asyncio.sleep(0.1)
    before = time.perf_counter()
    assert (await call("POST", "jobs", job, "stop")).data["stop_requested"] is True
    assert (await ended(call, job))["state"] == "stopped"
    assert time.perf_counter() - before < 5
