"""The nursery: a process with everything imported, which forks runners and keeps warm pairs.

It has one thread, for only what forks from one thread is whole. It ends with the daemon: its
control socket then closes. Started by `labstudio.jobs.runner.nursery.Nursery`, never by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import NoReturn

PARENT_CHECK_S = 1.0
MEMORY_EVERY_S = 10.0
START_LIMIT_S = 90.0
LOOK_AT_PACKAGES_S = 5.0
PACKAGE_FOLDERS = ("site-packages", "dist-packages")


def preload() -> None:
    """Import what runners and kernels need, and nothing that starts threads or opens sockets."""
    # papermill imports pyarrow only to read from HDFS; pyarrow brings numpy and its threads.
    hidden = [name for name in ("pyarrow", "pandas", "numpy") if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    # The debugger warns, on import, of what it could not follow in a debugger's session.
    quiet = "PYDEVD_DISABLE_FILE_VALIDATION"
    asked = os.environ.setdefault(quiet, "1")

    import labstudio.jobs.runner.attempt
    import labstudio.jobs.runner.here
    import labstudio.jobs.runner.kernel_process
    import labstudio.jobs.runner.notebook
    import labstudio.jobs.runner.outputs
    import labstudio.jobs.runner.pair
    import labstudio.jobs.runner.script
    import labstudio.jobs.snapshot  # noqa: F401

    if asked == "1":
        os.environ.pop(quiet, None)
    for name in hidden:
        sys.modules.pop(name, None)


@dataclass
class Pair:
    """A warm pair as the nursery sees it."""

    channel: socket.socket
    began: float
    pids: list[int] = field(default_factory=list)
    folder: str | None = None

    @property
    def ready(self) -> bool:
        """Whether its kernel has answered."""
        return bool(self.pids)


class NurseryProcess:
    """The loop of the nursery.

    Parameters
    ----------
    control
        The socket to the daemon: lines of JSON both ways.
    sockets
        The folder of kernels' connection files.
    warm
        How many pairs to keep.
    settle_s
        How long after a launch replacements wait, so as not to compete with the job's start.
    loaded
        The `packages` that this process has loaded from.
    """

    def __init__(
        self,
        control: socket.socket,
        sockets: Path,
        warm: int,
        settle_s: float,
        loaded: tuple[int, ...],
    ) -> None:
        self.control = control
        self.sockets = sockets
        self.wanted = warm
        self.settle_s = settle_s
        self.pairs: list[Pair] = []
        self._buffer = b""
        self._quiet_until = 0.0
        self._memory_at = -1e9
        self._memory = 0
        self._told: tuple[int, int, int] | None = None
        self._failures = 0
        self._packages = self._packages_seen = loaded
        self._looked_at = monotonic()
        self._outdated = False

    def serve(self) -> None:
        """Serve until the daemon goes."""
        parent = os.getppid()
        while os.getppid() == parent:
            readable, _, _ = select.select(
                [self.control, *(pair.channel for pair in self.pairs)], [], [], self._patience()
            )
            for pair in [pair for pair in self.pairs if pair.channel in readable]:
                self._hear(pair)
            if self.control in readable and not self._obey():
                return
            self._look_at_packages()
            if self._outdated and not self._buffer and not any(p.folder for p in self.pairs):
                self._renew()
            self._replenish()
            self._report()

    def _patience(self) -> float:
        if len(self.pairs) < self.wanted:
            return min(PARENT_CHECK_S, max(0.01, self._quiet_until - monotonic()))
        return PARENT_CHECK_S

    # -- the daemon's side

    def _obey(self) -> bool:
        try:
            piece = self.control.recv(65536)
        except OSError:
            return False
        if not piece:
            return False
        self._buffer += piece
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "launch" in order:
                self._load(order.get("loads", ""))
                self._launch(order["launch"], warm_ok=order["warm"])
            if "wanted" in order:
                self.wanted = order["wanted"]
        return True

    def _load(self, module: str) -> None:
        """Import what more some runners need; one that cannot be is theirs to tell of."""
        if module and module not in sys.modules and packages() == self._packages:
            with contextlib.suppress(Exception):
                importlib.import_module(module)

    def _say(self, **what: object) -> None:
        with contextlib.suppress(OSError):
            self.control.sendall(json.dumps(what).encode() + b"\n")

    # -- packages that change meanwhile

    def _look_at_packages(self) -> None:
        """Notice that packages were installed or removed, once whoever does that is done."""
        if monotonic() - self._looked_at < LOOK_AT_PACKAGES_S:
            return
        self._looked_at = monotonic()
        before, self._packages_seen = self._packages_seen, packages()
        if before == self._packages_seen != self._packages:
            self._outdated = True

    def _renew(self) -> NoReturn:
        """Begin anew, with the packages as they are now; warm pairs end with their channels.

        It stays the same process: the daemon's orders wait in the socket meanwhile.
        """
        os.set_inheritable(self.control.fileno(), True)
        module = [sys.executable, "-m", "labstudio.jobs.runner.nursery_main"]
        os.execv(sys.executable, [*module, *sys.argv[1:]])  # noqa: S606 -- it becomes that process

    def _launch(self, folder: str, *, warm_ok: bool) -> None:
        if packages() != self._packages:
            # What is loaded here may not go with what is installed: this one starts from nothing.
            self._say(failed=folder, reason="Packages were installed.")
            return
        self._quiet_until = monotonic() + self.settle_s
        if warm_ok:
            free = [pair for pair in self.pairs if pair.folder is None]
            for pair in sorted(free, key=lambda pair: not pair.ready):
                with contextlib.suppress(OSError):
                    pair.channel.send(os.fsencode(folder))
                    pair.folder = folder
                    return
        self._fork_runner(folder)

    def _fork_runner(self, folder: str) -> None:
        from labstudio.jobs.runner.pair import become_runner, detach

        try:
            if detach():
                self._leave_to(None)
                become_runner(Path(folder))
        except OSError as error:
            self._say(failed=folder, reason=str(error))
            return
        self._say(launched=folder)

    # -- the pairs' side

    def _hear(self, pair: Pair) -> None:
        try:
            message = pair.channel.recv(4096)
        except OSError:
            message = b""
        if message.startswith(b"{"):
            pair.pids = json.loads(message)["pids"]
            self._failures = 0
            self._memory_at = -1e9
            return
        self.pairs.remove(pair)
        pair.channel.close()
        if message:
            self._say(launched=pair.folder)
        elif pair.folder is not None:
            # It died with the job in its hands, unclaimed or not: another runner finds out.
            self._fork_runner(pair.folder)
        elif not pair.ready:
            self._failures += 1
            self._quiet_until = monotonic() + min(60.0, 2.0**self._failures)

    def _replenish(self) -> None:
        now = monotonic()
        if now < self._quiet_until:
            return
        idle = [pair for pair in self.pairs if pair.folder is None]
        for pair in [pair for pair in idle if not pair.ready and now - pair.began > START_LIMIT_S]:
            self._drop(pair)
        if len(idle) > self.wanted:
            self._drop(idle[-1])
        # One at a time: a kernel that starts takes a core for a moment.
        elif len(idle) < self.wanted and all(pair.ready for pair in idle):
            self._fork_pair()

    def _drop(self, pair: Pair) -> None:
        self.pairs.remove(pair)
        pair.channel.close()

    def _fork_pair(self) -> None:
        from labstudio.jobs.runner.pair import become_pair, detach

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            if detach():
                become_pair(self._leave_to(theirs), self.sockets)
        except OSError:
            ours.close()
            self._failures += 1
            self._quiet_until = monotonic() + min(60.0, 2.0**self._failures)
        else:
            self.pairs.append(Pair(ours, monotonic()))
        theirs.close()

    def _leave_to(self, channel: socket.socket | None) -> socket.socket:
        """In a forked process: close everything of the nursery's but one channel."""
        kept = os.dup(channel.fileno()) if channel is not None else -1
        if kept >= 0 and kept != 3:
            os.dup2(kept, 3, inheritable=False)
        os.closerange(4 if kept >= 0 else 3, 4096)
        for pair in self.pairs:
            pair.channel.detach()
        self.control.detach()
        if channel is None:
            return self.control
        channel.detach()
        return socket.socket(fileno=3)

    # -- what it costs

    def _report(self) -> None:
        ready = [pair for pair in self.pairs if pair.ready and pair.folder is None]
        if monotonic() - self._memory_at > MEMORY_EVERY_S:
            self._memory_at = monotonic()
            pids = [os.getpid(), *(pid for pair in ready for pid in pair.pids)]
            self._memory = sum(map(proportional_size, pids))
        now = (len(ready), self.wanted, self._memory)
        if now != self._told:
            self._told = now
            self._say(ready=now[0], wanted=now[1], memory_bytes=now[2])


def packages() -> tuple[int, ...]:
    """Return what changes when a package is installed, removed or brought up to date.

    Each package has a folder that bears its version, so the folder that they lie in changes.
    """
    found = []
    for path in map(Path, sys.path):
        if path.name in PACKAGE_FOLDERS:
            with contextlib.suppress(OSError):
                found.append(path.stat().st_mtime_ns)
    return tuple(found)


def proportional_size(pid: int) -> int:
    """Return a process's memory in bytes, shared pages divided among those who share them."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def main() -> NoReturn:
    """Serve the daemon on the other end of an inherited socket."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--sockets", type=Path, required=True)
    parser.add_argument("--warm", type=int, required=True)
    parser.add_argument("--settle", type=float, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, lambda *_: None)  # not ignored: children would inherit that
    os.set_inheritable(options.control, False)
    # The folder that the daemon stood in is no place for a job to import from.
    if sys.path and sys.path[0] in ("", str(Path.cwd())):
        del sys.path[0]
    loaded = packages()
    preload()
    sweep(options.sockets)
    from labstudio.jobs.processes import name_process

    name_process("labstudio-nurse")
    gc.collect()
    gc.disable()
    gc.freeze()
    control = socket.socket(fileno=options.control)
    NurseryProcess(control, options.sockets, options.warm, options.settle, loaded).serve()
    os._exit(0)


def sweep(sockets: Path) -> None:
    """Remove connection files and sockets of runners that are gone."""
    for path in sockets.iterdir():
        owner = path.name.partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
