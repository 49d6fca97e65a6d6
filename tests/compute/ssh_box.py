"""Kernels on a host over SSH, without keeper and provisioner: what the kind itself gives."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kernel_talk import Talk, talking
from ssh_host import SshHost

from labstudio.compute.kernel_host import KernelHost, KernelOrder
from labstudio.compute.kind import Host
from labstudio.compute.ssh.kind import Ssh
from labstudio.compute.ssh.settings import SshSettings
from labstudio.home import Home


class Box:
    """A compute over SSH, and kernels on it."""

    def __init__(self, home: Home, host: SshHost) -> None:
        self.home = home
        self.host = host
        self.made = 0
        self.kind = self.open()

    def open(self) -> Ssh:
        settings = SshSettings(**self.host.settings(python=sys.executable))
        return Ssh("gpu-box", settings, Host(self.home))

    def order(self, notebooks: Path | None = None, offer: str = "python3") -> KernelOrder:
        self.made += 1
        number = f"k{os.getpid()}-{self.made}"
        folder, sockets = self.home.path / "kernels" / number, self.home.runtime / number
        for each in (folder, sockets):
            each.mkdir(parents=True)
        (found,) = (each for each in self.kind.kernel_offers() if each.name == offer)
        said: list[str] = []
        return KernelOrder(
            id=number,
            folder=folder,
            sockets=sockets,
            key="secret",
            offer=found,
            notebooks=notebooks,
            say=said.append,
        )

    @asynccontextmanager
    async def kernel(self, order: KernelOrder) -> AsyncIterator[tuple[KernelHost, Talk]]:
        host = self.kind.kernel_host(order)
        async with talking(await host.start()) as talk:
            await talk.ready()
            try:
                yield host, talk
            finally:
                await host.kill()
                await host.close()


@pytest.fixture(scope="module")
def box(ssh_host: SshHost) -> Iterator[Box]:
    folder = Path("/tmp") / f"ls-sk-{os.getpid()}"
    made = Box(Home(folder).create(), ssh_host)
    yield made
    made.kind.close()
    shutil.rmtree(made.home.runtime, ignore_errors=True)
    shutil.rmtree(folder)


def marked(kernel_id: str) -> list[int]:
    """The processes of a kernel, by the mark that they carry."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"LABSTUDIO_KERNEL={kernel_id}".encode() in variables:
                found.append(int(entry.name))
    return found


def connection(order: KernelOrder) -> dict[str, Any]:
    """The connection file's content of a kernel's sockets here."""
    ports = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}
    return {
        "transport": "ipc",
        "ip": f"{order.sockets}/back",
        **{f"{channel}_port": port for channel, port in ports.items()},
        "key": "secret",
        "signature_scheme": "hmac-sha256",
        "kernel_name": "python3",
    }
