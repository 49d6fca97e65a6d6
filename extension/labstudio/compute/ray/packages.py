"""What travels to a cluster, as packages that Ray keeps by name: each is named by its content."""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import labstudio
from labstudio.compute.ray import storage
from labstudio.compute.ray.client import PACKAGE_BYTES, Dashboard
from labstudio.compute.ray.luggage import ATTEMPT_FOLDER, BLOBS_FOLDER, LUGGAGE, Luggage
from labstudio.compute.ray.pump import kept
from labstudio.errors import InvalidInput, NotFound
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.protocol import MEGABYTE
from labstudio.jobs.snapshot import blob_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event

    from labstudio.home import Home
    from labstudio.jobs.models import Snapshot

EPOCH = (1980, 1, 1, 0, 0, 0)
PREFIX = "_ray_pkg_labstudio_"
TOO_LARGE = (
    "The variables that an earlier attempt kept are larger than what a Ray dashboard takes: the "
    "notebook begins at its first cell."
)


def bring_code(dashboard: Dashboard) -> str:
    """Bring labstudio itself there; return the package's URI."""
    return _upload(dashboard, _code())


def bring_snapshot(
    dashboard: Dashboard,
    home: Home,
    snapshot: Snapshot | None,
    stored: dict[str, str],
    given_up: Event | None = None,
) -> list[str]:
    """Bring the files of a snapshot there that are not in the storage; return the packages' URIs.

    Raises
    ------
    InvalidInput
        When they are more than the dashboard takes.
    """
    files = {each.sha256: each for each in (snapshot.everything if snapshot else [])}
    wanted = sorted(set(files) - set(stored))
    if not wanted:
        return []
    size = sum(files[sha256].size_bytes for sha256 in wanted)
    if size > PACKAGE_BYTES:
        raise InvalidInput(
            f"The job's files have {size / MEGABYTE:.1f} MiB, and a Ray dashboard takes "
            f"{PACKAGE_BYTES / MEGABYTE:g} MiB at once: give the compute a `storage` that both "
            "sides reach, or choose fewer.",
            field="files",
        )
    listing = "".join(wanted).encode()
    name = f"{PREFIX}{hashlib.sha256(listing).hexdigest()[:40]}.zip"
    blobs = [(f"{BLOBS_FOLDER}/{each[:2]}/{each}", blob_path(home, each)) for each in wanted]
    return [dashboard.upload(name, lambda: _zip(blobs), given_up)]


def store_large(home: Home, snapshot: Snapshot | None, target: str | None) -> dict[str, str]:
    """Lay the large files of a snapshot into the storage; return their URLs by SHA-256."""
    if target is None or snapshot is None:
        return {}
    return {
        each.sha256: storage.put(target, blob_path(home, each.sha256))
        for each in snapshot.everything
        if each.size_bytes > storage.LEAST_BYTES
    }


def bring_attempt(
    dashboard: Dashboard, folder: Path, spec: protocol.AttemptSpec, luggage: Luggage
) -> str:
    """Bring what belongs to one attempt alone there; return the package's URI."""
    files: list[tuple[str, Path | bytes]] = [
        (f"{ATTEMPT_FOLDER}/{protocol.SPEC}", spec.model_dump_json().encode()),
        (f"{ATTEMPT_FOLDER}/{LUGGAGE}", luggage.model_dump_json().encode()),
    ]
    carried = folder / protocol.CARRY
    if carried.exists():
        if carried.stat().st_size > PACKAGE_BYTES:
            raise InvalidInput(
                f"The names that the job carries have {carried.stat().st_size / MEGABYTE:.1f} MiB, "
                f"and a Ray dashboard takes {PACKAGE_BYTES / MEGABYTE:g} MiB: write the large ones "
                "to files.",
                field="carry",
            )
        files.append((f"{ATTEMPT_FOLDER}/{protocol.CARRY}", carried))
    variables = kept(folder)
    if sum(at.stat().st_size for _, at in variables) <= PACKAGE_BYTES:
        files += [(f"{ATTEMPT_FOLDER}/{path}", at) for path, at in variables]
    else:
        with (folder / protocol.LOG).open("a") as log:
            log.write(f"[labstudio] {TOO_LARGE}\n")
    return _upload(dashboard, _zip(files))


@cache
def _code() -> bytes:
    top = Path(labstudio.__file__).parent
    found = sorted(path for path in top.rglob("*.py") if "__pycache__" not in path.parts)
    return _zip((f"labstudio/{path.relative_to(top).as_posix()}", path) for path in found)


def _upload(dashboard: Dashboard, content: bytes) -> str:
    return dashboard.upload(
        f"{PREFIX}{hashlib.sha256(content).hexdigest()[:40]}.zip", lambda: content
    )


def _zip(files: Iterable[tuple[str, Path | bytes]]) -> bytes:
    """Pack files so that the same content gives the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, source in files:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o600 << 16
            try:
                data = source if isinstance(source, bytes) else source.read_bytes()
            except FileNotFoundError as error:
                raise NotFound("A file of the job is gone from the studio home.") from error
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
