"""Hosts over SSH as computes: the runner works there, apart from the link, and is mirrored here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labstudio.compute.kind import Host, Kind, Order, Presence, Signal
from labstudio.compute.models import Capacity, ComputeSettings, Resources
from labstudio.compute.ssh.connection import Link
from labstudio.compute.ssh.environments import Chosen, Environments
from labstudio.compute.ssh.kernel import SshKernel, offers
from labstudio.compute.ssh.loop import loop
from labstudio.compute.ssh.mirror import Mirror, bring_outputs, kept
from labstudio.compute.ssh.remote import Remote
from labstudio.compute.ssh.settings import SshSettings
from labstudio.errors import InvalidInput, StudioError
from labstudio.home import Home, write_atomic, write_once
from labstudio.ids import new_id
from labstudio.jobs.models import Environment, JobError
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.faults import Stopped
from labstudio.jobs.snapshot import blob_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from labstudio.compute.kernel_host import KernelHost, KernelOffer, KernelOrder
    from labstudio.status import Check

MARK = "ssh.json"
"""Written beside ``attempt.json`` when the host is told to launch it."""
GATEWAY = "gateway.sock"
GIVEN_UP_S = 0.02
ANSWER_S = 2.0
DAY_S = 86_400
AGES_S = {
    "environments/*": 30 * DAY_S,
    "code/*": 30 * DAY_S,
    "builds/*": 2 * DAY_S,
    "blobs/*/*": 14 * DAY_S,
    "probe": DAY_S,
}
"""What nobody has wanted for so long is removed there."""


class Ssh(Kind):
    """A host that is reached over SSH."""

    TYPE = "ssh"
    summary = "A machine over SSH: nothing is needed there but Python and sshd."
    Settings = SshSettings
    hosts_kernels = True

    def __init__(self, name: str, settings: ComputeSettings, host: Host) -> None:
        super().__init__(name, settings, host)
        assert isinstance(settings, SshSettings)
        self.asked = settings
        self._lock = threading.Lock()
        self._mirrors: dict[Path, Mirror] = {}
        self._chosen: dict[Path, Chosen] = {}
        self._capacity: Capacity | None = None
        self._warmed = False
        self.link = Link(settings)
        root = f"{settings.folder.rstrip('/')}/{studio_id(host.home)}"
        self.remote = Remote(self.link, root, settings.python)
        self.environments = Environments(host.home, settings, self.remote)

    @classmethod
    def preload(cls) -> None:
        """Load what speaks SSH, and what carries a kernel's messages."""
        import asyncssh  # noqa: F401
        import pathspec  # noqa: F401
        import zmq.asyncio  # noqa: F401

    def warm(self) -> None:
        """Make the link; a host that is not reached is not tried again until it is wanted."""
        if self.asked.spare_kernel:
            self._warmed = True
            loop.do(self._warm())

    async def _warm(self) -> None:
        try:
            await self.remote.about()
        except StudioError:
            if self._warmed:
                self._warmed = False
                await self.link.close()
            raise

    async def use(self) -> None:
        """Have the link used: one that was made ahead of time, and is dead by now, made anew."""
        if not self._warmed:
            return
        self._warmed = False
        try:
            async with asyncio.timeout(ANSWER_S):
                await self.remote.ask("ping")
        except (StudioError, TimeoutError):
            await self.link.close()

    def close(self) -> None:
        """Let go of the link; what runs goes on."""
        loop.do(self.link.close())

    # -- what it is

    def capacity(self) -> Capacity:
        """Return what the host has, or less where the settings say so.

        Raises
        ------
        Unavailable
            When that is not known yet, and the host is not reached.
        """
        asked = self.asked
        if asked.cpus is not None and asked.memory is not None and asked.gpus is not None:
            return Capacity(cpus=asked.cpus, memory_bytes=asked.memory, gpus=asked.gpus)
        if self._capacity is None:
            seen = self.resources()
            self._capacity = Capacity(
                cpus=asked.cpus or seen.cpus,
                memory_bytes=asked.memory or seen.memory_bytes,
                gpus=len(seen.gpus) if asked.gpus is None else asked.gpus,
            )
        return self._capacity

    def resources(self) -> Resources:
        """Look at the host now."""
        return Resources(at=datetime.now(UTC), **self._ask("look"))

    def test(self) -> Iterator[Check]:
        """Try each thing that an attempt needs, in order."""
        from labstudio.compute.ssh.checks import checks

        return checks(self)

    # -- an attempt

    def prepare(self, order: Order) -> None:
        """Bring environment, code, and data there; only what is missing travels."""
        if order.spec.environment.image:
            raise InvalidInput(
                "environment.image: a job over SSH runs in no container.", field="environment.image"
            )
        work = loop.submit(self._prepare(order))
        while not work.done():
            if order.given_up.wait(GIVEN_UP_S):
                work.cancel()
                raise Stopped
        self._chosen[order.folder] = work.result()

    async def _prepare(self, order: Order) -> Chosen:
        chosen = await self.environments.choose(order)
        await self.environments.code()
        await self._lead_gateway((await self.remote.about())["root"])
        snapshot, home = order.spec.snapshot, self.host.home
        wanted = {file.sha256 for file in snapshot.everything} if snapshot else set()
        if snapshot and snapshot.payload:
            wanted.add(snapshot.payload)
        await self.remote.push({sha256: blob_path(home, sha256) for sha256 in wanted})
        return chosen

    async def _lead_gateway(self, root: str) -> None:
        if self.host.gateway is not None:
            await self.link.lead_here(f"{root}/{GATEWAY}", self.host.gateway)

    def launch(self, order: Order) -> None:
        """Have the host start the runner, apart from the link."""
        chosen = self._chosen[order.folder]
        spec = order.spec.model_copy(deep=True)
        environment = Environment(python=chosen.code)
        if order.gpus or (self._capacity and self._capacity.gpus):
            spec.env.setdefault("CUDA_VISIBLE_DEVICES", ",".join(map(str, order.gpus)))
        spec.gpus, spec.environment = list(order.gpus), environment
        loop.do(self._launch(order.folder, spec, chosen))

    async def _launch(self, folder: Path, spec: protocol.AttemptSpec, chosen: Chosen) -> None:
        root, code = (await self.remote.about())["root"], await self.environments.code()
        spec.home = root
        there = f"{root}/jobs/{spec.job_id}/attempts/{spec.attempt}"
        if chosen.code is not None or "PYTHONPATH" in spec.env:
            # Otherwise the code has it from the runner, which then can fork its kernel.
            asked = spec.env.get("PYTHONPATH")
            spec.env["PYTHONPATH"] = f"{code}:{asked}" if asked else code
        protocol.write_spec(folder, spec)
        mark = {"there": there, "uses": chosen.uses}
        write_atomic(folder / MARK, json.dumps(mark))
        argv = [chosen.runner, "-m", "labstudio.jobs.runner", there]
        if self.host.gateway is not None:
            forward = [chosen.runner, f"{code}/labstudio/gateway/forward.py"]
            argv = [*forward, "--socket", f"{root}/{GATEWAY}", "--then", *argv]
        begins_with = await asyncio.to_thread(kept, folder)
        await self.remote.push(dict(begins_with.values()))
        log = folder / protocol.LOG
        told = log.read_bytes() if log.exists() else b""
        payload = spec.snapshot.payload if spec.snapshot else None
        await self.remote.ask(
            "launch",
            told,
            folder=there,
            files=[[protocol.LOG, len(told)]],
            copies={name: sha256 for name, (sha256, _) in begins_with.items()},
            links={protocol.CARRY: payload} if payload else {},
            spec=spec.model_dump_json(),
            argv=argv,
            env={"PYTHONPATH": code, protocol.ATTEMPT_VARIABLE: spec.marker},
        )
        self._mirror(folder, there).begin()

    def attach(self, folder: Path) -> bool:
        """Follow an attempt that was launched; where only that was tried, ask the host."""
        there = self._there(folder)
        if there is None:
            return False
        if protocol.read_result(folder) is not None:
            return True
        begun = (folder / protocol.RUNNER).exists()
        if not begun and not self._ask("known", folder=there)["known"]:
            return False
        loop.do(self._follow(folder, there))
        return True

    async def _follow(self, folder: Path, there: str) -> None:
        self._mirror(folder, there).begin()
        # A host that is not reached now is so by and by; `stream` says it until then.
        with contextlib.suppress(StudioError):
            await self._lead_gateway(there.partition("/jobs/")[0])

    def stream(self, folder: Path) -> Presence:
        """Say what is known of the attempt; the link's thread brings what is new."""
        mirror = self._mirrors.get(folder)
        if mirror is None:
            return Presence.gone
        loop.call(mirror.tell_run)
        return mirror.presence

    def signal(self, folder: Path, how: Signal) -> None:
        """Pass a signal on, now or when the host is reached again."""
        there = self._there(folder)
        if there is not None:
            mirror = self._mirror(folder, there)
            loop.call(lambda: mirror.signal(how))

    def loss(self, folder: Path) -> JobError | None:
        """Say what the runner said, or that the host was started anew."""
        if (told := protocol.read_loss(folder)) is not None:
            return told
        mirror = self._mirrors.get(folder)
        host = self.asked.host
        if mirror is not None and mirror.rebooted:
            return JobError(type="Lost", message=f"{host} was started anew while the job ran.")
        if protocol.read_runner(folder) is None:
            text = f"The job's process could not be started on {host}; its log may say why."
            return JobError(type="Lost", message=text)
        return JobError(
            type="Lost",
            message=f"The job's process on {host} ended without a result: it was killed.",
        )

    def collect(self, folder: Path) -> None:
        """Bring the outputs here."""
        there = self._there(folder)
        if there is not None:
            loop.do(bring_outputs(self.remote, folder, there))

    def clean(self, folder: Path) -> None:
        """Remove the attempt's folder there, with what is left of its processes."""
        there = self._there(folder)
        if there is None:
            return
        self._chosen.pop(folder, None)
        with self._lock:
            mirror = self._mirrors.pop(folder, None)
        if mirror is not None:
            loop.call(mirror.end)
        self._ask("remove_attempt", folder=there)

    def sweep(self, keep: Collection[str]) -> int:
        """Remove attempts that nobody keeps, and what nobody has wanted for long."""
        removed = self._ask("sweep", keep=list(keep))["removed"]
        removed += self._ask("kernel_sweep", keep=list(keep))["removed"]
        with self._lock:
            marks = [_mark(folder) for folder in self._mirrors]
        uses = [use.removesuffix("/bin/python") for mark in marks if mark for use in mark["uses"]]
        self._ask("age", limits=AGES_S, in_use=uses)
        return int(removed)

    # -- kernels

    def kernel_offers(self) -> list[KernelOffer]:
        """Return the environment's Python, and the kernelspecs that are installed there."""
        python = self.asked.python
        prefixes = [python.rpartition("/bin/")[0]] if python and "/bin/" in python else []
        return offers(self._ask("kernel_specs", prefixes=prefixes)["specs"])

    def kernel_host(self, order: KernelOrder) -> KernelHost:
        """Return what starts one kernel there and keeps in touch with it."""
        return SshKernel(order, self)

    # -- the way there

    def _ask(self, op: str, **request: Any) -> dict[str, Any]:
        answer = loop.do(self.remote.ask(op, **request))
        answer.pop("id")
        return answer

    def _mirror(self, folder: Path, there: str) -> Mirror:
        with self._lock:
            if folder not in self._mirrors:
                self._mirrors[folder] = Mirror(self.remote, folder, there)
            return self._mirrors[folder]

    def _there(self, folder: Path) -> str | None:
        mark = _mark(folder)
        return str(mark["there"]) if mark else None


def _mark(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError):
        return None
    return found


def studio_id(home: Home) -> str:
    """Return what tells this studio from others that use the same account on a host."""
    return write_once(home.create().path / "ssh-id", new_id().lower()).decode()
