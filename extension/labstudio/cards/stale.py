"""Whether a card still says what is: the hashes of what was read for it, and those of now."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from labstudio.cards.models import StaleReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labstudio.cards.facts import Filled

_hashes: dict[tuple[str, int, int], str] = {}
_lock = Lock()
REMEMBERED = 1000


def reasons(kept: Mapping[str, Mapping[str, Any]], now: Filled | None) -> list[StaleReason]:
    """Return why a card is stale; nothing when it is not.

    Parameters
    ----------
    kept
        What was read for the card: label, hash and path by object.
    now
        What would be read now; None when the version is gone.
    """
    if now is None:
        return [_reason("model", "", "the model version", None, None, "It was deleted.")]
    return [*_changed(kept, now), *_new(kept, now)]


def _changed(kept: Mapping[str, Mapping[str, Any]], now: Filled) -> Iterator[StaleReason]:
    for name, before in kept.items():
        kind, label, was = name.partition(":")[0], before["label"], before["sha256"]
        if kind == "data":
            yield from _data(name, label, was, before.get("path"))
            if name not in now.read:
                words = "It is no data of the source run any more."
                yield _reason(kind, name, label, was, None, words)
            continue
        found = now.read.get(name)
        if found is None:
            yield _reason(kind, name, label, was, None, GONE.get(kind, "It is gone."))
        elif found.sha256 != was:
            yield _reason(kind, name, label, was, found.sha256, CHANGED.get(kind, "It changed."))


GONE = {
    "run": "The source run is gone.",
    "report": "The report is gone.",
}
CHANGED = {
    "model": "The files of the version are other ones now.",
    "run": "Parameters, metrics or data of the source run changed.",
    "report": "The report was written anew.",
}


def _new(kept: Mapping[str, Any], now: Filled) -> Iterator[StaleReason]:
    for name, found in now.read.items():
        if name in kept:
            continue
        kind = name.partition(":")[0]
        words = "It was not there when the card was written."
        yield _reason(kind, name, found.label, None, found.sha256, words)


def _data(name: str, label: str, was: str, path: str | None) -> Iterator[StaleReason]:
    """Compare a file on this machine with what it held; one that was never here is left alone."""
    if path is None or not Path(path).is_absolute():
        return
    file = Path(path)
    if not file.exists():
        if file.parent.exists():
            yield _reason("data", name, label, was, None, f"The file {path} is gone.")
        return
    if file.is_file() and (now := content_hash(file)) not in (None, was):
        yield _reason("data", name, label, was, now, f"The file {path} holds something else now.")


def _reason(
    kind: str, name: str, label: str, was: str | None, now: str | None, words: str
) -> StaleReason:
    return StaleReason(
        object=name, label=label, was=was, now=now, message=f"{label or kind}: {words}"
    )


def content_hash(file: Path) -> str | None:
    """Return the SHA-256 of a file, remembered until it changes; None when it cannot be read."""
    try:
        stat = file.stat()
        key = (str(file), stat.st_mtime_ns, stat.st_size)
        with _lock:
            if known := _hashes.get(key):
                return known
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return None
    with _lock:
        if len(_hashes) >= REMEMBERED:
            _hashes.clear()
        _hashes[key] = found
    return found
