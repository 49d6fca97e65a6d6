"""What an artifact is, by its name: its media type, and how it can be shown."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from labstudio.jobs.files import media_type

if TYPE_CHECKING:
    from labstudio.experiments.artifacts.models import Preview

TABLES = {".csv", ".tsv", ".parquet", ".jsonl", ".ndjson"}
TEXTS = {
    ".cfg",
    ".conf",
    ".diff",
    ".ini",
    ".log",
    ".md",
    ".patch",
    ".py",
    ".r",
    ".sh",
    ".sql",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}
NAMES = {"MLmodel", "Dockerfile", "Makefile", "LICENSE", "README"}
# Shown by browsers without running anything; SVG is shown too, in a sandbox.
IMAGES = {
    "image/apng",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/svg+xml",
    "image/webp",
}


def type_of(path: str) -> str:
    """Return an artifact's media type."""
    return "text/plain" if PurePosixPath(path).name in NAMES else media_type(path)


def preview_of(path: str) -> Preview:
    """Return how an artifact can be shown; JSON may be a table too, which its content says."""
    suffix, kind = PurePosixPath(path).suffix.lower(), type_of(path)
    if suffix in TABLES:
        return "table"
    if suffix == ".ipynb":
        return "notebook"
    if kind in IMAGES:
        return "image"
    if kind in ("text/html", "application/xhtml+xml"):
        return "html"
    if kind == "application/pdf":
        return "pdf"
    if suffix in TEXTS or kind.startswith("text/") or kind == "application/json":
        return "text"
    if kind.startswith("audio/"):
        return "audio"
    return "video" if kind.startswith("video/") else "none"


def is_safe(path: str) -> bool:
    """Tell whether a browser may show an artifact, in a sandbox; all else is saved."""
    return preview_of(path) != "none"
