"""Kernels on a real host over SSH: spoken to, cut off, found again; their folder in step."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from kernel_talk import errors, result, text
from ssh_box import Box, marked

from labstudio.compute.ssh.folders import private
from labstudio.errors import InvalidInput
from labstudio.home import Home
from labstudio.jobs.runner.protocol import process_of

pytestmark = pytest.mark.slow


def test_a_kernel_there_does_what_one_here_does(box: Box):
    order = box.order()

    async def go() -> None:
        async with box.kernel(order) as (host, talk):
            about = result(await talk.run("import os; os.environ['SSH_CONNECTION'] and 6 * 7"))
            assert about == "42"
            asked = talk.client.execute("name = input('who? ')\nprint('hello', name)")
            assert (await talk.client.get_stdin_msg(timeout=60))["content"]["prompt"] == "who? "
            talk.client.input("you")
            assert text(await talk.outputs(asked)) == "hello you\n"
            opened = await talk.run("from comm import create_comm; c = create_comm('t', {'a': 1})")
            assert [each["msg_type"] for each in opened] == ["comm_open"]
            asked = await talk.begin("import time\ntime.sleep(600)")
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
            async with asyncio.timeout(60):
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
                async with asyncio.timeout(60):
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
            async with asyncio.timeout(60):
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


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_an_r_kernel_is_a_kernel_like_any_other(box: Box):
    async def go() -> None:
        async with box.kernel(box.order(offer="ir")) as (host, talk):
            assert "[1] 42" in text(await talk.run("cat(sprintf('[1] %d', 6 * 7))"))
            asked = talk.client.execute("cat('begun'); flush.console(); Sys.sleep(600)")
            await talk.hears("begun")
            await host.interrupt()
            await talk.outputs(asked)
            assert "ok" in text(await talk.run("cat('ok')"))

    asyncio.run(go())
