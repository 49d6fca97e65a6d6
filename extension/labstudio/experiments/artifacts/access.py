"""A run's artifacts as one tree: its own, and those of the models that it logged.

MLflow 3 keeps a model apart from its run, and shows it among the run's artifacts; so does this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.errors import NotFound
from labstudio.experiments.artifacts.kinds import preview_of, type_of
from labstudio.experiments.artifacts.models import Artifact
from labstudio.experiments.artifacts.place import Entry, Place, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class RunArtifacts:
    """The artifacts of one run.

    Parameters
    ----------
    run_id
        Whose.
    own
        The run's own place.
    models
        The places of the models that it logged, by the name of their folder.
    """

    def __init__(self, run_id: str, own: Place, models: Mapping[str, Callable[[], Place]]) -> None:
        self._run_id = run_id
        self._own = own
        self._models = models

    def folder(self, path: str = "") -> list[Artifact]:
        """Return what lies in a folder: folders first, then by name.

        Raises
        ------
        InvalidInput, NotFound
            When the path is not a plain one, or there is no such folder.
        """
        path = plain(path)
        found = self._entries(path)
        if found is None and path:
            raise NotFound(f"Run {self._run_id} has no folder {path[:200]!r}.", path=path)
        entries = sorted(found or (), key=lambda each: (not each.folder, each.name))
        return [self._artifact(path, entry) for entry in entries]

    def file(self, path: str) -> Path:
        """Return a file of this machine that holds an artifact's content.

        Raises
        ------
        InvalidInput, NotFound
            When the path is not a plain one, or there is no such file.
        """
        path = plain(path)
        found = self.find(path) if path else None
        if found is None:
            raise NotFound(f"Run {self._run_id} has no artifact {path[:200]!r}.", path=path)
        return found

    def find(self, path: str) -> Path | None:
        """Return a file with an artifact's content; None where there is none."""
        found = self._own.file(path)
        if found is None and (inside := self._in_model(path)):
            place, rest = inside
            found = place.file(rest) if rest else None
        return found

    def text(self, path: str) -> str | None:
        """Return an artifact's text; None where there is none."""
        found = self.find(path)
        return None if found is None else found.read_text("utf-8", "replace")

    def _entries(self, path: str) -> list[Entry] | None:
        found = self._own.entries(path)
        if not path:
            known = {entry.name for entry in found or ()}
            models = [Entry(name, folder=True) for name in self._models if name not in known]
            return [*(found or ()), *models]
        if not found and (inside := self._in_model(path)):
            place, rest = inside
            return place.entries(rest) or found
        return found

    def _in_model(self, path: str) -> tuple[Place, str] | None:
        for name, open_place in self._models.items():
            if path == name or path.startswith(f"{name}/"):
                return open_place(), path[len(name) + 1 :]
        return None

    def _artifact(self, folder: str, entry: Entry) -> Artifact:
        path = f"{folder}/{entry.name}" if folder else entry.name
        return Artifact(
            path=path,
            name=entry.name,
            folder=entry.folder,
            size_bytes=entry.size_bytes,
            modified_at=entry.modified_at,
            media_type=None if entry.folder else type_of(path),
            preview="folder" if entry.folder else preview_of(path),
        )
