"""What a container can reach, tried from inside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from docker_engine import VOLUME, DockerEngine

from labstudio.compute.conformance import WAIT_S
from labstudio.compute.conformance_place import Place
from labstudio.compute.docker.settings import DockerSettings

pytestmark = pytest.mark.slow

PROBE = """
import json, os, pathlib, socket
def tried(action):
    try:
        return repr(action())
    except OSError as error:
        return type(error).__name__
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
limits = pathlib.Path("/sys/fs/cgroup")
def limit(*names):
    return next(p.read_text().split()[0] for n in names if (p := limits / n).exists())
print(json.dumps({
    "uid": os.getuid(),
    "capabilities": [status["CapEff"].strip(), status["CapBnd"].strip()],
    "no new privileges": status["NoNewPrivs"].strip(),
    "writes to the image": tried(lambda: open("/etc/mine", "w")),
    "writes to /tmp": tried(lambda: open("/tmp/mine", "w").write("x")),
    "writes to its input": tried(lambda: open(PROBED["volume"] + "/mine", "w")),
    "reads its input": tried(lambda: open(PROBED["volume"] + "/data").read()),
    "network": sorted(os.listdir("/sys/class/net")),
    "calls out": tried(lambda: socket.create_connection(("192.0.2.1", 80), 1)),
    "sees": {path: os.path.exists(path) for path in PROBED["paths"]},
    "variables": sorted(os.environ),
    "secrets": sorted(value for value in os.environ.values() if PROBED["home"] in value),
    "memory": limit("memory.max", "memory/memory.limit_in_bytes"),
    "processes": limit("pids.max", "pids/pids.max"),
    "shared memory": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
    "others": [p for p in os.listdir("/proc") if p.isdigit()],
}))
"""


@pytest.fixture(scope="module")
def seen(docker_place: Place, docker_engine: DockerEngine) -> dict[str, Any]:
    """What one job in a container sees, tried with real paths of the studio."""
    home = docker_place.studio.home
    first = docker_place.script("other.py", "open('secret.txt', 'w').write('of another job')")
    first.wait(WAIT_S)
    paths = {
        "database": home.database_path,
        "home": home.path,
        "another job": docker_place.folder(first) / "work" / "secret.txt",
        "runtime": home.runtime,
        "socket": "/var/run/docker.sock",
        "engine": docker_engine.engine.folder,
        "user": "/root/.bashrc",
    }
    probed = {"home": str(home.path), "paths": [str(each) for each in paths.values()]}
    probed["volume"] = VOLUME
    job = docker_place.script(
        "probe.py", f"PROBED = {probed!r}\n{PROBE}", need={"memory": "256MB", "cpus": 0.5}
    )
    job.wait(WAIT_S)
    assert job.state == "succeeded", docker_place.describe(job)
    found: dict[str, Any] = json.loads(job.logs().splitlines()[-1])
    found["named"] = {name: found["sees"][str(path)] for name, path in paths.items()}
    return found


def test_it_sees_nothing_of_the_machine(seen: dict[str, Any]) -> None:
    assert not any(seen["named"].values()), seen["named"]


def test_it_is_nobody_without_rights(seen: dict[str, Any]) -> None:
    assert seen["uid"] == 65534
    assert set(seen["capabilities"]) == {"0" * 16}
    assert seen["no new privileges"] == "1"


def test_its_image_cannot_be_written_and_its_tmp_can(seen: dict[str, Any]) -> None:
    assert seen["writes to the image"] == "OSError"
    assert seen["writes to /tmp"] == "1"


def test_it_reads_a_volume_and_cannot_write_it(seen: dict[str, Any]) -> None:
    assert seen["reads its input"] == "'to be read'"
    assert seen["writes to its input"] == "OSError"


def test_it_has_no_network(seen: dict[str, Any]) -> None:
    assert seen["network"] == ["lo"]
    assert seen["calls out"] == "OSError"


def test_it_has_its_limits(seen: dict[str, Any]) -> None:
    assert 255_000_000 <= int(seen["memory"]) <= 256_000_000
    assert seen["processes"] == "1024"
    assert seen["shared memory"] == 256 << 20


def test_it_learns_nothing_from_its_variables(seen: dict[str, Any]) -> None:
    assert "LABSTUDIO_HOME" not in seen["variables"]
    assert seen["secrets"] == []


def test_it_sees_its_own_processes_only(seen: dict[str, Any]) -> None:
    assert len(seen["others"]) <= 4, seen["others"]


def test_a_user_of_root_and_the_engines_socket_are_refused() -> None:
    for wrong in (
        {"user": "0"},
        {"user": "root"},
        {"volumes": ["/var/run/docker.sock:/var/run/docker.sock"]},
        {"volumes": ["/:/host"]},
        {"volumes": ["data:/data"]},
    ):
        with pytest.raises(ValueError, match=r"user|volumes"):
            DockerSettings(type="docker", **wrong)
