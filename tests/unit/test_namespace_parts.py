"""Pieces in files named by their hash, and values of every shape: what goes in comes out."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labstudio.namespace import helper

helper.install_here()

from _labstudio_namespace import cells, packing, parts, restoring  # noqa: E402

pieces = st.lists(st.binary(max_size=300), max_size=30)


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "LARGE_BYTES", 100)
        patch.setattr(packing, "LARGE_BYTES", 100)
        yield


@settings(max_examples=100, deadline=None)
@given(pieces, st.integers(1, 250), st.integers(1, 97))
def test_what_was_written_is_read(given: list[bytes], chunk: int, step: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = parts.Writer(f"{folder}/it", chunk)
        places = [writer.add(piece) for piece in given]
        writer.finish()
        reader = parts.Reader(f"{folder}/it", writer.parts)
        assert [bytes(reader.read(place)) for place in places] == given
        joined = [extent for place in places for extent in place]
        file, found = reader.open(joined), bytearray()
        while got := file.read(step):
            found += got
        assert bytes(found) == b"".join(given)
        assert writer.total_bytes == len(found)
        assert {path.name for path in Path(f"{folder}/it/parts").iterdir()} == {
            part["sha256"] for part in writer.parts
        }


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.integers(0))
def test_no_changed_byte_goes_unnoticed(content: bytes, place: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = parts.Writer(folder, 120)
        extents = writer.add(content)
        writer.finish()
        path = sorted(Path(f"{folder}/parts").iterdir())[place % len(writer.parts)]
        changed = bytearray(path.read_bytes())
        changed[place % len(changed)] ^= 1
        path.write_bytes(changed)
        with pytest.raises(parts.Damaged, match="has changed"):
            parts.Reader(folder, writer.parts).read(extents)


atoms = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    atoms | st.binary(max_size=300) | st.binary(max_size=300).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)
names = st.sampled_from("abcdefgh")


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(names, values, min_size=1), st.lists(st.tuples(names, names), max_size=8))
def test_any_names_come_back_with_what_they_share(
    space: dict[str, Any], links: list[tuple[str, str]]
) -> None:
    # Let some names hold, or be, what others are: circles too.
    for one, other in links:
        if isinstance(space.get(one), list):
            space[one].append(space.get(other))
        else:
            space[one] = space.get(other)
    told, back = _travel(space)
    assert told["failed"] == {}
    assert set(told["restored"]) == set(space)
    assert _shape(back) == _shape(space)


def _travel(space: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    back: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "namespace", lambda: space)
        packed = packing.pack(folder, chunk_bytes=150)
        assert packed["left"] == []
        patch.setattr(cells, "namespace", lambda: back)
        told = restoring.restore(folder, history=False)
    return told, back


def _shape(space: dict[str, Any]) -> Any:
    """Write down values, each mutable object by the order in which it is first met."""
    met: dict[int, int] = {}

    def of(value: Any) -> Any:
        if isinstance(value, list | dict | bytearray):
            if id(value) in met:
                return ("again", met[id(value)])
            met[id(value)] = len(met)
        if isinstance(value, list | tuple):
            return (type(value).__name__, [of(each) for each in value])
        if isinstance(value, dict):
            return ("dict", [(key, of(each)) for key, each in value.items()])
        return (type(value).__name__, bytes(value) if isinstance(value, bytearray) else value)

    return [(name, of(space[name])) for name in sorted(space)]


def test_a_name_that_holds_what_cannot_travel_says_what() -> None:
    import threading

    space = {"lock": threading.Lock(), "near": [], "far": {}, "free": 1}
    space["near"].append(space["lock"])
    space["far"]["of"] = space["near"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "namespace", lambda: space)
        packed = packing.pack(None)
    assert {each["name"]: each["reason"] for each in packed["left"]} == {
        "lock": "is a lock",
        "near": "holds lock, which is a lock",
        "far": "holds near, which holds lock, which is a lock",
    }
    assert set(packed["names"]) == {"free"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("x = 1", {"x"}),
        ("a, (b, *c) = 1, (2, 3)", {"a", "b", "c"}),
        ("for i in range(3):\n    total += i", {"i", "total"}),
        ("import numpy as np, os.path", {"np", "os"}),
        ("from json import loads as read", {"read"}),
        ("def f(x):\n    y = 1", {"f"}),
        ("class C:\n    z = 1", {"C"}),
        ("with open('f') as file: pass", {"file"}),
        ("(n := 3)", {"n"}),
    ],
)
def test_names_that_a_cell_binds(code: str, found: set[str]) -> None:
    import ast

    assert cells.bound(ast.parse(code)) == found
