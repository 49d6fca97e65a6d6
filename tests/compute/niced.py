"""A kind of compute as somebody else would write it: about the least that one is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
from pydantic import Field

from labstudio.compute.kind import Kind, Order, Presence, Signal
from labstudio.compute.machine import look
from labstudio.compute.models import Capacity, ComputeSettings, Resources
from labstudio.jobs import processes
from labstudio.jobs.runner import protocol
from labstudio.status import Check


class NicedSettings(ComputeSettings):
    """How polite it is."""

    nice: int = Field(10, ge=0, le=19, description="Added to the niceness of its processes.")


class Niced(Kind):
    """This machine, at low priority."""

    TYPE = "niced"
    summary = "This machine, at low priority."
    Settings = NicedSettings
    at_home = True

    def capacity(self) -> Capacity:
        """Return what it gives out."""
        asked = self.settings
        return Capacity(
            cpus=asked.cpus or psutil.cpu_count() or 1,
            memory_bytes=asked.memory or psutil.virtual_memory().total,
            gpus=asked.gpus or 0,
        )

    def resources(self) -> Resources:
        """Look at the machine."""
        return look(self.host.home.path)

    def test(self) -> Iterator[Check]:
        """Say that it is there."""
        yield Check(name="machine", state="ok", message="This machine is there.")

    def launch(self, order: Order) -> None:
        """Start a runner in a session of its own."""
        assert isinstance(self.settings, NicedSettings)
        protocol.write_spec(order.folder, order.spec)
        runner = [sys.executable, "-m", "labstudio.jobs.runner", str(order.folder)]
        subprocess.Popen(
            ["nice", f"-n{self.settings.nice}", *runner],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def attach(self, folder: Path) -> bool:
        """Say whether a runner has the folder; it writes there by itself."""
        return (folder / protocol.CLAIM).exists()

    def stream(self, folder: Path) -> Presence:
        """Look at the folder."""
        if protocol.is_alive(folder):
            return Presence.running
        return Presence.gone if protocol.read_runner(folder) else Presence.coming

    def signal(self, folder: Path, how: Signal) -> None:
        """Ask the runner, or end what is left of it."""
        if how is not Signal.kill and protocol.forestall(folder):
            return
        if how is Signal.stop:
            protocol.request_stop(folder)
        elif how is Signal.preempt:
            protocol.request_preemption(folder)
        else:
            processes.kill_attempt(folder)
