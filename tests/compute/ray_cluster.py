"""A small Ray cluster of the tests' own, and attempts on it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from labstudio.compute.kind import Host, Order, Presence
from labstudio.compute.ray.cluster import Cluster, LocalRay
from labstudio.compute.ray.kind import Ray
from labstudio.compute.ray.settings import RaySettings
from labstudio.home import Home
from labstudio.ids import new_id
from labstudio.jobs.models import Snapshot, SnapshotFile
from labstudio.jobs.runner import protocol
from labstudio.jobs.snapshot import store_bytes

LIMIT_S = 60.0


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Cluster]:
    """A Ray of two cores and one pretended GPU, by itself and ended by its processes' ids."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed (pip install 'labstudio[ray]')")
    home = Home(tempfile.mkdtemp(prefix="ls-ray-")).create()
    ray = LocalRay(home, "tests")
    yield ray.ensure(cpus=2, gpus=1)
    assert ray.end() > 0
    assert ray.running() is None
    shutil.rmtree(home.runtime, ignore_errors=True)
    shutil.rmtree(home.path, ignore_errors=True)


class Attempts:
    """Attempts of one home on the cluster."""

    def __init__(self, home: Home, cluster: Cluster) -> None:
        self.home = home.create()
        self.cluster = cluster
        self._open: list[Ray] = []

    def kind(self, **settings: Any) -> Ray:
        given = {"address": self.cluster.address, "token_file": self.cluster.token_file, **settings}
        opened = Ray("cluster", RaySettings(type="ray", **given), Host(self.home))
        self._open.append(opened)
        return opened

    def order(self, code: str, **fields: Any) -> Order:
        sha256 = store_bytes(self.home, code.encode())
        file = SnapshotFile(path="job.py", sha256=sha256, size_bytes=len(code), mode=0o644)
        spec = protocol.AttemptSpec(
            job_id=new_id(),
            kind="script",
            entry="job.py",
            home=str(self.home.path),
            snapshot=Snapshot(entry="job.py", files=[file]),
            **fields,
        )
        folder = self.home.attempt(spec.job_id, 1)
        folder.mkdir(parents=True)
        return Order(folder, spec, need=spec.need)

    def launch(self, kind: Ray, code: str, **fields: Any) -> Path:
        order = self.order(code, **fields)
        kind.prepare(order)
        kind.launch(order)
        return order.folder

    def result(self, kind: Ray, folder: Path, limit_s: float = LIMIT_S) -> protocol.Result:
        """Follow an attempt to its end, as the engine does."""
        self.until(lambda: _over(kind, folder), limit_s)
        result = protocol.read_result(folder)
        assert result is not None, kind.loss(folder)
        kind.collect(folder)
        return result

    def printed(self, folder: Path, text: str) -> bool:
        return text in self.log(folder)

    def log(self, folder: Path) -> str:
        path = folder / protocol.LOG
        return path.read_text() if path.exists() else ""

    def until(self, condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)

    def close(self) -> None:
        for each in self._open:
            each.close()


def _over(kind: Ray, folder: Path) -> bool:
    gone = kind.stream(folder) is Presence.gone
    return protocol.read_result(folder) is not None or gone


@pytest.fixture
def ray_attempts(home: Home, ray_cluster: Cluster) -> Iterator[Attempts]:
    """Attempts of a home of their own."""
    made = Attempts(home, ray_cluster)
    yield made
    made.close()
