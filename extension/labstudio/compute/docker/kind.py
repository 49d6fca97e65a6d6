"""Containers of a Docker Engine as a compute."""

from __future__ import annotations

import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

from labstudio.compute.docker.container import MARK_LABEL, find, remove
from labstudio.compute.docker.engine import EngineFacts, answering, connect, facts
from labstudio.compute.docker.settings import DockerSettings
from labstudio.compute.kind import Host, Order, Signal
from labstudio.compute.local import Local
from labstudio.compute.models import Capacity, ComputeSettings
from labstudio.jobs.runner import protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from docker import DockerClient
    from docker.models.containers import Container

    from labstudio.compute.kernel_host import KernelHost, KernelOffer, KernelOrder
    from labstudio.status import Check

DAY_S = 86_400.0
LOADED = "labstudio.compute.docker.loaded"
"""What speaking to the Engine takes, a quarter of a second: loaded once, for many."""


class Docker(Local):
    """The runner is a process of this machine, the code is in a container."""

    TYPE = "docker"
    summary = "Containers: any image, walled off from this machine."
    Settings = DockerSettings
    at_home = False
    runs_images = True

    def __init__(self, name: str, settings: ComputeSettings, host: Host) -> None:
        super().__init__(name, settings, host)
        self.settings: DockerSettings = cast("DockerSettings", settings)
        self._lock = threading.Lock()
        self._client: DockerClient | None = None
        self._facts: EngineFacts | None = None

    @property
    def client(self) -> DockerClient:
        """The Engine, spoken to over one client.

        Raises
        ------
        Unavailable
            When it does not answer.
        """
        with self._lock:
            if self._client is None:
                self._client = connect(self.settings.docker_host)
            return self._client

    def facts(self) -> EngineFacts:
        """Return what the Engine is, asked once."""
        client = self.client
        with self._lock:
            if self._facts is None:
                with answering(self.settings.docker_host):
                    self._facts = facts(client)
            return self._facts

    def close(self) -> None:
        """Let go of the Engine."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def capacity(self) -> Capacity:
        """Return what the Engine's machine has, or less where the settings say so."""
        asked, about = self.settings, self.facts()
        return Capacity(
            cpus=asked.cpus or about.cpus,
            memory_bytes=asked.memory or about.memory_bytes,
            gpus=super().capacity().gpus,
        )

    def test(self) -> Iterator[Check]:
        """Try the Engine, the image, a container, and GPUs where they are asked for."""
        from labstudio.compute.docker.checks import checks

        yield from checks(self.settings, self.host.home)

    @classmethod
    def preload(cls) -> None:
        """Load what speaks to the Engine."""
        importlib.import_module(LOADED)

    def warm(self) -> None:
        """Know the Engine, and have a container with a kernel that waits."""
        from labstudio.compute.docker.spare import Spares

        self.facts()
        if self.settings.spare_kernel:
            Spares(self).prepare()

    # -- an attempt

    def launch(self, order: Order) -> None:
        """Have the nursery fork a runner, told that its code belongs into a container."""
        assert self.host.nursery is not None
        spec = order.spec.model_copy(update={"place": self._place()})
        protocol.write_spec(order.folder, spec)
        self.host.nursery.launch(order.folder, warm_ok=False, loads=LOADED)

    def _place(self) -> protocol.Place:
        from labstudio.compute.docker.place import OPENS, PlaceSettings

        told = PlaceSettings(compute=self.settings, facts=self.facts(), gateway=self.host.gateway)
        return protocol.Place(opens=OPENS, settings=told.model_dump(mode="json"))

    def signal(self, folder: Path, how: Signal) -> None:
        """Ask the runner, or end what is left of it, its container included."""
        super().signal(folder, how)
        if how is Signal.kill:
            self._remove(folder)

    def clean(self, folder: Path) -> None:
        """Remove the container, unless its kernel is kept: its runner then removes it."""
        status = protocol.read_status(folder)
        if status is None or status.kernel_kept_until is None or not protocol.is_alive(folder):
            self._remove(folder)

    def _remove(self, folder: Path) -> None:
        with answering(self.settings.docker_host):
            for container in find(self.client, self.host.home, self.name, mark_of(folder)):
                remove(container)

    def sweep(self, keep: Collection[str]) -> int:
        """Remove containers whose runner is gone, and images that nobody has used for long."""
        from labstudio.compute.docker.images import remove_unused

        removed = 0
        with answering(self.settings.docker_host):
            for container in find(self.client, self.host.home, self.name):
                mark = container.labels.get(MARK_LABEL, "")
                if mark not in keep and not self._runs(mark) and not self._spared(container):
                    remove(container)
                    removed += 1
            remove_unused(self.client, self.host.home, self.settings.keep_images_days * DAY_S)
        return removed

    # -- kernels

    def kernel_offers(self) -> list[KernelOffer]:
        """Return the kernels of the compute's image, looked up once."""
        from labstudio.compute.docker.kernels import kernels_of

        return kernels_of(self).offers

    def kernel_host(self, order: KernelOrder) -> KernelHost:
        """Return what keeps a kernel in a container of its own."""
        from labstudio.compute.docker.kernel import DockerKernel
        from labstudio.compute.docker.kernels import kernels_of

        # The one asks for the image, the other for the Engine.
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(self.facts)
            there = kernels_of(self)
            asked.result()
        return DockerKernel(order, self, there.image, forwards=there.python)

    def _runs(self, mark: str) -> bool:
        """Say whether a runner or a keeper still looks after a container."""
        job_id, _, number = mark.partition("/")
        if not number:
            return (self.host.home.kernels / mark / "kernel.json").exists()
        return number.isdigit() and protocol.is_alive(self.host.home.attempt(job_id, int(number)))

    def _spared(self, container: Container) -> bool:
        """Say whether a container is a spare that waits, or that a kernel took."""
        from labstudio.compute.docker.kernel import ADOPTED
        from labstudio.compute.docker.spare import waits

        kernels = self.host.home.kernels.glob(f"*/{ADOPTED}")
        return waits(self.host.home, container) or any(
            each.read_text() == container.id for each in kernels
        )


def mark_of(folder: Path) -> str:
    """Return the mark of an attempt, which its folder's place tells."""
    return f"{folder.parent.parent.name}/{folder.name}"
