"""Fixtures of the tests of computes. Each kind's own lie in a module that is imported here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from docker_engine import docker_engine, docker_place, r_image  # noqa: F401
from ray_cluster import ray_attempts, ray_cluster  # noqa: F401
from shed import shed  # noqa: F401
from ssh_box import box  # noqa: F401
from ssh_host import own_ssh_host, ssh_host  # noqa: F401

# Before a module of this folder imports it: its asserts then say what they compared.
pytest.register_assert_rewrite("labstudio.compute.conformance")

from labstudio._studio import Studio  # noqa: E402
from labstudio.compute.toml import FILE  # noqa: E402

ENGINE_S = 600


@pytest.fixture
def write_computes(studio: Studio) -> Callable[..., Path]:
    """Write a ``compute.toml``, into the home or another folder; return its path."""

    def write(text: str, folder: Path | None = None) -> Path:
        path = (folder or studio.home.create().path) / FILE
        path.write_text(text)
        return path

    return write


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give whoever comes first to the Docker Engine the time that its image may take."""
    for item in items:
        if "docker_engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(ENGINE_S))
