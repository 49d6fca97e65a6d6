"""A host over SSH for tests: an sshd of our own in a network namespace of its own.

Only its network is remote: it shares files and processes with this machine. Its user's HOME is a
folder of the test's, so that nothing is written into the developer's own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio.compute.kind import Host
from labstudio.compute.opened import OpenComputes
from labstudio.home import Home
from labstudio.kernels import specs

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
UP_S = 60.0


def missing() -> str | None:
    """Say what is missing to have such a host here; None when nothing is."""
    if SSHD is None:
        return "sshd is not installed (openssh-server)"
    for command in ("ip", "ssh-keygen", "ssh"):
        if shutil.which(command) is None:
            return f"{command} is not installed (iproute2, openssh-client)"
    if os.geteuid() != 0:
        return "a network namespace needs root"
    return None


def run(*command: str) -> None:
    """Run a command that must work."""
    subprocess.run(command, check=True, capture_output=True, text=True)


@dataclass
class SshHost:
    """A host, and how it is reached.

    Attributes
    ----------
    address
        Its address; it listens on port 22, and on port 2222 of its own loopback.
    key
        A private key that it lets in.
    known_hosts
        A file that knows its host key.
    home
        The HOME of its user there.
    """

    folder: Path
    namespace: str
    address: str
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def key(self) -> Path:
        return self.folder / "user_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the entry of compute.toml that leads there."""
        return {
            "type": "ssh",
            "host": self.address,
            "identity_file": str(self.key),
            "known_hosts": str(self.known_hosts),
            "config": "",
            **more,
        }

    def name_in(self, home: Home) -> None:
        """Name it ``gpu-box`` in a home, with its kernels among the home's kernelspecs."""
        settings = self.settings(python=sys.executable)
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        (home.create().path / "compute.toml").write_text("\n".join(["[gpu-box]", *lines, ""]))
        studio = Studio(home.path)
        computes = OpenComputes(studio.computes, Host(home))
        specs.lay(home, "gpu-box", computes.get("gpu-box").kernel_offers())
        computes.close()
        studio.close()

    def ssh(self, *options: str) -> list[str]:
        """Return the command of OpenSSH's client that leads there."""
        known = f"UserKnownHostsFile={self.known_hosts}"
        return ["ssh", "-F", "none", "-i", str(self.key), "-o", known, *options, self.address]

    def inside(self, *command: str) -> None:
        """Run a command in the host's network."""
        run("ip", "netns", "exec", self.namespace, *command)

    def cut(self) -> None:
        """Cut its network: packets are lost both ways, and nobody is told."""
        self.inside("ip", "link", "set", "dev", "eth0", "down")

    def heal(self) -> None:
        """Join its network again."""
        self.inside("ip", "link", "set", "dev", "eth0", "up")

    def reboot(self) -> None:
        """End its sshd with all connections, and start it again."""
        stop(self.process)
        self.process = serve(self.folder, self.namespace)
        wait(self.address)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Have its network cut for a while."""
        self.cut()
        try:
            yield
        finally:
            self.heal()


CONFIG = """\
ListenAddress {address}:22
ListenAddress 127.0.0.1:2222
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowStreamLocalForwarding yes
AllowTcpForwarding yes
Subsystem sftp internal-sftp
MaxStartups 100
MaxSessions 100
SetEnv HOME={folder}/home
"""
made = 0


def serve(folder: Path, namespace: str) -> subprocess.Popen[bytes]:
    """Start its sshd."""
    assert SSHD is not None
    Path("/run/sshd").mkdir(exist_ok=True)
    log = (folder / "sshd.log").open("ab")
    inside = ["ip", "netns", "exec", namespace, SSHD, "-D", "-e", "-f", str(folder / "config")]
    # A session of its own: what a test interrupts is not the host.
    return subprocess.Popen(inside, stdout=log, stderr=log, start_new_session=True)


def wait(address: str) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + UP_S
    while True:
        try:
            socket.create_connection((address, 22), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def stop(process: subprocess.Popen[bytes]) -> None:
    """End an sshd and the connections that it serves, by their pids."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.terminate()
    process.wait()
    for pid in children:
        try:
            os.kill(int(pid), 15)
        except ProcessLookupError:
            continue


def network() -> tuple[str, str, str]:
    """Make a namespace joined to this machine; return its name and the address of each end."""
    global made
    made += 1
    # Four addresses for each host; pids and a counter keep tests that run at once apart.
    number = (os.getpid() * 8 + made) % (1 << 20)
    base = f"10.{64 + (number >> 14)}.{(number >> 6) & 255}"
    near, far = f"{base}.{(number & 63) * 4 + 1}", f"{base}.{(number & 63) * 4 + 2}"
    namespace = f"ls{os.getpid()}-{made}"
    run("ip", "netns", "add", namespace)
    run(
        *("ip", "link", "add", namespace, "type", "veth"),
        *("peer", "name", "eth0", "netns", namespace),
    )
    run("ip", "addr", "add", f"{near}/30", "dev", namespace)
    run("ip", "link", "set", namespace, "up")
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "addr", "add", f"{far}/30", "dev", "eth0"],
        ["ip", "link", "set", "eth0", "up"],
    ):
        run("ip", "netns", "exec", namespace, *command)
    return namespace, near, far


@contextmanager
def ssh_server() -> Iterator[SshHost]:
    """Give a host that is there until the end of the block."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="lsh-"))
    (folder / "home").mkdir()
    for name in ("host_key", "user_key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name))
    namespace, _near, far = network()
    host = None
    try:
        (folder / "config").write_text(CONFIG.format(folder=folder, address=far))
        key = (folder / "host_key.pub").read_text()
        (folder / "known_hosts").write_text(f"{far} {key}[127.0.0.1]:2222 {key}")
        host = SshHost(folder, namespace, far, serve(folder, namespace))
        wait(far)
        yield host
    finally:
        if host is not None:
            stop(host.process)
        # The veth pair goes with the namespace.
        run("ip", "netns", "del", namespace)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ssh_host() -> Iterator[SshHost]:
    """One host for all tests of a session; who cuts its network heals it."""
    with ssh_server() as host:
        yield host


@pytest.fixture
def own_ssh_host() -> Iterator[SshHost]:
    """A host of the test's own."""
    with ssh_server() as host:
        yield host
