"""A kernel's folder: how those who start, keep, use and look after it find one another.

``HOME/kernels/KERNEL_ID/`` holds what must outlive a restart of the machine's processes:

- ``kernel.json``: the `KernelSheet`, written once by whoever starts the kernel.
- ``keeper.json``: which process keeps it. ``keeper.lock`` is locked for as long as that lives.
- ``started``: is there from the kernel's start until its end was seen.
- ``asked.json``: the code that was sent to the kernel and not answered.
- ``connection.json``: the connection file for clients; it never changes.
- ``keeper.log``: what the keeper and its host had to say.

Sockets lie in a folder with a short path, ``Home.runtime/kernels/KERNEL_ID/``: ``control`` takes
verbs (`labstudio.kernels.control`), ``front-1`` to ``front-5`` are the kernel's channels for
clients, and a host may put its own beside them.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from typing import IO, TYPE_CHECKING, Any

from labstudio.home import PRIVATE_FOLDER, write_atomic
from labstudio.jobs.runner.protocol import process_of, read_model, write_model
from labstudio.kernels.models import KeeperInfo, KernelSheet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labstudio.home import Home

PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")


def connection(ip: str, key: str, name: str = "") -> dict[str, Any]:
    """Return the content of a connection file over unix sockets ``ip-1`` to ``ip-5``."""
    return {
        "transport": "ipc",
        "ip": ip,
        **{f"{channel}_port": port for channel, port in PORTS.items()},
        "key": key,
        "signature_scheme": "hmac-sha256",
        "kernel_name": name,
    }


class KernelFolder:
    """The files and sockets of one kernel.

    Parameters
    ----------
    home
        The studio home.
    kernel_id
        The kernel's id in Jupyter.
    """

    def __init__(self, home: Home, kernel_id: str) -> None:
        if not _ID.fullmatch(kernel_id):
            raise ValueError(f"{kernel_id!r} is no id of a kernel.")
        self.home = home
        self.id = kernel_id
        self.path = home.kernels / kernel_id
        self.connection_file = self.path / "connection.json"
        self.log = self.path / "keeper.log"

    @property
    def sockets(self) -> Path:
        """The folder of its sockets."""
        return self.home.runtime / "kernels" / self.id

    @property
    def control(self) -> Path:
        """The socket that takes verbs."""
        return self.sockets / "control"

    @property
    def front(self) -> str:
        """What the paths of the clients' sockets begin with."""
        return str(self.sockets / "front")

    def create(self, sheet: KernelSheet) -> None:
        """Make the folder; from then on the kernel is one that is to be."""
        self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        write_model(self.path / "kernel.json", sheet, durable=True)

    def sheet(self) -> KernelSheet | None:
        """Read what the kernel is; None when there is no such kernel."""
        return read_model(self.path / "kernel.json", KernelSheet)

    def age_s(self) -> float:
        """Return how long ago the kernel was made to be; 0 when it is over meanwhile."""
        try:
            return time.time() - (self.path / "kernel.json").stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def make_sockets(self) -> None:
        """Make the folder of the sockets, and write the connection file that leads there."""
        sheet = self.sheet()
        assert sheet is not None
        self.sockets.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        content = connection(self.front, sheet.key, sheet.spec)
        import json

        write_atomic(self.connection_file, json.dumps(content), durable=False)

    def lock(self) -> IO[str] | None:
        """Become the kernel's keeper; None when there is one."""
        file = (self.path / "keeper.lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def kept(self) -> bool:
        """Say whether a keeper's process lives."""
        info = read_model(self.path / "keeper.json", KeeperInfo)
        if info is None:
            return False
        return process_of(info.pid, info.create_time, info.started, info.boot_id) is not None

    def name_keeper(self, info: KeeperInfo) -> None:
        """Say which process keeps the kernel."""
        write_model(self.path / "keeper.json", info)

    def remove(self) -> None:
        """Forget the kernel."""
        shutil.rmtree(self.sockets, ignore_errors=True)
        # What says that there is a kernel goes first, so that nobody takes up the rest.
        (self.path / "kernel.json").unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)


def folders(home: Home) -> Iterator[KernelFolder]:
    """Return the folder of every kernel that there is, or was until a moment ago."""
    if home.kernels.is_dir():
        for path in sorted(home.kernels.iterdir()):
            if _ID.fullmatch(path.name) and (path / "kernel.json").exists():
                yield KernelFolder(home, path.name)


def find(home: Home, spec: str, path: str) -> str | None:
    """Return the id of the living kernel of a notebook; None where it has none.

    Parameters
    ----------
    home
        The studio home.
    spec
        Name of the kernelspec.
    path
        The notebook's file, absolute.
    """
    from labstudio.kernels.control import status

    for folder in folders(home):
        sheet = folder.sheet()
        if sheet is None or sheet.path != path or sheet.spec != spec:
            continue
        told = status(folder) if folder.kept() else None
        # One without a keeper lives as far as anybody knows: whoever attaches starts the keeper.
        if told is None or (told.state.lives and not told.attached):
            return folder.id
    return None
