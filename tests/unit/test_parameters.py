"""Parameters: read from cells, checked, multiplied."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labstudio.errors import InvalidInput
from labstudio.jobs.models import ParameterSpec
from labstudio.jobs.parameters import (
    SWEEP_LIMIT,
    check,
    expand,
    from_text,
    read_cell,
    sweep_from_text,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def read(source: str, language: str = "python") -> dict[str, ParameterSpec]:
    return {spec.name: spec for spec in read_cell(source, language, None)}


def spec(kind: str, **fields: object) -> ParameterSpec:
    return ParameterSpec.model_validate({"name": "x", "type": kind, **fields})


@pytest.mark.parametrize(
    ("line", "kind", "default", "help_text", "nullable"),
    [
        ("x = 3", "int", 3, None, False),
        ("x = -3", "int", -3, None, False),
        ("x = 0.5  # Learning rate", "float", 0.5, "Learning rate", False),
        ("x = True", "bool", True, None, False),
        ("x = 'a = b # c'  # With both", "str", "a = b # c", "With both", False),
        ("x: float = 3", "float", 3.0, None, False),
        ("x = 3  # type: float  How fast", "float", 3.0, "How fast", False),
        ("x: int | None = None", "int", None, None, True),
        ("x: Optional[int] = 4", "int", 4, None, True),
        ("x: typing.Optional[str] = None", "str", None, None, True),
        ("x: list[int] = [1, 2]", "list", [1, 2], None, False),
        ("x: int | float = 1", "float", 1.0, None, False),
        ("x: int | str = 1", "int", 1, None, False),
        ("x: 'dict' = {}", "dict", {}, None, False),
        ("x = (1, 2)", "list", [1, 2], None, False),
        ("x = {'a': [1, None]}", "dict", {"a": [1, None]}, None, False),
        ("x = None", "any", None, None, True),
        ("x = date.today()", "any", None, None, False),
        ("x: int = 2 ** 3", "int", None, None, False),
        ("x = 1e999", "any", None, None, False),
        ("x = [\n    1,  # one\n    2,\n]  # Both", "list", [1, 2], "Both", False),
    ],
)
def test_parameters_read_python(line, kind, default, help_text, nullable):
    found = read(line)["x"]
    assert (found.type, found.default, found.help, found.nullable) == (
        kind,
        default,
        help_text,
        nullable,
    )


def test_parameters_read_whole_cell():
    found = read(
        "%matplotlib inline\n# Comment\nimport os\na = 1  # A\na, b = 2, 3\nc = d = 4\ne = 5"
    )
    assert list(found) == ["a", "e"]
    assert found["a"].help == "A"


def test_parameters_read_last_assignment_wins():
    assert read("a = 1\na = 'two'")["a"].default == "two"


def test_parameters_read_broken_cell_is_no_error():
    assert read("a = = 1") == {}


def test_parameters_read_r():
    found = read(
        'depth <- 3  # How deep\nn = 4L\nrate <- 0.5\nlabel <- "a#b"\non <- TRUE\nxs <- c(1, 2)\n'
        "nothing <- NULL\nlater <- Sys.time()\nwords <- list('a', TRUE)",
        "R",
    )
    assert {name: (s.type, s.default) for name, s in found.items()} == {
        "depth": ("int", 3),
        "n": ("int", 4),
        "rate": ("float", 0.5),
        "label": ("str", "a#b"),
        "on": ("bool", True),
        "xs": ("list", [1, 2]),
        "nothing": ("any", None),
        "later": ("any", None),
        "words": ("list", ["a", True]),
    }
    assert found["depth"].help == "How deep"
    assert found["nothing"].nullable


def test_parameters_read_language_without_reader():
    assert read_cell("x = 1", "cobol", "cobol") == []
    assert read_cell("x = 1;", "scala", None) == []


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("int", "3", 3),
        ("int", 3.0, 3),
        ("float", 3, 3.0),
        ("float", "1e-3", 0.001),
        ("bool", "false", False),
        ("bool", "Yes", True),
        ("bool", 1, True),
        ("str", "3", "3"),
        ("list", "[1, two]", [1, "two"]),
        ("dict", '{"a": 1}', {"a": 1}),
        ("any", "3", "3"),
        ("any", None, None),
    ],
)
def test_parameters_check_coerces(kind, value, wanted):
    checked = check([spec(kind)], {"x": value})["x"]
    assert checked == wanted
    assert type(checked) is type(wanted)


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("int", "abc", "x must be an int, not 'abc'."),
        ("int", 3.5, "x must be an int, not 3.5."),
        ("int", True, "x must be an int, not true."),
        ("int", None, "x must be an int, not null."),
        ("float", "nan", "x must be a float, not 'nan'."),
        ("float", [1], "x must be a float, not [1]."),
        ("bool", "maybe", "x must be a bool, not 'maybe'."),
        ("bool", 2, "x must be a bool, not 2."),
        ("str", 3, "x must be a str, not 3."),
        ("list", "a", "x must be a list, not 'a'."),
        ("dict", [], "x must be a dict, not []."),
    ],
)
def test_parameters_check_refuses(kind, value, sentence):
    with pytest.raises(InvalidInput) as caught:
        check([spec(kind)], {"x": value})
    assert caught.value.message == sentence
    assert caught.value.details["field"] == "parameters.x"


def test_parameters_check_takes_none_where_allowed():
    assert check([spec("int", nullable=True)], {"x": None}) == {"x": None}
    assert from_text([spec("int", nullable=True)], {"x": "null"}) == {"x": None}


def test_parameters_check_takes_unknown_names_as_they_are():
    assert check([spec("int")], {"y": "3", "x": 1}) == {"y": "3", "x": 1}
    with pytest.raises(InvalidInput, match="not a parameter name"):
        check([], {"a b": 1})


def test_parameters_from_text_types_by_declaration_then_yaml():
    specs = [spec("str")]
    assert from_text(specs, {"x": "007", "y": "007", "z": "[1, {a: b}]", "w": "a: b: c"}) == {
        "x": "007",
        "y": 7,
        "z": [1, {"a": "b"}],
        "w": "a: b: c",
    }


def test_parameters_sweep_from_text():
    specs = [spec("float")]
    assert sweep_from_text(specs, [("x", "1,2.5"), ("y", "[[1], [2, 3]]"), ("z", "a,b")]) == {
        "x": [1.0, 2.5],
        "y": [[1], [2, 3]],
        "z": ["a", "b"],
    }


@given(JSON)
def test_parameters_default_is_its_own_value(value):
    """What a cell declares by a literal passes the check of its own declaration unchanged."""
    found = read(f"x = {value!r}")["x"]
    assert found.default == value
    assert check([found], {"x": value}) == {"x": value}


@given(st.sampled_from(["int", "float", "bool", "str", "list", "dict", "any"]), JSON)
def test_parameters_check_is_idempotent(kind, value):
    specs = [spec(kind)]
    try:
        once = check(specs, {"x": value})
    except InvalidInput:
        return
    assert check(specs, once) == once


GRID = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True)
)


@given(GRID)
def test_parameters_expand_is_the_product(grid):
    rows = expand(grid)
    assert len(rows) == math.prod(len(values) for values in grid.values())
    assert len({tuple(row.items()) for row in rows}) == len(rows)
    assert all(row.keys() == grid.keys() for row in rows)
    assert all(row[name] in grid[name] for row in rows for name in grid)
    assert rows == expand(grid)


def test_parameters_expand_order_and_limits():
    assert expand({"a": [1, 2], "b": ["x", "y"]}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    assert len(expand({"a": list(range(SWEEP_LIMIT))})) == SWEEP_LIMIT
    with pytest.raises(InvalidInput, match="10,100 combinations"):
        expand({"a": list(range(101)), "b": list(range(100))})
    with pytest.raises(InvalidInput, match="no values"):
        expand({"a": []})
