"""A cluster that is out of reach under a running job."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from ray_cluster import Attempts

from labstudio.compute.kind import Presence
from labstudio.compute.ray import follower

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TICKS = """
import time
for number in range(60):
    print(number, "ö" * 100, flush=True)
    time.sleep(0.1)
"""


class Link:
    """A port that leads to the dashboard, and can be cut."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._there = (parts.hostname, parts.port)
        self._ready = threading.Event()
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True).start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(*self._there)
        self._writers |= {writer, back}
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        self._writers -= {writer, back}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        self._open = False
        self._loop.call_soon_threadsafe(lambda: [each.transport.abort() for each in self._writers])

    def mend(self) -> None:
        self._open = True

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)


@pytest.fixture
def link(ray_attempts: Attempts) -> Iterator[Link]:
    made = Link(ray_attempts.cluster.address)
    yield made
    made.close()


def test_that_a_cut_link_loses_nothing(
    ray_attempts: Attempts, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "HEARD_S", 2.0)
    kind = ray_attempts.kind(address=f"http://127.0.0.1:{link.port}")
    folder = ray_attempts.launch(kind, TICKS)
    ray_attempts.until(lambda: ray_attempts.printed(folder, "3 ö"))
    link.cut()
    ray_attempts.until(lambda: kind.stream(folder) is Presence.unreachable)
    link.mend()
    ray_attempts.until(lambda: kind.stream(folder) is not Presence.unreachable)
    assert ray_attempts.result(kind, folder).outcome == "succeeded"
    expected = "".join(f"{number} {'ö' * 100}\n" for number in range(60))
    assert ray_attempts.log(folder) == expected
