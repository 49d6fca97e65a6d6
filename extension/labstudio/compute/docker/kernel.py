"""Kernels in containers: each is one container, found by its label, reached over unix sockets.

The sockets lie in a folder that is mounted, so a container needs no network for them. The folder
of the notebook is mounted where it is, at the same path, and the kernel runs as its owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import time
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_config_dir, jupyter_path, jupyter_runtime_dir

from labstudio.compute.docker.brought import BROUGHT, Brought
from labstudio.compute.docker.brought import THERE as BROUGHT_THERE
from labstudio.compute.docker.container import (
    Mount,
    Plan,
    create,
    find,
    hand_over,
    labels,
    memory_limit,
    remove,
    user_of,
)
from labstudio.compute.docker.engine import answering
from labstudio.compute.docker.reverse import FORWARDER_THERE, SOCKET, Reverse
from labstudio.compute.docker.spare import KERNELS_OWN, OWN, SOCKETS, Spares, Taken, lay, settled
from labstudio.compute.docker.spare import SOCKET as SPARE_SOCKET
from labstudio.compute.kernel_host import KernelEnd, KernelHost, lossless
from labstudio.errors import InvalidInput, StudioError
from labstudio.home import write_atomic
from labstudio.kernels.folder import connection

if TYPE_CHECKING:
    from docker.models.containers import Container

    from labstudio.compute.docker.kind import Docker
    from labstudio.compute.kernel_host import KernelOrder

THERE = "/run/labstudio"
"""Where a kernel's sockets are in its container; the way to the studio lies there too."""
CONNECTION = "connection.json"
ADOPTED = "container"
"""In the kernel's folder; tells the container where that was a spare."""
PORT = 7461
"""Where the studio is found on loopback: a container's own."""
KILLED = 128 + signal.SIGKILL
SIGNALLED = (KILLED, 128 + signal.SIGTERM)
MEGABYTE = 1 << 20
AGAIN_S = 0.5
GOES_S = 2.0
RESTARTED = "The Docker Engine was restarted, and the kernel ended with it."
REMOVED = "The kernel's container was removed from outside."


class DockerKernel(KernelHost):
    """A kernel in a container of its own.

    Parameters
    ----------
    order
        The kernel.
    kind
        The compute.
    image
        The image's id.
    forwards
        Whether the image has a Python that leads the kernel's requests to the studio.
    """

    def __init__(self, order: KernelOrder, kind: Docker, image: str, *, forwards: bool) -> None:
        super().__init__(order)
        assert order.sockets is not None
        self._kind = kind
        self._image = image
        self._sockets = order.sockets / "d"
        # In there the sockets have another path than here, and are the same.
        self._content = connection(str(self._sockets / "k"), order.key, order.offer.name)
        self._reverse = (
            Reverse(order.gateway, self._sockets) if forwards and order.gateway else None
        )
        self._container: Container | None = None
        self._end: asyncio.Task[KernelEnd] | None = None
        self._way: asyncio.Task[None] | None = None
        self._cut: str | None = None

    # -- its start

    async def start(self) -> dict[str, Any]:
        """Start the container unless it runs."""
        if not self._sockets.exists() or await asyncio.to_thread(self._find) is None:
            self._container = await asyncio.to_thread(self._create)
        if self._reverse is not None:
            await self._reverse.open()
            hand_over([self._sockets / SOCKET], await asyncio.to_thread(self._user))
            # The kernel starts meanwhile: nobody waits for what its code may ask for later.
            self._way = asyncio.create_task(self._open_way())
        return self._content

    def _create(self) -> Container:
        kind, order = self._kind, self.order
        pattern, command = self._pattern(), self._command()
        mine = {**order.offer.env, **order.env, **self._address()}
        with answering(kind.settings.docker_host):
            taken = self._taken(pattern) if self._spares() else None
            plan = replace(
                settled(pattern, self._sockets, order.folder),
                command=command,
                labels=labels(kind.host.home, kind.name, "kernel", order.id),
                env=mine,
            )
            self._lay(plan)
            if taken is not None and taken.wake(mine, command):
                return taken.container
            container = create(kind.client, plan, kind.settings, kind.facts())
            container.start()
        return container

    def _lay(self, plan: Plan) -> None:
        self._sockets.mkdir(mode=0o700, exist_ok=True)
        inside = connection(f"{THERE}/k", self.order.key, self.order.offer.name)
        write_atomic(self._sockets / CONNECTION, json.dumps(inside), durable=False)
        hand_over([self._sockets], plan.user)
        lay(plan, self.order.folder)

    def _command(self) -> tuple[str, ...]:
        words = {"{connection_file}": f"{THERE}/{CONNECTION}"}
        return tuple(words.get(word, word) for word in lossless(self.order.offer.argv))

    def _pattern(self) -> Plan:
        """Return what the container is like, but for what is this kernel's own."""
        order = self.order
        mounts = [Mount(SOCKETS, THERE, writable=True), Mount(OWN / BROUGHT, BROUGHT_THERE, True)]
        if self._reverse is not None:
            mounts += [each for each in self._reverse.mounts() if each.target == FORWARDER_THERE]
        if order.notebooks is not None:
            mounts.append(Mount(order.notebooks, str(order.notebooks), writable=True))
            mounts += self._hidden(order.notebooks)
        env = {**order.offer.env, **order.env, **self._address()}
        return Plan(
            image=self._image,
            command=tuple(takewhile(lambda word: word != "-m", order.offer.argv)),
            labels={},
            user=self._user(),
            env={name: value for name, value in env.items() if name not in KERNELS_OWN},
            folder=str(order.notebooks) if order.notebooks else "/tmp",  # noqa: S108  its own
            mounts=tuple(mounts),
            need=order.need,
            gpus=order.gpus,
        )

    # -- one that is loaded already

    def _spares(self) -> bool:
        """Say whether a kernel like this can be loaded ahead of time: IPython's, on no GPU."""
        order = self.order
        able = "ipykernel_launcher" in order.offer.argv and not order.need.gpus
        return able and self._kind.settings.spare_kernel

    def _taken(self, pattern: Plan) -> Taken | None:
        spares = Spares(self._kind)
        spares.note(pattern)
        taken = spares.take(pattern, self._sockets, self.order.folder)
        if taken is not None:
            # Its labels are a spare's: from now on it is found by its id.
            write_atomic(self._adopted, str(taken.container.id), durable=False)
        return taken

    @property
    def _adopted(self) -> Path:
        return self.order.folder / ADOPTED

    def _hidden(self, notebooks: Path) -> list[Mount]:
        """Lay nothing over what lies below the notebook's folder and is not the kernel's to see."""
        secret = [self._kind.host.home.path, Path.home() / ".ssh"]
        secret += map(Path, (*jupyter_path(), jupyter_runtime_dir(), jupyter_config_dir()))
        found = {each for each in secret if each.is_relative_to(notebooks) and each.is_dir()}
        if notebooks in found:
            raise InvalidInput(
                f"{notebooks} is the studio's or Jupyter's own folder: a container may not see it. "
                "Move the notebook elsewhere.",
                field="path",
            )
        return [Mount(OWN / "nothing", str(each)) for each in sorted(found)]

    def _user(self) -> str:
        """Return who owns the notebook's folder; root's is there, and cannot be written."""
        kind, notebooks = self._kind, self.order.notebooks
        usual = user_of(kind.settings, kind.facts())
        if notebooks is None or kind.settings.user is not None or kind.facts().rootless:
            return usual
        owner = notebooks.stat()
        return f"{owner.st_uid}:{owner.st_gid}" if owner.st_uid else usual

    def _address(self) -> dict[str, str]:
        if self._reverse is None:
            return {}
        base = f"http://127.0.0.1:{PORT}"
        return {"LABSTUDIO_URL": base, "MLFLOW_TRACKING_URI": f"{base}/mlflow"}

    async def _open_way(self) -> None:
        try:
            await asyncio.to_thread(self._forward)
        except StudioError as error:
            self.order.say(f"The studio is not reached from the kernel: {error}")

    def _forward(self) -> None:
        """Have the way to the studio in the container; one that is there already stays."""
        if self._container is None:
            return
        words = [self._kind.settings.python, FORWARDER_THERE, "--port", str(PORT)]
        with answering(self._kind.settings.docker_host):
            self._container.exec_run([*words, "--socket", f"{THERE}/{SOCKET}"], detach=True)

    # -- its life

    def _find(self) -> Container | None:
        running = None
        with answering(self._kind.settings.docker_host):
            for each in self._containers():
                # A spare that was taken and never told so serves nobody.
                if each.status == "running" and not (self._sockets / SPARE_SOCKET).exists():
                    running = each
                else:
                    remove(each)
        self._container = running
        return running

    def _containers(self) -> list[Container]:
        """Return this kernel's containers, running or not."""
        from docker.errors import NotFound

        kind = self._kind
        found = find(kind.client, kind.host.home, kind.name, self.order.id)
        with contextlib.suppress(NotFound, FileNotFoundError):
            found.append(kind.client.containers.get(self._adopted.read_text()))
        return found

    async def poll(self) -> KernelEnd | None:
        """Say whether the container runs; one thread waits for its end."""
        if self._container is None and await asyncio.to_thread(self._look) is None:
            return KernelEnd(message=REMOVED)
        if self._end is None:
            self._end = asyncio.create_task(asyncio.to_thread(self._wait))
        return self._end.result() if self._end.done() else None

    def _look(self) -> Container | None:
        """Find the container, also one that has ended."""
        with answering(self._kind.settings.docker_host):
            found = self._containers()
        self._container = found[0] if found else None
        return self._container

    def _wait(self) -> KernelEnd:
        from docker.errors import DockerException, NotFound
        from requests.exceptions import RequestException

        container, cut = self._container, False
        assert container is not None
        while True:
            try:
                code = int(container.wait(timeout=None)["StatusCode"])
                state = self._kind.client.api.inspect_container(container.id)["State"]
            except NotFound:
                return KernelEnd(message=REMOVED)
            except (RequestException, DockerException, OSError):
                self._cut, cut = "The Docker Engine does not answer.", True
                time.sleep(AGAIN_S)
            else:
                self._cut = None
                end = self._how(code, state)
                if not end.out_of_memory and (cut or (code in SIGNALLED and self._goes())):
                    end.message = RESTARTED
                return end

    def _goes(self) -> bool:
        """Say whether the Engine itself goes: it ends its containers before it does."""
        until = time.monotonic() + GOES_S
        try:
            while time.monotonic() < until:
                time.sleep(AGAIN_S)
                self._kind.client.ping()
        except Exception:  # however it says so
            return True
        return False

    def _how(self, code: int, state: dict[str, Any]) -> KernelEnd:
        if code == KILLED and state.get("OOMKilled"):
            limit = memory_limit(self.order.need, self._kind.settings)
            size = f" than its {limit // MEGABYTE} MiB" if limit else " than there was"
            message = f"The kernel was killed: it wanted more memory{size}."
            return KernelEnd(exit_code=code, message=message, out_of_memory=True)
        return KernelEnd(exit_code=code, message=f"The kernel's container ended ({code}).")

    # -- folders that come and go

    async def bring(self, here: Path) -> str:
        """Let the container see a folder of this machine; return its path in there."""
        return await asyncio.to_thread(lambda: self._brought().bring(here))

    async def fetch(self, there: str, here: Path) -> None:
        """Have a folder here as the container left it."""
        await asyncio.to_thread(lambda: self._brought().fetch(there, here))

    def _brought(self) -> Brought:
        return Brought(self._brought_folder, self._user())

    @property
    def _brought_folder(self) -> Path:
        return self.order.folder / BROUGHT

    # -- its end

    async def interrupt(self) -> None:
        """Send SIGINT; the container's first process passes it on."""
        await asyncio.to_thread(self._interrupt)

    def _interrupt(self) -> None:
        if self._container is not None:
            with answering(self._kind.settings.docker_host):
                self._container.kill(signal="SIGINT")

    async def kill(self) -> None:
        """Remove the container with everything in it."""
        await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        with answering(self._kind.settings.docker_host):
            for each in self._containers():
                remove(each)
        self._container = None
        self._adopted.unlink(missing_ok=True)
        for each in (self._sockets, self._brought_folder):
            shutil.rmtree(each, ignore_errors=True)

    def reachable(self) -> str | None:
        """Say whether the Engine answers."""
        return self._cut

    async def close(self) -> None:
        """Lead nothing to the studio any more."""
        if self._reverse is not None:
            self._reverse.close()
