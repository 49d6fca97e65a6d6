"""The parameters of jobs: checked against what a notebook declares, and multiplied in sweeps."""

from __future__ import annotations

import itertools
import json
import math
import re
from typing import TYPE_CHECKING, Any, cast

from labstudio.errors import InvalidInput
from labstudio.jobs.parameters_cell import NotLiteralError, as_json, read_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import JsonValue

    from labstudio.jobs.models import Parameters, ParameterSpec

__all__ = [
    "SWEEP_LIMIT",
    "check",
    "expand",
    "from_text",
    "read_cell",
    "read_value",
    "sweep_from_text",
]

SWEEP_LIMIT = 10_000
"""Jobs that one sweep may make."""

_ARTICLES = {"int": "an int", "any": "a JSON value"}
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


def check(specs: Sequence[ParameterSpec], given: Mapping[str, JsonValue]) -> Parameters:
    """Check parameters against what the notebook declares, and bring them to its types.

    A name that the notebook does not declare is accepted: papermill injects it all the same, and
    a notebook without a `parameters` cell gets an injected cell at its top.

    Parameters
    ----------
    specs
        What the notebook declares.
    given
        What the user gave: JSON values, or text for any of them.

    Returns
    -------
    dict
        The same names in the same order, coerced: ``"3"`` and ``3.0`` become 3 for an int.

    Raises
    ------
    InvalidInput
        For the first value that does not fit; ``field`` is ``parameters.NAME``.
    """
    known = {spec.name: spec for spec in specs}
    checked: Parameters = {}
    for name, value in given.items():
        if not name.isidentifier() and not re.fullmatch(r"[A-Za-z.][\w.]*", name):
            raise InvalidInput(f"{name!r} is not a parameter name.", field="parameters")
        checked[name] = _coerce(known[name], value) if name in known else value
    return checked


def from_text(specs: Sequence[ParameterSpec], given: Mapping[str, str]) -> Parameters:
    """Read parameters typed at a shell, where everything is text, and check them.

    Declared names take their declared type, so that ``-p code=007`` stays text for a str. Others
    are read as YAML: ``3`` is a number, ``[1, 2]`` a list, ``true`` a bool.
    """
    known = {spec.name: spec for spec in specs}
    values: dict[str, JsonValue] = {}
    for name, text in given.items():
        spec = known.get(name)
        values[name] = text if spec is not None and spec.type != "any" else read_value(text)
    return check(specs, values)


def read_value(text: str) -> JsonValue:
    """Read one value as YAML (of which JSON is a part); what is no YAML is the text itself."""
    import yaml  # type: ignore[import-untyped]

    try:
        return as_json(yaml.safe_load(text))
    except (yaml.YAMLError, NotLiteralError):
        return text


def _coerce(spec: ParameterSpec, value: JsonValue) -> JsonValue:
    if value is None and (spec.nullable or spec.type == "any"):
        return None
    if isinstance(value, str) and spec.nullable and value.lower() in {"null", "none"}:
        return None
    try:
        return cast("JsonValue", _COERCE[spec.type](value))
    except (ValueError, OverflowError):
        wanted = _ARTICLES.get(spec.type, f"a {spec.type}")
        shown = repr(value) if isinstance(value, str) else json.dumps(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise InvalidInput(
            f"{spec.name} must be {wanted}, not {shown}.", field=f"parameters.{spec.name}"
        ) from None


def _int(value: JsonValue) -> JsonValue:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        return int(value)
    raise ValueError


def _float(value: JsonValue) -> JsonValue:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        number = float(value)
        if math.isfinite(number):
            return number
    raise ValueError


def _bool(value: JsonValue) -> JsonValue:
    text = str(value).strip().lower()
    if isinstance(value, bool | int | str) and text in _TRUE | _FALSE:
        return text in _TRUE
    raise ValueError


def _str(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value
    raise ValueError


def _container(kind: type) -> Any:
    def coerce(value: JsonValue) -> JsonValue:
        found = read_value(value) if isinstance(value, str) else value
        if isinstance(found, kind):
            return found
        raise ValueError

    return coerce


def _any(value: JsonValue) -> JsonValue:
    return value


_COERCE: dict[str, Any] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "str": _str,
    "list": _container(list),
    "dict": _container(dict),
    "any": _any,
}


def expand(grid: Mapping[str, Sequence[JsonValue]]) -> list[Parameters]:
    """List every combination of the values, the last name varying fastest.

    Raises
    ------
    InvalidInput
        When a name has no values, or the combinations are more than `SWEEP_LIMIT`.
    """
    for name, values in grid.items():
        if not values:
            raise InvalidInput(f"{name} has no values to sweep over.", field=f"grid.{name}")
    count = math.prod(len(values) for values in grid.values())
    if count > SWEEP_LIMIT:
        raise InvalidInput(
            f"The sweep has {count:,} combinations; the limit is {SWEEP_LIMIT:,}.", field="grid"
        )
    return [dict(zip(grid, row, strict=True)) for row in itertools.product(*grid.values())]


def sweep_from_text(
    specs: Sequence[ParameterSpec], given: Iterable[tuple[str, str]]
) -> dict[str, list[JsonValue]]:
    """Read ``NAME=V1,V2`` lists, each value typed as `from_text` does.

    A value list in brackets is YAML, for values that hold commas: ``[[1, 2], [3]]``.
    """
    grid: dict[str, list[JsonValue]] = {}
    for name, text in given:
        listed = read_value(text) if text.startswith("[") else None
        if isinstance(listed, list):
            grid[name] = [check(specs, {name: value})[name] for value in listed]
        else:
            grid[name] = [from_text(specs, {name: part})[name] for part in text.split(",")]
    return grid
