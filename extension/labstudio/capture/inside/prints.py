"""Fingerprints: what was read, by its content. Runs on a thread of its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reads import look

if TYPE_CHECKING:
    from collections.abc import Callable

    from .reads import Read

CHUNK_BYTES = 1 << 20


def fingerprint(read: Read) -> dict[str, Any] | None:
    """Return a read as a `DataPrint`; None when its file is gone."""
    found: dict[str, Any] = {"name": read.name, "reader": read.reader, **read.facts}
    if read.path is None:
        frame, read.frame = read.frame, None
        return {**found, "kind": "frame", "sha256": frame_sha256(frame)}
    try:
        sha256 = file_sha256(Path(read.path))
    except OSError:
        return None
    found |= {"kind": "file", "path": read.path, "sha256": sha256}
    found["size_bytes"] = read.seen[0] if read.seen else None
    if look(read.path) != read.seen:
        found["changed"] = True
    return found


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def frame_sha256(frame: Any) -> str:
    """Return the SHA-256 of the values, names and types of a frame, array, or tuple of them."""
    digest = hashlib.sha256()
    _feed(frame, digest.update)
    return digest.hexdigest()


def _feed(frame: Any, update: Callable[[Any], object]) -> None:
    module = type(frame).__module__.partition(".")[0]
    if isinstance(frame, (tuple, list)):
        for each in frame:
            _feed(each, update)
    elif isinstance(frame, str):
        update(frame.encode(errors="replace") + b"\0")
    elif module == "pandas":
        from pandas.util import hash_pandas_object

        names = getattr(frame, "columns", [getattr(frame, "name", None)])
        types = getattr(frame, "dtypes", None)
        update(json.dumps([[str(each) for each in names], str(types)]).encode())
        update(hash_pandas_object(frame, index=True).to_numpy().tobytes())
    elif module == "polars":
        update(json.dumps({k: str(v) for k, v in frame.schema.items()}).encode())
        update(frame.hash_rows(1, 2, 3, 4).to_numpy().tobytes())
    elif module == "pyarrow":
        _feed_arrow(frame, update)
    elif hasattr(frame, "tobytes"):
        update(f"{frame.dtype}{frame.shape}".encode())
        update(frame.tobytes())


def _feed_arrow(table: Any, update: Callable[[Any], object]) -> None:
    """Hash a table as Arrow writes it to a stream, one batch after the other."""
    import pyarrow as pa

    class Sink:
        closed = False

        def write(self, data: Any) -> int:
            update(data)
            return len(data)

        def flush(self) -> None:
            pass

        def close(self) -> None:
            pass

    with pa.ipc.new_stream(pa.PythonFile(Sink(), mode="w"), table.schema) as stream:
        stream.write_table(table.combine_chunks())
