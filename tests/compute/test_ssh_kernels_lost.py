"""Kernels over SSH when the link is cut, or who holds them is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kernel_talk import COUNT, HELD, counted, result, talking, text
from ssh_box import Box, connection, marked

from labstudio.compute.kernel_host import KernelOrder
from labstudio.errors import Unavailable

pytestmark = pytest.mark.slow

BACK_S = 10.0


def test_a_link_that_is_cut_under_a_running_cell_loses_and_doubles_nothing(box: Box):
    async def go() -> None:
        async with box.kernel(box.order()) as (host, talk):
            cut_s, n = 15.0, 190
            asked = talk.client.execute(COUNT.format(n=n, s=0.1))
            collecting = asyncio.create_task(talk.outputs(asked, timeout_s=cut_s + 100))
            await asyncio.sleep(1)
            with box.host.away():
                # What is asked meanwhile is done once the link is there again, and once only.
                later = talk.client.execute("done = globals().get('done', 0) + 1")
                await asyncio.sleep(cut_s)
                assert "gpu-box is out of reach since" in (host.reachable() or "")
                with pytest.raises(Unavailable):
                    await host.interrupt()
            healed = time.monotonic()
            while host.reachable() is not None:
                await asyncio.sleep(0.05)
            assert time.monotonic() - healed < BACK_S
            assert text(await collecting) == counted(n)
            assert (await talk.reply(later))["status"] == "ok"
            assert result(await talk.run("done")) == "1"

    asyncio.run(go())


HOLDER = """
import asyncio, json, sys
from pathlib import Path
from labstudio.compute.kernel_host import KernelOffer, KernelOrder
from labstudio.compute.kind import Host
from labstudio.compute.ssh.kind import Ssh
from labstudio.compute.ssh.settings import SshSettings
from labstudio.home import Home
from labstudio.jobs.runner.protocol import process_of

told = json.loads(sys.stdin.readline())
order = KernelOrder(
    id=told["id"], folder=Path(told["folder"]), sockets=Path(told["sockets"]), key="secret",
    offer=KernelOffer.model_validate(told["offer"]),
)
kind = Ssh("gpu-box", SshSettings(**told["settings"]), Host(Home(told["home"])))

async def hold():
    await kind.kernel_host(order).start()
    print("started", flush=True)
    await asyncio.sleep(600)

asyncio.run(hold())
"""


def hold(box: Box, order: KernelOrder) -> subprocess.Popen[str]:
    """Start a process that starts a kernel and holds on to it, as a keeper does."""
    told = {
        "id": order.id,
        "folder": str(order.folder),
        "sockets": str(order.sockets),
        "offer": order.offer.model_dump(),
        "settings": box.host.settings(python=sys.executable),
        "home": str(box.home.path),
    }
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    print(json.dumps(told), file=holder.stdin, flush=True)
    assert holder.stdout.readline() == "started\n"
    return holder


def test_a_kernel_whose_keeper_was_killed_is_found_again(box: Box, tmp_path: Path):
    """The process that holds a kernel is killed under a running cell; another goes on."""
    order, gate = box.order(), tmp_path / "gate"
    holder = hold(box, order)
    host = box.kind.kernel_host(order)

    async def go() -> None:
        async with talking(connection(order)) as talk:
            await talk.ready()
            asked = talk.client.execute("x = 1\n" + HELD.format(gate=str(gate)))
            seen = await talk.hears("9\n")
            # Not in the very moment between passing a message on and noting that it was.
            await talk.passed_on()
            holder.kill()
            holder.communicate()
            gate.touch()
            assert await host.poll() is None
            assert await host.start() == connection(order)
            assert seen + text(await talk.outputs(asked)) == counted(40)
            assert result(await talk.run("x")) == "1"
            await host.kill()
            await host.close()

    asyncio.run(go())


def test_a_kernel_there_is_found_while_the_link_is_down_and_lost_with_its_relay(box: Box):
    order = box.order()
    holder = hold(box, order)
    holder.kill()
    holder.communicate()
    other = box.open()

    async def go() -> None:
        host = other.kernel_host(order)
        with box.host.away():
            assert await host.poll() is None
            async with talking(await host.start()) as talk:
                talk.client.execute("6 * 7")
                async with asyncio.timeout(60):
                    while host.reachable() is None:
                        await asyncio.sleep(0.05)
        async with talking(connection(order)) as talk:
            await talk.ready()
            assert (await talk.run("1")) != []
        relay = json.loads(next(box.host.home.rglob(f"{order.id}/relay.json")).read_text())
        os.kill(relay["pid"], signal.SIGKILL)
        async with asyncio.timeout(60):
            while (end := await host.poll()) is None:
                await asyncio.sleep(0.05)
        assert end.message == "The kernel on gpu-box is gone: its relay was ended."
        await host.kill()
        await host.close()

    asyncio.run(go())
    other.close()
    assert marked(order.id) == []
