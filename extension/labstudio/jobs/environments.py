"""Cached virtual environments, one for each set of requirements, shared by the jobs that ask.

An environment lies in ``environments/<hash>/`` of the home. It counts as there once it has its
``labstudio.json``, which is written last; it is built in its final place, for what pip installs
knows the path it was installed to. Locks keep two jobs from building the same one twice, and one
that is in use from being removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput
from labstudio.home import write_atomic
from labstudio.jobs.requirements import normalise
from labstudio.jobs.runner.faults import RunError, Stopped

if TYPE_CHECKING:
    from labstudio.home import Home

NEEDED = ("cloudpickle", "ipykernel")
READY, LISTING, USED = "labstudio.json", "lock.txt", "last-used"
TAIL_LINES = 12
POLL_S = 0.1
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

Write = Callable[[str], None]


def key(requirements: Iterable[str], python: str | None = None) -> str:
    """Return the name of the environment of some requirements for an interpreter, here."""
    about = [
        _describe(check_interpreter(python)),
        platform.system(),
        platform.machine(),
        *platform.libc_ver(),
        *normalise(requirements),
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]


def interpreter(folder: Path) -> str:
    """Return the interpreter of an environment's folder."""
    return str(folder / "bin" / "python")


def check_interpreter(python: str | None, needs: str | None = None) -> str:
    """Return an interpreter's path; this process's own when none is named.

    Parameters
    ----------
    python
        A path, or the name of a command.
    needs
        A module that it must have.

    Raises
    ------
    InvalidInput
        When it is none, or lacks the module.
    """
    if python is None:
        return sys.executable
    path = shutil.which(os.path.expanduser(python))  # noqa: PTH111  a command's name stays one
    if path is None:
        raise InvalidInput(
            f"environment.python: there is no interpreter {python!r}.", field="environment.python"
        )
    path = os.path.abspath(path)  # noqa: PTH100  resolving a link would leave its environment
    if needs is not None and path != sys.executable:
        done = subprocess.run([path, "-c", f"import {needs}"], capture_output=True, check=False)
        if done.returncode:
            raise InvalidInput(
                f"environment.python: {python} has no {needs}; install it there: "
                f"{python} -m pip install {needs}.",
                field="environment.python",
            )
    return path


def _describe(python: str) -> str:
    if python == sys.executable:
        return f"{Path(python).resolve()} {sys.version}"
    code = "import os, sys; print(os.path.realpath(sys.executable), sys.version)"
    try:
        done = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InvalidInput(
            f"environment.python: {python} is not a Python that runs.", field="environment.python"
        ) from error
    return done.stdout.strip()


def ensure(
    home: Home,
    requirements: Iterable[str],
    *,
    python: str | None = None,
    log: Write = lambda _text: None,
    note: Write = lambda _text: None,
    given_up: Event | None = None,
) -> str:
    """Return the interpreter of the environment that holds the requirements, built if need be.

    It stays in use, and is not removed, until this process ends.

    Parameters
    ----------
    home
        The home that keeps it.
    requirements
        Requirement lines.
    python
        The interpreter to build from.
    log, note
        Take what the resolver prints, and what this module says.
    given_up
        Set when nobody waits for it any more.

    Raises
    ------
    InvalidInput
        When a line is no requirement, or the interpreter is none.
    RunError
        When it cannot be built, with the resolver's own last lines.
    Stopped
        When it was given up.
    """
    given_up = given_up or Event()
    lines = normalise(requirements)
    name = key(lines, python)
    home.environments.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = home.environments / name
    lock = os.open(home.environments / f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if _await_turn(lock, folder / READY, note, given_up):
            _build(folder, lines, check_interpreter(python), log, note, given_up)
            fcntl.flock(lock, fcntl.LOCK_SH)
        else:
            note(f"The environment {name[:12]} is there already.")
        (folder / USED).touch()
    except BaseException:
        os.close(lock)
        raise
    return interpreter(folder)


def _await_turn(lock: int, ready: Path, note: Write, given_up: Event) -> bool:
    """Hold a lock for a use (shared), or else for a build; say whether it is to be built."""
    told = False
    while True:
        # Whoever built it goes on to use it: a turn to build may never come, the environment does.
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if ready.exists():
                return False
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not ready.exists():
                return True
            continue
        fcntl.flock(lock, fcntl.LOCK_UN)
        if not told:
            note("Another job builds this environment; waiting for it.")
            told = True
        if given_up.wait(POLL_S):
            raise Stopped


def _build(
    folder: Path, lines: list[str], python: str, log: Write, note: Write, given_up: Event
) -> None:
    if folder.exists():
        shutil.rmtree(folder)  # What a build that was cut short left.
    began = time.monotonic()
    uv = find_uv()
    note(f"Building an environment with {'uv' if uv else 'pip'}: {', '.join(lines) or 'empty'}")
    try:
        for command in _commands(folder, lines, python, uv):
            _run(command, log, given_up)
        listing = _freeze(folder, uv)
        write_atomic(folder / LISTING, listing)
        about = {"requirements": lines, "python": python, "built_with": "uv" if uv else "pip"}
        write_atomic(folder / READY, json.dumps(about))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    note(f"The environment is ready after {time.monotonic() - began:.1f} s.")


def find_uv() -> str | None:
    """Return where uv is, on the path or beside this interpreter; None when it is nowhere."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _commands(folder: Path, lines: list[str], python: str, uv: str | None) -> Iterator[list[str]]:
    options = [word for line in lines if line.startswith("-") for word in line.split(maxsplit=1)]
    wanted = [line for line in lines if not line.startswith("-")] + list(NEEDED)
    target = interpreter(folder)
    if uv:
        yield [uv, "venv", "--no-project", "--python", python, str(folder)]
        yield [uv, "pip", "install", "--python", target, *options, *wanted]
    else:
        yield [python, "-m", "venv", str(folder)]
        yield [
            target,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            *options,
            *wanted,
        ]


def _freeze(folder: Path, uv: str | None) -> str:
    target = interpreter(folder)
    command = [uv, "pip", "freeze", "--python", target] if uv else [target, "-m", "pip", "freeze"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _run(command: list[str], log: Write, given_up: Event) -> None:
    """Run a step of the build, its output going to the log as it comes.

    Raises
    ------
    RunError
        When it fails.
    Stopped
        When it was given up.
    """
    # Without these, an outer environment would take the place of the one that is built.
    without = {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX"}
    variables = {name: value for name, value in os.environ.items() if name not in without}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=variables,
        start_new_session=True,
    )
    assert process.stdout is not None
    handle = process.stdout.fileno()
    tail = b""
    try:
        while True:
            if given_up.is_set():
                raise Stopped
            if not select.select([handle], [], [], POLL_S)[0]:
                continue
            piece = os.read(handle, 65536)
            if not piece:
                break
            log(piece.decode(errors="replace"))
            tail = (tail + piece)[-65536:]
        code = process.wait()
    finally:
        process.stdout.close()
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code:
        text = CONTROL.sub("", tail.decode(errors="replace"))
        lines = [line.rstrip() for line in text.splitlines() if line.strip()][-TAIL_LINES:]
        raise RunError(
            "EnvironmentBuild",
            "The environment cannot be built: " + " ".join(line.strip() for line in lines)[-1500:],
            traceback="\n".join(lines),
        )


def remove_unused(home: Home, older_than_s: float) -> list[str]:
    """Remove the environments that no job has asked for lately; return their names.

    Parameters
    ----------
    home
        The home.
    older_than_s
        How long ago the last use must be. One that a job uses now stays, however old.
    """
    removed = []
    for path in sorted(home.environments.glob("*.lock")):
        folder = path.with_suffix("")
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stamp = folder / USED if (folder / USED).exists() else path
                if time.time() - stamp.stat().st_mtime < older_than_s:
                    continue
                (folder / READY).unlink(missing_ok=True)
                if folder.exists():
                    shutil.rmtree(folder)
                removed.append(folder.name)
            finally:
                os.close(lock)
    return removed
