"""A live notebook moves to another kernel of the same server; its session goes with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager

from labstudio_server.moving import steps

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Call, Reply

    from labstudio_server.app import LabstudioApp

pytestmark = pytest.mark.slow
LIMIT_S = 90.0


@dataclass
class Bench:
    """A notebook's session, and what one does with it."""

    server: Any
    call: Call
    session: str

    async def kernel(self) -> str:
        told = await self.server.session_manager.get_session(session_id=self.session)
        return str(told["kernel"]["id"])

    async def kernel_name(self) -> str:
        told = await self.server.session_manager.get_session(session_id=self.session)
        return str(told["kernel"]["name"])

    async def run(self, code: str, kernel: str | None = None) -> dict[str, Any]:
        """Run a cell; return the reply, with what was printed as ``text``."""
        manager = self.server.kernel_manager.get_kernel(kernel or await self.kernel())
        client = AsyncKernelClient()
        info = manager.get_connection_info()
        client.load_connection_info({**info, "key": info["key"].decode()})
        client.start_channels(stdin=False, hb=False)
        printed: list[str] = []

        def take(message: Any) -> None:
            content = message["content"]
            printed.append(content.get("text") or str(content.get("data", {}).get("text/plain")))

        try:
            await client.wait_for_ready(timeout=LIMIT_S)
            reply = await client.execute_interactive(code, timeout=LIMIT_S, output_hook=take)
        finally:
            client.stop_channels()
        return {**reply["content"], "text": "".join(printed)}

    async def good(self, code: str) -> str:
        content = await self.run(code)
        assert content["status"] == "ok", "\n".join(content["traceback"])
        return str(content["text"])

    async def move(self, kernel: str, **wanted: Any) -> Reply:
        return await self.call("POST", "kernels", kernel, "move", body=wanted)

    async def moved(self, kernel: str) -> Any:
        """Wait for the end of a move."""
        for _ in range(int(LIMIT_S / 0.1)):
            told = (await self.call("GET", "kernels", kernel, "move")).data
            if told["ended_at"] is not None:
                return told
            await asyncio.sleep(0.1)
        raise AssertionError(told)


@pytest.fixture
def specs(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compute `other` that hosts Python kernels: here they are plain ones of another name."""
    own = KernelSpecManager().get_kernel_spec("python3")
    for name, title in (("labstudio.other.python3", "Python 3 @ other"),):
        folder = tmp_path / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({**own.to_dict(), "display_name": title}))
    folder = tmp_path / "jupyter" / "kernels" / "tongues"
    folder.mkdir()
    told = {"argv": ["false"], "display_name": "Tongues", "language": "latin"}
    (folder / "kernel.json").write_text(json.dumps(told))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CLIENTS_S", 1.0)


@pytest.fixture
def bench(
    specs: None,
    patience: None,
    jp_serverapp: Any,
    extension: LabstudioApp,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
    call: Call,
    home: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    monkeypatch.setenv("LABSTUDIO_HOME", str(home.path))

    async def begin() -> Any:
        await extension._start_jupyter_server_extension(jp_serverapp)
        return await jp_serverapp.session_manager.create_session(
            path="it.ipynb", name="it.ipynb", type="notebook", kernel_name="python3"
        )

    made = jp_asyncio_loop.run_until_complete(begin())
    yield Bench(jp_serverapp, call, made["id"])
    jp_asyncio_loop.run_until_complete(jp_serverapp.kernel_manager.shutdown_all(now=True))


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    for _ in range(int(LIMIT_S / 0.1)):
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen in time")


async def test_a_notebook_moves_and_comes_back(bench: Bench) -> None:
    old = await bench.kernel()
    await bench.good("import numpy as np\nx = np.arange(5_000_00.)\nalias = x\ndef f(): return y")
    await bench.good("y = 5")
    begun = await bench.move(old, to="other")
    assert begun.code == 202, begun.data
    told = await bench.moved(old)
    assert (told["phase"], told["message"]) == ("done", "")
    new = await bench.kernel()
    assert new == told["new_kernel_id"] != old
    assert await bench.kernel_name() == "labstudio.other.python3"
    assert told["place"] == "Python 3 @ other"
    assert told["size_bytes"] > 4_000_000
    await bench.good("assert alias is x and x.sum() == 124999750000. and f() == 5; y = 6")
    await bench.good("assert f() == 6 and In[2] == 'y = 5'")
    await until(lambda: old not in bench.server.kernel_manager)

    assert (await bench.move(new, to="back")).code == 202
    assert (await bench.moved(new))["phase"] == "done"
    assert await bench.kernel_name() == "python3"
    await bench.good("assert f() == 6")


async def test_what_cannot_travel_stops_the_move_before_anything_is_done(bench: Bench) -> None:
    old = await bench.kernel()
    await bench.good("kept = [1]")
    await bench.good("# count\nnumbers = (n for n in range(3))\nnext(numbers)")
    before = set(bench.server.kernel_manager.list_kernel_ids())
    await bench.move(old, to="other")
    told = await bench.moved(old)
    assert told["phase"] == "refused"
    line = "numbers = (n for n in range(3))"
    assert told["message"] == f"Cannot move: numbers is a generator (cell 2: {line})."
    left = {"name": "numbers", "reason": "is a generator", "cell": 2, "line": line}
    assert told["left"] == [left]
    assert set(bench.server.kernel_manager.list_kernel_ids()) == before
    assert await bench.kernel() == old
    await bench.good("assert next(numbers) == 1")

    await bench.move(old, to="other", leave_behind=True)
    told = await bench.moved(old)
    assert (told["phase"], told["left"]) == ("done", [left])
    await bench.good("assert kept == [1] and 'numbers' not in dir()")


async def test_a_cell_moves_its_own_notebook(bench: Bench) -> None:
    old = await bench.kernel()
    await bench.good("%load_ext labstudio")
    await bench.good("a = {'b': [1]}; c = a['b']")
    text = await bench.good("%move other")
    assert "Moved to Python 3 @ other: 2 names" in text
    await until(lambda: _differs(bench, old))
    await bench.good("assert a['b'] is c")
    # The extension is loaded there too, and the way back is known.
    await bench.good("%move back")
    await until(lambda: _is_named(bench, "python3"))
    await bench.good("assert a['b'] is c")


async def _differs(bench: Bench, old: str) -> bool:
    return await bench.kernel() != old


async def _is_named(bench: Bench, name: str) -> bool:
    return await bench.kernel_name() == name


async def test_a_cell_is_told_what_cannot_travel(bench: Bench) -> None:
    old = await bench.kernel()
    await bench.good("%load_ext labstudio")
    await bench.good("import threading; lock = threading.Lock()")
    content = await bench.run("%move other")
    assert content["status"] == "error"
    assert "%move other --force goes on without them" in content["evalue"]
    assert "Left behind: lock is a lock (cell 2: import threading" in content["text"]
    assert await bench.kernel() == old
    content = await bench.run("%move nowhere --force")
    assert (
        "'nowhere' is no compute with Python kernels here; there are: local, other"
        in (content["text"])
    )
    assert await bench.kernel() == old
    await bench.good("lock.acquire()")


async def test_a_failure_leaves_the_old_kernel_as_it_was(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await bench.kernel()
    await bench.good("x = 1")

    async def fail(**_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(bench.server.session_manager, "update_session", fail)
    await bench.move(old, to="other")
    told = await bench.moved(old)
    assert (told["phase"], told["message"]) == ("failed", "OSError: the disk is full")
    assert bench.server.kernel_manager.list_kernel_ids() == [old]
    await bench.good("assert x == 1; x = 2")


async def test_a_package_that_is_missing_there_is_named(bench: Bench, jp_root_dir: Any) -> None:
    old = await bench.kernel()
    (jp_root_dir / "own").mkdir()
    (jp_root_dir / "own" / "mine.py").write_text("class Thing: pass")
    await bench.good("import sys; sys.path.insert(0, 'own'); import mine; thing = mine.Thing()")
    await bench.move(old, to="other")
    told = await bench.moved(old)
    assert told["phase"] == "refused"
    assert told["packages"] == {"mine": ["mine", "thing"]}
    assert "lacks packages that the names need: mine (for mine, thing)" in told["message"]
    assert await bench.kernel() == old


async def test_what_is_asked_for_wrongly_is_said(bench: Bench, tmp_path: Path) -> None:
    kernel = await bench.kernel()
    assert (await bench.move(kernel, to="nowhere")).code == 400
    assert "was not moved here" in (await bench.move(kernel, to="back")).data["message"]
    assert (await bench.move(kernel, to="tongues")).code == 409
    assert (await bench.move("no-such-kernel", to="other")).code == 404
    assert (await bench.call("GET", "kernels", kernel, "move")).code == 404
    assert (await bench.call("GET", "kernels", "..%2f..", "move")).code == 400
    gate = tmp_path / "gate"
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)"
    running = asyncio.ensure_future(bench.run(wait))
    manager = bench.server.kernel_manager.get_kernel(kernel)
    await until(lambda: manager.execution_state == "busy")
    refused = await bench.move(kernel, to="other")
    assert (refused.code, refused.data["message"].split(":")[0]) == (409, "A cell is running")
    gate.touch()
    await running


async def test_a_move_can_be_given_up(bench: Bench, tmp_path: Path) -> None:
    old, gate = await bench.kernel(), tmp_path / "gate"
    await bench.good(
        "import os, time\nclass Slow:\n    def __reduce__(self):\n"
        f"        while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "        return (list, ())\nslow = Slow()"
    )
    await bench.move(old, to="other")
    assert (await bench.call("DELETE", "kernels", old, "move")).code == 204
    gate.touch()
    told = await bench.moved(old)
    assert (told["phase"], told["message"]) == ("failed", "The move was given up.")
    assert bench.server.kernel_manager.list_kernel_ids() == [old]
    await bench.good("assert type(slow) is Slow")


@pytest.fixture
def kept_kernels(bench: Bench, home: Any) -> Iterator[None]:
    """This machine's kernels as those of a compute, each under a keeper of its own."""
    from labstudio.compute.local_kernel import offers
    from labstudio.kernels import control, folder, specs

    specs.lay(home, "local", offers())
    bench.server.kernel_spec_manager.kernel_dirs.append(str(home.kernelspecs))
    yield
    for each in folder.folders(home):
        control.ask(each, "end", timeout_s=30)


async def test_a_notebook_moves_to_a_kernel_under_a_keeper_and_back(
    bench: Bench, kept_kernels: None
) -> None:
    old = await bench.kernel()
    await bench.good("%load_ext labstudio")
    await bench.good("x = bytearray(3_000_000); y = [x]")
    await bench.move(old, to="labstudio.local.python3")
    told = await bench.moved(old)
    assert (told["phase"], told["message"]) == ("done", "")
    assert "@ local" in told["place"]
    await bench.good("assert y[0] is x and len(x) == 3_000_000; z = 1")
    await bench.good("%move back")
    await until(lambda: _is_named(bench, "python3"))
    await bench.good("assert y[0] is x and z == 1")
