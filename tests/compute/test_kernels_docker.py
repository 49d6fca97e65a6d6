"""Kernels in containers of a real Docker Engine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker_engine import DockerEngine, entry
from docker_kernels import OWNER, containers, kernels_place, owned_folder
from kernels_at import (
    Jupyter,
    check_cells,
    check_comms,
    check_interrupt,
    check_outputs,
    check_restart,
    check_studio,
    end_all,
    keeper,
    until,
)

import labstudio
from labstudio.compute.conformance_place import Place
from labstudio.compute.models import CreateCompute
from labstudio.errors import Conflict
from labstudio.kernels import control, specs
from labstudio.kernels.models import KernelState

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def box(docker_engine: DockerEngine) -> Iterator[Place]:
    """A studio whose compute gives out one kernel's slots, with its daemon."""
    told = entry(docker_engine, memory="400MiB", kernel_need={"memory": "400MiB"})
    with kernels_place(told) as made:
        yield made


@pytest.fixture
def jupyter(box: Place, docker_engine: DockerEngine, tmp_path: Path) -> Iterator[Jupyter]:
    """Notebooks in a folder of somebody's own."""
    notebooks = owned_folder(tmp_path)
    for each in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        each.chmod(0o755)
    yield Jupyter(box.studio.home, notebooks)
    end_all(box.studio.home)
    assert not containers(docker_engine)


def test_a_kernel_in_a_container_does_what_a_kernel_does(
    jupyter: Jupyter, box: Place, docker_engine: DockerEngine
) -> None:
    async def work() -> None:
        async with jupyter.session(box.name) as session:
            await check_cells(session)
            await check_comms(session)
            await check_outputs(session, megabytes=20, lines=2000)
            await check_interrupt(session)
            # The notebook's folder is there, at its path, and the kernel writes as its owner.
            code = "import os; open('made.txt', 'w').write('x'); print(os.getcwd(), os.getuid())"
            assert (await session.run(code)).text == f"{jupyter.notebooks} {OWNER}\n"
            assert (jupyter.notebooks / "made.txt").stat().st_uid == OWNER
            seen = await session.run(f"print(os.path.exists({str(jupyter.home.path)!r}))")
            assert seen.text == "False\n"
            (container,) = containers(docker_engine)
            config = container.attrs["HostConfig"]
            assert (config["CapDrop"], config["NetworkMode"]) == (["ALL"], "none")
            await check_restart(session)
            await check_slots(jupyter, box)

    asyncio.run(work())
    assert box.studio.kernels.list().items == []


async def check_slots(jupyter: Jupyter, box: Place) -> None:
    """A second kernel does not fit, and says why."""
    (occupant,) = box.studio.computes.detail(box.name).occupants
    assert occupant.holder == "kernel"
    with pytest.raises(Conflict, match="1 kernel hold"):
        async with jupyter.session(box.name, notebook="other.ipynb"):
            pass


def test_the_next_kernel_takes_a_container_that_has_loaded(
    jupyter: Jupyter, box: Place, docker_engine: DockerEngine
) -> None:
    def waiting() -> list[Any]:
        filters = {"label": "labstudio.holder=spare", "status": "running"}
        return list(docker_engine.client.containers.list(filters=filters))

    async def work() -> None:
        async with jupyter.session(box.name) as session:
            assert (await session.run("6 * 7")).text == "42"
            (spare,) = await until(waiting, 60)
            # Its slots are the kernel's that takes it.
            assert len(box.studio.computes.detail(box.name).occupants) == 1
        code = (
            "import os, sys\n"
            "print(os.environ['LABSTUDIO_KERNEL_ID'], os.getcwd(), '' in sys.path)\n"
            "open('made.txt', 'w').write('x')"
        )
        async with jupyter.session(box.name) as session:
            assert (session.folder.path / "container").read_text() == spare.id
            told = (await session.run(code)).text
            assert told == f"{session.folder.id} {jupyter.notebooks} True\n1"
            await check_cells(session)
            await check_interrupt(session)
            os.kill(killed := keeper(session.folder), signal.SIGKILL)
            await until(lambda: keeper(session.folder) != killed, 60)
            assert (await session.run("6 * 7")).text == "42"
            assert (session.folder.path / "container").read_text() == spare.id
            await check_restart(session)
            assert box.studio.computes.detail(box.name).occupants[0].id == session.folder.id
        with pytest.raises(docker.errors.NotFound):
            docker_engine.client.containers.get(spare.id)

    asyncio.run(work())


def test_the_studio_is_reached_from_it(jupyter: Jupyter, box: Place) -> None:
    code = (
        "import os, json, urllib.request as r\n"
        "asked = r.Request(os.environ['LABSTUDIO_URL'] + '/mlflow/version')\n"
        "asked.add_header('Authorization', 'Bearer ' + os.environ['LABSTUDIO_TOKEN'])\n"
        "for _ in range(100):\n"
        "    try: print(r.urlopen(asked, timeout=20).status); break\n"
        "    except OSError as error: last = error; __import__('time').sleep(0.2)\n"
        "else: print(last)\n"
        "print('LABSTUDIO_HOME' in os.environ)"
    )

    async def work() -> None:
        async with jupyter.session(box.name) as session:
            assert (await session.run(code)).text == "200\nFalse\n"

    asyncio.run(work())


def test_mlflow_the_studio_and_cells_as_jobs_work_in_it(
    jupyter: Jupyter, box: Place, docker_engine: DockerEngine
) -> None:
    there = "/opt/studio"
    settings = {
        "image": docker_engine.image,
        "docker_host": docker_engine.url,
        "volumes": [f"{Path(labstudio.__file__).parents[1]}:{there}"],
        "env": {"PYTHONPATH": there},
    }
    box.studio.computes.add(CreateCompute(name="full", type="docker", settings=settings))
    file = jupyter.home.kernelspecs / specs.spec_name("full", "python3") / "kernel.json"

    async def work() -> None:
        await until(file.exists, 60)
        async with jupyter.session("full", notebook="full.ipynb") as session:
            await check_studio(session)
        box.studio.computes.remove("full")

    asyncio.run(work())


def test_it_is_found_again_and_says_when_memory_ran_out(
    jupyter: Jupyter, box: Place, docker_engine: DockerEngine
) -> None:
    async def work() -> None:
        async with jupyter.session(box.name, leave=True) as session:
            await session.run("kept = 42")
            folder = session.folder
        os.kill(keeper(folder), signal.SIGKILL)
        async with jupyter.session(box.name, kernel_id=folder.id) as session:
            assert (await session.run("kept")).text == "42"
            await session.run("import time")
            done = await session.run("print('on')\ntime.sleep(1)\nx = bytearray(1 << 30)")
            sentence = "The kernel was killed: it wanted more memory than its 400 MiB."
            assert done.text == f"on\n{sentence}\n"
            assert done.reply["evalue"] == sentence
            assert not await session.manager.is_alive()
            get = box.studio.kernels.get
            kernel = await until(lambda: (k := get(folder.id)).ended_at and k)
            assert (kernel.state, kernel.message) == (KernelState.dead, sentence)
            await until(lambda: not containers(docker_engine))
            assert box.studio.computes.detail(box.name).occupants == []

    asyncio.run(work())


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_an_engine_that_restarts_under_it_is_told(
    jupyter: Jupyter, box: Place, docker_engine: DockerEngine, how: str
) -> None:
    engine = docker_engine.engine

    async def work() -> None:
        async with jupyter.session(box.name) as session:
            cell = asyncio.create_task(session.run("import time\ntime.sleep(600)", timeout_s=120))
            await until(lambda: control.ask(session.folder, "status")["executing"])
            await asyncio.to_thread(getattr(engine, how))
            await asyncio.to_thread(engine.start)
            done = await cell
            sentence = "The Docker Engine was restarted, and the kernel ended with it."
            assert (done.status, done.reply["evalue"]) == ("error", sentence)
            await session.manager.restart_kernel()
            await session.reconnect()
            assert (await session.run("6 * 7")).text == "42"

    asyncio.run(work())


def test_r_runs_in_a_container(
    jupyter: Jupyter, box: Place, r_image: str, docker_engine: DockerEngine
) -> None:
    settings = {"image": r_image, "docker_host": docker_engine.url}
    box.studio.computes.add(CreateCompute(name="rbox", type="docker", settings=settings))
    file = jupyter.home.kernelspecs / specs.spec_name("rbox", "ir") / "kernel.json"

    async def work() -> None:
        await until(file.exists)
        async with jupyter.session("rbox", "ir", notebook="r.ipynb") as session:
            assert "[1] 42" in (await session.run("kept <- 42\nprint(kept)")).text
            asked = await session.run("x <- readline('Who? ')\ncat(x)", answer="hello")
            assert asked.text == "hello"
            assert (await session.run("stop('no')")).status == "error"
        box.studio.computes.remove("rbox")
        # What a compute offered goes with it.
        await until(lambda: not file.exists())

    asyncio.run(work())
