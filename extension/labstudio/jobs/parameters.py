"""The parameters of notebooks: read from the `parameters` cell, checked, and multiplied.

papermill's own reader works line by line with a regular expression: it loses a default that holds
an ``=`` or a ``#`` in a string. Python cells are therefore parsed, R cells are read by a small
reader of R's literals (papermill has none), and every other language goes to papermill.
"""

from __future__ import annotations

import ast
import io
import itertools
import json
import math
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import JsonValue

from labstudio.errors import InvalidInput
from labstudio.jobs.models import Parameters, ParameterSpec

SWEEP_LIMIT = 10_000
"""Jobs that one sweep may make."""

PARAMETERS_TAG = "parameters"

TypeName = Literal["int", "float", "bool", "str", "list", "dict", "any"]

_ARTICLES = {"int": "an int", "any": "a JSON value"}
_TYPES: dict[str, TypeName] = {
    "int": "int",
    "integer": "int",
    "float": "float",
    "double": "float",
    "number": "float",
    "numeric": "float",
    "bool": "bool",
    "boolean": "bool",
    "logical": "bool",
    "str": "str",
    "string": "str",
    "character": "str",
    "list": "list",
    "tuple": "list",
    "sequence": "list",
    "iterable": "list",
    "dict": "dict",
    "mapping": "dict",
}
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class _NotLiteral(Exception):
    """A default that is computed when the notebook runs, so that nothing is known of it here."""


# Reading a parameters cell ---------------------------------------------------------------------


def read_cell(source: str, language: str | None, kernel_name: str | None) -> list[ParameterSpec]:
    """Read what a `parameters` cell declares.

    Parameters
    ----------
    source
        The cell's code.
    language
        The notebook's language, such as ``python`` or ``R``; None is taken for Python.
    kernel_name
        The kernel, by which papermill knows some languages.

    Returns
    -------
    list of ParameterSpec
        In the cell's order. What cannot be understood is left out: a parameters cell is never
        an error.
    """
    known = (language or "python").lower()
    if known in {"python", "ipython", "python3"}:
        return _read_python(source)
    if known == "r":
        return _read_r(source)
    return _read_by_papermill(source, language or "", kernel_name or "")


def _read_python(source: str) -> list[ParameterSpec]:
    code = _without_magics(source)
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return []
    comments = _comments(code)
    specs: dict[str, ParameterSpec] = {}
    for statement in tree.body:
        target, annotation, value = _assignment(statement)
        if target is None:
            continue
        type_comment, help_text = _split_comment(comments.get(statement.end_lineno or 0, ""))
        declared, nullable = _annotated(annotation or type_comment)
        specs[target] = _spec(target, value, declared, nullable, help_text)
    return list(specs.values())


def _assignment(statement: ast.stmt) -> tuple[str | None, str | None, ast.expr | None]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        annotation = statement.annotation
        text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
        if statement.value is not None:
            return statement.target.id, str(text), statement.value
    if (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    ):
        return statement.targets[0].id, None, statement.value
    return None, None, None


def _spec(
    name: str,
    value: ast.expr | None,
    declared: TypeName | None,
    nullable: bool,
    help_text: str | None,
) -> ParameterSpec:
    try:
        default = as_json(ast.literal_eval(value)) if value is not None else None
    except (_NotLiteral, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ParameterSpec(
            name=name, type=declared or "any", default=None, help=help_text, nullable=nullable
        )
    if default is None:
        return ParameterSpec(name=name, type=declared or "any", help=help_text, nullable=True)
    if declared == "float" and isinstance(default, int) and not isinstance(default, bool):
        default = float(default)
    found = declared or type_of(default)
    return ParameterSpec(name=name, type=found, default=default, help=help_text, nullable=nullable)


def type_of(value: JsonValue) -> TypeName:
    """Name the type of a JSON value, as `ParameterSpec` does."""
    if isinstance(value, bool):  # Before int: a bool is one.
        return "bool"
    for kind, name in _JSON_TYPES:
        if isinstance(value, kind):
            return name
    return "any"


_JSON_TYPES: tuple[tuple[type, TypeName], ...] = (
    (int, "int"),
    (float, "float"),
    (str, "str"),
    (list, "list"),
    (dict, "dict"),
)


def as_json(value: Any) -> JsonValue:
    """Turn a Python literal into the JSON value that stands for it; tuples become lists."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _NotLiteral
        return value
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((as_json(item) for item in value), key=repr)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: as_json(item) for key, item in value.items()}
    raise _NotLiteral


def _annotated(text: str | None) -> tuple[TypeName | None, bool]:
    """Read an annotation such as ``Optional[int]`` or ``list[str] | None``."""
    if not text:
        return None, False
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None, False
    names = _alternatives(node)
    concrete = [name for name in names if name != "none"]
    nullable = len(concrete) < len(names)
    if {_TYPES.get(name) for name in concrete} == {"int", "float"}:
        return "float", nullable
    return (_TYPES.get(concrete[0]) if len(concrete) == 1 else None), nullable


def _alternatives(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _alternatives(node.left) + _alternatives(node.right)
    if isinstance(node, ast.Constant) and node.value is None:
        return ["none"]
    if isinstance(node, ast.Subscript):
        outer = _alternatives(node.value)
        if outer == ["optional"]:
            return [*_alternatives(node.slice), "none"]
        if outer == ["union"] and isinstance(node.slice, ast.Tuple):
            return [name for item in node.slice.elts for name in _alternatives(item)]
        return outer
    if isinstance(node, ast.Attribute):
        return [node.attr.lower()]
    return [node.id.lower()] if isinstance(node, ast.Name) else ["unknown"]


def _comments(code: str) -> dict[int, str]:
    found: dict[int, str] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, IndentationError):
        pass  # The code parsed, so this is a lone continuation: no help text then.
    return found


def _split_comment(comment: str) -> tuple[str | None, str | None]:
    match = re.match(r"type:\s*(\S+)\s*(.*)", comment)
    if match:
        return match[1], match[2].lstrip("# ").strip() or None
    return None, comment or None


def _without_magics(source: str) -> str:
    # A line magic in a parameters cell keeps its line, so that comments stay where they are.
    return "\n".join("pass" if re.match(r"[%!?]", line) else line for line in source.split("\n"))


_R_ASSIGNMENT = re.compile(r"\s*([A-Za-z.][\w.]*)\s*(?:<-|=)\s*(.*)$")


def _read_r(source: str) -> list[ParameterSpec]:
    specs: dict[str, ParameterSpec] = {}
    for line in source.splitlines():
        match = _R_ASSIGNMENT.match(line)
        if not match:
            continue
        text, comment = _split_r_comment(match[2])
        declared, _ = _annotated(_split_comment(comment)[0])
        try:
            default = _r_literal(text)
        except (_NotLiteral, ValueError, SyntaxError):
            default, found = None, declared or "any"
        else:
            found = declared or type_of(default)
        specs[match[1]] = ParameterSpec(
            name=match[1],
            type=found,
            default=default,
            help=_split_comment(comment)[1],
            nullable=text == "NULL",
        )
    return list(specs.values())


def _split_r_comment(text: str) -> tuple[str, str]:
    """Part code from comment; a ``#`` within quotes is no comment."""
    quote = ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[position - 1] != "\\" else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            return text[:position].strip(), text[position:].lstrip("# ").strip()
    return text.strip().rstrip(";"), ""


def _r_literal(text: str) -> JsonValue:
    constants: dict[str, JsonValue] = {"TRUE": True, "T": True, "FALSE": False, "F": False}
    if text in constants:
        return constants[text]
    if text == "NULL":
        return None
    if match := re.fullmatch(r"(-?\d+)L", text):
        return int(match[1])
    if match := re.fullmatch(r"(?:c|list)\((.*)\)", text):
        inner = re.sub(r"\bTRUE\b", "True", re.sub(r"\bFALSE\b", "False", match[1]))
        value = as_json(ast.literal_eval(f"[{inner}]"))
        return value
    value = as_json(ast.literal_eval(text))
    # R's plain numbers are doubles, yet a person who writes `depth <- 3` means a whole number.
    if isinstance(value, int | float | str):
        return value
    raise _NotLiteral


def _read_by_papermill(source: str, language: str, kernel_name: str) -> list[ParameterSpec]:
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators

    try:
        translator = papermill_translators.find_translator(kernel_name, language)
        found = translator.inspect({"source": source})
    except (PapermillException, NotImplementedError):
        return []
    specs = []
    for item in found:
        declared, nullable = _annotated(item.inferred_type_name)
        try:
            value: ast.expr | None = ast.parse(item.default, mode="eval").body
        except SyntaxError:
            value = None
        specs.append(_spec(item.name, value, declared, nullable, item.help or None))
    return specs


# Checking what is given ------------------------------------------------------------------------


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
    import yaml

    try:
        return as_json(yaml.safe_load(text))
    except (yaml.YAMLError, _NotLiteral):
        return text


def _coerce(spec: ParameterSpec, value: JsonValue) -> JsonValue:
    if value is None and (spec.nullable or spec.type == "any"):
        return None
    if isinstance(value, str) and spec.nullable and value.lower() in {"null", "none"}:
        return None
    try:
        return _COERCE[spec.type](value)
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


# Sweeps ----------------------------------------------------------------------------------------


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
