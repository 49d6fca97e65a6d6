"""Cached environments, built for real: small packages, with uv and with pip."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from runner_tools import Runs, cells, wait_for

from labstudio.errors import InvalidInput
from labstudio.home import Home
from labstudio.jobs import environments
from labstudio.jobs.runner.faults import RunError, Stopped


def test_one_environment_for_one_set_of_requirements() -> None:
    assert environments.key(["Six==1.16.0"]) == environments.key(["six == 1.16.0 # x"])
    assert environments.key(["six==1.16.0"]) != environments.key(["six==1.15.0"])


def test_no_such_interpreter_names_the_field(home: Home) -> None:
    with pytest.raises(InvalidInput, match="no interpreter '/no/python'"):
        environments.ensure(home, ["six"], python="/no/python")
    with pytest.raises(InvalidInput, match="not a Python that runs"):
        environments.ensure(home, ["six"], python="/bin/false")


def version_of(python: str, module: str) -> str:
    done = subprocess.run(
        [python, "-c", f"import {module}; print({module}.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_who_waits_for_a_build_goes_on_while_the_builder_uses_it(home: Home) -> None:
    folder = home.environments / environments.key(environments.normalise(["six"]))
    folder.mkdir(parents=True)
    notes: list[str] = []
    end = threading.Event()
    with folder.with_suffix(".lock").open("w") as builder, ThreadPoolExecutor(1) as pool:
        fcntl.flock(builder, fcntl.LOCK_SH)
        waiting = pool.submit(environments.ensure, home, ["six"], note=notes.append, given_up=end)
        try:
            wait_for(lambda: bool(notes))
            (folder / environments.READY).write_text("{}")
            assert Path(waiting.result(30)).is_relative_to(folder)
        finally:
            end.set()
    assert notes[0].startswith("Another job builds")


@pytest.mark.slow
def test_two_jobs_build_it_once_and_it_is_kept(home: Home) -> None:
    notes: list[str] = []
    found: list[str] = []

    def ensure() -> None:
        found.append(environments.ensure(home, ["six==1.16.0"], note=notes.append))

    threads = [threading.Thread(target=ensure) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert version_of(found[0], "six") == "1.16.0"
    assert version_of(found[0], "ipykernel")
    assert sum(note.startswith("Building") for note in notes) == 1
    folder = Path(found[0]).parent.parent
    assert "six==1.16.0" in (folder / "lock.txt").read_text()
    # Used by this process: it stays, however old.
    os.utime(folder / "last-used", (0, 0))
    assert environments.remove_unused(home, 60) == []
    again = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from labstudio.home import Home\n"
            "from labstudio.jobs import environments as e\n"
            "print(e.ensure(Home(sys.argv[1]), ['six==1.16.0'], note=print))",
            str(home.path),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.splitlines()[-1] == found[0]
    assert "is there already" in again.stdout


@pytest.mark.slow
def test_what_is_not_used_is_removed(home: Home) -> None:
    script = (
        "import sys; from labstudio.home import Home\n"
        "from labstudio.jobs import environments as e\ne.NEEDED = ()\n"
        "print(e.ensure(Home(sys.argv[1]), sys.argv[2:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home.path), "six==1.16.0"],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(done.stdout.strip()).parent.parent
    assert environments.remove_unused(home, 3600) == []
    os.utime(folder / "last-used", (0, 0))
    assert environments.remove_unused(home, 3600) == [folder.name]
    assert not folder.exists()


@pytest.mark.slow
def test_a_failure_gives_the_resolvers_words_and_leaves_nothing(home: Home) -> None:
    printed: list[str] = []
    with pytest.raises(RunError) as caught:
        environments.ensure(home, ["six==99.99"], log=printed.append)
    assert caught.value.error.type == "EnvironmentBuild"
    assert "six" in caught.value.error.message
    assert "99.99" in caught.value.error.message
    assert "99.99" in "".join(printed)
    assert [path for path in home.environments.iterdir() if path.is_dir()] == []


def test_a_build_that_is_given_up_leaves_nothing(home: Home) -> None:
    given_up = threading.Event()
    threading.Timer(0.3, given_up.set).start()
    with pytest.raises(Stopped):
        environments.ensure(
            home, ["six==1.16.0", "mlflow==3.0.0", "scikit-learn"], given_up=given_up
        )
    assert [path for path in home.environments.iterdir() if path.is_dir()] == []


@pytest.mark.slow
def test_pip_builds_where_there_is_no_uv(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "find_uv", lambda: None)
    monkeypatch.setattr(environments, "NEEDED", ())
    python = environments.ensure(home, ["six==1.16.0"])
    assert version_of(python, "six") == "1.16.0"
    about = json.loads((Path(python).parent.parent / "labstudio.json").read_text())
    assert about["built_with"] == "pip"


@pytest.mark.slow
def test_jobs_run_in_it(home: Home) -> None:
    runs = Runs(home)
    environment = {"requirements": ["six==1.16.0"]}
    code = "import six, sys\nprint(six.__version__, sys.prefix)"
    folder = runs.run(
        cells(code, "!python -c 'import six; print(six.__version__)'"), environment=environment
    )
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    log = runs.log(folder)
    assert f"1.16.0 {home.environments}" in log
    assert "[labstudio] Building an environment" in log
    assert log.splitlines()[-1] == "1.16.0"
    script = runs.run(code, entry="a.py", kind="script", environment=environment)
    assert f"1.16.0 {home.environments}" in runs.log(script)
    assert "is there already" in runs.log(script)
    cell = runs.run(
        cells("total = sum(given)"),
        kind="cell",
        environment=environment,
        carry={"given": [1, 2]},
        assigns=["total"],
    )
    assert runs.outcome(cell) == "succeeded", runs.log(cell)
    assert (cell / "result.pkl").exists()
    broken = runs.run(cells("1"), environment={"requirements": ["six==99.99"]})
    assert runs.error(broken).type == "EnvironmentBuild"
    refused = runs.run(cells("1"), environment={"requirements": ["no no"]})
    assert "'no no' is not a requirement" in runs.error(refused).message
    runs.close()


@pytest.mark.slow
def test_a_job_is_stopped_while_its_environment_is_built(home: Home) -> None:
    runs = Runs(home)
    folder = runs.start(
        cells("1"), environment={"requirements": ["mlflow==3.0.0", "scikit-learn", "torch"]}
    )
    wait_for(lambda: b"Building" in runs.bytes(folder, "log"))
    began = time.monotonic()
    runs.stop(folder)
    assert time.monotonic() - began < 5
    assert runs.outcome(folder) == "stopped"
    runs.close()


@pytest.mark.slow
def test_an_interpreter_that_is_named_is_used(home: Home, tmp_path: Path) -> None:
    uv = environments.find_uv()
    command = [uv, "venv"] if uv else [sys.executable, "-m", "venv", "--without-pip"]
    subprocess.run([*command, str(tmp_path / "v")], check=True, capture_output=True)
    python = str(tmp_path / "v/bin/python")
    runs = Runs(home)
    folder = runs.run(
        "import sys; print(sys.prefix)", entry="a.py", kind="script", environment={"python": python}
    )
    assert runs.log(folder).strip() == str(tmp_path / "v")
    missing = runs.run(cells("1"), environment={"python": python})
    assert "has no ipykernel" in runs.error(missing).message
    runs.close()
    assert shutil.which(python)
