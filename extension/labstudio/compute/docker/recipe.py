"""What an image is built from, and the hash by which it is known to be built already."""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from labstudio.errors import InvalidInput
from labstudio.jobs import requirements
from labstudio.jobs.environments import NEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labstudio.compute.docker.settings import DockerSettings

KEY_LENGTH = 24
WHEELS = "wheels"
LOCAL = ("--find-links ", "--editable ")


@dataclass(frozen=True)
class Recipe:
    """How one image is built.

    Parameters
    ----------
    key
        The hash of all that goes into it.
    summary
        What it is, for a line of the log.
    dockerfile
        The Dockerfile's path in the context.
    pack
        Makes the context's archive.
    """

    key: str
    summary: str
    dockerfile: str
    pack: Callable[[], IO[bytes]]

    @contextlib.contextmanager
    def context(self) -> Iterator[IO[bytes]]:
        """Give the build's context as an archive."""
        with self.pack() as packed:
            yield packed


def default_requirements(settings: DockerSettings) -> tuple[str, ...]:
    """Return what a compute's own image has installed on top; nothing where the image is named."""
    if settings.requirements:
        path = Path(settings.requirements).expanduser()
        return (*requirements.read(path, settings.requirements), *NEEDED)
    return () if settings.image else NEEDED


def of_requirements(image: str, lines: tuple[str, ...], python: str) -> Recipe:
    """Return the recipe of an image with Python packages on top.

    Parameters
    ----------
    image
        The id of the image below.
    lines
        Requirement lines. What they name on this machine's disk goes into the image.
    python
        The interpreter in the image.
    """
    wanted, files = _with_files(requirements.normalise([*lines, *NEEDED]))
    text = "\n".join(wanted) + "\n"
    dockerfile = (
        f"FROM {image}\nUSER 0\nCOPY . /tmp/labstudio/\n"
        f'RUN ["{python}", "-m", "pip", "install", "--no-cache-dir", "--no-input", '
        '"--disable-pip-version-check", "--root-user-action=ignore", '
        '"-r", "/tmp/labstudio/requirements.txt"]\n'
    )
    members: dict[str, bytes | Path] = {
        "Dockerfile": dockerfile.encode(),
        "requirements.txt": text.encode(),
        **files,
    }
    return Recipe(_hash(members), ", ".join(wanted), "Dockerfile", lambda: _pack(members))


def _with_files(lines: list[str]) -> tuple[list[str], dict[str, bytes | Path]]:
    """Put what is on this machine's disk into the context, and lead the lines there."""
    found: list[str] = []
    files: dict[str, bytes | Path] = {}
    for number, line in enumerate(lines):
        option = next((each for each in LOCAL if line.startswith(each)), None)
        path = Path(line.removeprefix(option or "").partition("[")[0])
        if option is None or not path.is_absolute():
            found.append(line)
            continue
        inside = f"{WHEELS}/{number}"
        held = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else []
        files.update({f"{inside}/{each.relative_to(path).as_posix()}": each for each in held})
        # Nobody edits what lies in an image: an editable project is installed as it is now.
        found.append(f"{option if option == LOCAL[0] else ''}/tmp/labstudio/{inside}")  # noqa: S108
    return found, files


def of_dockerfile(settings: DockerSettings) -> Recipe:
    """Return the recipe of the compute's Dockerfile and all that it may copy.

    Raises
    ------
    InvalidInput
        When one of them is not there.
    """
    from docker.utils.build import exclude_paths

    assert settings.dockerfile is not None
    file = Path(settings.dockerfile).expanduser().absolute()
    folder = Path(settings.context).expanduser().absolute() if settings.context else file.parent
    if not file.is_file():
        raise InvalidInput(f"dockerfile {settings.dockerfile!r} is no file.", field="dockerfile")
    if not folder.is_dir():
        raise InvalidInput(f"context {settings.context!r} is no folder.", field="context")
    ignored = folder / ".dockerignore"
    patterns = ignored.read_text().splitlines() if ignored.is_file() else []
    chosen = exclude_paths(str(folder), [line for line in patterns if line.strip()])
    members: dict[str, bytes | Path] = {
        name: folder / name for name in sorted(chosen) if (folder / name).is_file()
    }
    # It may lie elsewhere, and may be among what is ignored.
    members[".labstudio.Dockerfile"] = file.read_bytes()
    return Recipe(_hash(members), file.name, ".labstudio.Dockerfile", lambda: _pack(members))


def _hash(members: dict[str, bytes | Path]) -> str:
    digest = hashlib.sha256()
    for name in sorted(members):
        content, mode = _read(members[name])
        digest.update(f"{name}\0{mode:o}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()[:KEY_LENGTH]


def _pack(members: dict[str, bytes | Path]) -> IO[bytes]:
    packed = tempfile.TemporaryFile()  # noqa: SIM115  whoever builds closes it
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in sorted(members):
            content, mode = _read(members[name])
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _read(member: bytes | Path) -> tuple[bytes, int]:
    if isinstance(member, bytes):
        return member, 0o644
    return member.read_bytes(), 0o755 if member.stat().st_mode & 0o100 else 0o644
