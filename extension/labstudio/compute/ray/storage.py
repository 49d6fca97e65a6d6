"""Large files, by way of a storage that both sides reach: any URL that fsspec knows."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, Any

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

LEAST_BYTES = 1 << 20
"""Smaller outputs come through the log."""


def put(storage: str, source: Path) -> str:
    """Lay a file there under its SHA-256, unless it is there; return its URL."""
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    url = posixpath.join(storage, "labstudio", sha256[:2], sha256)
    system, path = _open(url)
    if not system.exists(path):
        system.makedirs(posixpath.dirname(path), exist_ok=True)
        passing = f"{path}.{source.stat().st_mtime_ns}.part"
        system.put_file(str(source), passing)
        system.mv(passing, path)
    return url


def fetch(url: str, target: Path) -> None:
    """Bring a file from there; it appears whole."""
    system, path = _open(url)
    passing = target.with_name(f".in-{target.name}")
    system.get_file(path, str(passing))
    with passing.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != posixpath.basename(url):
            raise Unavailable(f"{url} has not the content that its name says.")
    passing.replace(target)


def _open(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise Unavailable("storage needs fsspec: pip install 'labstudio[ray]'.") from error
    system, path = fsspec.core.url_to_fs(url)
    return system, str(path)
