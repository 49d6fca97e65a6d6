"""Where artifacts lie: folders of this machine, or wherever MLflow's own client finds them."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from labstudio.errors import Forbidden, InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


class Entry(NamedTuple):
    """A file or folder in a place."""

    name: str
    folder: bool
    size_bytes: int | None = None
    modified_at: datetime | None = None


class Place(Protocol):
    """A tree of artifacts. Paths were checked by `plain`."""

    def list(self, path: str) -> list[Entry] | None:
        """Return what lies in a folder; None where there is no such folder."""

    def file(self, path: str) -> Path | None:
        """Return a file of this machine with an artifact's content; None where there is none."""


def plain(path: str) -> str:
    """Return an artifact's path, checked: relative, with ``/``, and leading nowhere else.

    Raises
    ------
    InvalidInput
        When it is not so.
    """
    trimmed = path.strip("/") if path != "/" else ""
    parts = trimmed.split("/") if trimmed else []
    odd = path.startswith("/") or any(part in ("", ".", "..") for part in parts)
    if odd or "\\" in path or "\0" in path:
        raise InvalidInput(
            f"The artifact path {path[:200]!r} is not a plain one below the run's artifacts.",
            field="path",
        )
    return trimmed


class LocalPlace:
    """A folder of this machine.

    Parameters
    ----------
    root
        The folder; nothing outside it is read, also where a link leads there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, path: str) -> list[Entry] | None:
        """Return what lies in a folder; None where there is no such folder."""
        try:
            folder = self._inside(path)
            with os.scandir(folder) as found:
                return list(self._entries(found))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def file(self, path: str) -> Path | None:
        """Return an artifact's own file; None where there is none."""
        found = self._inside(path)
        return found if found.is_file() else None

    def _inside(self, path: str) -> Path:
        root = self._root.resolve()
        try:
            found = (root / path).resolve()
        except (OSError, RuntimeError):  # a link that leads to itself
            return root / path
        if not found.is_relative_to(root):
            raise Forbidden(f"The artifact {path[:200]!r} is a link that leads elsewhere.")
        return found

    def _entries(self, found: Iterator[os.DirEntry[str]]) -> Iterator[Entry]:
        for each in found:
            try:
                facts = each.stat()
            except OSError:
                continue  # removed since, or a link to nowhere
            folder = stat.S_ISDIR(facts.st_mode)
            modified = datetime.fromtimestamp(facts.st_mtime, UTC)
            yield Entry(each.name, folder, None if folder else facts.st_size, modified)


class FarPlace:
    """Artifacts that MLflow's own client reads: another server's, or a store such as S3.

    Files are brought once and kept.

    Parameters
    ----------
    uri
        As MLflow names the place.
    tracking_uri
        The server through which it is reached, where it is a server's.
    cache
        The folder that brought files are kept in.
    """

    def __init__(self, uri: str, tracking_uri: str | None, cache: Path) -> None:
        self._uri = uri
        self._tracking_uri = tracking_uri
        self._cache = cache / sha256(uri.encode()).hexdigest()[:32]

    def list(self, path: str) -> list[Entry] | None:
        """Return what lies in a folder; None where there is no such folder."""
        with _told_clearly():
            found = self._repository().list_artifacts(path or None)
        if not found and path:
            return None
        return [Entry(each.path.rpartition("/")[2], each.is_dir, each.file_size) for each in found]

    def file(self, path: str) -> Path | None:
        """Return a copy of an artifact; None where there is none."""
        folder, _, name = path.rpartition("/")
        entry = next((each for each in self.list(folder) or () if each.name == name), None)
        if entry is None or entry.folder:
            return None
        # Artifacts may be written again: another size is another file.
        kept = self._cache / sha256(f"{path}\0{entry.size_bytes}".encode()).hexdigest()[:32] / name
        if kept.is_file():
            return kept
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._cache) as beside:
            with _told_clearly():
                brought = Path(self._repository().download_artifacts(path, beside))
            brought.replace(kept)
        return kept

    def _repository(self) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(self._uri, tracking_uri=self._tracking_uri)


@contextlib.contextmanager
def _told_clearly() -> Iterator[None]:
    """Say in one sentence that a store of artifacts cannot be read, and why."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError, ImportError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unavailable(f"The run's artifacts cannot be read now: {reason[:300]}.") from error


def place_of(uri: str, own: Path | None, tracking_uri: str | None, cache: Path) -> Place:
    """Return the place that MLflow names.

    Parameters
    ----------
    uri
        A run's or a model's ``artifact_uri``.
    own
        The folder that the studio's own tracking server keeps artifacts in; None: another server's.
    tracking_uri
        The other server.
    cache
        The folder that files from elsewhere are kept in.
    """
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(uri)
    if parts.scheme == "mlflow-artifacts" and own is not None:
        return LocalPlace(own / plain(unquote(parts.path).strip("/")))
    if parts.scheme == "file" or (not parts.scheme and uri.startswith("/")):
        return LocalPlace(Path(unquote(parts.path)))
    return FarPlace(uri, tracking_uri, cache)
