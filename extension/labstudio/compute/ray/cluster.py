"""A Ray of the studio's own on this machine, for trying: started once, found again by a file.

It is no child of the daemon and outlives it. Each of its processes carries `MARK` in its
environment, and by that it is ended: never by `ray stop`, which ends every Ray of the machine.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pydantic import BaseModel

from labstudio.errors import Unavailable
from labstudio.home import Home, write_atomic
from labstudio.jobs.processes import kill_all
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.faults import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "LABSTUDIO_RAY"
INSTALL = "Ray is not installed here: pip install 'labstudio[ray]'."
START_TIMEOUT_S = 180.0
TRIES = 3
LOOK_S = 0.1
LOOPBACK = "127.0.0.1"
# Ray otherwise takes a third of the memory for objects that a cluster for trying seldom has.
OBJECT_STORE_BYTES = 100_000_000


class Cluster(BaseModel):
    """A local Ray that runs."""

    address: str
    token_file: str
    folder: str
    boot_id: str | None = None


class LocalRay:
    """The Ray of one compute.

    Parameters
    ----------
    home
        The studio home that keeps it.
    name
        The compute's name.
    """

    def __init__(self, home: Home, name: str) -> None:
        self._folder = home.path / "ray" / name
        self._file = self._folder / "cluster.json"
        # Ray's sockets lie below its temporary folder, and their paths may have 107 bytes.
        self._temporary = home.runtime / f"r-{name[:12]}"

    def running(self) -> Cluster | None:
        """Return it while it runs."""
        found = protocol.read_model(self._file, Cluster)
        if found is None or found.boot_id != protocol.boot_id():
            return None
        names = {each.name() for each in self._processes()}
        return found if any("gcs_server" in name for name in names) else None

    def ensure(
        self,
        cpus: float | None = None,
        gpus: int | None = None,
        given_up: threading.Event | None = None,
    ) -> Cluster:
        """Return it, started where it does not run.

        Parameters
        ----------
        cpus, gpus
            What it gives out; None for all that the machine has.
        given_up
            Set when nobody waits for it any more.

        Raises
        ------
        Unavailable
            When it cannot be started.
        Stopped
            When it was given up.
        """
        given_up = given_up or threading.Event()
        if find_spec("ray") is None:
            raise Unavailable(INSTALL)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._folder / "lock"):
            for _ in range(TRIES - 1):
                # Ray gives its own processes 30 s, and a busy machine needs more.
                with suppress(Unavailable):
                    return self.running() or self._start(cpus, gpus, given_up)
            return self._start(cpus, gpus, given_up)

    def end(self) -> int:
        """End it and remove what it left; return how many processes that were."""
        ended = 0
        while found := self._processes():
            ended += len(kill_all(found, timeout_s=5.0))
        shutil.rmtree(self._temporary, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)
        return ended

    def _start(self, cpus: float | None, gpus: int | None, given_up: threading.Event) -> Cluster:
        kill_all(self._processes())  # What is left of one that died in part.
        token = self._folder / "token"
        before = protocol.read_model(self._file, Cluster)
        if before is None:
            write_atomic(token, secrets.token_hex(32))
        dashboard, client, agent = _free_ports(3)
        if before is not None:  # Whoever knew the one before finds this one at the same address.
            dashboard = int(before.address.rpartition(":")[2])
        words = [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head"),
            *("--node-ip-address", LOOPBACK, "--port", "0"),
            *("--dashboard-host", LOOPBACK, "--dashboard-port", str(dashboard)),
            *("--ray-client-server-port", str(client), "--dashboard-agent-listen-port", str(agent)),
            *("--min-worker-port", "0", "--max-worker-port", "0"),
            *("--object-store-memory", str(OBJECT_STORE_BYTES)),
            *("--temp-dir", str(self._temporary), "--disable-usage-stats"),
        ]
        if cpus is not None:
            words += ["--num-cpus", f"{cpus:g}"]
        if gpus is not None:
            words += ["--num-gpus", str(gpus)]
        self._run(words, token, given_up)
        cluster = Cluster(
            address=f"http://{LOOPBACK}:{dashboard}",
            token_file=str(token),
            folder=str(self._temporary),
            boot_id=protocol.boot_id(),
        )
        protocol.write_model(self._file, cluster, durable=True)
        return cluster

    def _run(self, words: list[str], token: Path, given_up: threading.Event) -> None:
        beside = str(Path(sys.executable).parent)
        variables = {name: value for name, value in os.environ.items() if name[:4] != "RAY_"}
        variables |= {
            "PATH": os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            MARK: str(self._folder),
        }
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=variables,
                cwd=self._folder,
                start_new_session=True,
            )
            deadline = time.monotonic() + START_TIMEOUT_S
            while (code := process.poll()) is None and time.monotonic() < deadline:
                if given_up.wait(LOOK_S):
                    break
        if code is None:
            kill_all(self._processes())
            process.wait()
        if given_up.is_set():
            raise Stopped
        if code != 0:
            said = (self._folder / "log").read_text(errors="replace").strip().splitlines()
            why = said[-1] if said and code is not None else f"nothing in {START_TIMEOUT_S:g} s"
            raise Unavailable(f"Ray could not be started on this machine: {why}.")

    def _processes(self) -> list[psutil.Process]:
        """Return what carries the mark, and what is below it: Ray's workers overwrite theirs."""
        wanted = f"{MARK}={self._folder}".encode()
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            try:
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
                if wanted not in environment.split(b"\0") or process.status() == "zombie":
                    continue
                below = process.children(recursive=True)
                found |= {each.pid: each for each in (process, *below)}
            except (OSError, psutil.Error):
                continue
        return list(found.values())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
