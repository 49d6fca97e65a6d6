"""The studio home: where everything that the studio keeps lies on disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


def default_path() -> Path:
    """Return the home that ``LABSTUDIO_HOME`` names, or ``labstudio`` in Jupyter's data folder."""
    if named := os.environ.get("LABSTUDIO_HOME"):
        return Path(named).expanduser().absolute()
    from jupyter_core.paths import jupyter_data_dir

    return Path(jupyter_data_dir()) / "labstudio"


def write_atomic(path: Path, content: bytes | str, *, durable: bool = True) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Parameters
    ----------
    path
        Where; the folder must exist.
    content
        What; text is written as UTF-8.
    durable
        Wait for the disk. Switch it off for what is only shown, such as progress.
    """
    with _beside(path, content, durable=durable) as written:
        written.replace(path)


def write_once(path: Path, content: bytes | str) -> bytes:
    """Return what a file holds, written by whoever comes first; nobody sees a part of it."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    with _beside(path, content, durable=True) as written, contextlib.suppress(FileExistsError):
        path.hardlink_to(written)
    return path.read_bytes()


@contextlib.contextmanager
def _beside(path: Path, content: bytes | str, *, durable: bool) -> Iterator[Path]:
    """Write a file under another name, which is gone afterwards unless it was renamed."""
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:60]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        yield Path(temporary)
    finally:
        Path(temporary).unlink(missing_ok=True)


class Home:
    """The folders and files of one studio.

    Parameters
    ----------
    path
        The home's folder; `default_path` when left out.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path).expanduser().absolute() if path else default_path()
        self.database_path = self.path / "studio.db"
        self.tracking_database_path = self.path / "mlflow.db"
        self.artifacts = self.path / "artifacts"
        self.blobs = self.path / "blobs"
        self.environments = self.path / "environments"
        self.jobs = self.path / "jobs"
        self.kernelspecs = self.path / "kernelspecs"
        self.kernels = self.path / "kernels"
        self.daemon_lock = self.path / "daemon.lock"
        self.daemon_json = self.path / "daemon.json"
        self.daemon_log = self.path / "daemon.log"
        self.tracking_json = self.path / "tracking.json"
        self.tracking_log = self.path / "tracking.log"

    def __repr__(self) -> str:
        return f"Home({str(self.path)!r})"

    @property
    def runtime(self) -> Path:
        """A private folder with a short path, for sockets: theirs may have 107 bytes."""
        base = os.environ.get("XDG_RUNTIME_DIR")
        if not base or not os.access(base, os.W_OK) or len(base) > 40:
            base = f"/tmp/labstudio-{os.getuid()}"  # noqa: S108  private, and checked below
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:8]
        folder = Path(base) / f"ls-{digest}"
        for each in (folder.parent, folder):
            each.mkdir(mode=PRIVATE_FOLDER, exist_ok=True, parents=True)
        if folder.stat().st_uid != os.getuid() or folder.is_symlink():
            raise Unavailable(f"The runtime folder {folder} belongs to somebody else.")
        return folder

    def create(self) -> Home:
        """Make the home's folders where they are missing.

        Raises
        ------
        Unavailable
            When the home cannot be written.
        """
        try:
            self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            for folder in (self.artifacts, self.blobs, self.environments, self.jobs):
                folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The studio home {self.path} cannot be written: {error.strerror or error}. "
                "Set LABSTUDIO_HOME to a folder that can.",
            ) from error
        return self

    def job(self, job_id: str) -> Path:
        """Return the folder of one job."""
        return self.jobs / job_id

    def attempt(self, job_id: str, number: int) -> Path:
        """Return the folder of one attempt at a job."""
        return self.jobs / job_id / "attempts" / str(number)
