"""A studio with kernels in containers, and a folder of notebooks that is somebody's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker_engine import DockerEngine

from labstudio.compute.conformance_place import Place, eventually, place
from labstudio.kernels import specs

OWNER = 1234


@contextmanager
def kernels_place(entry: dict[str, Any], **studio_settings: Any) -> Iterator[Place]:
    """Have a studio whose daemon has laid the kernelspecs of a compute."""
    with place(entry, **studio_settings) as made:
        file = made.studio.home.kernelspecs / specs.spec_name(made.name, "python3") / "kernel.json"
        eventually(file.exists, "The daemon lays no kernelspec.")
        yield made


def owned_folder(above: Path) -> Path:
    """Make a folder for notebooks, and give it to somebody who is not root."""
    found = above / "notebooks"
    found.mkdir()
    os.chown(found, OWNER, OWNER)
    return found


def containers(engine: DockerEngine) -> list[Any]:
    """Return the containers of kernels."""
    filters = {"label": "labstudio.holder=kernel"}
    return list(engine.client.containers.list(all=True, filters=filters))
