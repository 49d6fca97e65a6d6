"""Inspect: what a source offers, which files go along, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labstudio.errors import InvalidInput
from labstudio.jobs import beside
from labstudio.jobs.inspect import beside_code, inspect, inspect_content, select_files
from labstudio.jobs.models import JobKind


def notebook(*sources: str, tag: int | None = None, **metadata: Any) -> dict[str, Any]:
    cells: list[Any] = [nbformat.v4.new_markdown_cell("# Title")]
    for index, source in enumerate(sources):
        cell = nbformat.v4.new_code_cell(source)
        if index == tag:
            cell.metadata["tags"] = ["other", "parameters"]
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def write(folder: Path, *sources: str, name: str = "n.ipynb", **options: Any) -> Path:
    path = folder / name
    nbformat.write(notebook(*sources, **options), path)
    return path


def touch(folder: Path, *names: str, text: str = "") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_inspect_notebook(tmp_path):
    path = write(
        tmp_path,
        "import os",
        "depth = 3  # How deep",
        tag=1,
        kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"},
        language_info={"name": "python"},
    )
    info = inspect(path)
    assert (info.kind, info.name, info.cells) == (JobKind.notebook, "n.ipynb", 2)
    assert (info.kernel_name, info.language) == ("python3", "python")
    assert info.has_parameters_cell
    assert [(p.name, p.type, p.default, p.help) for p in info.parameters] == [
        ("depth", "int", 3, "How deep")
    ]
    assert inspect_content(path.read_bytes(), "other.ipynb").parameters == info.parameters


def test_inspect_r_notebook(tmp_path):
    path = write(
        tmp_path, "n <- 2", tag=0, kernelspec={"name": "ir", "display_name": "R", "language": "R"}
    )
    info = inspect(path)
    assert (info.kernel_name, info.language) == ("ir", "R")
    assert info.parameters[0].default == 2


def test_inspect_old_and_bare_notebooks(tmp_path):
    old = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell("x = 1")])]
    )
    (tmp_path / "old.ipynb").write_text(json.dumps({**old, "nbformat": 3, "nbformat_minor": 0}))
    assert inspect(tmp_path / "old.ipynb").cells == 1
    bare = b'\xef\xbb\xbf{"nbformat": 4, "cells": [{"cell_type": "code", "source": ["a\\n", "b"]}]}'
    info = inspect_content(bare, "bare.ipynb")
    assert (info.cells, info.kernel_name, info.has_parameters_cell) == (1, None, False)


@pytest.mark.parametrize(
    ("name", "language"),
    [("a.py", "python"), ("a.sh", "bash"), ("a.R", "R"), ("私の 'job' 🚀.py", "python")],
)
def test_inspect_scripts(tmp_path, name, language):
    (tmp_path / name).write_text("x")
    info = inspect(tmp_path / name)
    assert (info.kind, info.language, info.name, info.cells) == (
        JobKind.script,
        language,
        name,
        None,
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"  \n", "it is empty"),
        (b"not json", "it is not JSON (Expecting value at line 1, column 1)"),
        (b'{\n"a": 1,\n}', "it is not JSON"),
        (b"\xff\xfe{}", "it is not UTF-8 text"),
        (b"[]", "its JSON does not say `nbformat`"),
        (b"{}", "its JSON does not say `nbformat`"),
        (b'{"nbformat": "4"}', "its JSON does not say `nbformat`"),
        (b'{"nbformat": 5, "cells": []}', "it is of format 5, and only formats to 4 are known"),
        (b'{"nbformat": 4}', "it has no list of cells"),
        (b'{"nbformat": 4, "cells": {}}', "it has no list of cells"),
        (b'{"nbformat": 4, "cells": [1]}', "it has no list of cells"),
        (b'{"nbformat": 3}', "it has no list of cells"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_inspect_bad_notebooks(tmp_path, content, says):
    path = tmp_path / "bad.ipynb"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        inspect(path)
    assert caught.value.details["field"] == "path"
    assert "'bad.ipynb'" in caught.value.message
    assert says in caught.value.message
    assert "\n" not in caught.value.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda v: (
            st.lists(v, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["cells", "metadata", "tags", "source", "cell_type", "kernelspec", "name"]
                ),
                v,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_inspect_any_json_is_read_or_refused(cells):
    content = json.dumps({"nbformat": 4, "cells": cells, "metadata": cells}).encode()
    try:
        inspect_content(content, "any.ipynb")
    except InvalidInput as error:
        assert error.details["field"] == "path"  # noqa: PT017 -- reading it is right too


def test_inspect_refuses_other_files_and_missing_ones(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    for name in ("a.txt", "missing.ipynb"):
        with pytest.raises(InvalidInput) as caught:
            inspect(tmp_path / name)
        assert caught.value.details["field"] == "path"
    (tmp_path / "b.py").write_bytes(b"\xff\xff")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        inspect(tmp_path / "b.py")


def test_inspect_files_modules(tmp_path):
    touch(tmp_path, "pkg/__init__.py", "pkg/deep/more.py", "pkg/data.json", "pkg/__pycache__/x.pyc")
    touch(tmp_path, "helpers.py", text="import second\nopen('used.csv')")
    touch(
        tmp_path, "second.py", "used.csv", "unused.csv", "unused.py", "space/part.py", "pkg/.hidden"
    )
    path = write(
        tmp_path,
        "import numpy, helpers",
        "from pkg import deep",
        "from space import part",
        "from . import unused",
    )
    assert inspect(path).files == [
        "helpers.py",
        "pkg/__init__.py",
        "pkg/data.json",
        "pkg/deep/more.py",
        "second.py",
        "space/part.py",
        "used.csv",
    ]


def test_inspect_files_named_by_strings_and_magics(tmp_path):
    touch(
        tmp_path,
        "a.csv",
        "data/x.csv",
        "data/deep/y.csv",
        "data/.secret",
        "run me.py",
        "b1.txt",
        "b2.txt",
    )
    touch(tmp_path, "tool.py", "list.txt", "n2.ipynb", ".env", "c.txt")
    path = write(
        tmp_path,
        "read('a.csv'); read(\"data\"); f'{x}c.txt'",
        "%run 'run me.py' --fast",
        "!python tool.py ./list.txt",
        "glob('b*.txt')",
        "= broken but 'n2.ipynb'",
        "read('n.ipynb', '.env', '', '.', '*', 'https://x/y', 'a\\0b', 'q' * 9999)",
    )
    assert inspect(path).files == [
        "a.csv",
        "b1.txt",
        "b2.txt",
        "c.txt",
        "data/deep/y.csv",
        "data/x.csv",
        "list.txt",
        "n2.ipynb",
        "run me.py",
        "tool.py",
    ]


def test_inspect_files_of_shell_and_r(tmp_path):
    touch(tmp_path, "a.csv", "b.csv", "other.sh", "lib.R", "日本 語.csv")
    (tmp_path / "s.sh").write_text(
        "set -e\nsort a.csv 'b.csv' | ./other.sh; cat \"日本 語.csv\" don't"
    )
    (tmp_path / "s.R").write_text("source('lib.R'); read.csv(\"a.csv\")")
    assert inspect(tmp_path / "s.sh").files == ["a.csv", "b.csv", "other.sh", "日本 語.csv"]
    assert inspect(tmp_path / "s.R").files == ["a.csv", "lib.R"]


def test_inspect_files_stay_in_the_folder(tmp_path):
    outside = tmp_path / "outside"
    inside = tmp_path / "inside"
    touch(outside, "secret.txt", "deep/secret.txt", "mod.py")
    touch(inside, "fine.txt")
    (inside / "link.txt").symlink_to(outside / "secret.txt")
    (inside / "folder").symlink_to(outside / "deep")
    (inside / "mod.py").symlink_to(outside / "mod.py")
    (inside / "alias.txt").symlink_to(inside / "fine.txt")
    (inside / "dead.txt").symlink_to(inside / "nothing")
    path = write(
        inside,
        "import mod",
        "'../outside/secret.txt', 'link.txt', 'folder', 'folder/secret.txt'",
        "'alias.txt', 'dead.txt'",
        f"{str(outside / 'secret.txt')!r}, '~', '/etc/passwd', 'x/../../outside/secret.txt'",
    )
    assert inspect(path).files == ["alias.txt"]


def test_inspect_files_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "LIMIT_BYTES", 1000)
    monkeypatch.setattr(beside, "FOLDER_LIMIT", 3)
    touch(tmp_path, "small.csv", text="x" * 300)
    touch(tmp_path, "large.csv", text="x" * 900)
    touch(tmp_path, "mod.py", text="#" * 200)
    touch(tmp_path, *(f"many/{i}" for i in range(5)))
    info = inspect(write(tmp_path, "import mod", "'large.csv', 'small.csv', 'many'"))
    assert info.files == ["mod.py", "small.csv"]
    assert info.files_left_out == ["large.csv", "many"]


def test_inspect_environment_folders_stay(tmp_path):
    touch(tmp_path, "data/a", "data/venv/pyvenv.cfg", "data/venv/lib/x.py", "data/node_modules/b")
    assert inspect(write(tmp_path, "'data'")).files == ["data/a"]


def test_inspect_beside_code(tmp_path):
    touch(tmp_path, "helpers.py", "a.csv")
    assert beside_code("import helpers\n!cat a.csv", tmp_path) == ["a.csv", "helpers.py"]


def names(folder: Path, *patterns: str) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in select_files(folder, patterns)]


def test_inspect_select_files(tmp_path):
    touch(
        tmp_path,
        "a.csv",
        "b.csv",
        "sub/c.csv",
        "sub/deep/d.txt",
        "sub/.hidden",
        ".env",
        "[odd] 名.csv",
    )
    assert names(tmp_path, "*.csv") == ["[odd] 名.csv", "a.csv", "b.csv"]
    assert names(tmp_path, "**/*.csv", "a.csv") == ["[odd] 名.csv", "a.csv", "b.csv", "sub/c.csv"]
    assert names(tmp_path, "sub") == ["sub/c.csv", "sub/deep/d.txt"]
    assert names(tmp_path, "sub/", "./a.csv") == ["a.csv", "sub/c.csv", "sub/deep/d.txt"]
    assert names(tmp_path, ".env") == [".env"]
    assert names(tmp_path, "[odd] 名.csv") == ["[odd] 名.csv"]
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "../x",
        "a/../../x",
        "..",
        "/etc/passwd",
        "~/x",
        "",
        " ",
        "nothing.csv",
        "*.nothing",
        "a\0b",
        "out",
        "out/x",
        "link",
    ],
)
def test_inspect_select_files_refuses(tmp_path, pattern):
    inside = tmp_path / "inside"
    touch(inside, "a.csv")
    touch(tmp_path, "x", "outside/x")
    (inside / "out").symlink_to(tmp_path / "outside")
    (inside / "link").symlink_to(tmp_path / "x")
    with pytest.raises(InvalidInput) as caught:
        select_files(inside, [pattern])
    assert caught.value.details["field"] == "files"
