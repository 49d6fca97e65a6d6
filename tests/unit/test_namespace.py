"""What a notebook has, packed in one live kernel and restored in another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.namespace_tools import Desk, desk

pytestmark = pytest.mark.slow

CELLS = (
    "import numpy as np, pandas as pd, functools\nimport xml.etree.ElementTree",
    """array = np.arange(400_000.)
alias = array
frame = pd.DataFrame({"n": range(3), "s": list("abc"), "o": pd.Series(list("xyz"), dtype=object)})
held = {"frame": frame, "array": array}
every_other = array.reshape(1000, 400)[:, ::2]
text = b"x" * 3_000_000""",
    """scale = 3
def scaled(x): return x * scale
twice = lambda x: scaled(x) * 2
@functools.lru_cache(maxsize=7)
def remembered(x): return x + scale""",
    """class Animal:
    def __init__(self): self.seen = array
    def legs(self): return scaled(1)
class Bird(Animal):
    def legs(self): return super().legs() - 1
bird = Bird()""",
    """def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
    def now(): return n
    return up, now
up, now = counter(); up()
_hidden = ["nameless"]
left, right = {"of": _hidden}, [_hidden]
del _hidden
a = []; b = [a]; a.append(b)""",
    """from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression
X = np.array([[0.], [1.], [2.], [3.]])
pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, [0, 0, 1, 1])
said = pipeline.predict_proba(X)""",
)
REFUSED = (
    "import threading, socket, tempfile, os",
    "# the numbers\nnumbers = (n for n in range(3))",
    "lock = threading.Lock()\nbox = {'of': [lock]}",
    "file = open(os.devnull)",
    "thread = threading.Thread(target=print)",
    "line = socket.socket()",
    "class Guarded:\n    def __init__(self): self.lock = threading.RLock()\nguarded = Guarded()",
)


@pytest.fixture(scope="module")
def old() -> Iterator[Desk]:
    with desk() as it:
        for cell in (*CELLS, *REFUSED):
            it.run(cell)
        yield it


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packed") / "it"


@pytest.fixture(scope="module")
def packed(old: Desk, folder: Path) -> Any:
    return old.pack(folder)


@pytest.fixture(scope="module")
def new(packed: Any, folder: Path) -> Iterator[Desk]:
    with desk() as it:
        it.told = it.restore(folder)  # type: ignore[attr-defined]
        yield it


def test_all_that_can_travel_comes_back(new: Desk, packed: Any) -> None:
    told = new.told  # type: ignore[attr-defined]
    assert told["failed"] == {}
    assert told["packages"] == {}
    assert set(told["restored"]) == {*packed["names"], *packed["modules"]}
    assert {"array", "alias", "bird", "pipeline", "np"} <= set(told["restored"])


@pytest.mark.parametrize(
    "true",
    [
        "alias is array and held['array'] is array and held['frame'] is frame",
        "bird.seen is array and array.sum() == 79999800000. and array.flags.writeable",
        "list(frame.o) == list('xyz') and frame.o.dtype == object and list(frame.s) == list('abc')",
        "frame.s.dtype == 'str' and frame.n.dtype == 'int64'",
        "every_other.shape == (1000, 200) and every_other[1, 1] == 402.",
        "len(text) == 3_000_000 and type(text) is bytes",
        "scaled.__globals__ is __import__('__main__').__dict__",
        "remembered.cache_info().maxsize == 7 and remembered(1) == 4",
        "isinstance(bird, Bird) and isinstance(bird, Animal) and bird.legs() == 2",
        "left['of'] is right[0] and b[0] is a and a[0] is b",
        "np.array_equal(pipeline.predict_proba(X), said)",
        "xml.etree.ElementTree.fromstring('<a/>').tag == 'a'",
    ],
)
def test_a_restored_notebook_is_as_it_was(new: Desk, true: str) -> None:
    new.run(f"assert {true}")


def test_functions_read_the_names_of_where_they_arrived(new: Desk) -> None:
    new.run("scale = 10\nassert twice(1) == 20 and bird.legs() == 9\nscale = 3")


def test_closures_go_on_sharing_their_variables(new: Desk) -> None:
    new.run("before = now(); up(); assert now() == before + 1")


def test_what_cannot_travel_is_named_with_its_cell(packed: Any) -> None:
    left = {each["name"]: each for each in packed["left"]}
    assert {name: each["reason"] for name, each in left.items()} == {
        "numbers": "is a generator",
        "lock": "is a lock",
        "box": "holds lock, which is a lock",
        "file": "is an open file (/dev/null)",
        "thread": "is a thread",
        "line": "is a network connection",
        "guarded": "holds a lock",
    }
    numbers = left["numbers"]
    made = "numbers = (n for n in range(3))"
    assert (numbers["cell"], numbers["line"]) == (len(CELLS) + 2, made)


def test_counting_goes_on(new: Desk, old: Desk) -> None:
    assert new.run("print(In[2].splitlines()[0])") == "array = np.arange(400_000.)"
    assert int(new.run("print(get_ipython().execution_count)")) > len(CELLS) + len(REFUSED)


def test_a_second_packing_writes_only_what_changed(old: Desk, folder: Path, packed: Any) -> None:
    before = {path.name for path in (folder / "parts").iterdir()}
    old.run("scale = 4")
    old.pack(folder)
    after = {path.name for path in (folder / "parts").iterdir()}
    # The small names lie together; the array and the bytes have parts of their own.
    assert len(after - before) == 1
    assert not folder.with_suffix(".unfinished").exists()
    old.run("scale = 3")


def test_looking_writes_nothing_and_names_the_same(old: Desk, packed: Any, tmp_path: Path) -> None:
    seen = old.evaluate(
        "__import__('json').dumps("
        "__import__('_labstudio_namespace.packing', fromlist=['it']).pack(None))"
    )
    assert seen["left"] == packed["left"]
    assert seen["size_bytes"] == pytest.approx(packed["size_bytes"], rel=0.01)
    assert seen["parts"] == []


def test_a_changed_part_is_noticed(old: Desk, tmp_path: Path) -> None:
    packed = old.pack(tmp_path / "it", names=["array", "scale"])
    large = max(packed["parts"], key=lambda part: part["size_bytes"])
    path = tmp_path / "it" / "parts" / large["sha256"]
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with desk() as other:
        told = other.restore(tmp_path / "it")
        assert told["restored"] == ["scale"]
        assert "has changed" in told["failed"]["array"]


def test_a_missing_package_is_named_and_takes_only_its_own(old: Desk, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Thing:\n    pass\n")
    folder = tmp_path / "it"
    with desk(cwd=str(tmp_path)) as here:
        here.run("import mine\nthing = mine.Thing()\nof = [thing]\nother = [1]")
        packed = here.pack(folder)
        assert packed["left"] == []
    with desk() as there:
        assert there.evaluate(
            "__import__('json').dumps(__import__('_labstudio_namespace.restoring', "
            "fromlist=['it']).missing(['json', 'mine']))"
        ) == ["mine"]
        told = there.restore(folder)
    assert told["restored"] == ["other"]
    assert set(told["packages"]) == {"mine"}
    assert told["failed"]["thing"] == "needs the package mine"
    assert told["failed"]["of"] == "needs thing, which could not be restored"


def test_code_of_another_python_is_not_run(old: Desk, tmp_path: Path) -> None:
    old.pack(tmp_path / "it", names=["scaled", "scale"])
    path = tmp_path / "it" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "python": "3.8.1"}))
    with desk() as other:
        told = other.restore(tmp_path / "it")
    assert told["restored"] == ["scale"]
    assert "holds code of Python 3.8.1" in told["failed"]["scaled"]


def test_a_kernel_without_cloudpickle_is_lent_it(tmp_path: Path) -> None:
    block = (
        "import sys, importlib.util as u\n"
        "for n in [n for n in sys.modules if n.startswith('cloudpickle')]: del sys.modules[n]\n"
        "for n in [n for n in sys.modules if n.startswith('_labstudio_namespace')]:\n"
        "    del sys.modules[n]\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'cloudpickle' else find(name, *a)"
    )
    from labstudio.namespace import helper

    with desk() as it:
        it.run(block)
        it.run_silently(helper.install())
        it.run("def f(x): return x + 1")
        it.run("import cloudpickle; assert not hasattr(cloudpickle, '__file__')")
        assert it.pack(tmp_path / "it", names=["f"])["left"] == []
        it.run("del f")
        assert it.restore(tmp_path / "it", history=False)["failed"] == {}
        it.run("assert f(1) == 2")
