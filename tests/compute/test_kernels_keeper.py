"""Kernels kept as processes of this machine: what keeper, bridge and provisioner promise."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kernels_at import (
    Jupyter,
    Session,
    check_cells,
    check_comms,
    check_interrupt,
    check_outputs,
    check_restart,
    end_all,
    keeper,
    until,
)

from labstudio._studio import Studio
from labstudio.compute.local_kernel import offers
from labstudio.errors import InvalidInput, NotFound
from labstudio.home import Home
from labstudio.jobs.runner.protocol import read_model
from labstudio.kernels import control, specs
from labstudio.kernels.folder import KernelFolder, find, folders
from labstudio.kernels.models import KeeperInfo, KernelState

pytestmark = pytest.mark.slow

LEAVES = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from kernels_at import Jupyter
from labstudio.home import Home
async def work():
    jupyter = Jupyter(Home(sys.argv[2]), Path(sys.argv[3]))
    async with jupyter.session("local", notebook=None):
        os._exit(0)
asyncio.run(work())
"""


@pytest.fixture
def jupyter(home: Home, tmp_path: Path) -> Iterator[Jupyter]:
    """A home with this machine's kernels among its kernelspecs."""
    home.create()
    specs.lay(home, "local", offers())
    yield Jupyter(home, tmp_path)
    end_all(home)


def kernel_process(folder: KernelFolder) -> int:
    info = read_model(folder.path / "process.json", KeeperInfo)
    assert info is not None
    return info.pid


def test_cells_outputs_comms_interrupts_and_restarts(jupyter: Jupyter, studio: Studio) -> None:
    async def work() -> None:
        async with jupyter.session("local") as session:
            await check_cells(session)
            await check_outputs(session)
            await check_comms(session)
            await check_interrupt(session)
            await check_restart(session)
            folder = session.folder
            (listed,) = await until(lambda: studio.kernels.list().items)
            assert (listed.compute, listed.offer) == ("local", "python3")
            assert listed.path == str(jupyter.notebooks / "work.ipynb")
            assert listed.display_name.endswith("@ local")
            assert (await session.run("import os\nos.getcwd()")).text == f"'{jupyter.notebooks}'"
        # A user's shutdown ends everything.
        assert folder.sheet() is None
        assert not folder.sockets.exists()
        with pytest.raises(NotFound):
            studio.kernels.get(folder.id)

    asyncio.run(work())


def test_it_outlives_its_server_and_its_keeper(jupyter: Jupyter, studio: Studio) -> None:
    spec, notebook = specs.spec_name("local", "python3"), str(jupyter.notebooks / "work.ipynb")

    async def work() -> None:
        async with jupyter.session("local", leave=True) as session:
            await session.run("kept = 42")
            folder = session.folder
            assert find(jupyter.home, spec, notebook) is None  # somebody uses it
        await until(lambda: find(jupyter.home, spec, notebook) == folder.id)
        assert find(jupyter.home, spec, notebook + "x") is None
        os.kill(keeper(folder), signal.SIGKILL)
        assert find(jupyter.home, spec, notebook) == folder.id
        async with jupyter.session("local", kernel_id=folder.id) as session:
            assert (await session.run("kept")).text == "42"
            await keeper_dies(session)

    asyncio.run(work())
    assert studio.kernels.list().items == []


async def keeper_dies(session: Session) -> None:
    """The next keeper comes by itself, and the same client goes on with the same kernel."""
    process = kernel_process(session.folder)
    gate, over = session.folder.path / "gate", session.folder.path / "over"
    code = (
        "import os, pathlib, time\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        f"pathlib.Path({str(over)!r}).touch()\n'whole'"
    )
    for ends_meanwhile in (True, False):
        cell = asyncio.create_task(session.run(code))
        await until(lambda: control.ask(session.folder, "status")["executing"])
        killed = keeper(session.folder)
        os.kill(killed, signal.SIGSTOP)
        if ends_meanwhile:
            gate.touch()
            await until(over.exists)
            await asyncio.sleep(1)  # its answer comes behind that, and nobody hears of it
        os.kill(killed, signal.SIGKILL)
        await until(lambda gone=killed: keeper(session.folder) != gone)
        assert await session.manager.is_alive()
        await until(lambda: control.ask(session.folder, "status")["state"] in ("busy", "idle"))
        gate.touch()
        done = await cell
        if ends_meanwhile:
            assert done.reply["ename"] == "AnswerLost"
            assert "The kernel and its variables are as the cell left them." in done.text
        else:
            assert (done.status, done.text) == ("ok", "'whole'")
        gate.unlink()
    assert (await session.run("kept")).text == "42"
    assert kernel_process(session.folder) == process


def test_a_kernel_that_dies_says_so_in_the_notebook(jupyter: Jupyter, studio: Studio) -> None:
    async def work() -> None:
        async with jupyter.session("local") as session:
            cell = await session.begin("print('on')\nimport time\ntime.sleep(600)", said="on\n")
            os.kill(kernel_process(session.folder), signal.SIGKILL)
            done = await cell
            sentence = "The kernel's process was killed (SIGKILL)."
            assert done.text == f"on\n{sentence}\n"
            assert (done.status, done.reply["evalue"]) == ("error", sentence)
            kinds = [message["msg_type"] for message in done.messages]
            assert kinds[-2:] == ["error", "status"]
            assert not await session.manager.is_alive()
            (kernel,) = await until(lambda: studio.kernels.list(state="dead").items)
            assert (kernel.id, kernel.message) == (session.folder.id, sentence)
            # Code that is sent to it from now on is answered with the same.
            assert (await session.run("1")).reply["evalue"] == sentence
            await session.manager.restart_kernel()
            await session.reconnect()
            assert (await session.run("1 + 1")).text == "2"

    asyncio.run(work())


def test_what_cannot_be_started_says_why(jupyter: Jupyter, studio: Studio) -> None:
    file = jupyter.home.kernelspecs / specs.spec_name("local", "python3") / "kernel.json"
    content = json.loads(file.read_text())
    content["argv"][0] = "/no/such/python"
    file.write_text(json.dumps(content))

    async def work() -> None:
        async with jupyter.session("local"):
            pass

    with pytest.raises(Exception, match="/no/such/python cannot be started: No such file"):
        asyncio.run(work())
    (kernel,) = studio.kernels.list(state="dead").items
    assert kernel.message == "/no/such/python cannot be started: No such file or directory."


def test_idle_kernels_are_stopped_when_their_owner_says_so(
    jupyter: Jupyter, studio: Studio
) -> None:
    async def work() -> None:
        async with jupyter.session("local") as session:
            await session.run("1")
            await until(lambda: [each.state for each in studio.kernels.list().items] == ["idle"])
            (ended,) = (await asyncio.to_thread(studio.kernels.stop_idle, "local")).items
            assert (ended.state, ended.id) == (KernelState.dead, session.folder.id)
            assert ended.message == "The kernel was ended: idle kernels of local were stopped."
            assert not await session.manager.is_alive()
            assert (await session.run("1")).reply["evalue"] == ended.message

    asyncio.run(work())


def test_an_idle_kernel_is_ended_by_its_owners_rule(jupyter: Jupyter, studio: Studio) -> None:
    (jupyter.home.path / "compute.toml").write_text("[local]\ntype = 'local'\nidle_kernel_s = 2\n")

    async def work() -> None:
        async with jupyter.session("local") as session:
            assert (await session.run("6 * 7")).text == "42"
            (ended,) = await until(lambda: studio.kernels.list(state="dead").items, 60)
            assert re.fullmatch(
                r"The kernel was ended after \d+ seconds without use: local ends kernels that are "
                r"idle for 2 seconds \(idle_kernel_s\)\.",
                ended.message,
            )
            assert (await session.run("1")).reply["evalue"] == ended.message

    asyncio.run(work())


def test_one_without_a_notebook_ends_with_its_user(jupyter: Jupyter, studio: Studio) -> None:
    words = [str(Path(__file__).parent), str(jupyter.home.path), str(jupyter.notebooks)]
    subprocess.run([sys.executable, "-c", LEAVES, *words], check=True, timeout=60)
    (kernel,) = asyncio.run(until(lambda: studio.kernels.list().items))
    assert kernel.path is None

    def over() -> bool:
        return not studio.kernels.list().items and not list(folders(jupyter.home))

    asyncio.run(until(over))


def test_papermill_runs_through_it(jupyter: Jupyter, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    import papermill

    monkeypatch.setenv("JUPYTER_PATH", str(jupyter.home.path / "jupyter"))
    (jupyter.home.path / "jupyter").mkdir()
    (jupyter.home.path / "jupyter" / "kernels").symlink_to(jupyter.home.kernelspecs)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(6 * 7)")])
    source, target = jupyter.notebooks / "in.ipynb", jupyter.notebooks / "out.ipynb"
    nbformat.write(book, source)
    name = specs.spec_name("local", "python3")
    papermill.execute_notebook(source, target, kernel_name=name, progress_bar=False)
    done = nbformat.read(target, as_version=4)
    assert done.cells[0].outputs[0].text == "42\n"
    assert not list(folders(jupyter.home))


def test_a_verb_that_is_wrong_says_so(jupyter: Jupyter) -> None:
    async def work() -> None:
        async with jupyter.session("local") as session:
            with pytest.raises(InvalidInput, match="verb must be one of attach, bring"):
                await session.ask("dance")
            assert (await session.ask("bring", here=str(jupyter.notebooks)))["there"] == str(
                jupyter.notebooks
            )

    asyncio.run(work())


def test_specs_are_laid_and_removed(home: Home) -> None:
    found = {each.name: each for each in offers()}
    assert specs.lay(home, "gpu-box", found.values())
    assert not specs.lay(home, "gpu-box", found.values())
    file = home.kernelspecs / "labstudio.gpu-box.python3" / "kernel.json"
    content: dict[str, Any] = json.loads(file.read_text())
    assert content["display_name"] == "Python 3 @ gpu-box"
    assert specs.offer_of(content) == found["python3"]
    assert (file.parent / "logo-64x64.png").exists()
    assert not specs.keep_only(home, {"gpu-box"})
    assert specs.lay(home, "gpu-box", [])
    assert not file.exists()
