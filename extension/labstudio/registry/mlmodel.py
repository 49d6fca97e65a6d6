"""What a model's own files say of it: MLmodel, requirements.txt, the input example."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound
from labstudio.registry.models import Column, Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MLMODEL = "MLmodel"
REQUIREMENTS = "requirements.txt"
PYFUNC = "python_function"


@dataclass(frozen=True)
class ModelFiles:
    """What was read of a model's files."""

    signature: Signature | None = None
    input_example: Any = None
    flavors: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    python_version: str | None = None
    mlflow_version: str | None = None
    size_bytes: int | None = None
    made_at: datetime | None = None
    unread: str | None = None


def read_files(fetch: Callable[[str], bytes]) -> ModelFiles:
    """Read a model's files.

    Parameters
    ----------
    fetch
        Gives a file of the model by its path, or raises `NotFound`.
    """
    try:
        content = parse(fetch(MLMODEL))
    except (NotFound, InvalidInput) as error:
        return ModelFiles(unread=f"Its {MLMODEL} file cannot be read: {error.message}")
    flavors = content.get("flavors") or {}
    example = (content.get("saved_input_example_info") or {}).get("artifact_path")
    return ModelFiles(
        signature=read_signature(content.get("signature")),
        input_example=as_json(maybe(fetch, example)) if example else None,
        flavors=sorted(name for name in flavors if name != PYFUNC) or sorted(flavors),
        dependencies=lines(maybe(fetch, REQUIREMENTS)),
        python_version=text(flavors.get(PYFUNC, {}).get("python_version")),
        mlflow_version=text(content.get("mlflow_version")),
        size_bytes=content.get("model_size_bytes"),
        made_at=made(content.get("utc_time_created")),
    )


def parse(raw: bytes) -> dict[str, Any]:
    """Return what an MLmodel file says.

    Raises
    ------
    InvalidInput
        When it is none.
    """
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.safe_load(raw)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput("it is not YAML.", field=MLMODEL) from error
    if not isinstance(content, dict):
        raise InvalidInput("it says nothing.", field=MLMODEL)
    return content


def read_signature(content: Mapping[str, Any] | None) -> Signature | None:
    """Return the signature of an MLmodel file."""
    if not content:
        return None
    parts = {
        name: [column(each, index) for index, each in enumerate(as_json(content.get(name)) or [])]
        for name in ("inputs", "outputs", "params")
    }
    return Signature(**parts)


def column(content: Mapping[str, Any], index: int) -> Column:
    """Return one column; one without a name has its number."""
    spec = content.get("tensor-spec") or {}
    return Column(
        name=str(content.get("name") or index),
        type=type_name(content),
        required=bool(content.get("required", True)),
        shape=spec.get("shape") or content.get("shape"),
        default=content.get("default"),
    )


def type_name(content: Mapping[str, Any]) -> str:
    """Return a column's type in a few words, such as ``double`` or ``array(string)``."""
    kind = str(content.get("type", "unknown"))
    if kind == "tensor":
        return str((content.get("tensor-spec") or {}).get("dtype", kind))
    if kind == "array":
        return f"array({type_name(content.get('items') or {})})"
    if kind == "object":
        inner = content.get("properties") or {}
        told = ", ".join(f"{name}: {type_name(each)}" for name, each in inner.items())
        return f"object({told})"
    if kind == "map":
        return f"map({type_name(content.get('values') or {})})"
    return kind


def maybe(fetch: Callable[[str], bytes], path: str) -> bytes | None:
    """Return a file; None when there is none."""
    try:
        return fetch(path)
    except NotFound:
        return None


def as_json(raw: bytes | str | None) -> Any:
    """Return what JSON text says; None for what is no JSON."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except (ValueError, UnicodeDecodeError):
        return None


def lines(raw: bytes | None) -> list[str]:
    """Return the requirements of a file."""
    found = (raw or b"").decode("utf-8", "replace").splitlines()
    return [line.strip() for line in found if line.strip() and not line.startswith("#")]


def text(value: Any) -> str | None:
    """Return a value as text."""
    return None if value is None else str(value)


def made(value: Any) -> datetime | None:
    """Return the moment that an MLmodel file names."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    except ValueError:
        return None
