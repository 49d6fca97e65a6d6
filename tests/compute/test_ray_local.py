"""A Ray of the studio's own: found again, and ended with its compute."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.compute.kind import Host
from labstudio.compute.models import CreateCompute
from labstudio.compute.ray.cluster import MARK, Cluster, LocalRay
from labstudio.compute.ray.kind import Ray
from labstudio.compute.ray.settings import RaySettings
from labstudio.home import Home
from labstudio.jobs.runner.faults import Stopped

pytestmark = pytest.mark.timeout(300)


@pytest.mark.slow
def test_that_it_is_found_again(ray_cluster: Cluster) -> None:
    home = Home(Path(ray_cluster.token_file).parents[2])
    assert Path(ray_cluster.token_file).stat().st_mode & 0o077 == 0
    kind = Ray("tests", RaySettings(type="ray", address="local"), Host(home))
    assert kind.dashboard.address == ray_cluster.address
    assert kind.dashboard.nodes()
    kind.close()


def test_that_a_look_starts_none(home: Home) -> None:
    kind = Ray("try", RaySettings(type="ray", address="local", cpus=3), Host(home.create()))
    assert kind.capacity().cpus == 3
    assert kind.resources().memory_bytes > 0
    assert not (home.path / "ray").exists()
    kind.close()


def test_that_it_ends_with_its_compute(studio: Studio) -> None:
    local = {"address": "local"}
    studio.computes.add(CreateCompute(name="try", type="ray", settings=local))
    folder = studio.home.path / "ray" / "try"
    folder.mkdir(parents=True)
    # A process of that Ray, and one of another's.
    sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
    own = subprocess.Popen(sleeps, env={**os.environ, MARK: str(folder)})
    other = subprocess.Popen(sleeps, env={**os.environ, MARK: f"{folder}-2"})
    try:
        studio.computes.remove("try")
        own.wait(5)
        assert other.poll() is None
        assert not folder.exists()
    finally:
        own.kill()
        other.kill()
        other.wait()


@pytest.mark.slow
def test_that_a_start_is_given_up_at_once(home: Home) -> None:
    pytest.importorskip("ray")
    ray, given_up = LocalRay(home.create(), "try"), threading.Event()
    threading.Timer(1.0, given_up.set).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        ray.ensure(cpus=1, given_up=given_up)
    assert time.monotonic() - began < 5
    assert ray._processes() == []
    ray.end()
