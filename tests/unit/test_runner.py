"""Attempts run by real runners: what is in the folder afterwards, and what is left running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest
from runner_tools import Runs, cells, wait_for

from labstudio.jobs.runner import protocol


def test_a_notebook_runs_with_its_parameters(runs: Runs) -> None:
    source = cells("depth = 1", "print(depth * 2)", "depth", tags={0: ["parameters"]})
    folder = runs.run(source, parameters={"depth": 21})

    result = protocol.read_result(folder)
    assert result is not None
    assert (result.outcome, result.error) == ("succeeded", None)
    assert [time.state for time in result.cells] == ["succeeded"] * 4
    notebook = runs.notebook(folder)
    assert notebook.cells[1].metadata.tags == ["injected-parameters"]
    assert notebook.cells[2].outputs[0].text == "42\n"
    assert notebook.cells[3].outputs[0].data["text/plain"] == "21"
    assert notebook.metadata.papermill.parameters == {"depth": 21}
    assert [time.index for time in result.cells] == [0, 1, 2, 3]
    assert (folder / "log").read_text() == "42\n"
    status = protocol.read_status(folder)
    assert status is not None
    assert (status.progress.cell, status.progress.cells) == (4, 4)
    assert status.progress.phase == "collecting"


def test_a_failed_notebook_tells_the_cell_and_opens_with_its_error(runs: Runs) -> None:
    folder = runs.run(cells("x = 1", "print('before')\n1 / 0", "print('never')"))

    result = protocol.read_result(folder)
    assert result is not None
    assert result.outcome == "failed"
    assert result.error is not None
    assert (result.error.type, result.error.message) == ("ZeroDivisionError", "division by zero")
    assert "\x1b[" in (result.error.traceback or "")
    notebook = runs.notebook(folder)
    assert "An Exception was encountered" in notebook.cells[0].source
    assert result.error.cell == 3
    assert "1 / 0" in notebook.cells[result.error.cell].source
    assert [time.index for time in result.cells] == [1, 3]
    assert [time.state for time in result.cells] == ["succeeded", "failed"]
    log = (folder / "log").read_text()
    assert log.startswith("before\n")
    assert "division by zero" in log
    assert "never" not in log


def test_an_error_that_a_cell_may_raise_is_no_failure(runs: Runs) -> None:
    folder = runs.run(cells("1 / 0", "print('on')", tags={0: ["raises-exception"]}))
    assert runs.outcome(folder) == "succeeded"
    notebook = runs.notebook(folder)
    assert notebook.cells[0].outputs[0].ename == "ZeroDivisionError"
    assert len(notebook.cells) == 2


def test_sys_exit_ends_a_notebook_well(runs: Runs) -> None:
    folder = runs.run(cells("import sys; sys.exit()", "print('never')"))
    assert runs.outcome(folder) == "succeeded"


@pytest.mark.parametrize(
    ("content", "type_", "words"),
    [
        ("{not json", "BadNotebook", "no JSON"),
        ('{"a": 1}', "BadNotebook", "nbformat"),
        ('{"nbformat": 4, "nbformat_minor": 5, "cells": 3, "metadata": {}}', "BadNotebook", ""),
    ],
)
def test_what_is_no_notebook_is_said_so(runs: Runs, content: str, type_: str, words: str) -> None:
    folder = runs.run(content)
    error = runs.error(folder)
    assert error.type == type_
    assert words in error.message
    assert "Traceback" not in error.message


def test_a_notebook_of_a_compute_runs_with_the_kernel_of_that_name_here(runs: Runs) -> None:
    folder = runs.run(cells("print(6 * 7)", kernel="labstudio.gpu-box.python3"))
    assert runs.outcome(folder) == "succeeded"
    assert runs.log(folder) == "42\n"


def test_no_such_kernel_names_those_that_exist(runs: Runs) -> None:
    error = runs.error(runs.run(cells("1"), kernel_name="fortran 77"))
    assert error.type == "NoSuchKernel"
    assert "'fortran 77'" in error.message
    assert "python3" in error.message


def test_names_with_everything_in_them(runs: Runs) -> None:
    entry = 'sub dir/it\'s {x} "日本" 🚀.ipynb'
    folder = runs.run(cells("import os\nprint(os.getcwd())"), entry=entry, parameters={"a": 1})
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    assert runs.log(folder).strip().endswith("work/sub dir")


def test_input_is_refused_clearly(runs: Runs) -> None:
    folder = runs.run(cells("input('name? ')"))
    assert runs.error(folder).type == "StdinNotImplementedError"
    assert "cannot ask for input" in runs.log(folder)


def test_the_code_finds_a_fresh_kernel_in_its_folder(runs: Runs) -> None:
    code = """
    import json, os, sys
    print(json.dumps({
        "argv": sys.argv[:2], "cwd": os.getcwd(), "path": [p or "cwd" for p in sys.path],
        "names": sorted(n for n in globals() if not n.startswith("_")),
        "main": sys.modules["__main__"].__dict__ is globals(),
        "group": os.getpgrp() == os.getpid(),
        "env": dict(os.environ),
        "heavy": sorted({"numpy", "pandas", "matplotlib", "mlflow"} & set(sys.modules)),
        "child": __import__("subprocess").run(
            [sys.executable, "-c", "import os; print(os.environ['LABSTUDIO_ATTEMPT'])"],
            capture_output=True, text=True).stdout.strip(),
    }))
    """
    from textwrap import dedent

    folder = runs.run(cells(dedent(code)), env={"MINE": "1"})
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    seen = json.loads(runs.log(folder))
    marker = f"{folder.parent.parent.name}/1"
    places = [n for n, path in enumerate(seen["path"]) if "site-packages" in path]
    assert seen["path"].index("cwd") < places[0]
    assert Path(seen["cwd"]) == folder / "work"
    assert seen["argv"][0].endswith("ipykernel_launcher.py")
    assert seen["argv"][1] == "-f"
    assert seen["main"]
    assert seen["group"]
    assert seen["heavy"] == []
    assert seen["child"] == marker
    assert seen["names"] == [
        "In",
        "Out",
        "exit",
        "get_ipython",
        "json",
        "open",
        "os",
        "quit",
        "sys",
    ]
    assert seen["env"]["MINE"] == "1"
    assert seen["env"]["LABSTUDIO_ATTEMPT"] == marker
    assert seen["env"]["PYTHONUNBUFFERED"] == "1"


def test_a_module_beside_the_notebook_stands_for_an_installed_one(runs: Runs) -> None:
    folder = runs.run(
        cells("import tenacity\nprint(tenacity.WHOSE)"),
        files={"tenacity.py": "WHOSE = 'mine'\n"},
    )
    assert runs.log(folder) == "mine\n"


@pytest.mark.slow
def test_variables_read_at_start_get_a_kernel_started_anew(runs: Runs) -> None:
    folder = runs.run(cells("print(hash('a'))"), env={"PYTHONHASHSEED": "0"})
    expected = subprocess.run(
        [sys.executable, "-c", "print(hash('a'))"],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert runs.log(folder) == expected


def test_ten_megabytes_in_one_line_and_a_cap_in_the_notebook(runs: Runs) -> None:
    code = "print('x' * 10_000_000)\nprint('end of it')"
    folder = runs.run(cells(code, "print('next')"), cell_output_limit_bytes=1 << 20)
    assert runs.outcome(folder) == "succeeded"
    log = (folder / "log").read_bytes()
    assert log == b"x" * 10_000_000 + b"\nend of it\nnext\n"
    notebook = runs.notebook(folder)
    kept = "".join(out.text for out in notebook.cells[0].outputs)
    assert (1 << 20) <= len(kept) < (1 << 20) + 500
    assert "more than 1 MB" in notebook.cells[0].outputs[-1].text
    assert notebook.cells[1].outputs[0].text == "next\n"


@pytest.mark.slow
def test_no_line_of_many_is_lost(runs: Runs) -> None:
    code = "import sys\nfor i in range(30000):\n    print(i, flush=True)"
    folder = runs.run(cells(code), timeout_s=100)
    assert runs.outcome(folder) == "succeeded"
    expected = "".join(f"{i}\n" for i in range(30000))
    assert runs.log(folder) == expected
    assert runs.notebook(folder).cells[0].outputs[0].text == expected


def test_a_line_overwritten_in_place_is_kept_once(runs: Runs) -> None:
    code = "for i in range(100):\n    print(f'\\r{i}%', end='', flush=True)\nprint()"
    folder = runs.run(cells(code))
    assert runs.notebook(folder).cells[0].outputs[0].text == "99%\n"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import ctypes\nprint('before', flush=True)\nctypes.string_at(0)", "SIGSEGV"),
        ("import os\nos._exit(3)", "exit code 3"),
    ],
)
def test_a_kernels_death_is_told(runs: Runs, code: str, words: str) -> None:
    folder = runs.run(cells("x = 1", code, "print('never')"))
    error = runs.error(folder)
    assert error.type == "Killed"
    assert words in error.message
    assert error.cell is not None
    notebook = runs.notebook(folder)
    assert notebook.cells[error.cell].source == code
    assert notebook.cells[error.cell].outputs[-1].evalue == error.message
    if words == "SIGSEGV":
        log = runs.log(folder)
        assert "before" in log
        assert "Segmentation fault" in log


def test_the_notebook_and_the_log_grow_while_it_runs(runs: Runs) -> None:
    folder = runs.start(cells("print('one')", "import time; print('two'); time.sleep(30)"))
    wait_for(lambda: b"two" in runs.bytes(folder, "log"))
    wait_for(lambda: b'"one\\n"' in runs.bytes(folder, "output.ipynb"))
    wait_for(lambda: b'"two\\n"' in runs.bytes(folder, "output.ipynb"))
    status = protocol.read_status(folder)
    assert status is not None
    assert status.progress.cell == 1
    assert [time.state for time in status.cells] == ["succeeded", "running"]
    wait_for(lambda: runs.bytes(folder, "resources.jsonl").count(b"\n") >= 1)
    assert protocol.is_alive(folder)
    runs.stop(folder)


def test_a_cell_takes_names_and_gives_names_back(runs: Runs) -> None:
    folder = runs.run(
        cells("total = sum(numbers)\nhandle = open('/dev/null', 'rb')\nboth = [total, numbers]"),
        kind="cell",
        carry={"numbers": [1, 2, 3]},
        assigns=["total", "handle", "both", "absent"],
    )
    result = protocol.read_result(folder)
    assert result is not None
    assert result.outcome == "succeeded", runs.log(folder)
    back = cloudpickle.loads((folder / "result.pkl").read_bytes())
    assert back == {"total": 6, "both": [6, [1, 2, 3]]}
    assert set(result.not_returned) == {"handle", "absent"}
    assert "TypeError" in result.not_returned["handle"]
    assert "did not assign" in result.not_returned["absent"]
    assert "'handle' cannot be sent back" in runs.log(folder)


def test_a_function_returns_its_value(runs: Runs) -> None:
    scale = 10

    def area(width: int, *, height: int) -> int:
        print("computing")
        return width * height * scale

    area.__module__ = "__main__"
    folder = runs.run(
        cells("result = area(*args, **kwargs)"),
        kind="function",
        carry={"function": area, "args": (2,), "kwargs": {"height": 3}},
    )
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    assert cloudpickle.loads((folder / "result.pkl").read_bytes()) == {"return": 60}
    assert runs.log(folder) == "computing\n"


def test_names_that_cannot_be_restored_are_said(runs: Runs) -> None:
    folder = runs.run(cells("1"), kind="cell", carry=b"\x80\x05cnosuchmodule\nThing\n.")
    error = runs.error(folder)
    assert error.type == "CannotCarry"
    assert "nosuchmodule" in error.message


@pytest.mark.slow
def test_what_was_flushed_is_sent_before_the_code_goes_on(runs: Runs, tmp_path: Path) -> None:
    """Also when it then holds the interpreter's lock, so that no other thread of it can run."""
    gates = [tmp_path / f"gate-{n}" for n in range(8)]
    for gate in gates:
        os.mkfifo(gate)
    # Who opens a pipe to read waits for a writer; called so, with the lock held.
    code = (
        "import ctypes\n"
        f"for n, gate in enumerate({[os.fsencode(each) for each in gates]!r}):\n"
        "    print('line', n, flush=True)\n"
        "    ctypes.PyDLL(None).open(gate, 0)\n"
    )
    folder = runs.start(cells(code))
    for n, gate in enumerate(gates):
        wait_for(lambda n=n: f"line {n}\n" in runs.log(folder))  # type: ignore[misc]
        gate.open("wb").close()
    wait_for(lambda: protocol.read_result(folder) is not None)
    assert runs.outcome(folder) == "succeeded"
