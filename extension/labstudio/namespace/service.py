"""The verbs of checkpoints: a notebook's names are kept, and come back after a crash."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput, NotFound, Unavailable
from labstudio.namespace import helper
from labstudio.namespace.models import MANIFEST, Checkpoint, Manifest, Restored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.home import Home

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


def default_name() -> str:
    """Return the name of the notebook that this kernel belongs to, as a checkpoint's name."""
    stem = Path(os.environ.get("JPY_SESSION_NAME") or "notebook").stem
    return re.sub(r"[^A-Za-z0-9_.-]", "-", stem).lstrip(".-")[:80] or "notebook"


class Checkpoints:
    """The checkpoints of a home.

    Parameters
    ----------
    home
        They lie in its folder ``checkpoints``.
    """

    def __init__(self, home: Home) -> None:
        self._folder = home.path / "checkpoints"

    def save(self, name: str | None = None, names: Sequence[str] | None = None) -> Checkpoint:
        """Keep the names of this kernel's notebook.

        Parameters
        ----------
        name
            What to call the checkpoint; the notebook's name when left out. One of that name is
            replaced once the new one is whole; what did not change is not written again.
        names
            Only these.

        Returns
        -------
        Checkpoint
            Its ``left`` says what could not be kept, and why.

        Raises
        ------
        Unavailable
            When it cannot be written, such as on a full disk; the earlier one is still there.
        """
        folder = self._path(name or default_name())
        helper.install_here()
        from _labstudio_namespace import packing

        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            packing.pack(str(folder), names if names is None else list(names))
            prune(folder)
        except OSError as error:
            raise Unavailable(
                f"The checkpoint cannot be written to {folder}: {error.strerror or error}."
            ) from error
        return self.get(folder.name)

    def restore(self, name: str | None = None, names: Sequence[str] | None = None) -> Restored:
        """Put a checkpoint's names into this kernel's notebook.

        Parameters
        ----------
        name
            Which checkpoint; the notebook's own when left out.
        names
            Only these, and what they need.
        """
        checkpoint = self.get(name or default_name())
        if unknown := sorted(set(names or ()) - set(checkpoint.names)):
            raise NotFound(f"The checkpoint {checkpoint.name} has no {', '.join(unknown)}.")
        helper.install_here()
        from _labstudio_namespace import restoring

        told = restoring.restore(str(self._path(checkpoint.name)), names, history=False)
        return Restored.model_validate(told)

    def list(self) -> list[Checkpoint]:
        """Return all of them, the newest first."""
        found = [self.get(path.parent.name) for path in self._folder.glob(f"*/{MANIFEST}")]
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    def get(self, name: str) -> Checkpoint:
        """Return one.

        Raises
        ------
        NotFound
            When there is none of that name.
        """
        path = self._path(name) / MANIFEST
        manifest = read(path.parent)
        if manifest is None:
            known = ", ".join(each.parent.name for each in self._folder.glob(f"*/{MANIFEST}"))
            raise NotFound(f"There is no checkpoint {name}; there are: {known or 'none'}.")
        return Checkpoint(
            name=name,
            created_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            python=manifest.python,
            names=[*manifest.modules, *manifest.names],
            left=manifest.left,
            size_bytes=manifest.size_bytes,
        )

    def folder(self, name: str) -> Path:
        """Return where a checkpoint of that name lies, or would."""
        return self._path(name)

    def adopt(self, name: str, packed: Path) -> Checkpoint:
        """Take a folder of packed names as a checkpoint; it is moved there."""
        folder = self._path(name)
        if read(packed) is None:
            raise Unavailable("What was packed is not whole.")
        for path in (packed / "parts").iterdir():
            (folder / "parts").mkdir(mode=0o700, parents=True, exist_ok=True)
            path.replace(folder / "parts" / path.name)
        (packed / MANIFEST).replace(folder / MANIFEST)
        prune(folder)
        shutil.rmtree(packed, ignore_errors=True)
        return self.get(name)

    def delete(self, name: str) -> None:
        """Delete one."""
        shutil.rmtree(self._path(self.get(name).name))

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"name {name!r} is no checkpoint's name: letters, digits, '_', '-' and '.', "
                "at most 80.",
                field="name",
            )
        return self._folder / name


def read(folder: Path) -> Manifest | None:
    """Return what a folder of packed names holds; None when it is not whole."""
    try:
        return Manifest.model_validate(json.loads((folder / MANIFEST).read_bytes()))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def prune(folder: Path) -> None:
    """Remove parts that only an earlier content of the folder had."""
    manifest = read(folder)
    if manifest is None:
        return
    wanted = {part.sha256 for part in manifest.parts}
    for path in (folder / "parts").iterdir():
        if path.name not in wanted:
            path.unlink(missing_ok=True)
