"""What a thing is called in the lineage: a model, a run, a job, a file, a data frame."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.database.tables import lineage as table
from labstudio.errors import InvalidInput, NotFound
from labstudio.ids import is_id
from labstudio.lineage import walk
from labstudio.lineage.models import NAME_LIMIT, Relation
from labstudio.lineage.nodes import is_name

if TYPE_CHECKING:
    from labstudio._studio import Studio

FILE = "file:"
_RUN = re.compile(r"[0-9a-f]{32}")
_ALIASED = re.compile(r"model:(?P<model>.+)@(?P<alias>[^@/]+)")
# As MLflow writes them.
_URIS = {"models:/m-": "logged_model:m-", "models:/": "model:", "runs:/": "run:"}


def named(studio: Studio, thing: Any, root: Path | None = None) -> list[str]:
    """Return the names of a thing; of a file those of all data that it held, what it holds first.

    Parameters
    ----------
    studio
        Whose lineage it is.
    thing
        See `LineageService.__call__`.
    root
        The folder that paths are relative to and may not leave; None trusts the caller.

    Raises
    ------
    NotFound
        When the lineage knows no such thing.
    """
    if isinstance(thing, os.PathLike):
        return _of_file(studio, Path(thing), root)
    if not isinstance(thing, str):
        return [checked(studio, _of_value(thing))]
    if thing.startswith(FILE):
        return _of_file(studio, Path(thing.removeprefix(FILE)), root)
    name = _spelled(studio, thing)
    if name is not None:
        return [checked(studio, name)]
    return _of_file(studio, Path(thing), root)


def file_name(path: str) -> str:
    """Return a file's name in the lineage; a very long path is named by its hash."""
    name = FILE + path
    return name if len(name) <= NAME_LIMIT else FILE + hashlib.sha256(path.encode()).hexdigest()


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _spelled(studio: Studio, text: str) -> str | None:
    """Return the name that a text is, or stands for."""
    for uri, prefix in _URIS.items():
        if text.startswith(uri):
            text = prefix + text.removeprefix(uri)
            if prefix == "run:":
                text = text.partition("/")[0]
            break
    if aliased := _ALIASED.fullmatch(text):
        return _version(studio, aliased["model"], aliased["alias"])
    if is_name(text):
        return text
    if is_id(text):
        return f"job:{text}"
    return f"run:{text}" if _RUN.fullmatch(text) else None


def _version(studio: Studio, model: str, alias: str) -> str:
    """Return the version that an alias names now."""
    query = (
        sa.select(table.c.facts)
        .where(
            table.c.object == f"models:{model}",
            table.c.subject == f"alias:{model}/{alias}",
            table.c.relation == Relation.named.value,
        )
        .order_by(table.c.sequence.desc())
        .limit(1)
    )
    with studio.database.read() as connection:
        facts = connection.scalar(query)
    version = json.loads(facts)["version"] if facts else None
    if version is None:
        raise NotFound(f"The model {model!r} has no alias {alias!r}.", object=f"{model}@{alias}")
    return f"model:{model}/{version}"


def _of_value(thing: Any) -> str:
    """Return the name of one of MLflow's objects, or of the studio's."""
    if run_id := getattr(getattr(thing, "info", None), "run_id", None):
        return f"run:{run_id}"
    if model_id := getattr(thing, "model_id", None):
        return f"logged_model:{model_id}"
    if hasattr(thing, "version") and hasattr(thing, "name"):
        return f"model:{thing.name}/{thing.version}"
    if is_id(str(getattr(thing, "id", ""))):
        return f"job:{thing.id}"
    if hasattr(thing, "columns") and hasattr(thing, "dtypes"):
        from labstudio.capture.inside.prints import frame_sha256

        return f"data:{frame_sha256(thing)}"
    raise InvalidInput(
        f"A {type(thing).__name__} is nothing that the lineage knows: give a name, a file, a data "
        "frame, or a run, model, version or job.",
        field="object",
    )


def _of_file(studio: Studio, path: Path, root: Path | None) -> list[str]:
    """Return the data that a file holds, where that is known, and what it held before."""
    found = _within(path, root)
    with studio.database.read() as connection:
        held = walk.held_by(connection, file_name(str(found)))
    now = f"data:{content_hash(found)}" if found.is_file() else None
    if now is not None and known(studio, now):
        return list(dict.fromkeys([now, *reversed(held)]))
    if not held:
        raise NotFound(
            f"The lineage knows nothing of {path}, neither by its path nor by its content."
            if now
            else f"There is no file {path}, nor object of that name.",
            object=str(path),
        )
    return held[::-1]


def _within(path: Path, root: Path | None) -> Path:
    if root is None:
        return path.expanduser().resolve()
    # Over REST a leading slash means the root, as everywhere.
    found = (root / str(path).lstrip("/")).resolve()
    if not found.is_relative_to(root.resolve()):
        raise InvalidInput(f"object: {str(path)!r} leads out of the server's root.", field="object")
    return found


def checked(studio: Studio, name: str) -> str:
    """Return a name, where the lineage knows it; NotFound where it does not."""
    if not known(studio, name):
        raise NotFound(f"The lineage knows no {name}.", object=name)
    return name


def known(studio: Studio, name: str) -> bool:
    """Tell whether the lineage speaks of an object."""
    query = (
        sa.select(table.c.sequence)
        .where(sa.or_(table.c.subject == name, table.c.object == name))
        .limit(1)
    )
    with studio.database.read() as connection:
        return connection.scalar(query) is not None
