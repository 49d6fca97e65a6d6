"""Scripts: Python, shell and R; and kernels that are not forked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_tools import Runs, cells, wait_for

from labstudio.home import Home
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.nursery import Nursery


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        made = Nursery(Home(folder), 0)
        made.start()
    yield made
    made.close()
    shutil.rmtree(made.home.runtime, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


PARAMETERS = {"depth": 3, "name": "Ünï 'x'", "verbose": True, "layers": [1, 2]}


def test_a_python_script_gets_its_parameters_both_ways(runs: Runs) -> None:
    code = """
import json, os, sys
given = json.loads(os.environ["LABSTUDIO_PARAMETERS"])
print(json.dumps([sys.argv, given, os.getcwd(), sys.path[0]]))
import beside
print("to stderr", file=sys.stderr)
"""
    folder = runs.run(
        code,
        entry="train me.py",
        kind="script",
        parameters=PARAMETERS,
        files={"beside.py": "print('imported')"},
    )
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    first, *rest = runs.log(folder).splitlines()
    argv, parameters, cwd, path0 = json.loads(first)
    assert argv[1:] == [
        "--depth",
        "3",
        "--name",
        "Ünï 'x'",
        "--verbose",
        "true",
        "--layers",
        "[1, 2]",
    ]
    assert parameters == PARAMETERS
    assert cwd == path0 == str(folder / "work")
    assert rest == ["imported", "to stderr"]
    result = protocol.read_result(folder)
    assert result is not None
    assert result.exit_code == 0


def test_a_python_scripts_exception_is_its_error(runs: Runs) -> None:
    code = "def f():\n    raise ValueError('bad: thing')\nprint('x')\nf()"
    error = runs.error(runs.run(code, entry="a.py", kind="script"))
    assert (error.type, error.message) == ("ValueError", "bad: thing")
    assert error.traceback is not None
    assert "in f" in error.traceback


def test_a_shell_script_and_its_exit_code(runs: Runs) -> None:
    code = 'echo "[$1] [$2] $LABSTUDIO_PARAMETERS $MINE"\nexit 7'
    folder = runs.run(
        code, entry="go.sh", kind="script", parameters={"a": "b c"}, env={"MINE": "1"}
    )
    error = runs.error(folder)
    assert error.type == "ExitCode"
    assert error.message == "go.sh ended with exit code 7."
    assert runs.log(folder) == '[--a] [b c] {"a": "b c"} 1\n'
    result = protocol.read_result(folder)
    assert result is not None
    assert result.exit_code == 7


def test_a_script_killed_by_a_signal(runs: Runs) -> None:
    error = runs.error(runs.run("kill -9 $$", entry="go.sh", kind="script"))
    assert error.type == "Killed"
    assert "SIGKILL" in error.message


def test_a_script_that_asks_for_input_ends(runs: Runs) -> None:
    folder = runs.run("input()", entry="a.py", kind="script")
    assert runs.error(folder).type == "EOFError"
    assert "cannot ask for input" in runs.log(folder)


def test_an_unknown_script_is_said(runs: Runs) -> None:
    error = runs.error(runs.run("", entry="a.pl", kind="script"))
    assert "a.pl is no script that is known" in error.message


def test_r_is_said_to_be_missing(own_path: Runs) -> None:
    error = own_path.error(own_path.run("cat(1)", entry="a.R", kind="script"))
    assert "needs R" in error.message
    assert "Rscript" in error.message


@pytest.fixture
def own_path(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Runs whose path has no R on it."""
    monkeypatch.setenv("PATH", "/nowhere")
    made = Runs(runs.home)
    yield made
    made.close()


needs_r = pytest.mark.skipif(
    shutil.which("Rscript") is None, reason="R is not installed (Debian: r-base-core)"
)


@needs_r
def test_an_r_script(runs: Runs) -> None:
    code = 'cat(commandArgs(trailingOnly = TRUE), Sys.getenv("LABSTUDIO_JOB_ID"), "\\n")'
    folder = runs.run(code, entry="a.R", kind="script", parameters={"x": 1})
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    assert runs.log(folder).split() == ["--x", "1", folder.parent.parent.name]


@pytest.fixture(scope="module")
def r_kernel(nursery: Nursery) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (Debian: r-base-core r-cran-irkernel)")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    prefix = nursery.home.path / "r"
    done = subprocess.run(
        ["Rscript", "-e", f'IRkernel::installspec(prefix="{prefix}")'],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"IRkernel is not installed (Debian: r-cran-irkernel): {done.stderr[-200:]}")
    shutil.copytree(prefix / "share/jupyter/kernels/ir", nursery.home.path / "jupyter/kernels/ir")


@pytest.mark.slow
@pytest.mark.usefixtures("r_kernel")
def test_an_r_notebook(runs: Runs) -> None:
    folder = runs.run(
        cells("n <- 1", "cat(n * 2)", tags={0: ["parameters"]}, kernel="ir"), parameters={"n": 21}
    )
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    notebook = runs.notebook(folder)
    assert notebook.cells[2].outputs[0].text == "42"
    assert notebook.metadata.language_info.name == "R"
    failed = runs.run(cells("x <- 1", "stop('no way')", kernel="ir"))
    error = runs.error(failed)
    assert "no way" in error.message
    assert error.cell == 3


@pytest.mark.slow
@pytest.mark.usefixtures("r_kernel")
def test_an_r_notebook_is_stopped(runs: Runs) -> None:
    folder = runs.start(cells("cat('here')\nSys.sleep(100)", kernel="ir"))
    wait_for(lambda: b"here" in runs.bytes(folder, "log"))
    tree = runs.tree(folder)
    runs.stop(folder)
    assert runs.outcome(folder) == "stopped"
    wait_for(lambda: not any(each.is_running() and each.status() != "zombie" for each in tree))


def test_packages_are_not_for_r(runs: Runs, r_kernel: None) -> None:
    folder = runs.run(cells("1", kernel="ir"), environment={"requirements": ["six"]})
    assert "runs R" in runs.error(folder).message


@pytest.mark.slow
def test_a_kernel_that_cannot_start_is_said(runs: Runs) -> None:
    spec = runs.home.path / "jupyter/kernels/broken"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", "print('what is wrong', flush=True); raise SystemExit(4)"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Broken", "language": "python"})
    )
    folder = runs.run(cells("1", kernel="broken"))
    error = runs.error(folder)
    assert error.type == "KernelStart"
    assert "exit code 4" in error.message
    assert "what is wrong" in runs.log(folder)
