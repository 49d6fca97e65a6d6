"""A nursery whose environment gets other packages than those that it has loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_tools import Runs, cells, wait_for

from labstudio.home import Home
from labstudio.jobs.runner.nursery import Nursery

pytestmark = [pytest.mark.slow]

SHOWN = """
import importlib.metadata, tinypkg
print(tinypkg.version, importlib.metadata.version("tinypkg"))
"""


def wheel(folder: Path, version: str) -> Path:
    """Make a wheel of one module."""
    path = folder / f"tinypkg-{version}-py3-none-any.whl"
    about = f"tinypkg-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tinypkg.py", f"version = {version!r}\n")
        file.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: tinypkg\nVersion: {version}\n"
        )
        file.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{about}/RECORD", "")
    return path


def install(target: Path, package: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
            *("--upgrade", "--target", str(target), str(package)),
        ],
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": ""},
    )


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, one of which every interpreter has loaded from its start."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    install(folder, wheel(tmp_path, "1"))
    (folder / "sitecustomize.py").write_text("import tinypkg\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
def runs(packages: Path, home: Home) -> Iterator[Runs]:
    nursery = Nursery(home, 1, settle_s=0.1)
    nursery.start()
    wait_for(lambda: nursery.status().ready == 1)
    made = Runs(home, nursery)
    yield made
    made.close()
    nursery.close()


def test_after_an_upgrade_no_job_gets_what_was_loaded_before(
    runs: Runs, packages: Path, tmp_path: Path
) -> None:
    nursery = runs.nursery
    assert nursery is not None
    assert runs.log(runs.run(cells(SHOWN))) == "1 1\n"
    wait_for(lambda: nursery.status().ready == 1)
    pid, running = nursery.pid, runs.start(cells("print('on')", "import time; time.sleep(20)"))
    wait_for(lambda: "on" in runs.log(running))
    wait_for(lambda: nursery.status().ready == 1)

    install(packages, wheel(tmp_path, "2"))
    # At once, whatever is warm still:
    assert runs.log(runs.run(cells(SHOWN))) == "2 2\n"
    # And warm again a while later, in the same process.
    wait_for(lambda: nursery.status().ready == 0)
    wait_for(lambda: nursery.status().ready == 1)
    assert nursery.pid == pid
    warm = runs.run(cells(SHOWN, "import os; print(open(f'/proc/{os.getpid()}/comm').read())"))
    assert runs.log(warm).split() == ["2", "2", "labstudio-krnl"]
    # What ran all the time was left alone.
    wait_for(lambda: runs.bytes(running, "result.json"))
    assert runs.outcome(running) == "succeeded"
