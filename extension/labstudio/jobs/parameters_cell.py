"""Reading what a notebook's `parameters` cell declares.

papermill's own reader works line by line with a regular expression: it loses a default that holds
an ``=`` or a ``#`` in a string. Python cells are therefore parsed, R cells are read by a small
reader of R's literals (papermill has none), and every other language goes to papermill.
"""

from __future__ import annotations

import ast
import io
import math
import re
import tokenize
from typing import TYPE_CHECKING, Any, Literal

from labstudio.jobs.models import ParameterSpec

if TYPE_CHECKING:
    from pydantic import JsonValue

TypeName = Literal["int", "float", "bool", "str", "list", "dict", "any"]

_TYPES: dict[str, TypeName] = {
    **dict.fromkeys(("int", "integer"), "int"),
    **dict.fromkeys(("float", "double", "number", "numeric"), "float"),
    **dict.fromkeys(("bool", "boolean", "logical"), "bool"),
    **dict.fromkeys(("str", "string", "character"), "str"),
    **dict.fromkeys(("list", "tuple", "sequence", "iterable"), "list"),
    **dict.fromkeys(("dict", "mapping"), "dict"),
}


class NotLiteralError(Exception):
    """A default that is computed when the notebook runs, so that nothing is known of it here."""


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
    except (NotLiteralError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
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
            raise NotLiteralError
        return value
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((as_json(item) for item in value), key=repr)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: as_json(item) for key, item in value.items()}
    raise NotLiteralError


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
        except (NotLiteralError, ValueError, SyntaxError):
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
        return as_json(ast.literal_eval(f"[{inner}]"))
    value = as_json(ast.literal_eval(text))
    # R's plain numbers are doubles, yet a person who writes `depth <- 3` means a whole number.
    if isinstance(value, int | float | str):
        return value
    raise NotLiteralError


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
