"""Attempts at jobs on the host: started apart from the link, watched, signalled, ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from labstudio.compute.ssh.there.files import Files, Request, replace

CLAIM, RUNNER, RESULT, STOP, LOG, SPEC = (
    "claim",
    "runner.json",
    "result.json",
    "stop",
    "log",
    "attempt.json",
)
BUILD = "build.json"
ATTEMPT = "LABSTUDIO_ATTEMPT"
READY = "labstudio.json"
# A runner that was launched and has not claimed its folder after so long will not come.
CLAIM_TIMEOUT_S = 60.0
NAMING_TIMEOUT_S = 10.0
# What another worker of the studio is only launching is not swept away.
SWEEP_AFTER_S = 120.0
ROUNDS = 5


class Attempts:
    """Attempts whose folders lie below the studio's folder here."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def launch(self, request: Request, body: bytes) -> Request:
        """Lay an attempt's folder and start its runner in a session of its own.

        Told again, it starts the runner again: the folder's claim keeps two from running.
        """
        folder = self._files.path(request["folder"])
        if not (folder / SPEC).exists():
            self._files.lay(request, body)
            for name, sha256 in request.get("links", {}).items():
                with contextlib.suppress(FileExistsError):
                    os.link(self._files.blob(sha256), folder / name)
            for name, sha256 in request.get("copies", {}).items():
                (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copyfile(self._files.blob(sha256), folder / name)
            replace(folder / SPEC, request["spec"].encode())
        if (folder / CLAIM).exists():
            return {}
        spawn(folder, request["argv"], request["env"])
        return {}

    def ready(self, request: Request) -> Request:
        """Say whether an environment is built; one that is has been wanted now."""
        environment = self._files.path(request["path"])
        ready = (environment / READY).exists()
        if ready:
            os.utime(environment)
        return {"ready": ready}

    def build(self, request: Request) -> Request:
        """Start the building of an environment, unless it is being built; follow its folder."""
        folder = self._files.path(request["folder"])
        if (folder / RESULT).exists() or presence(folder) in ("gone", "rebooted"):
            shutil.rmtree(folder)
        if (folder / BUILD).exists():
            return {}
        wheels = folder / "wheels"
        wheels.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, sha256 in (request["wheels"] or {}).items():
            with contextlib.suppress(FileExistsError):
                os.link(self._files.blob(sha256), wheels / name)
        known = {"wheels": str(wheels) if request["wheels"] is not None else None}
        replace(folder / BUILD, json.dumps({**request["build"], **known}).encode())
        spawn(folder, [*request["argv"], str(folder)], {})
        return {}

    def known(self, request: Request) -> Request:
        """Say whether an attempt was launched here."""
        return {"known": (self._files.path(request["folder"]) / SPEC).exists()}

    def signal(self, request: Request) -> Request:
        """Stop, preempt or kill; what has not begun never will."""
        folder, how = self._files.path(request["folder"]), request["how"]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _claim(folder):
            replace(folder / RESULT, request["never"].encode())
            return {"begun": False}
        if how == "kill":
            return {"killed": kill(folder)}
        if how == "stop":
            (folder / STOP).touch(mode=0o600)
        runner = living(read(folder / RUNNER))
        if runner is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(runner, signal.SIGTERM)
        return {}

    def sweep(self, request: Request) -> Request:
        """End and remove the attempts that nobody keeps; return how many."""
        keep, removed = set(request["keep"]), 0
        for folder in self._files.root.glob("jobs/*/attempts/*"):
            if _marker(folder) in keep or not older(folder / SPEC, SWEEP_AFTER_S):
                continue
            kill(folder)
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        self._empty()
        return {"removed": removed}

    def remove(self, request: Request) -> Request:
        """Remove an attempt's folder, and what is left of its processes."""
        folder = self._files.path(request["folder"])
        if folder.exists():
            kill(folder)
        self._files.remove({"path": str(folder)})
        for parent in (folder.parent, folder.parent.parent):
            with contextlib.suppress(OSError):
                parent.rmdir()
        return {}

    def _empty(self) -> None:
        for job in self._files.root.glob("jobs/*"):
            for folder in (job / "attempts", job):
                with contextlib.suppress(OSError):
                    folder.rmdir()


def spawn(folder: Path, argv: list[str], env: dict[str, str]) -> None:
    """Start a process apart from the link; what it prints goes into the folder's log."""
    log = os.open(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        subprocess.Popen(
            argv,
            cwd=folder,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)


def presence(folder: Path) -> str:
    """Say how an attempt is: coming, running, gone, or gone by a reboot."""
    if not (folder / CLAIM).exists():
        # Claiming it ourselves keeps a runner that was slow to come from starting now.
        late = any(older(folder / spec, CLAIM_TIMEOUT_S) for spec in (SPEC, BUILD))
        late = late and _claim(folder)
        return "gone" if late else "coming"
    runner = read(folder / RUNNER)
    if not runner:
        return "gone" if older(folder / CLAIM, NAMING_TIMEOUT_S) else "coming"
    if living(runner) is not None:
        return "running"
    return "rebooted" if runner.get("boot_id") not in (None, boot_id()) else "gone"


def kill(folder: Path) -> int:
    """Kill every process of an attempt; return how many there were.

    Found are the processes on record, the sessions that they lead, and every process that carries
    the attempt's mark in its environment.
    """
    return end(read(folder / RUNNER), f"{ATTEMPT}={_marker(folder)}")


def end(runner: dict[str, Any], mark: str) -> int:
    """Kill the processes on record, their sessions, and those with a mark in their environment."""
    leaders, killed = _leaders(runner), 0
    for _ in range(ROUNDS):
        fresh = sorted(_processes(leaders, mark), key=lambda pid: pid != runner.get("pid"))
        for pid in fresh:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not fresh:
            break
        killed += len(fresh)
        time.sleep(0.02)
    return killed


def _leaders(runner: dict[str, Any]) -> dict[int, float]:
    """Return the pids on record, with when they started; none where a reboot lies between."""
    if runner.get("boot_id") not in (None, boot_id()):
        return {}
    found = {}
    for pid, started in (("pid", "started"), ("kernel_pid", "kernel_started")):
        if runner.get(pid) and runner.get(started) is not None:
            now = started_at(runner[pid])
            # A number is not used again while a session carries it.
            if now is None or now == runner[started]:
                found[int(runner[pid])] = float(runner[started])
    return found


def _processes(leaders: dict[int, float], mark: str) -> set[int]:
    wanted = mark.encode()
    parents: dict[int, int] = {}
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, parent, _, session = _stat(pid)[:4]
            if state == "Z":
                continue
            parents[pid] = int(parent)
            led = pid in leaders or int(session) in leaders
            if led or wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.add(pid)
    below = found
    while below:
        below = {pid for pid, parent in parents.items() if parent in below} - found
        found |= below
    return found


def boot_id() -> str | None:
    """Return what tells this boot of the machine from others."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def started_at(pid: int) -> float | None:
    """Return when a process started, in seconds since the boot; None when it is gone."""
    try:
        return int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def living(runner: dict[str, Any]) -> int | None:
    """Return the pid of the process on record; None when that is gone."""
    pid = runner.get("pid")
    if not pid or runner.get("boot_id") not in (None, boot_id()):
        return None
    try:
        if _stat(pid)[0] == "Z" or started_at(pid) != runner.get("started"):
            return None
    except OSError:
        return None
    return int(pid)


def _claim(folder: Path) -> bool:
    try:
        os.close(os.open(folder / CLAIM, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return False
    return True


def read(path: Path) -> dict[str, Any]:
    """Return what a JSON file says; nothing when it is not there or not whole."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _marker(folder: Path) -> str:
    return f"{folder.parent.parent.name}/{folder.name}"


def older(path: Path, seconds: float) -> bool:
    """Say whether a file is there, and was last written longer ago than that."""
    try:
        return time.time() - path.stat().st_mtime > seconds
    except FileNotFoundError:
        return False
