"""A container as the place of an attempt's code; the runner stays outside."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
from pathlib import Path, PurePosixPath
from threading import Event
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from labstudio.compute.docker import images
from labstudio.compute.docker.brought import BROUGHT, Brought
from labstudio.compute.docker.brought import THERE as BROUGHT_THERE
from labstudio.compute.docker.container import (
    WORK as WORK_THERE,
)
from labstudio.compute.docker.container import (
    Mount,
    Plan,
    create,
    hand_over,
    labels,
    take_back,
    user_of,
)
from labstudio.compute.docker.engine import EngineFacts, answering, connect
from labstudio.compute.docker.inside import choose, look_inside, training_command
from labstudio.compute.docker.reverse import Reverse
from labstudio.compute.docker.settings import DockerSettings
from labstudio.compute.docker.training import HOST, Training
from labstudio.compute.docker.watch import ContainerChild
from labstudio.jobs.runner.faults import RunError
from labstudio.jobs.runner.place import Place, Usage
from labstudio.jobs.runner.protocol import CARRY, RESULT_PICKLE, WORK, kernel_folder, read_result
from labstudio.jobs.runner.surroundings import ours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import DockerClient
    from jupyter_client.kernelspec import KernelSpec

    from labstudio.jobs.models import Snapshot
    from labstudio.jobs.runner.attempt import Attempt
    from labstudio.jobs.runner.children import Child
    from labstudio.jobs.runner.kernels import Kernel

OPENS = "labstudio.compute.docker.place:ContainerPlace"
THERE = PurePosixPath("/labstudio")
GIVEN = "given"
SHELL = 'if command -v bash >/dev/null 2>&1; then exec bash "$@"; else exec sh "$@"; fi'


class PlaceSettings(BaseModel):
    """What the kind tells the runner of the container's surroundings."""

    compute: DockerSettings
    facts: EngineFacts
    gateway: Path | None = None


def inputs_of(snapshot: Snapshot) -> list[str]:
    """Return what holds declared inputs and nothing else: whole folders where it can be."""
    others = {PurePosixPath(file.path).parts[0] for file in snapshot.files}
    found = set()
    for file in snapshot.inputs:
        top = PurePosixPath(file.path).parts[0]
        found.add(file.path if top in others else top)
    return sorted(found)


class ContainerPlace(Place):
    """One container, made once the code is to start.

    Parameters
    ----------
    attempt
        The attempt.
    settings
        A `PlaceSettings`, as the kind wrote it.
    """

    def __init__(self, attempt: Attempt, settings: dict[str, Any]) -> None:
        super().__init__(attempt)
        told = PlaceSettings.model_validate(settings)
        self.settings, self.facts = told.compute, told.facts
        self._gateway = told.gateway if attempt.spec.gateway is not None else None
        self._reverse: Reverse | None = None
        self.user = user_of(self.settings, self.facts)
        self.child: ContainerChild | None = None
        self._client: DockerClient | None = None
        self._image = ""
        self._lent: list[Path] = []

    @property
    def client(self) -> DockerClient:
        """The Engine."""
        if self._client is None:
            self._client = connect(self.settings.docker_host)
        return self._client

    # -- before the code

    def prepare(self) -> None:
        """Have the image, pulled or built where it is not there."""
        attempt, given_up = self.attempt, Event()
        if self._gateway is None:
            # Nothing leads from the container to the tracking server.
            attempt.spec.tracking = None
        loop = attempt.loop

        def show(text: str) -> None:
            loop.call_soon_threadsafe(attempt.status.phase, "environment", text)

        def find() -> str:
            teller = images.Teller(attempt.log.note, attempt.log.write, show, given_up)
            with answering(self.settings.docker_host):
                return images.ensure(
                    self.client, self.settings, attempt.home, attempt.spec.environment, teller
                )

        async def found() -> str:
            try:
                return await asyncio.to_thread(find)
            except asyncio.CancelledError:
                given_up.set()
                raise

        self._image = attempt.until_stop(found())

    def command(self, entry: str) -> list[str]:
        """Return how a script is run with what the image has."""
        path = f"./{PurePosixPath(entry).name}"
        match PurePosixPath(entry).suffix.lower():
            case ".py":
                return [self.settings.python, path]
            case ".sh" | ".bash":
                return ["sh", "-c", SHELL, "sh", path]
            case ".r":
                return ["Rscript", path]
        raise RunError("NoInterpreter", f"{entry} is no script that is known: .py, .sh or .R.")

    def kernel_spec(self, name: str, language: str | None) -> tuple[str, KernelSpec]:
        """Return the kernel that the image has by that name, or the one of its Python."""
        self.prepare()
        with answering(self.settings.docker_host):
            return choose(self.client, self._image, name, language, self.settings.python)

    def variables(self) -> dict[str, str]:
        """Return the job's variables; nothing of this process's own."""
        return ours(self.attempt.spec)

    def seen(self, path: Path) -> str | None:
        """Return where a file of the attempt is mounted."""
        folder = self.attempt.folder
        if path.is_relative_to(folder / WORK):
            return str(PurePosixPath(WORK_THERE) / path.relative_to(folder / WORK).as_posix())
        if path == folder / CARRY:
            return str(THERE / CARRY)
        if path == folder / RESULT_PICKLE:
            return str(THERE / GIVEN / RESULT_PICKLE)
        return None

    def bring(self, folder: Path) -> str | None:
        """Show a folder to the kernel: code may lay links in what it sees, so not the folder."""
        return self._brought().bring(folder)

    def fetch(self, there: str, folder: Path) -> None:
        """Take in what the kernel wrote, and no link that it laid."""
        self._brought().fetch(there, folder)

    def _brought(self) -> Brought:
        return Brought(self.attempt.folder / BROUGHT, self.user)

    # -- the code

    def start(self, command: list[str], variables: Mapping[str, str]) -> Child:
        """Start a container that runs a script."""
        return self._start(command, variables, self._work())

    def start_kernel(self, name: str, spec: KernelSpec, variables: Mapping[str, str]) -> Kernel:
        """Start a container that runs a kernel, reached over sockets in a folder of its own."""
        from labstudio.jobs.runner.kernels import Kernel, new_connection

        folder = self._socket_folder()
        connection = new_connection(folder)
        self._lend(folder)
        command = [each.replace("{connection_file}", str(connection)) for each in spec.argv]
        mounts = [*self._work(), Mount(folder, str(folder), writable=True), *self._carried()]
        # To ipykernel it says that somebody looks after it: it then prints no advice.
        looked_after = {"JPY_PARENT_PID": "1"}
        child = self._start(command, {**spec.env, **looked_after, **variables}, mounts)
        return Kernel(connection, child)

    def start_image(self) -> Child:
        """Start the image's own program for training, with its folders below /opt/ml."""
        network = "lo" if self.settings.network == "off" else "eth0"
        training = Training(self.attempt, network)
        for path in training.lay_out():
            self._lend(path)
        with answering(self.settings.docker_host):
            command = training_command(self.client, self._image)
        variables = {**training.variables(), **self.variables()}
        return self._start(command, variables, training.mounts(), of_image=True)

    def _work(self) -> list[Mount]:
        """Return the working folder, and in it the declared inputs, which stay as they are."""
        work, snapshot = self.attempt.folder / WORK, self.attempt.spec.snapshot
        self._lend(work)
        read_only = inputs_of(snapshot) if snapshot is not None else []
        return [
            Mount(work, WORK_THERE, writable=True),
            *(Mount(work / path, f"{WORK_THERE}/{path}") for path in read_only),
        ]

    def _socket_folder(self) -> Path:
        folder = kernel_folder(self.attempt.home) / f"{os.getpid()}-{secrets.token_hex(3)}"
        folder.mkdir(mode=0o700)
        return folder

    def _carried(self) -> list[Mount]:
        folder = self.attempt.folder
        given_back = folder / GIVEN
        given_back.mkdir(mode=0o700, exist_ok=True)
        self._lend(given_back)
        brought = folder / BROUGHT
        brought.mkdir(mode=0o700, exist_ok=True)
        self._lend(brought)
        mounts = [
            Mount(given_back, str(THERE / GIVEN), writable=True),
            Mount(brought, BROUGHT_THERE, writable=True),
        ]
        if (carried := folder / CARRY).exists():
            # Beside the blob that it is a link to: others may carry the same.
            copy = given_back / CARRY
            copy.write_bytes(carried.read_bytes())
            copy.chmod(0o444)
            mounts.append(Mount(copy, str(THERE / CARRY)))
        return mounts

    def _start(
        self,
        command: list[str],
        variables: Mapping[str, str],
        mounts: list[Mount],
        *,
        of_image: bool = False,
    ) -> ContainerChild:
        attempt, spec = self.attempt, self.attempt.spec
        if self._gateway is not None and self._has_python(command):
            self._reverse = Reverse(self._gateway, self._socket_folder())
            attempt.loop.run_until_complete(self._reverse.open())
            self._lend(self._reverse.folder)
            command = self._reverse.around(command, self.settings.python)
            mounts = [*mounts, *self._reverse.mounts()]
        plan = Plan(
            image=self._image,
            command=tuple(command),
            labels=labels(attempt.home, spec.compute, "job", spec.marker),
            user=self.user,
            env=dict(variables),
            folder=None if of_image else self.seen(attempt.cwd),
            hostname=HOST if of_image else None,
            mounts=tuple(mounts),
            need=spec.need,
            gpus=tuple(spec.gpus),
        )
        with answering(self.settings.docker_host):
            container = create(self.client, plan, self.settings, self.facts)
            taken = self._taken if spec.preemptible else None
            self.child = ContainerChild(self.client, container, attempt.log, taken)
            self.child.start()
        return self.child

    def _taken(self) -> None:
        """Note that somebody had the Engine stop the container; called in another thread."""
        self.attempt.loop.call_soon_threadsafe(self.attempt.told_to_end)

    def _has_python(self, command: list[str]) -> bool:
        """Say whether the forwarder can run: images without Python do without the studio."""
        if command[0] == self.settings.python:
            return True
        with answering(self.settings.docker_host), look_inside(self.client, self._image) as inside:
            return inside.has(self.settings.python)

    def _lend(self, path: Path) -> None:
        hand_over([path], self.user)
        self._lent.append(path)

    def usage(self) -> Usage | None:
        """Return what the container uses, as the Engine tells it."""
        return None if self.child is None else self.child.usage()

    def memory_ran_out(self) -> bool | None:
        """Say whether the container met its limit; the Engine knows."""
        return None if self.child is None else self.child.memory_ran_out

    # -- its end

    def terminate(self) -> None:
        """Send SIGTERM to the container's first process, which passes it on."""
        if self.child is not None:
            self.child.signal_group(signal.SIGTERM)

    def alive(self) -> bool:
        """Say whether the container runs."""
        return self.child is not None and not self.child.ended

    def kill(self) -> None:
        """End the container with everything in it, and take in what it wrote last."""
        if self.child is not None:
            self.child.kill(self.attempt.spec.marker)

    def leave(self) -> None:
        """Take the files back. The container is removed by the kind, but one that was kept."""
        if self._reverse is not None:
            self._reverse.close()
        take_back(self._lent)
        result = self.attempt.folder / GIVEN / RESULT_PICKLE
        # What the code laid there may be a link to something of ours.
        if result.is_file() and not result.is_symlink():
            result.replace(self.attempt.folder / RESULT_PICKLE)
        shutil.rmtree(self.attempt.folder / BROUGHT, ignore_errors=True)
        for path in self._lent:
            if path.parent == kernel_folder(self.attempt.home):
                shutil.rmtree(path, ignore_errors=True)
        if self.child is not None and read_result(self.attempt.folder) is not None:
            self.child.remove()
        if self._client is not None:
            self._client.close()
