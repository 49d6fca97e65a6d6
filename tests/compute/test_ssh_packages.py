"""Which packages a job's code needs on a host."""

from __future__ import annotations

import ast
import json
import pickle
import zipfile
from io import BytesIO
from pathlib import Path

import cloudpickle
import pytest

from labstudio.compute.ssh import packages, there
from labstudio.home import Home
from labstudio.jobs import snapshot
from labstudio.jobs.models import Snapshot


def taken(home: Home, **files: str) -> Snapshot:
    """Take a snapshot of files given by name, with `__` for the dot."""
    home.create()
    contents = {name.replace("__", "."): text.encode() for name, text in files.items()}
    return snapshot.take(home, next(iter(contents)), [], contents)


def cells(*sources: str) -> str:
    """Return a notebook's text."""
    made = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": [*made, {"cell_type": "markdown", "source": "import nothing"}]})


def test_imports_are_found_in_cells_and_modules_but_not_the_jobs_own(home: Home) -> None:
    first = "%matplotlib inline\nimport numpy.linalg as la, os"
    mine = "def f():\n    from psutil import Process\nfrom . import other\nimport labstudio\n"
    notebook = cells(first, "!pip list\nimport mine")
    made = taken(home, n__ipynb=notebook, mine__py=mine, broken__py="import )(")
    assert packages.imported(home, made) == {"numpy", "psutil"}


def test_what_is_pickled_by_reference_is_found(home: Home) -> None:
    import psutil

    made = taken(home, a__py="pass")
    payload = cloudpickle.dumps([psutil.Process, lambda: psutil.boot_time()])
    sha256 = snapshot.store_bytes(home, payload)
    found = packages.imported(home, made.model_copy(update={"payload": sha256}))
    assert "psutil" in found
    sha256 = snapshot.store_bytes(home, pickle.dumps([1, 2]))
    assert not packages.imported(home, made.model_copy(update={"payload": sha256}))


def test_pins_are_closed_under_what_each_needs() -> None:
    lines, folders = packages.pinned({"papermill", "yaml", "labstudio", "no_such_module"})
    names = {line.partition("==")[0] for line in lines}
    assert {"papermill", "pyyaml", "ipykernel", "tornado", "jupyter-core"} <= names
    assert all("==" in line for line in lines)
    assert "labstudio" not in names
    assert folders == []
    assert "mlflow" not in {line.partition("==")[0] for line in packages.pinned(())[0]}


def test_code_is_the_same_bytes_each_time() -> None:
    sha256, content = packages.sources()
    packages.sources.cache_clear()
    assert packages.sources()[0] == sha256
    names = zipfile.ZipFile(BytesIO(content)).namelist()
    assert "labstudio/jobs/runner/__main__.py" in names
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.parametrize(
    ("libc", "machine", "has", "has_not"),
    [
        (["glibc", "2.31"], "x86_64", "manylinux_2_31_x86_64", "manylinux_2_32_x86_64"),
        (["glibc", "2.36"], "aarch64", "manylinux2014_aarch64", "manylinux1_aarch64"),
    ],
)
def test_wheels_are_asked_for_that_the_host_can_use(
    libc: list[str], machine: str, has: str, has_not: str
) -> None:
    about = {"libc": libc, "machine": machine, "system": "Linux"}
    options = packages.platform_options(about, (3, 12, 1))
    assert has in options
    assert has_not not in options
    assert options[options.index("--python-version") + 1] == "3.12"


def test_what_runs_on_the_host_is_python_3_9() -> None:
    for path in Path(next(iter(there.__path__))).glob("*.py"):
        ast.parse(path.read_text(), str(path), feature_version=(3, 9))
