"""One kernel on a host over SSH: its relay there, the way to it, and the notebook's folder."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from dataclasses import asdict
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from labstudio._version import __version__
from labstudio.compute import bundle
from labstudio.compute.kernel_host import KernelEnd, KernelHost, KernelOffer, KernelOrder, lossless
from labstudio.compute.kind import Order
from labstudio.compute.passage import Passage
from labstudio.compute.ssh.connection import PACKET_BYTES, WINDOW_BYTES
from labstudio.compute.ssh.environments import Chosen
from labstudio.compute.ssh.folders import HostFolders
from labstudio.compute.ssh.loop import loop
from labstudio.errors import Conflict, StudioError, Unavailable
from labstudio.home import write_atomic
from labstudio.jobs.models import JobKind, Snapshot
from labstudio.jobs.runner.protocol import AttemptSpec

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from labstudio.compute.ssh.kind import Ssh

T = TypeVar("T")
PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}
CHOSEN_S = 24 * 3600.0
"""For how long a choice of Pythons holds; looking at them anew takes longer than all the rest."""
PYTHON = "python"
"""Stands in an offer for the interpreter that the host's settings, or its environment, give."""
STARTED = "relayed"
"""Made beside the kernel's other files when its relay runs."""
HEARD = "heard"


def offers(specs: dict[str, Any]) -> list[KernelOffer]:
    """Return the kernels of a host: the environment's Python, and what is installed there.

    Parameters
    ----------
    specs
        The kernelspecs of the host, by name.
    """
    ours = KernelOffer(
        name="python3",
        display_name=f"Python {sys.version_info[0]}",
        language="python",
        argv=[PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    )
    others = [
        KernelOffer(
            name=name,
            display_name=spec["display_name"],
            language=spec["language"],
            argv=spec["argv"],
            env=spec.get("env", {}),
            metadata=spec.get("metadata", {}),
            interrupt_mode=spec.get("interrupt_mode", "signal"),
        )
        for name, spec in sorted(specs.items())
        if name != ours.name
    ]
    return [ours, *others]


class SshKernel(KernelHost):
    """A kernel on a host.

    Parameters
    ----------
    order
        The kernel.
    kind
        The host.
    """

    def __init__(self, order: KernelOrder, kind: Ssh) -> None:
        super().__init__(order)
        self._kind = kind
        self._passage: Passage | None = None
        self._at: str | None = None
        self._folders = HostFolders(order, kind)

    # -- what the keeper asks, in its own loop; the work is done in the link's

    async def start(self) -> dict[str, Any]:
        """Start the kernel, or find it running."""
        return await self._there(self._start())

    async def poll(self) -> KernelEnd | None:
        """Return how it ended; None while it lives, or is out of reach and may live."""
        if self._passage is None:
            return await self._there(self._look())
        ended = self._passage.ended
        return None if ended is None else self._end(ended)

    async def interrupt(self) -> None:
        """Send the kernel what Ctrl-C sends."""
        if (why := self.reachable()) is not None:
            raise Unavailable(why)
        if self._passage is not None:
            loop.call(self._passage.interrupt)

    async def kill(self) -> None:
        """End it with all that it started, and remove what is left of it there."""
        await self._there(self._kill())

    async def bring(self, here: Path) -> str:
        """Bring a folder of this machine there; return its path there."""
        return await self._there(self._folders.bring(here))

    async def fetch(self, there: str, here: Path) -> None:
        """Bring a folder of the host here."""
        await self._there(self._folders.fetch(there, here))

    async def synchronise(self) -> None:
        """Bring the notebook's folder and the kernel's copy of it in step."""
        if self.reachable() is None:
            await self._there(self._folders.synchronise())

    def reachable(self) -> str | None:
        """Say since when the kernel cannot be reached; None while it can."""
        cut_at = self._passage.cut_at if self._passage is not None else None
        if cut_at is None:
            return None
        since = datetime.fromtimestamp(cut_at).strftime("%H:%M:%S")
        why = self._kind.link.reachable() or "The link is being made again."
        return f"{self._kind.name} is out of reach since {since}: {why} The kernel goes on there."

    async def close(self) -> None:
        """Let go without ending the kernel."""
        await self._there(self._close())

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        import asyncssh

        try:
            return await asyncio.wrap_future(loop.submit(work))
        except (asyncssh.Error, ConnectionError) as error:
            raise Unavailable(f"The link to {self._kind.name} was cut: {error}.") from error

    # -- the kernel

    @property
    def _started(self) -> Path:
        return self.order.folder / STARTED

    async def _start(self) -> dict[str, Any]:
        sockets = self.order.sockets or self.order.folder
        connection = {
            "transport": "ipc",
            "ip": str(sockets / "back"),
            **{f"{channel}_port": port for channel, port in PORTS.items()},
            "key": self.order.key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": self.order.offer.name,
        }
        begun = self._started.exists()
        if not begun:
            await self._kind.use()
            await self._launch()
        self._passage = Passage(connection, self.order.folder / HEARD, self._reach)
        # One that runs already may be out of reach now: it is waited for in the background.
        await self._passage.open(wait=not begun)
        if begun:
            await self._lead_gateway()
        return connection

    async def _launch(self) -> None:
        (self.order.folder / HEARD).unlink(missing_ok=True)
        # A kernel takes longer to load than its folder to be looked at; only once the folder is
        # in step is anybody told of the kernel.
        launching = asyncio.ensure_future(self._run_relay())
        try:
            await self._folders.synchronise()
            await launching
        except BaseException:
            await asyncio.gather(launching, return_exceptions=True)
            with contextlib.suppress(StudioError):
                await self._kill()
            raise
        self._started.touch(mode=0o600)

    async def _run_relay(self) -> None:
        offer, remote = self.order.offer, self._kind.remote
        (chosen, sources), programs = await self._pythons(), await self._folders.programs()
        python = chosen.code or chosen.runner
        argv = [python, *offer.argv[1:]] if offer.argv[0] == PYTHON else offer.argv
        order = {
            "id": self.order.id,
            "name": offer.name,
            "language": offer.language,
            "argv": lossless(argv),
            "env": {**offer.env, **self._env(sources)},
            "cwd": await self._folders.notebooks(),
            "key": self.order.key,
            "gateway": await self._lead_gateway(),
        }
        ours = argv is not offer.argv and self._kind.asked.spare_kernel
        request: dict[str, Any] = {
            "order": order,
            "argv": [chosen.runner, "-c", bundle.program(programs, "relay")],
            "uses": [each.removesuffix("/bin/python") for each in chosen.uses],
            "spare": {
                "argv": [chosen.runner, "-c", bundle.program(programs, "spare")],
                "python": python,
            }
            if ours
            else {},
        }
        try:
            await remote.ask("kernel_launch", **request)
        except Conflict:
            self._chosen.unlink(missing_ok=True)
            raise

    async def _pythons(self) -> tuple[Chosen, str]:
        """Return what the kernel runs with, and where the studio's own code lies for it.

        What was chosen lately is not looked at again.
        """
        settings = self._kind.settings.model_dump_json()
        key = hashlib.sha256(f"{__version__} {settings}".encode()).hexdigest()
        found = _read(self._chosen)
        if found.get("key") == key and time.time() - found["at"] < CHOSEN_S:
            chosen = Chosen(found["runner"], found["code"], tuple(found["uses"]))
            return chosen, found["sources"]
        chosen = await self._kind.environments.choose(self._as_attempt())
        sources = await self._kind.environments.code()
        self._chosen.parent.mkdir(mode=0o700, exist_ok=True)
        content = {"key": key, "at": time.time(), "sources": sources, **asdict(chosen)}
        write_atomic(self._chosen, json.dumps(content), durable=False)
        return chosen, sources

    @property
    def _chosen(self) -> Path:
        """Where the choice is kept; gone once it has proved wrong."""
        return self._kind.host.home.path / "ssh" / f"{self._kind.name}.json"

    def _as_attempt(self) -> Order:
        """Return what the choice of a Python is told: a notebook that asks for nothing more."""
        spec = AttemptSpec(
            job_id=self.order.id,
            kind=JobKind.notebook,
            entry="",
            home="",
            snapshot=Snapshot(entry="", files=[]),
        )
        return Order(self.order.folder, spec, say=self.order.say, given_up=Event())

    def _env(self, sources: str) -> dict[str, str]:
        # Empty: none of the GPUs that the host may have is this kernel's.
        gpus = ",".join(map(str, self.order.gpus))
        paths = [sources, *filter(None, [self.order.env.get("PYTHONPATH")])]
        return {
            "CUDA_VISIBLE_DEVICES": gpus,
            **self.order.env,
            "PYTHONPATH": ":".join(paths),
        }

    async def _lead_gateway(self) -> str | None:
        """Lead a socket of the host to the gateway here; return its path there."""
        if self.order.gateway is None:
            return None
        path = f"{await self._sockets()}.gateway"
        with contextlib.suppress(Unavailable):  # it is led as soon as the link is there
            await self._kind.link.lead_here(path, self.order.gateway)
        return path

    async def _sockets(self) -> str:
        """Return the folder of the relay's sockets there."""
        if self._at is None:
            told = await self._kind.remote.ask("kernel_state", kernel=self.order.id)
            self._at = str(told["sockets"])
        return self._at

    async def _reach(self) -> tuple[Any, Any] | dict[str, Any]:
        import asyncssh

        connection = await self._kind.link.connection()
        try:
            return await connection.open_unix_connection(
                f"{await self._sockets()}/attach",
                encoding=None,
                window=WINDOW_BYTES,
                max_pktsize=PACKET_BYTES,
            )
        except (asyncssh.Error, OSError) as error:
            if getattr(error, "code", None) == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
                return {"state": "forbidden"}
            told = await self._kind.remote.ask("kernel_state", kernel=self.order.id)
            if told["state"] == "running":
                raise Unavailable(f"The kernel's relay does not answer: {error}.") from error
            return dict(told.get("ended") or {"state": told["state"]})

    async def _look(self) -> KernelEnd | None:
        """Say how a kernel is that an earlier process started."""
        try:
            told = await self._kind.remote.ask("kernel_state", kernel=self.order.id)
        except Unavailable:
            return None
        if told["state"] == "running":
            return None
        return self._end(told.get("ended") or {"state": told["state"]})

    def _end(self, ended: dict[str, Any]) -> KernelEnd:
        name = self._kind.name
        if ended.get("state") == "rebooted":
            return KernelEnd(message=f"{name} was started anew: the kernel is gone.")
        if ended.get("state") == "forbidden":
            return KernelEnd(
                message=f"{name} forbids the forwarding of sockets, which kernels are reached by: "
                "set `AllowStreamLocalForwarding yes` in its sshd_config."
            )
        if "exit_code" not in ended:
            return KernelEnd(message=f"The kernel on {name} is gone: its relay was ended.")
        code = ended["exit_code"]
        if code > 0:
            self._chosen.unlink(missing_ok=True)
        if ended["out_of_memory"]:
            said = f"The kernel was killed: {name} ran out of memory."
        elif code < 0:
            said = f"The kernel on {name} was ended by signal {-code}."
        else:
            tail = f": {ended['log']}" if code and ended["log"] else "."
            said = f"The kernel on {name} ended with exit code {code}{tail}"
        return KernelEnd(exit_code=code, message=said, out_of_memory=ended["out_of_memory"])

    async def _kill(self) -> None:
        await self._kind.remote.ask("kernel_end", kernel=self.order.id)
        self._started.unlink(missing_ok=True)
        if self.order.gateway is not None:
            self._kind.link.lead_no_more(f"{await self._sockets()}.gateway")

    async def _close(self) -> None:
        if self._passage is not None:
            await self._passage.close()
        self._folders.close()


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found
