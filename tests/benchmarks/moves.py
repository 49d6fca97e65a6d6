"""A live notebook with a gigabyte moves to a host over SSH, against `scp` of the same bytes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from labstudio.home import Home
from labstudio.kernels import control
from labstudio.kernels.folder import folders
from tests.benchmarks.measure import Result, compare

COUNT = 125_000_000


def gigabyte(place: Path) -> Result:
    """From the request until the notebook has its kernel there, everything restored and checked."""
    # The tests' own host, and a notebook as Jupyter Server has it; they lie in no package.
    sys.path.append(str(Path(__file__).parents[1] / "compute"))
    from moving_desk import MovingDesk, moving
    from ssh_host import SshHost, ssh_server

    async def there_and_back(desk: MovingDesk) -> float:
        # New content each time: what is there already would not travel.
        await desk.run(f"import numpy as np; big = np.random.default_rng().random({COUNT})")
        began = time.perf_counter()
        told = await desk.move("gpu-box")
        took = time.perf_counter() - began
        if told.phase != "done":
            sys.exit(f"The notebook did not move: {told.message}")
        print(f"  {told.seconds}")
        await desk.run("del big")
        await desk.move("back")
        return took

    def theirs(host: SshHost) -> float:
        file = place / "gigabyte"
        with file.open("wb") as content:
            for _ in range(8):
                content.write(os.urandom(COUNT))
        target = f"{host.address}:{host.home}/gigabyte"
        began = time.perf_counter()
        # The options that lead there are those of ssh, without program and address.
        subprocess.run(["scp", "-q", *host.ssh()[1:-1], str(file), target], check=True)
        return time.perf_counter() - began

    home = Home(place / "home")
    with ssh_server() as host, asyncio.Runner() as runner:
        host.name_in(home)
        opened = moving(home, place)
        desk = runner.run(opened.__aenter__())
        try:
            return compare(
                "move",
                "1 GB NumPy array in a live notebook, moved to a host over SSH and checked there",
                "`scp` of the same bytes",
                ours=lambda: runner.run(there_and_back(desk)),
                theirs=lambda: theirs(host),
                bound=2.0,
                rounds=3,
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
            for folder in folders(home):
                control.ask(folder, "end", timeout_s=30)
