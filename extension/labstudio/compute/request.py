"""From what is typed at a shell or in a magic to a compute's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

from labstudio.compute.forms import kind_fields
from labstudio.compute.models import CreateCompute
from labstudio.compute.registry import kind
from labstudio.errors import InvalidInput
from labstudio.inputs import validated

if TYPE_CHECKING:
    from collections.abc import Iterable


def create_compute(name: str, type_: str, texts: Iterable[str]) -> CreateCompute:
    """Make the request for a new compute.

    Parameters
    ----------
    name, type_
        What it is called, and its kind.
    texts
        ``KEY=VALUE`` texts; a value is read as its setting's type asks, lists and tables as YAML.

    Raises
    ------
    InvalidInput
        When there is no such kind, or a value is not what its setting takes.
    """
    types = {field.name: field.type for field in kind_fields(kind(type_))}
    settings: dict[str, Any] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        key = key.strip()
        if not sign or not key:
            raise InvalidInput(f"settings must be KEY=VALUE, not {text!r}.", field="settings")
        settings[key] = value if types.get(key, "text") == "text" else _read(key, value)
    return validated(CreateCompute, {"name": name, "type": type_, "settings": settings})


def _read(key: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InvalidInput(f"{key} cannot be read: {value!r}.", field=key) from error
