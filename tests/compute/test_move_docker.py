"""A live notebook moves into a container, and back; from a cell of the container too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import DockerEngine, entry
from docker_kernels import OWNER, containers, kernels_place, owned_folder
from kernels_at import end_all
from moving_desk import MovingDesk, moving

import labstudio
from labstudio.compute.conformance_place import Place

pytestmark = pytest.mark.slow

SOURCES = "/opt/labstudio"
COUNT = 10_000_000
MAKE = f"""import numpy as np
big = np.arange({COUNT}.); alias = big
scale = 2
def scaled(x): return x * scale
class Thing:
    def of(self): return scaled(self.at)
thing = Thing(); thing.at = 4
def counter():
    held = [0]
    def more(): held[0] += 1; return held[0]
    def less(): held[0] -= 1; return held[0]
    return more, less
more, less = counter(); more()"""
CHECK = f"""assert alias is big and big.size == {COUNT} and big[-1] == {COUNT} - 1
assert isinstance(thing, Thing) and thing.of() == 8 and scaled.__globals__ is globals()
assert more() == 2 and less() == 1"""
INSIDE = "import os; assert not os.access('/usr', os.W_OK) and os.getuid() == {}"


@pytest.fixture(scope="module")
def box(docker_engine: DockerEngine) -> Iterator[Place]:
    """A studio with a compute whose kernels have labstudio too, and its daemon."""
    sources = Path(labstudio.__file__).parents[1]
    told = entry(
        docker_engine,
        volumes=[f"{sources}:{SOURCES}"],
        env={"PYTHONPATH": SOURCES, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    with kernels_place(told, tracking=False) as made:
        yield made


@pytest.fixture
def notebooks(box: Place, docker_engine: DockerEngine, tmp_path: Path) -> Iterator[Path]:
    """A folder of notebooks, which is somebody's own."""
    yield owned_folder(tmp_path)
    end_all(box.studio.home)
    assert not containers(docker_engine)


async def moved(desk: MovingDesk, to: str) -> None:
    told = await desk.move(to)
    assert (told.phase, told.message) == ("done", "")


def test_a_notebook_moves_into_a_container_and_back(box: Place, notebooks: Path) -> None:
    async def work() -> None:
        async with moving(box.studio.home, notebooks) as desk:
            await desk.run(MAKE)
            await moved(desk, box.name)
            await desk.run(INSIDE.format(OWNER))
            await desk.run(CHECK + "\nmore(); extra = [big]; big[0] = 7")
            await moved(desk, "back")
            await desk.run("more = less; import os; assert os.getuid() == 0")
            await desk.run("assert extra[0] is big and big[0] == 7 and alias is big")

    asyncio.run(work())


def test_what_the_image_lacks_is_named_and_the_notebook_stays(box: Place, notebooks: Path) -> None:
    async def work() -> None:
        async with moving(box.studio.home, notebooks) as desk:
            await desk.run("import pandas as pd; frame = pd.DataFrame({'n': range(3)}); kept = 1")
            told = await desk.move(box.name)
            assert told.phase == "refused"
            assert "lacks packages that the names need: pandas (for frame, pd)" in told.message
            assert (await desk.kernel())["name"] == "python3"
            await desk.run("assert len(frame) == 3")

    asyncio.run(work())


def test_a_cell_in_a_container_moves_and_keeps_its_notebook(box: Place, notebooks: Path) -> None:
    async def work() -> None:
        async with moving(box.studio.home, notebooks) as desk:
            await desk.run("import numpy as np; big = np.arange(1e6); kept = 'kept'")
            await moved(desk, box.name)
            await desk.run("%load_ext labstudio\n%checkpoint before")
            await desk.run("kept = 'lost'\n%checkpoint restore before\nassert kept == 'kept'")
            await desk.run("%move local")
            await desk.comes_to("python3")
            await desk.run("assert big.size == 1_000_000 and kept == 'kept'")
            await moved(desk, "back")
            await desk.run(INSIDE.format(OWNER) + "\nassert big[-1] == 999_999")

    asyncio.run(work())
    checkpoint = box.studio.namespace.get("before")
    assert {"big", "kept"} <= set(checkpoint.names)
