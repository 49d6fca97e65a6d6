"""The relay of a kernel and the way to it, on this machine: what is cut here is a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kernel_talk import COUNT, HELD, Talk, counted, errors, result, talking, text

from labstudio.compute import bundle
from labstudio.compute.host import link
from labstudio.compute.passage import Passage

PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}
PYTHON = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class Place:
    """Where one relay runs."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ls-r-"))
        self.path = self.folder / "attach"
        self.writers: list[asyncio.StreamWriter] = []
        self.open = asyncio.Event()
        self.open.set()
        self.connection = {
            "transport": "ipc",
            "ip": str(self.folder / "back"),
            "key": "secret",
            "signature_scheme": "hmac-sha256",
            **{f"{channel}_port": port for channel, port in PORTS.items()},
        }
        for path, content in bundle.files().items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_bytes(content)

    def start(self, argv: list[str] = PYTHON, **more: Any) -> dict[str, Any]:
        order = {
            "id": "k1",
            "name": "python3",
            "language": "python",
            "argv": argv,
            "env": {},
            "cwd": str(self.folder),
            "key": "secret",
            "folder": str(self.folder),
            "sockets": str(self.folder),
            **more,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", bundle.program(str(self.folder), "relay")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    async def reach(self) -> tuple[Any, Any]:
        if not self.open.is_set():
            raise ConnectionError("cut")
        reader, writer = await asyncio.open_unix_connection(self.path, limit=1 << 20)
        self.writers.append(writer)
        return reader, writer

    def cut(self) -> None:
        self.open.clear()
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    def heal(self) -> None:
        self.open.set()

    @asynccontextmanager
    async def passage(self) -> AsyncIterator[Passage]:
        made = Passage(self.connection, self.folder / "heard", self.reach)
        await made.open()
        try:
            yield made
        finally:
            await made.close()

    @asynccontextmanager
    async def talk(self) -> AsyncIterator[Talk]:
        async with self.passage(), talking(self.connection) as talk:
            await talk.ready()
            yield talk

    def end(self) -> None:
        file = self.folder / "relay.json"
        about = json.loads(file.read_text()) if file.exists() else {}
        for pid in about.get("kernel_pid"), about.get("pid"):
            with contextlib.suppress(ProcessLookupError):
                if pid is not None:
                    os.killpg(pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.end()
    shutil.rmtree(made.folder)


def test_execute_input_comms_interrupt(place: Place):
    assert place.start() == {"ready": True}

    async def go() -> None:
        async with place.passage() as passage, talking(place.connection) as talk:
            await talk.ready()
            assert result(await talk.run("6 * 7")) == "42"
            asked = talk.client.execute("name = input('who? ')\nprint('hello', name)")
            prompt = await talk.client.get_stdin_msg(timeout=60)
            assert prompt["content"]["prompt"] == "who? "
            talk.client.input("you")
            assert text(await talk.outputs(asked)) == "hello you\n"
            opened = await talk.run("from comm import create_comm; c = create_comm('t', {'a': 1})")
            assert [each["msg_type"] for each in opened] == ["comm_open"]
            asked = await talk.begin("import time\ntime.sleep(600)")
            passage.interrupt()
            assert errors(await talk.outputs(asked)) == ["KeyboardInterrupt"]
            assert result(await talk.run("name")) == "'you'"

    asyncio.run(go())


def test_every_line_comes_once_over_cuts_of_the_link(place: Place):
    place.start()

    async def go() -> None:
        async with place.talk() as talk:
            asked = talk.client.execute(COUNT.format(n=60, s=0.03))
            collecting = asyncio.create_task(talk.outputs(asked))
            for _ in range(4):
                await asyncio.sleep(0.2)  # some lines come; it matters not how many
                place.cut()
                await asyncio.sleep(0.15)
                place.heal()
            assert text(await collecting) == counted(60)
            # What is asked while the link is cut is done once, when it is there again.
            place.cut()
            asked = talk.client.execute("print('once', flush=True)")
            await asyncio.sleep(0.3)
            place.heal()
            assert text(await talk.outputs(asked)) == "once\n"
            assert result(await talk.run("get_ipython().execution_count - 1")) == "3"

    asyncio.run(go())


def test_another_process_goes_on_where_the_last_one_stopped(place: Place):
    place.start()
    gate = place.folder / "gate"

    async def first() -> str:
        async with place.talk() as talk:
            place.asked = talk.client.execute(  # type: ignore[attr-defined]
                "x = 5\n" + HELD.format(gate=str(gate))
            )
            return await talk.hears("9\n")

    async def second() -> str:
        async with place.passage(), talking(place.connection) as talk:
            seen = text(await talk.outputs(place.asked))  # type: ignore[attr-defined]
            await talk.ready()
            assert result(await talk.run("x")) == "5"
            return seen

    seen = asyncio.run(first())
    gate.touch()
    assert seen + asyncio.run(second()) == counted(40)


def test_large_outputs_pass_whole(place: Place):
    place.start()

    async def go() -> None:
        async with place.talk() as talk:
            shown = await talk.run("from IPython.display import display\nprint('x' * 50_000_000)")
            assert len(text(shown)) == 50_000_001

    asyncio.run(go())


def test_the_end_is_told_with_its_exit_code_after_all_output(place: Place):
    place.start()

    async def go() -> None:
        async with place.passage() as passage, talking(place.connection) as talk:
            await talk.ready()
            talk.client.execute("import os\nprint('last words', flush=True)\nos._exit(7)")
            await talk.hears("last words")
            async with asyncio.timeout(60):
                while passage.ended is None:
                    await asyncio.sleep(0.02)
            assert passage.ended["exit_code"] == 7
            assert not passage.ended["out_of_memory"]

    asyncio.run(go())


def test_a_kernel_that_cannot_be_run_is_told(place: Place):
    assert place.start(["/no/such"]) == {"error": "/no/such: No such file or directory"}


def stream(number: int) -> bytes:
    header = json.dumps({"msg_type": "stream", "msg_id": str(number)}).encode()
    content = json.dumps({"name": "stdout", "text": "x" * 1000}).encode()
    return link.pack_parts([b"stream", b"<IDS|MSG>", b"sig", header, b"{}", b"{}", content])


def everything(outgoing: link.Outgoing) -> list[tuple[int, int, bytes]]:
    found, number = [], 0
    while (each := outgoing.after(number)) is not None:
        found.append(each)
        number = each[0]
    return found


def test_past_memory_what_waits_lies_on_the_disk_until_it_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(link.Outgoing, "SEGMENT_BYTES", 10_000)
    outgoing = link.Outgoing(tmp_path, memory_bytes=5_000, disk_bytes=1 << 30)
    bodies = [stream(number) for number in range(100)]
    for body in bodies:
        outgoing.put(link.IOPUB, body, lossy=True)
    assert len(list(tmp_path.iterdir())) > 5
    assert [body for _, _, body in everything(outgoing)] == bodies
    outgoing.heard(60)
    assert [body for _, _, body in everything(outgoing)] == bodies[60:]
    outgoing.heard(100)
    assert everything(outgoing) == []
    assert len(list(tmp_path.iterdir())) == 1


def test_past_the_disk_the_oldest_output_is_left_out_and_that_is_said(tmp_path: Path):
    said: list[int] = []

    def left_out(body: bytes, size: int) -> bytes:
        said.append(size)
        return b"left out"

    outgoing = link.Outgoing(tmp_path, memory_bytes=5_000, disk_bytes=20_000, left_out=left_out)
    outgoing.put(link.SHELL, b"reply")
    for number in range(100):
        outgoing.put(link.IOPUB, stream(number), lossy=True)
    found = everything(outgoing)
    assert found[0] == (1, link.SHELL, b"reply")
    assert [number for number, _, _ in found] == sorted(number for number, _, _ in found)
    kinds = [body == b"left out" for _, _, body in found]
    assert kinds.count(True) == 1
    assert found[-1][2] == stream(99)
    size = len(stream(99))
    assert said[-1] == pytest.approx((101 - len(found) + 1) * size, rel=0.02)
