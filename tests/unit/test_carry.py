"""Carry: what travels with a cell, and what is refused."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labstudio.errors import CannotCarry, NotFound, Unavailable
from labstudio.jobs.carry import LIMIT_BYTES, local_modules, pack, pack_call, unpack_result

RECEIVER = """
import cloudpickle, json, sys
with open(sys.argv[1], "rb") as file:
    globals().update(cloudpickle.load(file))
exec(sys.argv[2])
print(json.dumps(answer))
"""


def notebook(code: str) -> dict[str, Any]:
    """Run code as a notebook's cells would: in a namespace that calls itself `__main__`."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(code, "<cell>", "exec"), space)
    return space


def travel(payload: bytes, code: str, folder: Path) -> Any:
    """Unpack in another process that knows nothing of labstudio, and run code there."""
    (folder / "carry.pkl").write_bytes(payload)
    (folder / "receiver.py").write_text(RECEIVER)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "receiver.py", "carry.pkl", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(space: dict[str, Any], *names: str, **options: Any) -> dict[str, str]:
    with pytest.raises(CannotCarry) as caught:
        pack(space, names, **options)
    assert caught.value.details["field"] == "code"
    for name, why in caught.value.details["names"].items():
        assert f"{name} {why}" in caught.value.message
    return caught.value.details["names"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False),
    lambda v: (
        st.lists(v, max_size=3)
        | st.tuples(v, v)
        | st.dictionaries(st.text(), v, max_size=3)
        | st.frozensets(st.integers(), max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"v_[a-z]{1,5}", fullmatch=True), VALUES, max_size=5))
def test_carry_round_trip(values):
    carried = pack(values, values)
    assert cloudpickle.loads(carried.payload) == values
    assert carried.sizes.keys() == values.keys()
    assert all(size > 0 for size in carried.sizes.values())


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=6))
def test_carry_keeps_one_object_one(pattern):
    """Names for the same object are the same object there, others are not."""
    objects = {key: [key] for key in "abc"}
    space = {f"n{i}": objects[key] for i, key in enumerate(pattern)}
    arrived = cloudpickle.loads(pack(space, space).payload)
    for first in space:
        for second in space:
            assert (space[first] is space[second]) == (arrived[first] is arrived[second])


def test_carry_functions_read_the_receivers_names(tmp_path):
    space = notebook(
        "scale = 2\noffset = 10\n"
        "def inner(x): return x * scale\n"
        "def outer(x): return inner(x) + offset\n"
        "unused = 'stays'"
    )
    carried = pack(space, ["outer"])
    assert set(carried.names) == {"outer", "inner", "scale", "offset"}
    assert travel(
        carried.payload, "answer = outer(1); scale = 5; answer = [answer, outer(1)]", tmp_path
    ) == [12, 15]


def test_carry_closures_lambdas_and_caches(tmp_path):
    space = notebook(
        "import functools\n"
        "factor = 3\n"
        "def make(n):\n    return lambda x: x * n * factor\n"
        "twice = make(2)\n"
        "@functools.lru_cache(maxsize=7)\ndef slow(x): return x + factor\n"
        "table = {'f': twice, 'g': [slow]}"
    )
    carried = pack(space, ["table", "slow"])
    assert set(carried.names) == {"table", "slow", "factor"}
    code = "answer = [table['f'](1), table['g'][0](1), slow.cache_parameters()['maxsize']]"
    assert travel(carried.payload, code, tmp_path) == [6, 4, 7]


def test_carry_classes_and_instances(tmp_path):
    space = notebook(
        "import dataclasses, enum\n"
        "unit = 'kg'\n"
        "class Colour(enum.Enum):\n    red = 1\n"
        "class Base:\n    def show(self): return f'{self.value} {unit}'\n"
        "@dataclasses.dataclass\nclass Weight(Base):\n    value: int\n"
        "    colour: Colour = Colour.red\n"
        "w = Weight(3)"
    )
    carried = pack(space, ["w"])
    assert set(carried.names) == {"w", "unit"}
    assert travel(carried.payload, "answer = [w.show(), w.colour.name]", tmp_path) == [
        "3 kg",
        "red",
    ]


def test_carry_class_of_result_is_the_notebooks_own(tmp_path):
    space = notebook("class Point:\n    x = 1\np = Point()")
    carried = pack(space, ["Point"])
    (tmp_path / "carry.pkl").write_bytes(carried.payload)
    code = (
        "import cloudpickle, sys\nglobals().update(cloudpickle.load(open('carry.pkl', 'rb')))\n"
        "q = Point(); q.y = 2\ncloudpickle.dump({'q': q}, open('result.pkl', 'wb'))"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, check=True)
    back = unpack_result(tmp_path / "result.pkl")["q"]
    assert isinstance(back, space["Point"])
    assert back.y == 2


def test_carry_modules_by_name_with_their_submodules(tmp_path):
    space = notebook("import xml, xml.etree.ElementTree\nimport math as m")
    carried = pack(space, ["xml", "m"], dotted=["xml.etree.ElementTree.fromstring", "m.pi"])
    assert carried.size_bytes < 500
    assert {"xml", "math"} <= carried.modules
    code = "answer = [xml.etree.ElementTree.fromstring('<a/>').tag, round(m.pi)]"
    assert travel(carried.payload, code, tmp_path) == ["a", 3]


def test_carry_skips_what_every_kernel_has():
    space = {"In": [], "_": 1, "x": 1, "print": print}
    carried = pack(space, ["x", "In", "_", "__name__", "len"], optional=["sum", "absent"])
    assert carried.names == ("x",)


def test_carry_takes_a_shadowed_builtin_along():
    assert pack({"list": [1]}, [], optional=["list"]).names == ("list",)


def test_carry_refuses_missing_names():
    assert refusal({}, "model") == {"model": "is not defined in this notebook"}


def test_carry_refuses_each_with_its_reason(tmp_path):
    path = tmp_path / "f.txt"
    path.write_text("x")
    loop = asyncio.new_event_loop()

    async def later() -> None: ...

    coroutine = later()
    connection, line = sqlite3.connect(":memory:"), socket.socket()
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    with path.open() as file:
        space = {
            "file": file,
            "holder": {"deep": [file]},
            "generator": (i for i in [1]),
            "coroutine": coroutine,
            "future": loop.create_future(),
            "lock": threading.Lock(),
            "thread": threading.Thread(),
            "connection": connection,
            "line": line,
            "process": process,
            "frame": sys._getframe(),
            "fine": 1,
        }
        reasons = refusal(space, *space)
    coroutine.close()
    connection.close()
    line.close()
    process.wait()
    loop.close()
    assert reasons == {
        "file": f"is an open file ({path})",
        "holder": f"holds an open file ({path})",
        "generator": "is a generator: list() it first",
        "coroutine": "is a coroutine: await it first",
        "future": "is an asyncio task: await it first",
        "lock": "is a lock",
        "thread": "is a thread",
        "connection": "is a database connection: open it in the cell",
        "line": "is a network connection",
        "process": "is a running process",
        "frame": "is a stack frame",
    }


def test_carry_refuses_what_raises_when_pickled():
    class Odd:
        def __reduce__(self) -> Any:
            raise RuntimeError("not me\nsecond line")

    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert refusal({"odd": Odd()}, "odd") == {"odd": "cannot be pickled (not me)"}
    assert refusal({"deep": deep}, "deep") == {"deep": "is nested too deeply"}


def test_carry_refuses_over_the_limit():
    space = {"a": b"x" * 600, "b": b"y" * 700, "c": b"z" * 2000}
    assert set(refusal(space, "c", limit_bytes=1000)) == {"c"}
    (name,) = refusal(space, "a", "b", limit_bytes=1000)
    assert name == "b"
    assert pack(space, ["a"], limit_bytes=1000).size_bytes < 1000
    assert LIMIT_BYTES == 1 << 30


def test_carry_a_refused_function_names_what_it_needs():
    space = notebook("import threading\nguard = threading.Lock()\ndef f():\n    with guard: pass")
    assert refusal(space, "f") == {"guard": "is a lock"}


def test_carry_call(tmp_path):
    space = notebook("n = 2\ndef f(x, *, y): return x * y * n")
    payload = pack_call(space["f"], (3,), {"y": 4})
    space["n"] = 100
    assert travel(payload, "answer = function(*args, **kwargs)", tmp_path) == 24
    with pytest.raises(CannotCarry, match="args holds a lock"):
        pack_call(print, (threading.Lock(),))


def test_carry_call_takes_the_users_own_modules(tmp_path, monkeypatch):
    (tmp_path / "own_helpers.py").write_text("base = 5\ndef add(x): return x + base\n")
    (tmp_path / "own_train.py").write_text(
        "import own_helpers\ndef run(x): return own_helpers.add(x)\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import own_train

    assert {"own_train", "own_helpers"} <= local_modules(tmp_path).keys()
    payload = pack_call(own_train.run, (1,))
    assert travel(payload, "answer = function(*args)", elsewhere) == 6
    assert cloudpickle.list_registry_pickle_by_value() == set()


def test_carry_result_missing_or_unreadable(tmp_path):
    with pytest.raises(NotFound):
        unpack_result(tmp_path / "result.pkl")
    (tmp_path / "result.pkl").write_bytes(b"\x80\x05cno_such_module\nthing\n.")
    with pytest.raises(Unavailable, match="no_such_module"):
        unpack_result(tmp_path / "result.pkl")
