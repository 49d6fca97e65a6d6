"""Requirement lines: what is taken, what is refused, and how clearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from labstudio.errors import InvalidInput
from labstudio.jobs import requirements

ANYWHERE = Path("/")


def test_lines_have_one_spelling() -> None:
    given = ["  Six ==1.16.0  # why", "", "# only a comment", "PyYAML>=6,<7", "six==1.16.0"]
    assert requirements.normalise(given) == ["pyyaml<7,>=6", "six==1.16.0"]
    assert requirements.normalise(["six", "-i https://a.example/simple"]) == [
        "--index-url https://a.example/simple",
        "six",
    ]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("a[x,y]>=1; python_version < '4'  # why", "a[x,y]>=1; python_version < '4'"),
        ("a @ https://example.org/a.whl#sha256=00", "a @ https://example.org/a.whl#sha256=00"),
        ("--index-url=https://a.example/simple", "--index-url https://a.example/simple"),
        ("--extra-index-url  https://a.example", "--extra-index-url https://a.example"),
        ("-f https://a.example/wheels", "--find-links https://a.example/wheels"),
        (
            "-e git+https://example.org/a.git#egg=a",
            "--editable git+https://example.org/a.git#egg=a",
        ),
        ("-eour", "--editable {folder}/our"),
        ("-e ./our[test]", "--editable {folder}/our[test]"),
        ("--no-index", "--no-index"),
        ("--pre", "--pre"),
        ("--only-binary :all:", "--only-binary :all:"),
    ],
)
def test_what_is_taken(tmp_path: Path, line: str, kept: str) -> None:
    (tmp_path / "our").mkdir()
    assert requirements.check([line], tmp_path) == [kept.format(folder=tmp_path)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not a requirement", "is not a requirement"),
        ("six=>1", "is not a requirement"),
        ("a;b;c", "is not a requirement"),
        ("../up", "names a file or folder"),
        ("-e nowhere", "which does not exist"),
        ("-e", "lacks its value"),
        ("-r more.txt", "requirements_file"),
        ("-c versions.txt", "constraints"),
        ("six==1.16.0 --hash=sha256:00", "hashes"),
        ("--target=/tmp", "is not an option"),
        ("--pre six", "is not an option"),
    ],
)
def test_what_is_refused_names_field_and_line(line: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        requirements.check(["six", line], ANYWHERE)
    assert caught.value.details["field"] == "environment.requirements"
    assert caught.value.message.startswith(f"environment.requirements: {line!r} ")
    assert words in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "line", ["-i https://me:hunter2@a.example/simple", "a @ https://hunter2@example.org/a.whl"]
)
def test_a_password_is_neither_taken_nor_repeated(line: str) -> None:
    with pytest.raises(InvalidInput, match="password") as caught:
        requirements.check([line], ANYWHERE)
    assert "hunter2" not in caught.value.message


def test_a_file_is_read_with_those_that_it_includes(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "our").mkdir()
    first, second = tmp_path / "first.txt", tmp_path / "more" / "second.txt"
    first.write_text("six==1.16.0 \\\n  # why\n\n-r more/second.txt\nPyYAML", encoding="utf-8-sig")
    second.write_text("-e our\nattrs>=20,\\\n  <30\n")
    assert requirements.read(first, "first.txt") == [
        "six==1.16.0",
        f"--editable {tmp_path}/more/our",
        "attrs>=20,  <30",
        "PyYAML",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("six\n\na b\n", "'r.txt', line 3: 'a b' is not a requirement"),
        ("six \\\n>= \nok", "'r.txt', line 1: "),
        ("-r none.txt", "'r.txt', line 1: '-r none.txt' names 'none.txt', which does not exist"),
        ("-r r.txt", "perhaps itself"),
        ("-r ../outside.txt", "leaves the server's root"),
        ("-e ../", "leaves the server's root"),
    ],
)
def test_what_is_wrong_in_a_file_names_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.txt").write_text("six")
    (root / "r.txt").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        requirements.read(root / "r.txt", "r.txt", root)
    assert caught.value.details["field"] == "environment.requirements_file"
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    with pytest.raises(InvalidInput, match="leaves the server's root"):
        requirements.read(tmp_path / "outside.txt", "../outside.txt", root)
    with pytest.raises(InvalidInput, match="cannot be read"):
        requirements.read(root, "folder", root)
