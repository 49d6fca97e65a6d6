"""Kernels on a real host over SSH: spoken to, cut off, found again; their folder in step."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from kernel_talk import Talk, errors, result, talking, text
from ssh_host import SshHost

from labstudio.compute.kernel_host import KernelHost, KernelOrder
from labstudio.compute.kind import Host
from labstudio.compute.ssh.folders import private
from labstudio.compute.ssh.kind import Ssh
from labstudio.compute.ssh.settings import SshSettings
from labstudio.errors import InvalidInput, Unavailable
from labstudio.home import Home
from labstudio.jobs.runner.protocol import process_of

pytestmark = pytest.mark.slow

COUNT = "import time\nfor i in range({n}):\n    print(i, flush=True)\n    time.sleep({s})"


def counted(n: int) -> str:
    return "".join(f"{i}\n" for i in range(n))


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


def test_a_kernel_there_does_what_one_here_does(box: Box):
    order = box.order()

    async def go() -> None:
        async with box.kernel(order) as (host, talk):
            about = result(await talk.run("import os; os.environ['SSH_CONNECTION'] and 6 * 7"))
            assert about == "42"
            asked = talk.client.execute("name = input('who? ')\nprint('hello', name)")
            assert (await talk.client.get_stdin_msg(timeout=10))["content"]["prompt"] == "who? "
            talk.client.input("you")
            assert text(await talk.outputs(asked)) == "hello you\n"
            opened = await talk.run("from comm import create_comm; c = create_comm('t', {'a': 1})")
            assert [each["msg_type"] for each in opened] == ["comm_open"]
            asked = talk.client.execute("import time\ntime.sleep(30)")
            await asyncio.sleep(0.3)
            await host.interrupt()
            assert errors(await talk.outputs(asked)) == ["KeyboardInterrupt"]
            assert len(text(await talk.run("print('x' * 50_000_000)"))) == 50_000_001
            await talk.run("import subprocess; p = subprocess.Popen(['sleep', '600'])")
            assert len(marked(order.id)) >= 3
            assert await host.poll() is None
            assert host.reachable() is None
        assert marked(order.id) == []

    asyncio.run(go())
    assert not list(box.host.home.rglob(f"kernels/{order.id}"))


def test_the_next_kernel_finds_a_spare_that_is_its_own_from_then_on(box: Box, tmp_path: Path):
    where = "import os, sys; (os.getcwd(), os.environ['WHO'], '' in sys.path, os.getppid())"

    async def go() -> None:
        async with box.kernel(box.order()) as (_, talk):
            first = int(result(await talk.run("import os; os.getppid()")))
            async with asyncio.timeout(30):
                while (spare := waits(box, first)) is None:
                    await asyncio.sleep(0.1)
            order = replace(box.order(tmp_path), env={"WHO": "me"})
            async with box.kernel(order) as (host, other):
                found = eval(result(await other.run(where)))
                assert found[1:3] == ("me", True)
                assert found[0].endswith(tmp_path.name)
                assert found[3] == spare
                await other.run("import subprocess; p = subprocess.Popen(['sleep', '600'])")
                other.client.execute("import os; os._exit(3)")
                async with asyncio.timeout(10):
                    while (end := await host.poll()) is None:
                        await asyncio.sleep(0.05)
                assert end.exit_code == 3
            assert marked(order.id) == []
            assert process_of(spare, None) is None

    asyncio.run(go())


def waits(box: Box, not_this: int) -> int | None:
    """The relay on this test's host that listens for an order, beside one that has a kernel."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = "".join(process.cmdline())
            if "labstudio_host.spare" in words and str(box.host.home) in words:
                # The sockets of its network, which is this host's alone.
                listens = "/k-spare-" in Path(f"/proc/{process.pid}/net/unix").read_text()
                if process.pid != not_this and listens:
                    return process.pid
    return None


def test_what_nobody_keeps_is_swept_away(box: Box):
    kept, lost = box.order(), box.order()

    async def go() -> None:
        async with box.kernel(kept) as (_, talk):
            host = box.kind.kernel_host(lost)
            await host.start()
            for order in (kept, lost):
                (folder,) = box.host.home.rglob(f"kernels/{order.id}")
                os.utime(folder, (1e9, 1e9))
            assert await asyncio.to_thread(box.kind.sweep, [kept.id]) == 1
            assert marked(lost.id) == []
            assert result(await talk.run("1 + 1")) == "2"
            await host.close()

    asyncio.run(go())


def test_a_kernel_that_dies_says_how(box: Box):
    async def go() -> None:
        async with box.kernel(box.order()) as (host, talk):
            talk.client.execute("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
            async with asyncio.timeout(10):
                while (end := await host.poll()) is None:
                    await asyncio.sleep(0.05)
            assert end.exit_code == -9
            assert not end.out_of_memory
            assert end.message == "The kernel on gpu-box was ended by signal 9."
            # A restart is another start with the same sockets and key.
            await host.kill()
            await host.close()
            again = box.kind.kernel_host(host.order)
            await again.start()
            await talk.ready()
            assert result(await talk.run("1 + 1")) == "2"
            await again.kill()
            await again.close()

    asyncio.run(go())


def test_the_folder_is_there_and_what_either_side_writes_comes_over(box: Box, tmp_path: Path):
    folder = tmp_path / "proj"
    folder.mkdir()
    (folder / "helper.py").write_text("ANSWER = 42\n")
    (folder / "data").mkdir()
    (folder / "data" / "a.csv").write_text("1\n")

    async def go() -> None:
        async with box.kernel(box.order(folder)) as (host, talk):
            assert result(await talk.run("import helper; helper.ANSWER")) == "42"
            assert result(await talk.run("import os; os.path.basename(os.getcwd())")) == "'proj'"
            await talk.run("open('made.txt', 'w').write('there'); os.remove('data/a.csv')")
            (folder / "new.txt").write_text("here")
            await host.synchronise()
            assert (folder / "made.txt").read_text() == "there"
            assert (folder / "made.txt").stat().st_mode & 0o777 == 0o644
            assert not (folder / "data" / "a.csv").exists()
            assert result(await talk.run("open('new.txt').read()")) == "'here'"
            brought = tmp_path / "brought"
            brought.mkdir()
            (brought / "x.bin").write_bytes(b"x" * 1000)
            there = await host.bring(brought)
            assert result(await talk.run(f"open({there!r} + '/x.bin').read(3)")) == "'xxx'"
            await talk.run(f"open({there!r} + '/y.bin', 'w').write('back')")
            await host.fetch(there, tmp_path / "fetched")
            assert (tmp_path / "fetched" / "y.bin").read_text() == "back"
            assert (tmp_path / "fetched" / "x.bin").read_bytes() == b"x" * 1000

    asyncio.run(go())


def test_what_is_private_does_not_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A notebook that lies in the user's home takes no keys, settings, nor the studio along."""
    monkeypatch.setenv("HOME", str(tmp_path / "u"))
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    studio = Home(tmp_path / "u" / "studio")
    for top, below in ((tmp_path / "u", ""), (tmp_path, "u/")):
        rules = private(top, studio)

        def out(path: str, rules: list[tuple[bool, str]] = rules) -> bool:
            return any(re.match(pattern, path) for _, pattern in rules)

        for path in (".ssh/", ".netrc", ".config/", "studio/", ".labstudioignore"):
            assert out(below + path) is True
        for path in ("work.ipynb", "studio2/", "data/.hidden"):
            assert out(below + path) is False
    for inside in (studio.path / "kernels", tmp_path / "u" / ".ssh"):
        with pytest.raises(InvalidInput, match="does not travel"):
            private(inside, studio)


def test_a_link_that_is_cut_under_a_running_cell_loses_and_doubles_nothing(box: Box):
    async def go() -> None:
        async with box.kernel(box.order()) as (host, talk):
            cut_s, n = 15.0, 190
            asked = talk.client.execute(COUNT.format(n=n, s=0.1))
            collecting = asyncio.create_task(talk.outputs(asked, timeout_s=cut_s + 40))
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
            assert time.monotonic() - healed < 10
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


def test_a_kernel_whose_keeper_was_killed_is_found_again(box: Box):
    """The process that holds a kernel is killed under a running cell; another goes on."""
    order = box.order()
    holder = hold(box, order)
    host = box.kind.kernel_host(order)

    async def go() -> None:
        async with talking(connection(order)) as talk:
            await talk.ready()
            asked = talk.client.execute("x = 1\n" + COUNT.format(n=30, s=0.1))
            seen = ""
            while "5\n" not in seen:
                seen += text([await talk.client.get_iopub_msg(timeout=5)])
            # Not in the very moment between passing a message on and noting that it was.
            await asyncio.sleep(0.03)
            holder.kill()
            holder.communicate()
            await asyncio.sleep(0.5)
            assert await host.poll() is None
            assert await host.start() == connection(order)
            assert seen + text(await talk.outputs(asked)) == counted(30)
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
                await asyncio.sleep(1)
                assert host.reachable() is not None
        async with talking(connection(order)) as talk:
            await talk.ready()
            assert (await talk.run("1")) != []
        relay = json.loads(next(box.host.home.rglob(f"{order.id}/relay.json")).read_text())
        os.kill(relay["pid"], signal.SIGKILL)
        async with asyncio.timeout(10):
            while (end := await host.poll()) is None:
                await asyncio.sleep(0.05)
        assert end.message == "The kernel on gpu-box is gone: its relay was ended."
        await host.kill()
        await host.close()

    asyncio.run(go())
    other.close()
    assert marked(order.id) == []


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


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_an_r_kernel_is_a_kernel_like_any_other(box: Box):
    async def go() -> None:
        async with box.kernel(box.order(offer="ir")) as (host, talk):
            assert "[1] 42" in text(await talk.run("cat(sprintf('[1] %d', 6 * 7))"))
            asked = talk.client.execute("Sys.sleep(30)")
            await asyncio.sleep(0.5)
            await host.interrupt()
            await talk.outputs(asked)
            assert "ok" in text(await talk.run("cat('ok')"))

    asyncio.run(go())
