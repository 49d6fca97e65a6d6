"""A live notebook changes compute and keeps its variables: to a host over SSH, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernels_at import end_all
from moving_desk import moving
from ssh_host import SshHost

from labstudio._studio import Studio
from labstudio.home import Home

pytestmark = pytest.mark.slow

MAKE = """import numpy as np, pandas as pd
big = np.arange({count}.); alias = big
frame = pd.DataFrame({{"n": range(3), "s": list("abc")}})
scale = 2
def scaled(x): return x * scale
class Thing:
    def of(self): return scaled(self.at)
thing = Thing(); thing.at = 4
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LinearRegression
fitted = make_pipeline(StandardScaler(), LinearRegression()).fit([[0.], [1.]], [1., 3.])"""
CHECK = """assert alias is big and big.size == {count} and big[-1] == {count} - 1
assert list(frame.s) == list("abc") and isinstance(thing, Thing) and thing.of() == 8
assert scaled.__globals__ is globals() and abs(fitted.predict([[2.]])[0] - 5) < 1e-9"""


@pytest.fixture
def notebooks(home: Home, ssh_host: SshHost, tmp_path: Path) -> Iterator[Path]:
    """A folder of notebooks; the home has the host's kernels among its kernelspecs."""
    ssh_host.name_in(home)
    (tmp_path / "notebooks").mkdir()
    yield tmp_path / "notebooks"
    end_all(home)


def test_a_notebook_moves_to_a_host_and_back(home: Home, notebooks: Path) -> None:
    async def work() -> None:
        async with moving(home, notebooks) as desk:
            await desk.run(MAKE.format(count=1_000_000))
            told = await desk.move("gpu-box")
            assert (told.phase, told.message) == ("done", "")
            assert (await desk.kernel())["name"].startswith("labstudio.gpu-box.")
            await desk.run(CHECK.format(count=1_000_000))
            await desk.run("import os; assert os.environ['SSH_CONNECTION']; extra = [big]")
            told = await desk.move("back")
            assert (told.phase, told.message) == ("done", "")
            await desk.run(CHECK.format(count=1_000_000) + "\nassert extra[0] is big")
            await desk.run("import os; assert 'SSH_CONNECTION' not in os.environ")

    asyncio.run(work())


def test_cells_there_keep_checkpoints_and_move_back(
    home: Home, notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a cell asks for on the host goes through the gateway."""
    monkeypatch.setenv("LABSTUDIO_HOME", str(home.path))
    studio = Studio(home.path)
    state = studio.keeper.ensure(wait=True)
    assert state.state == "running", state.message

    async def work() -> None:
        async with moving(home, notebooks) as desk:
            await desk.run(MAKE.format(count=1_000_000))
            await desk.run("%load_ext labstudio\n%move gpu-box")
            await desk.comes_to("labstudio.gpu-box.python3")
            await desk.run(CHECK.format(count=1_000_000))
            said = await desk.run(
                "import os; assert os.environ['SSH_CONNECTION']\n%checkpoint kept"
            )
            assert "as kept" in said, said
            kept = studio.namespace.get("kept")
            assert {"big", "frame", "thing", "fitted"} <= {*kept.names}
            assert kept.size_bytes > 8_000_000
            said = await desk.run("del big, alias, frame, thing\n%checkpoint restore kept")
            await desk.run(CHECK.format(count=1_000_000))
            await desk.run("scale = 3; lock = __import__('threading').Lock()")
            assert "lock" in await desk.fails("%move back")
            await desk.run("%move back --force")
            await desk.comes_to("python3")
            await desk.run("assert scaled(4) == 12 and 'lock' not in globals()")
            await desk.run("import os; assert 'SSH_CONNECTION' not in os.environ")

    try:
        asyncio.run(work())
    finally:
        studio.keeper.stop()
        studio.close()


def test_a_gigabyte_moves(home: Home, notebooks: Path) -> None:
    count = 125_000_000

    async def work() -> None:
        async with moving(home, notebooks) as desk:
            await desk.run(MAKE.format(count=count))
            told = await desk.move("gpu-box")
            assert (told.phase, told.message) == ("done", "")
            assert told.size_bytes > 1_000_000_000
            await desk.run(CHECK.format(count=count))

    asyncio.run(work())
