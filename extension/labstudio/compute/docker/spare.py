"""A container in which a Python kernel has loaded, and waits to be told whose it is.

Making a container and loading take most of a kernel's start. A spare is made for the next kernel
that is like the last one but for its secrets: the same image, notebook folder and slots. It waits
at a socket in a folder of its own; whoever moves that folder away has the spare, which serves once.
The folder stays mounted wherever it goes. One that nobody wants for half an hour ends by itself.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from labstudio.compute.docker.container import (
    MARK_LABEL,
    Mount,
    Plan,
    create,
    find,
    hand_over,
    labels,
    remove,
)
from labstudio.compute.docker.engine import answering
from labstudio.compute.host.spare import LOADING
from labstudio.home import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from docker.models.containers import Container

    from labstudio.compute.docker.kind import Docker
    from labstudio.home import Home

HOLDER = "spare"
SOCKET = "spare.sock"
LIFE_S = 1800
ANSWER_S = 5.0
WAITING = f"""
import sys
sys.path.remove("")
import json, os, socket
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen(1)
listening.settimeout({LIFE_S})
{LOADING}
try: asker = listening.accept()[0]
except TimeoutError: sys.exit()
told = json.loads(asker.makefile("rb").readline())
os.unlink(sys.argv[1])
listening.close()
asker.sendall(b"\\n")
asker.close()
os.environ.update(told["env"])
sys.path.insert(0, "")
sys.argv = ["-c", *told["arguments"]]
exec(compile(told["code"], "<string>", "exec"), {{"__name__": "__main__"}})
"""
KERNELS_OWN = frozenset(
    ("JPY_SESSION_NAME", "LABSTUDIO_KERNEL_ID", "LABSTUDIO_TOKEN", "MLFLOW_TRACKING_TOKEN")
)
"""Variables that a spare is told when it is taken; it has all others from the start."""
SOCKETS, OWN = Path("/sockets"), Path("/own")
"""Stand in a pattern for the folders that each kernel has for itself."""

_patterns = TypeAdapter(Plan)


def settled(pattern: Plan, sockets: Path, own: Path) -> Plan:
    """Return a pattern with the folders of one container in their places."""

    def place(mount: Mount) -> Mount:
        if mount.source == SOCKETS:
            return replace(mount, source=sockets)
        if mount.source.is_relative_to(OWN):
            return replace(mount, source=own / mount.source.relative_to(OWN))
        return mount

    return replace(pattern, mounts=tuple(map(place, pattern.mounts)))


def lay(plan: Plan, own: Path) -> None:
    """Make the folders of a container's own that it will see."""
    for each in plan.mounts:
        if each.source.is_relative_to(own):
            each.source.mkdir(mode=0o700, parents=True, exist_ok=True)
            hand_over([each.source] if each.writable else [], plan.user)


@dataclass(frozen=True)
class Taken:
    """A spare whose folders have been moved to a kernel.

    Parameters
    ----------
    container
        Its container.
    sockets
        Where its socket is now.
    """

    container: Container
    sockets: Path

    def wake(self, env: Mapping[str, str], command: Sequence[str]) -> bool:
        """Have it be a kernel; False where it cannot any more, and is removed.

        Parameters
        ----------
        env
            The variables that are the kernel's own.
        command
            A Python, ``-c``, the code, and its arguments.
        """
        _, code, *arguments = command[command.index("-c") :]
        told = {"env": dict(env), "code": code, "arguments": arguments}
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(ANSWER_S)
                asking.connect(str(self.sockets / SOCKET))
                asking.sendall(json.dumps(told).encode() + b"\n")
                if asking.recv(1):
                    return True
        except OSError:
            pass
        remove(self.container)
        return False


class Spares:
    """The spare of one compute.

    Parameters
    ----------
    kind
        The compute.
    """

    def __init__(self, kind: Docker) -> None:
        self._kind = kind
        self._sockets = folder_of(kind.host.home) / kind.name
        self._own = kind.host.home.path / "spares" / kind.name
        self._wanted = self._own / "pattern.json"

    def note(self, pattern: Plan) -> None:
        """Remember what the next spare is to be like."""
        self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(self._wanted, _patterns.dump_json(pattern), durable=False)

    def take(self, pattern: Plan, sockets: Path, own: Path) -> Taken | None:
        """Give a kernel the spare, and the spare's folders; None where there is none like it.

        Parameters
        ----------
        pattern
            What the kernel is like.
        sockets, own
            Become its folders; the first is not there yet.
        """
        for held in self._sockets.glob(f"{self._key(pattern)}-*"):
            try:
                held.rename(sockets)
            except OSError:
                continue
            for each in (self._own / held.name).iterdir():
                each.rename(own / each.name)
            (self._own / held.name).rmdir()
            for container in self._containers(held.name):
                if container.status == "running":
                    return Taken(container, sockets)
                remove(container)
        return None

    def prepare(self) -> None:
        """Have the spare that is wanted, and no other."""
        try:
            pattern = _patterns.validate_json(self._wanted.read_bytes())
        except (OSError, ValidationError):
            return
        key = self._key(pattern)
        with answering(self._kind.settings.docker_host):
            for held in self._sockets.glob("[!.]*"):
                found = self._containers(held.name)
                if held.name.startswith(key) and any(each.status == "running" for each in found):
                    return
                for each in found:
                    remove(each)
                for folder in (held, self._own / held.name):
                    shutil.rmtree(folder, ignore_errors=True)
            self._make(pattern, f"{key}-{secrets.token_hex(4)}")

    def _make(self, pattern: Plan, mark: str) -> None:
        # It can be taken from when its folder has its name: once the container runs.
        kind, sockets, own = self._kind, self._sockets / f".{mark}", self._own / mark
        sockets.mkdir(mode=0o700, parents=True)
        hand_over([sockets], pattern.user)
        own.mkdir(mode=0o700)
        there = next(each.target for each in pattern.mounts if each.source == SOCKETS)
        plan = replace(
            settled(pattern, sockets, own),
            command=(*pattern.command, "-c", WAITING, f"{there}/{SOCKET}"),
            labels=labels(kind.host.home, kind.name, HOLDER, mark),
        )
        lay(plan, own)
        create(kind.client, plan, kind.settings, kind.facts()).start()
        sockets.rename(self._sockets / mark)

    def _containers(self, mark: str) -> list[Container]:
        kind = self._kind
        return find(kind.client, kind.host.home, kind.name, mark)

    def _key(self, pattern: Plan) -> str:
        said = _patterns.dump_json(pattern) + self._kind.settings.model_dump_json().encode()
        return hashlib.sha256(said).hexdigest()[:16]


def folder_of(home: Home) -> Path:
    """Return where the spares' sockets are: short paths, on the disk of the kernels' sockets."""
    return home.runtime / "spares"


def waits(home: Home, container: Container) -> bool:
    """Say whether a container is a spare that somebody may still take."""
    held = folder_of(home).glob(f"*/{container.labels.get(MARK_LABEL)}")
    return container.status == "running" and any(held)
