"""The live log: nothing lost, nothing twice, whatever is cut off and whenever."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import HTTPClientError

from labstudio.jobs.models import JobState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Attempt, Call, LoopWatch

API = ("labstudio", "api", "v1", "jobs")
Open = "Callable[..., Awaitable[Any]]"


@pytest.fixture
def stream(jp_ws_fetch: Any) -> Callable[..., Awaitable[Any]]:
    """Open the stream of a job's log."""

    async def connect(job_id: str, **params: Any) -> Any:
        return await jp_ws_fetch(*API, job_id, "log", "stream", params=params)

    return connect


async def read(socket: Any, timeout_s: float = 60.0) -> dict[str, Any] | None:
    """Return the next frame; None at the stream's end."""
    message = await asyncio.wait_for(socket.read_message(), timeout_s)
    return None if message is None else json.loads(message)


async def read_to_end(socket: Any) -> list[dict[str, Any]]:
    frames = []
    while (frame := await read(socket)) is not None:
        frames.append(frame)
    return frames


async def test_a_log_is_streamed_as_it_grows_and_ends(stream: Any, attempt: Attempt) -> None:
    log = attempt.folder / "log"
    socket = await stream(attempt.job_id)
    first = await read(socket)
    assert first is not None
    assert (first["text"], first["complete"]) == ("", False)
    text = ""
    with log.open("ab") as file:
        for piece in ("Grüße\n".encode(), b"\xe4\xb8", b"\x96\n", b"\x1b[31mred\x1b[0m\n"):
            file.write(piece)
            file.flush()
            if piece == b"\xe4\xb8":
                continue
            frame = await read(socket)
            assert frame is not None
            assert frame["offset"] == len(text.encode())
            text += frame["text"]
    assert text == "Grüße\n世\n\x1b[31mred\x1b[0m\n"
    attempt.end(JobState.succeeded)
    last = await read(socket)
    assert last is not None
    assert last["complete"]
    assert await read(socket) is None
    assert socket.close_code == 1000


async def test_a_stream_resumes_where_it_was_cut(stream: Any, attempt: Attempt) -> None:
    content = "".join(f"line {n} 日本\n" for n in range(50_000))
    (attempt.folder / "log").write_text(content)
    text, offset = "", 0
    for _ in range(3):
        socket = await stream(attempt.job_id, offset=offset)
        frame = await read(socket)
        assert frame is not None
        text, offset = text + frame["text"], frame["next_offset"]
        socket.close()
    attempt.end(JobState.failed)
    frames = await read_to_end(await stream(attempt.job_id, offset=offset, attempt=1))
    assert text + "".join(frame["text"] for frame in frames) == content


async def test_an_ended_log_is_complete_at_once(stream: Any, attempt: Attempt) -> None:
    attempt.end(JobState.interrupted)
    assert [frame["complete"] for frame in await read_to_end(await stream(attempt.job_id))] == [
        True
    ]


async def test_ten_megabytes_in_one_line(stream: Any, attempt: Attempt) -> None:
    (attempt.folder / "log").write_bytes(b"x" * 10_000_000)
    attempt.end(JobState.succeeded)
    frames = await read_to_end(await stream(attempt.job_id))
    assert sum(len(frame["text"]) for frame in frames) == 10_000_000
    assert max(len(frame["text"]) for frame in frames) <= 1 << 18


async def test_a_job_that_is_deleted_ends_the_stream(
    stream: Any, call: Call, attempt: Attempt
) -> None:
    socket = await stream(attempt.job_id)
    await read(socket)
    attempt.end(JobState.failed)
    # Deleted before the stream looks again, or after: it ends in both cases.
    await call("DELETE", "jobs", attempt.job_id)
    frames = await read_to_end(socket)
    assert frames[-1]["complete"] if frames else socket.close_code == 4404


@pytest.mark.parametrize(
    ("job", "params", "code"),
    [("none", {}, 404), (None, {"offset": -1}, 400), (None, {"offst": 1}, 400)],
)
async def test_refused_before_the_upgrade(
    stream: Any, attempt: Attempt, job: str | None, params: dict[str, Any], code: int
) -> None:
    with pytest.raises(HTTPClientError) as caught:
        await stream(job or attempt.job_id, **params)
    assert caught.value.code == code


async def test_an_attempt_that_is_not_there_closes_with_the_reason(
    stream: Any, attempt: Attempt
) -> None:
    socket = await stream(attempt.job_id, attempt=9)
    assert await read(socket) is None
    assert socket.close_code == 4404
    assert "attempt" in socket.close_reason


async def test_without_a_token(jp_ws_fetch: Any, attempt: Attempt) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "token wrong"}):
        with pytest.raises(HTTPClientError) as caught:
            await jp_ws_fetch(*API, attempt.job_id, "log", "stream", headers=headers)
        assert caught.value.code == 403


async def test_a_page_of_another_site(
    jp_fetch: Any, jp_ws_fetch: Any, jp_http_port: int, attempt: Attempt
) -> None:
    here = {"Host": f"localhost:{jp_http_port}"}  # the login cookie is for one host
    page = await jp_fetch("labstudio", "api", "v1", "status", headers=here)
    pairs = [each.split(";")[0] for each in page.headers.get_list("Set-Cookie")]
    browser = {"Authorization": "", "Cookie": "; ".join(pairs)}
    parts = (*API, attempt.job_id, "log", "stream")
    assert (await read(await jp_ws_fetch(*parts, headers=dict(browser)))) is not None
    with pytest.raises(HTTPClientError) as caught:
        await jp_ws_fetch(*parts, headers={**browser, "Origin": "https://evil.example"})
    assert caught.value.code == 403


async def test_a_hundred_thousand_lines_while_they_are_written(
    stream: Any, attempt: Attempt, loop_watch: LoopWatch
) -> None:
    lines = 100_000
    took: dict[str, float] = {}

    def write() -> None:
        before = time.perf_counter()
        with (attempt.folder / "log").open("ab", buffering=0) as log:
            for start in range(0, lines, 10):
                log.write(b"".join(b"%06d %s\n" % (n, b"x" * 60) for n in range(start, start + 10)))
        attempt.end(JobState.succeeded)
        took["write"] = time.perf_counter() - before

    socket = await stream(attempt.job_id)
    writer = threading.Thread(target=write)
    async with loop_watch.watching():
        before = time.perf_counter()
        writer.start()
        frames = await read_to_end(socket)
        took["all"] = time.perf_counter() - before
    writer.join()
    numbers = [int(line[:6]) for line in "".join(f["text"] for f in frames).splitlines()]
    assert numbers == list(range(lines))
    print(f"{lines} lines: {took}, {len(frames)} frames; {loop_watch}")


async def test_a_slow_client_is_not_read_ahead_of(stream: Any, attempt: Attempt) -> None:
    """Back-pressure: the server holds a few chunks for a client that does not read, not the log."""
    import psutil

    size = 200_000_000
    with (attempt.folder / "log").open("wb") as log:
        log.truncate(size)
    attempt.end(JobState.succeeded)
    process = psutil.Process()
    before = process.memory_info().rss
    socket = await stream(attempt.job_id)
    socket.stream.set_nodelay(True)
    await asyncio.sleep(1.0)  # the client's own side buffers what its socket takes
    grown = process.memory_info().rss - before
    socket.close()
    assert grown < size
