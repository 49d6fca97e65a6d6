"""A home that cannot be used is said so, with 503, and never with a traceback."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from tornado.web import HTTPError

from labstudio.errors import Conflict, InvalidInput
from labstudio_server.problems import answer_for

if TYPE_CHECKING:
    from conftest import Call

    from labstudio.home import Home


def alchemy(error: Exception) -> Exception:
    from sqlalchemy.exc import OperationalError

    return OperationalError("insert", {"password": "secret"}, error)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OSError(errno.ENOSPC, "No space left", "/home/x/secret"), 503, "full"),
        (OSError(errno.EROFS, "Read-only"), 503, "cannot be written"),
        (PermissionError(errno.EACCES, "Permission denied", "secret"), 503, "cannot be written"),
        (OSError(errno.EIO, "Input/output error"), 503, "Input/output error"),
        (sqlite3.OperationalError("database is locked"), 503, "locked"),
        (sqlite3.OperationalError("database or disk is full"), 503, "full"),
        (sqlite3.OperationalError("attempt to write a readonly database"), 503, "written"),
        (sqlite3.OperationalError("unable to open database file"), 503, "written"),
        (sqlite3.DatabaseError("file is not a database"), 503, "read"),
        (alchemy(sqlite3.OperationalError("database is locked")), 503, "locked"),
        (alchemy(RuntimeError("connection refused")), 503, "reached"),
        (Conflict("The job has ended.", job_id="x"), 409, "The job has ended."),
        (InvalidInput("path is wrong.", field="path"), 400, "path is wrong."),
        (HTTPError(404), 404, "nothing"),
        (HTTPError(413), 413, "large"),
        (HTTPError(400, "Invalid JSON in body of request"), 400, "Invalid JSON"),
        (HTTPError(400, "saw %s", "secret"), 400, "Bad Request"),
        (KeyError("secret"), 500, "log"),
        (sqlite3.OperationalError("no such table: secret"), 500, "log"),
        (None, 405, "method"),
    ],
)
def test_errors_and_what_is_told_of_them(error: Any, status: int, words: str) -> None:
    told = answer_for(error, status if error is None else 500)
    assert told.status == status
    assert words in told.message
    assert "secret" not in told.message
    assert set(told.body) == {"message", "reason", "code", "details"}


async def test_a_home_that_is_a_file(call: Call, home: Home) -> None:
    home.path.rmdir()
    home.path.write_text("in the way")
    try:
        for method, path in (("GET", "jobs"), ("GET", "schedules"), ("GET", "computes")):
            reply = await call(method, path)
            assert (reply.code, reply.data["code"]) == (503, "unavailable")
        # Status still answers, so that a panel can say what is wrong.
        status = await call("GET", "status")
        assert (status.code, status.data["daemon"]["state"]) == (200, "stopped")
    finally:
        home.path.unlink()
    assert (await call("GET", "jobs")).code == 200  # mended while the server runs


async def test_a_database_that_is_not_one(call: Call, home: Home) -> None:
    home.create().database_path.write_bytes(b"not a database" * 1000)
    assert (await call("GET", "jobs")).code == 503


@pytest.mark.skipif(os.getuid() == 0, reason="root writes everywhere")
async def test_a_home_that_is_read_only(call: Call, home: Home, write_file: Any) -> None:
    await call("GET", "jobs")
    home.path.chmod(0o500)
    try:
        reply = await call("POST", "jobs", body={"path": write_file("a.py", "1")})
        assert reply.code == 503
    finally:
        home.path.chmod(0o700)


@pytest.mark.slow
async def test_a_locked_database_is_waited_for_while_others_are_answered(
    call: Call, home: Home, write_file: Any
) -> None:
    path = write_file("a.py", "print(1)")
    await call("GET", "jobs")
    lock = sqlite3.connect(home.database_path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(call("POST", "jobs", body={"path": path}))
    await asyncio.sleep(0.3)
    assert (await call("GET", "jobs")).code == 200  # readers do not wait
    await asyncio.sleep(2)
    assert not waiting.done()
    lock.execute("COMMIT")
    lock.close()
    assert (await waiting).code == 201
