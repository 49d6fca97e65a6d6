"""The link to a host: host keys, jump hosts, cuts; and the helper that works there."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ssh_host import SshHost

from labstudio.compute.ssh.connection import Link
from labstudio.compute.ssh.faults import Refused
from labstudio.compute.ssh.remote import Remote
from labstudio.compute.ssh.settings import SshSettings
from labstudio.errors import Conflict, Unavailable

MEGABYTE = 1 << 20


def run(what: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine in a loop of its own."""

    async def main() -> None:
        await what()

    asyncio.run(main())


@asynccontextmanager
async def linked(at: SshHost, **more: Any) -> AsyncIterator[Link]:
    """Give a link to a host."""
    link = Link(SshSettings(**at.settings(**more)))
    try:
        yield link
    finally:
        await link.close()


@asynccontextmanager
async def helped(at: SshHost, **more: Any) -> AsyncIterator[Remote]:
    """Give the helper on a host."""
    async with linked(at, **more) as link:
        yield Remote(link, f"~/.cache/labstudio/test-{os.getpid()}")


async def until(true: Callable[[], object], within_s: float) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.02)


def test_an_unknown_or_changed_host_key_is_refused_with_the_mend(
    ssh_host: SshHost, tmp_path: Path
) -> None:
    key = (ssh_host.folder / "user_key.pub").read_text()
    changed = tmp_path / "changed"
    changed.write_text(f"{ssh_host.address} {key}")
    lax = tmp_path / "config"
    lax.write_text("Host *\n StrictHostKeyChecking no\n UserKnownHostsFile none\n")
    unknown = tmp_path / "unknown"
    unknown.touch()

    async def refused(**more: Any) -> str:
        async with linked(ssh_host, **more) as link:
            with pytest.raises(Refused) as caught:
                await link.connection()
            assert link.reachable() == caught.value.message
            return caught.value.message

    async def check() -> None:
        for settings in ({"known_hosts": str(unknown)}, {"known_hosts": [], "config": str(lax)}):
            told = await refused(**settings)
            assert "is not known" in told
            assert "SHA256:" in told
            assert f"ssh-keyscan -p 22 {ssh_host.address}" in told
        told = await refused(known_hosts=str(changed))
        assert "is another than the one in" in told
        assert f"ssh-keygen -f {changed} -R" in told

    run(check)


def test_a_key_that_is_not_let_in_is_said(ssh_host: SshHost) -> None:
    async def check() -> None:
        async with linked(ssh_host, identity_file=str(ssh_host.folder / "host_key")) as link:
            with pytest.raises(Refused, match="ssh-copy-id"):
                await link.connection()

    run(check)


def test_settings_of_ssh_are_honoured_and_jump_hosts_gone_through(
    ssh_host: SshHost, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host door\n HostName {ssh_host.address}\n"
        "Host box\n HostName 127.0.0.1\n Port 2222\n ProxyJump door\n"
        f"Host *\n User root\n IdentityFile {ssh_host.key}\n"
        f" UserKnownHostsFile {ssh_host.known_hosts}\n"
    )
    plain: dict[str, Any] = {"known_hosts": [], "identity_file": [], "config": str(config)}
    # Its loopback is reached from within only.
    by_hand = {"host": "127.0.0.1", "port": 2222, "user": "root"}

    async def there(**more: Any) -> bytes:
        async with linked(ssh_host, **more) as link:
            return (await link.run("echo $SSH_CONNECTION"))[1]

    async def check() -> None:
        assert (await there(**plain, host="box")).startswith(b"127.0.0.1 ")
        through = f"root@{ssh_host.address}:22"
        assert (await there(**by_hand, jump=through)).startswith(b"127.0.0.1 ")
        with pytest.raises(Unavailable):
            await there(**by_hand)
        # The door's key is checked as strictly as the host's.
        unknown = tmp_path / "known_hosts"
        unknown.write_text(ssh_host.known_hosts.read_text().splitlines()[1] + "\n")
        with pytest.raises(Refused, match=ssh_host.address):
            await there(**by_hand, jump=through, known_hosts=str(unknown))

    run(check)


@pytest.mark.slow
@pytest.mark.faults
def test_a_cut_is_noticed_and_mended(own_ssh_host: SshHost, tmp_path: Path) -> None:
    host, here = own_ssh_host, tmp_path / "here.sock"
    there = f"{host.folder}/there.sock"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    async def ask(path: str) -> bytes:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"who\n")
        said = await reader.read()
        writer.close()
        return said

    async def check() -> None:
        server = await asyncio.start_unix_server(answer, here)
        async with helped(host, keepalive_s=0.5) as remote:
            link = remote.link
            await link.lead_here(there, here)
            assert await ask(there) == b"WHO\n"
            waiting = asyncio.ensure_future(remote.ask("run", argv=["sleep", "60"]))
            with host.away():
                await until(lambda: not link.up, 3)
                with pytest.raises(Unavailable):
                    await waiting
                with pytest.raises(Unavailable):
                    await remote.ask("ping")
                await until(lambda: host.address in (link.reachable() or ""), 3)
            await until(lambda: link.up, 5)
            assert link.reachable() is None
            assert await ask(there) == b"WHO\n"
            assert await remote.ask("ping")
        server.close()

    run(check)


def test_content_travels_once_and_goes_on_where_it_was_cut(
    ssh_host: SshHost, tmp_path: Path
) -> None:
    content = os.urandom(3 * MEGABYTE)
    sha256 = hashlib.sha256(content).hexdigest()
    here = tmp_path / "content"
    here.write_bytes(content)

    async def check() -> None:
        async with helped(ssh_host) as remote:
            root = Path((await remote.about())["root"])
            blob = root / "blobs" / sha256[:2] / sha256
            blob.parent.mkdir(parents=True)
            blob.with_suffix(".part").write_bytes(content[:MEGABYTE])
            assert await remote.push({sha256: here}) == 2 * MEGABYTE
            assert blob.read_bytes() == content
            assert await remote.push({sha256: here}) == 0
            # What is broken is noticed, and sent anew.
            blob.unlink()
            blob.with_suffix(".part").write_bytes(b"x" * MEGABYTE)
            with pytest.raises(Conflict, match="not what was sent"):
                await remote.push({sha256: here})
            assert await remote.push({sha256: here}) == 3 * MEGABYTE
            back = tmp_path / "back"
            (tmp_path / ".back.part").write_bytes(content[:MEGABYTE])
            assert await remote.pull(str(blob), back) == sha256
            assert back.read_bytes() == content
            assert await remote.send(here, "sent/here.bin") == sha256
            assert (root / "sent/here.bin").read_bytes() == content
            empty = tmp_path / "empty"
            empty.touch()
            await remote.send(empty, "sent/empty")
            assert (root / "sent/empty").read_bytes() == b""
            await remote.ask("remove", path="sent")
            assert not (root / "sent").exists()
            with pytest.raises(Conflict, match="below the studio's folder"):
                await remote.ask("remove", path="/")

    run(check)


def test_a_host_without_python_is_said(ssh_host: SshHost) -> None:
    async def check() -> None:
        async with linked(ssh_host) as link:
            remote = Remote(link, "~/.cache/labstudio", "~/no/python")
            with pytest.raises(Refused, match="install Python 3 there"):
                await remote.about()

    run(check)
