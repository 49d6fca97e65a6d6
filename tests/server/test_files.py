"""What jobs leave, over HTTP: whole, in ranges, and never with this server's rights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from labstudio.jobs.models import JobState

if TYPE_CHECKING:
    from conftest import Attempt, Call, LoopWatch

PAGE = "<script>parent.document</script>"
ODD = "plots/日本 語 'x' \"y\" 🎉.svg"


@pytest.fixture
def job(attempt: Attempt) -> str:
    """A job that left a notebook, a page, a plot, a big file, and what must not be shown."""
    folder = attempt.folder
    (folder / "work" / "plots").mkdir(parents=True)
    (folder / "work" / ODD).write_text("<svg/>")
    (folder / "work" / "page.html").write_text(PAGE)
    (folder / "work" / "big.bin").write_bytes(bytes(range(256)) * 20_000)
    (folder / "work" / "empty.csv").write_text("")
    (folder / "work" / "link").symlink_to("/etc/hostname")
    (folder / "attempt.json").write_text('{"token": "secret"}')
    (folder / "log").write_text("hello\n")
    (folder / "output.ipynb").write_text(
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "id": "a",
                        "metadata": {},
                        "execution_count": 1,
                        "source": ["1 + 1"],
                        "outputs": [],
                    }
                ],
                "metadata": {},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        )
    )
    item = {"size_bytes": 1, "modified_at": "2026-01-01T00:00:00Z"}
    listed = [{"path": path, **item} for path in (ODD, "page.html", "big.bin", "empty.csv", "link")]
    (folder / "outputs.json").write_text(json.dumps({"items": listed}))
    attempt.end(JobState.succeeded)
    return attempt.job_id


async def test_every_file_that_is_listed_can_be_had(call: Call, job: str) -> None:
    items = (await call("GET", "jobs", job, "files")).data["items"]
    assert {item["role"] for item in items} == {"notebook", "html", "log", "output"}
    assert not any("link" in item["path"] for item in items)
    for item in items:
        reply = await call("GET", "jobs", job, "files", item["path"])
        assert reply.code == 200
        assert reply.headers["Content-Type"].startswith(item["media_type"])
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        if item["role"] != "html":
            assert len(reply.body) == item["size_bytes"]


async def test_active_content_is_sandboxed(call: Call, job: str) -> None:
    for parts in (("files", "work/page.html"), ("files", f"work/{ODD}"), ("html",)):
        policy = (await call("GET", "jobs", job, *parts)).headers["Content-Security-Policy"]
        assert "sandbox" in policy
        assert "allow-same-origin" not in policy


async def test_the_notebook_and_its_page(call: Call, job: str) -> None:
    notebook = await call("GET", "jobs", job, "notebook")
    assert notebook.data["cells"][0]["source"] == ["1 + 1"]
    page = await call("GET", "jobs", job, "html")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<html" in page.body


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=5119990-", 5_119_990, 5_120_000),
        ("bytes=-7", 5_119_993, 5_120_000),
        ("bytes=100-99999999", 100, 5_120_000),
    ],
)
async def test_ranges(call: Call, job: str, asked: str, start: int, end: int) -> None:
    reply = await call("GET", "jobs", job, "files", "work/big.bin", headers={"Range": asked})
    assert reply.code == 206
    assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/5120000"
    assert reply.body == (bytes(range(256)) * 20_000)[start:end]


async def test_ranges_that_cannot_be_given(call: Call, job: str) -> None:
    for asked in ("bytes=6000000-", "bytes=10-5", "bytes=-0"):
        reply = await call("GET", "jobs", job, "files", "work/big.bin", headers={"Range": asked})
        assert (reply.code, reply.data["code"]) == (416, "range_not_satisfiable"), asked
    whole = {"Range": "bytes=1-2,4-5"}
    assert (await call("GET", "jobs", job, "files", "work/big.bin", headers=whole)).code == 200


async def test_head_and_not_modified(call: Call, job: str) -> None:
    head = await call("HEAD", "jobs", job, "files", "work/big.bin")
    assert (head.code, head.headers["Content-Length"], head.body) == (200, "5120000", b"")
    same = {"If-None-Match": head.headers["ETag"]}
    assert (await call("GET", "jobs", job, "files", "work/big.bin", headers=same)).code == 304


async def test_a_download_keeps_its_name(call: Call, job: str) -> None:
    reply = await call("GET", "jobs", job, "files", f"work/{ODD}", params={"download": 1})
    told = reply.headers["Content-Disposition"]
    assert told.startswith("attachment; filename*=utf-8''")
    assert unquote(told.partition("''")[2]) == ODD.partition("/")[2]


@pytest.mark.parametrize(
    "path",
    [
        "attempt.json",
        "runner.json",
        "work/link",
        "work/../attempt.json",
        "../../../../studio.db",
        "/etc/passwd",
        "work",
        "work/none",
        "work/\0",
    ],
)
async def test_nothing_else_can_be_had(call: Call, job: str, path: str) -> None:
    reply = await call("GET", "jobs", job, "files", path)
    assert reply.code in (400, 403, 404)
    assert b"secret" not in reply.body


async def test_a_big_file_does_not_block_the_loop(
    call: Call, job: str, attempt: Attempt, loop_watch: LoopWatch
) -> None:
    with (attempt.folder / "work" / "huge.bin").open("wb") as file:
        file.truncate(90_000_000)
    async with loop_watch.watching():
        reply: Any = await call("GET", "jobs", job, "files", "work/huge.bin")
    assert len(reply.body) == 90_000_000
    print(f"90 MB: {loop_watch}")
