"""What an image holds, seen without running anything of it."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from labstudio.jobs.runner.faults import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from jupyter_client.kernelspec import KernelSpec

KERNELS = "share/jupyter/kernels"
PROGRAMS = ("/usr/local/bin", "/usr/bin", "/bin", "/opt/conda/bin")
PYTHONS = ("python", "python2", "python3", "ipython")
R_ARGV = ("R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}")


class Inside:
    """The files of an image.

    Parameters
    ----------
    client
        The Engine.
    image
        The image.
    container
        One that was made of it, and is never started.
    """

    def __init__(self, client: DockerClient, image: str, container: str) -> None:
        self._client = client
        self._container = container
        config = client.api.inspect_image(image).get("Config") or {}
        variables = config.get("Env") or []
        path = next((each[5:] for each in variables if each.startswith("PATH=")), "")
        self._programs = list(dict.fromkeys(filter(None, (*path.split(":"), *PROGRAMS))))

    def read(self, path: str) -> dict[str, bytes] | None:
        """Return the files below a path, by their own; None where there is no such path."""
        from docker.errors import NotFound

        try:
            pieces, _ = self._client.api.get_archive(self._container, path)
        except NotFound:
            return None
        found = {}
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
            for member in tar.getmembers():
                if (file := tar.extractfile(member) if member.isfile() else None) is not None:
                    found[member.name] = file.read()
        return found

    def has(self, program: str) -> bool:
        """Say whether a program is there, by its path or its name."""
        from docker.errors import NotFound

        inside = [program] if "/" in program else [f"{each}/{program}" for each in self._programs]
        for path in inside:
            with contextlib.suppress(NotFound):
                pieces, _ = self._client.api.get_archive(self._container, path)
                pieces.close()
                return True
        return False

    def kernelspecs(self) -> dict[str, dict[str, Any]]:
        """Return the content of each ``kernel.json``, by the kernel's name.

        Looked through are the folders where Jupyter looks: beside each folder of programs.
        """
        found: dict[str, dict[str, Any]] = {}
        for programs in self._programs:
            prefix = str(PurePosixPath(programs).parent).rstrip("/")
            for name, content in (self.read(f"{prefix}/{KERNELS}") or {}).items():
                path = PurePosixPath(name)
                if path.name == "kernel.json":
                    found.setdefault(path.parent.name.lower(), json.loads(content))
        return found


@contextlib.contextmanager
def look_inside(client: DockerClient, image: str) -> Iterator[Inside]:
    """Look at an image's files for a while."""
    made = client.api.create_container(image, entrypoint=["none"], network_disabled=True)["Id"]
    try:
        yield Inside(client, image, made)
    finally:
        client.api.remove_container(made, force=True, v=True)


def training_command(client: DockerClient, image: str) -> list[str]:
    """Return how a training image is run: with the argument ``train``, as SageMaker does.

    An image without an entry point of its own has a program ``train``, or runs what it runs.

    Raises
    ------
    RunError
        When it has nothing to run.
    """
    config = client.api.inspect_image(image).get("Config") or {}
    if entrypoint := config.get("Entrypoint"):
        return [*entrypoint, "train"]
    with look_inside(client, image) as inside:
        if inside.has("train"):
            return ["train"]
    if own := config.get("Cmd"):
        return list(own)
    raise RunError("NoEntrypoint", "The image has no entry point, no program `train` and no CMD.")


def choose(
    client: DockerClient, image: str, name: str, language: str | None, python: str
) -> tuple[str, KernelSpec]:
    """Return the kernel that a notebook asks for, as the image has it.

    Python needs no kernelspec there, only ipykernel; other kernels are looked for.

    Raises
    ------
    RunError
        When the image has none of that name and language.
    """
    from jupyter_client.kernelspec import KernelSpec

    from labstudio.jobs.runner import kernels

    if (language or name).lower() in PYTHONS:
        return kernels.DEFAULT, kernels.python_spec(python)
    with look_inside(client, image) as inside:
        there = inside.kernelspecs()
        has_r = inside.has("R")
    if name.lower() in there:
        return name, KernelSpec(**there[name.lower()])
    if has_r and (language or name).lower() in ("r", "ir"):
        return name, KernelSpec(argv=list(R_ARGV), display_name="R", language="R")
    names = ", ".join(sorted(there)) or "none"
    raise RunError("NoSuchKernel", f"The image has no kernel named {name!r}; it has: {names}.")
