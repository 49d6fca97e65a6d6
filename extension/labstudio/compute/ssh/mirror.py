"""An attempt on a host, mirrored into its folder here while the link is there.

Both folders' files that grow (the log) have the same bytes from the start on, so that the length
of the one here is where the following goes on: after a cut, and in another process, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from time import monotonic
from typing import TYPE_CHECKING, Any

from labstudio.compute.kind import Presence, Signal
from labstudio.compute.ssh.there.files import hash_of
from labstudio.errors import StudioError, Unavailable
from labstudio.home import write_atomic
from labstudio.jobs.runner import protocol

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.compute.ssh.remote import Remote

log = logging.getLogger(__name__)

GROW = (protocol.LOG, protocol.RESOURCES)
REPLACED = (
    protocol.STATUS,
    protocol.NOTEBOOK,
    protocol.RUNNER,
    protocol.OUTPUTS,
    protocol.LOSS,
)
# From a stop that came through, or a grace period's end, to the killing of what does not heed it.
PATIENCE_S = 4.0
AGAIN_S = 1.0


class Mirror:
    """Follows one attempt, and passes on what it is told. Made and used in the link's loop.

    Parameters
    ----------
    remote
        The helper on the host.
    folder
        The attempt's folder here.
    there
        The attempt's folder on the host.
    """

    def __init__(self, remote: Remote, folder: Path, there: str) -> None:
        self.there = there
        self.rebooted = False
        self._remote = remote
        self._folder = folder
        self._presence = Presence.coming
        self._number: int | None = None
        self._stop: Signal | None = None
        self._stopped_at: float | None = None
        self._told_run: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def presence(self) -> Presence:
        """How the attempt is, as far as is known here."""
        if self._presence is Presence.gone or self._remote.link.up:
            return self._presence
        return Presence.unreachable

    def begin(self) -> None:
        """Follow it."""
        if self._number is None and self._presence is not Presence.gone:
            self._number = self._remote.follow(self._wanted, self._hear)

    def end(self) -> None:
        """Follow it no more."""
        if self._number is not None:
            self._remote.leave(self._number)
            self._number = None

    def _wanted(self) -> dict[str, Any]:
        sizes = {name: _size(self._folder / name) for name in GROW}
        return {"folder": self.there, "grow": sizes, "replaced": REPLACED}

    def _hear(self, head: dict[str, Any], body: bytes) -> None:
        if "trouble" in head:
            self._again(head["trouble"])
            return
        try:
            if (state := head.get("presence")) is not None:
                self._know(state)
            elif "offset" in head:
                self._append(self._folder / head["name"], head["offset"], body)
            else:
                durable = head["name"] == protocol.RESULT
                write_atomic(self._folder / head["name"], body, durable=durable)
                if durable:
                    self._presence = Presence.gone
                    self.end()
        except FileNotFoundError:
            self.end()  # The job was deleted.
        except OSError as error:
            # A full disk here, mostly: what did not come is asked for again.
            self._again(error)

    def _again(self, why: object) -> None:
        log.warning("%s is not followed for a moment: %s", self._folder, why)
        self.end()
        asyncio.get_running_loop().call_later(AGAIN_S, self.begin)

    def _know(self, state: str) -> None:
        self.rebooted = state == "rebooted"
        self._presence = Presence.gone if self.rebooted else Presence(state)
        if self._presence is Presence.gone:
            self.end()

    def _append(self, path: Path, offset: int, body: bytes) -> None:
        with path.open("ab", buffering=0) as file:
            size = file.tell()
            if size < offset:
                raise OSError(f"{path.name} has {size} bytes, and what comes begins at {offset}")
            file.write(body[size - offset :])

    # -- passing on

    def signal(self, how: Signal) -> None:
        """Pass a signal on, now or when the link is there again.

        A stop or a notice that could not be passed on yet is given its time when it was, so a kill
        that follows it, for it seems not to be heeded, waits.
        """
        if how is Signal.kill and self._stop is not None:
            if self._stopped_at is None or monotonic() - self._stopped_at < self._patience_s():
                return
        elif how is self._stop:
            return
        if how is not Signal.kill:
            self._stop, self._stopped_at = how, None
        self._spawn(self._pass_on(how))

    def _patience_s(self) -> float:
        if self._stop is not Signal.preempt:
            return PATIENCE_S
        return PATIENCE_S + protocol.read_spec(self._folder).grace_s

    async def _pass_on(self, how: Signal) -> None:
        outcome: protocol.Outcome = "preempted" if how is Signal.preempt else "stopped"
        never = protocol.Result(outcome=outcome, ended_at=protocol.now()).model_dump_json()
        while self._presence is not Presence.gone or how is Signal.kill:
            try:
                await self._remote.ask("signal", folder=self.there, how=how.value, never=never)
            except Unavailable:
                if how is Signal.kill and self._stop is None:
                    return  # Nobody waits for it; the sweep ends what is left.
                await asyncio.sleep(AGAIN_S)
            else:
                if how is self._stop:
                    self._stopped_at = monotonic()
                return

    def tell_run(self) -> None:
        """Bring a run there that was told late."""
        path = self._folder / protocol.TRACKING
        try:
            stamp = path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if stamp != self._told_run and self._remote.link.up:
            self._told_run = stamp
            self._spawn(self._bring_run(path.read_bytes()))

    async def _bring_run(self, content: bytes) -> None:
        try:
            files = [[protocol.TRACKING, len(content)]]
            await self._remote.ask("lay", content, folder=self.there, files=files)
        except StudioError:
            self._told_run = None

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def bring_outputs(remote: Remote, folder: Path, there: str) -> None:
    """Bring what the attempt left: outputs that are listed, checkpoints, what it gives back.

    What is here already, whole, is left; what was cut short is gone on with.

    Raises
    ------
    Unavailable
        When the link is lost.
    """
    listed = protocol.read_model(folder / protocol.OUTPUTS, protocol.OutputFiles)
    names = [f"{protocol.WORK}/{item.path}" for item in listed.items] if listed else []
    kept = await remote.ask("tree", path=f"{there}/{protocol.CHECKPOINT}")
    names += [f"{protocol.CHECKPOINT}/{name}" for name in kept["files"]]
    wanted = {name: f"{there}/{name}" for name in [*names, protocol.RESULT_PICKLE]}
    told = await remote.ask("digest", paths=list(wanted.values()))
    root = folder.resolve()
    for name, path in wanted.items():
        about, here = told["files"][path], folder / name
        if about is None or not here.resolve().is_relative_to(root) or await _same(here, about):
            continue
        await remote.pull(path, here)
        here.chmod(about["mode"] & 0o755 | 0o600)
        with contextlib.suppress(OSError):
            os.utime(here, (about["mtime"], about["mtime"]))


def kept(folder: Path) -> dict[str, tuple[str, Path]]:
    """Return the checkpoint that an attempt begins with: names of files, hashes, and paths here."""
    top = folder / protocol.CHECKPOINT
    found = sorted(path for path in top.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): (hash_of(path), path) for path in found}


async def _same(here: Path, about: dict[str, Any]) -> bool:
    if not here.is_file() or here.stat().st_size != about["size"]:
        return False
    return bool(await asyncio.to_thread(hash_of, here) == about["sha256"])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
