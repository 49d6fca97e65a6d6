"""Where artifacts lie: folders of this machine, or wherever MLflow's own client finds them."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote, unquote, urlsplit

from labstudio.errors import Forbidden, InvalidInput, StudioError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from labstudio.home import Home

TIMEOUT_S = 60.0


class Entry(NamedTuple):
    """A file or folder in a place."""

    name: str
    folder: bool
    size_bytes: int | None = None
    modified_at: datetime | None = None


class Place(Protocol):
    """A tree of artifacts. Paths were checked by `plain`."""

    def entries(self, path: str) -> list[Entry] | None:
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

    def entries(self, path: str) -> list[Entry] | None:
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


class FarPlace(ABC):
    """Base of artifacts that lie elsewhere: files are brought once and kept.

    Parameters
    ----------
    uri
        As MLflow names the place.
    cache
        The folder that brought files are kept in.
    """

    def __init__(self, uri: str, cache: Path) -> None:
        self._uri = uri
        self._cache = cache / sha256(uri.encode()).hexdigest()[:32]

    def entries(self, path: str) -> list[Entry] | None:
        """Return what lies in a folder; None where there is no such folder."""
        with _told_clearly():
            found = self.look(path)
        return found if found or not path else None

    def file(self, path: str) -> Path | None:
        """Return a copy of an artifact; None where there is none."""
        folder, _, name = path.rpartition("/")
        entry = next((each for each in self.entries(folder) or () if each.name == name), None)
        if entry is None or entry.folder:
            return None
        # Artifacts may be written again: another size is another file.
        kept = self._cache / sha256(f"{path}\0{entry.size_bytes}".encode()).hexdigest()[:32] / name
        if not kept.is_file():
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._cache) as beside, _told_clearly():
                self.bring(path, Path(beside)).replace(kept)
        return kept

    @abstractmethod
    def look(self, path: str) -> list[Entry]:
        """Return what lies in a folder, nothing where there is none; `entries` calls this."""

    @abstractmethod
    def bring(self, path: str, folder: Path) -> Path:
        """Bring a file into an empty folder, and return where it is; `file` calls this."""


class ServedPlace(FarPlace):
    """Artifacts behind another tracking server.

    Parameters
    ----------
    uri, cache
        See `FarPlace`.
    home
        Knows where the server is, and what it wants to be told.
    """

    def __init__(self, uri: str, cache: Path, home: Home) -> None:
        super().__init__(uri, cache)
        self._home = home
        self._root = unquote(urlsplit(uri).path).strip("/")

    def look(self, path: str) -> list[Entry]:
        """Ask the server."""
        with self._asked("", {"path": f"{self._root}/{path}".rstrip("/")}) as answer:
            answer.read()
            found = answer.json().get("files", [])
        return [
            Entry(each["path"].rpartition("/")[2], bool(each.get("is_dir")), each.get("file_size"))
            for each in found
        ]

    def bring(self, path: str, folder: Path) -> Path:
        """Stream the file."""
        made = folder / "file"
        with self._asked(f"/{quote(f'{self._root}/{path}')}", {}) as answer, made.open("wb") as out:
            for piece in answer.iter_bytes():
                out.write(piece)
        return made

    @contextlib.contextmanager
    def _asked(self, path: str, query: dict[str, str]) -> Iterator[httpx.Response]:
        import httpx

        from labstudio.experiments.connection import authorization, connection
        from labstudio.experiments.tracking import ARTIFACTS
        from labstudio.experiments.wire import raise_for

        here = connection(self._home)
        address, headers = f"{here.url}{ARTIFACTS}{path}", authorization(here)
        with httpx.stream(
            "GET", address, params=query, headers=headers, timeout=TIMEOUT_S, trust_env=False
        ) as answer:
            if not answer.is_success:
                answer.read()
                raise_for(answer)
            yield answer


class StoredPlace(FarPlace):
    """Artifacts in a store that MLflow's own client reads, such as S3."""

    def look(self, path: str) -> list[Entry]:
        """List by MLflow."""
        found = self._repository().list_artifacts(path or None)
        return [Entry(each.path.rpartition("/")[2], each.is_dir, each.file_size) for each in found]

    def bring(self, path: str, folder: Path) -> Path:
        """Download by MLflow."""
        return Path(self._repository().download_artifacts(path, str(folder)))

    def _repository(self) -> Any:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(self._uri)


@contextlib.contextmanager
def _told_clearly() -> Iterator[None]:
    """Say in one sentence that a store of artifacts cannot be read, and why."""
    try:
        yield
    except StudioError:
        raise
    # MLflow's own errors and those of each store's library: all say that it cannot be read.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unavailable(f"The run's artifacts cannot be read now: {reason[:300]}.") from error


def place_of(uri: str, home: Home, *, elsewhere: bool) -> Place:
    """Return the place that MLflow names.

    Parameters
    ----------
    uri
        A run's or a model's ``artifact_uri``.
    home
        The studio's; its cache keeps files from elsewhere.
    elsewhere
        Whether another tracking server serves the artifacts, and not the studio's own.
    """
    parts = urlsplit(uri)
    cache = home.path / "cache" / "artifacts"
    if parts.scheme == "mlflow-artifacts":
        if elsewhere:
            return ServedPlace(uri, cache, home)
        return LocalPlace(home.artifacts / plain(unquote(parts.path).strip("/")))
    if parts.scheme == "file" or (not parts.scheme and uri.startswith("/")):
        return LocalPlace(Path(unquote(parts.path)))
    return StoredPlace(uri, cache)
