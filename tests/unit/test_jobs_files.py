"""Reading attempt folders: every byte of a log once, nothing outside the folder, ever."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING

import nbformat
import pytest

from labstudio.errors import Forbidden, InvalidInput, NotFound, Unavailable
from labstudio.jobs import files

if TYPE_CHECKING:
    from pathlib import Path

LOG = "Grüße, 世界 🎉\n\x1b[31mred\x1b[0m\n".encode()


def whole_log(folder: Path, limit: int) -> str:
    text, offset = "", 0
    for _ in range(10_000):
        chunk = files.read_log(folder, attempt=1, offset=offset, limit=limit, ended=True)
        assert chunk.offset == offset
        text += chunk.text
        offset = chunk.next_offset
        if chunk.complete:
            assert offset == chunk.size_bytes
            return text
    raise AssertionError("the log never completed")


@pytest.mark.parametrize("limit", [1, 4, 5, 7, 16, 1000])
def test_log_is_the_same_whatever_the_chunk(tmp_path: Path, limit: int) -> None:
    (tmp_path / "log").write_bytes(LOG * 7)
    assert whole_log(tmp_path, limit) == (LOG * 7).decode()


def test_log_of_random_bytes_loses_nothing(tmp_path: Path) -> None:
    data = random.Random(1).randbytes(5_000)
    (tmp_path / "log").write_bytes(data)
    assert whole_log(tmp_path, 64) == data.decode("utf-8", "replace")


def test_log_holds_half_a_character_back_until_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a" + "世".encode()[:2])
    chunk = files.read_log(tmp_path, attempt=1)
    assert (chunk.text, chunk.next_offset, chunk.size_bytes) == ("a", 1, 3)
    log.write_bytes("a世".encode())
    chunk = files.read_log(tmp_path, attempt=1, offset=1)
    assert (chunk.text, chunk.next_offset) == ("世", 4)


def test_log_that_ends_in_half_a_character_completes(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a\xe4\xb8")
    chunk = files.read_log(tmp_path, attempt=2, ended=True)
    assert (chunk.text, chunk.next_offset, chunk.complete) == ("a\ufffd", 3, True)


@pytest.mark.parametrize("offset", [0, 5, 10**9])
def test_log_that_is_not_there_or_shorter_than_the_offset(tmp_path: Path, offset: int) -> None:
    chunk = files.read_log(tmp_path, attempt=1, offset=offset)
    assert (chunk.text, chunk.next_offset, chunk.complete) == ("", 0, False)
    (tmp_path / "log").write_bytes(b"abc")
    chunk = files.read_log(tmp_path, attempt=1, offset=offset, ended=True)
    assert chunk.next_offset == 3
    assert chunk.complete


def test_log_of_ten_megabytes_in_one_line_comes_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 10_000_000)
    chunk = files.read_log(tmp_path, attempt=1, limit=10**9)
    assert len(chunk.text) == files.LOG_LIMIT
    assert len(whole_log(tmp_path, 1 << 20)) == 10_000_000


def sample(t: float, memory: int = 100) -> str:
    return json.dumps({"t": t, "cpu_percent": 50.0, "memory_bytes": memory, "processes": 2})


def test_resources_are_thinned_and_keep_the_peak(tmp_path: Path) -> None:
    lines = [sample(t, 10_000 if t == 777 else 100) for t in range(3_600)]
    (tmp_path / "resources.jsonl").write_text("\n".join(lines) + '\n{"t": 1, "cpu')
    series = files.read_resources(tmp_path, attempt=1, points=100)
    assert len(series.samples) == 100
    assert max(each.memory_bytes for each in series.samples) == 10_000
    assert series.samples[-1].t == 3_599
    assert [each.t for each in series.samples] == sorted(each.t for each in series.samples)


def test_resources_of_days_stay_within_the_points(tmp_path: Path) -> None:
    (tmp_path / "resources.jsonl").write_text("\n".join(sample(t) for t in range(50_000)))
    assert 2 <= len(files.read_resources(tmp_path, attempt=1, points=10).samples) <= 10
    assert files.read_resources(tmp_path / "none", attempt=1).samples == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An attempt's folder with secrets beside what it left."""
    folder = tmp_path / "1"
    (folder / "work" / "plots").mkdir(parents=True)
    (folder / "work" / "plots" / "日本 語🎉.svg").write_text("<svg/>")
    (folder / "work" / "model.bin").write_bytes(b"\0\1")
    (folder / "work" / "out").symlink_to(tmp_path / "outside.txt")
    (folder / "work" / "up").symlink_to("../attempt.json")
    (folder / "work" / "loop").symlink_to("loop")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "attempt.json").write_text('{"token": "secret"}')
    (folder / "log").write_bytes(b"hello\n")
    (folder / "result.pkl").write_bytes(b"x")
    listed = ["plots/日本 語🎉.svg", "model.bin", "out", "up", "gone.txt"]
    items = [{"path": p, "size_bytes": 1, "modified_at": "2026-01-01T00:00:00Z"} for p in listed]
    (folder / "outputs.json").write_text(json.dumps({"items": items}))
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                "print('<b>')", outputs=[nbformat.v4.new_output("stream", text="<b>\n")]
            )
        ]
    )
    nbformat.write(notebook, folder / "output.ipynb")
    return folder


def test_files_are_listed_with_roles_and_without_links_out(folder: Path) -> None:
    listed = {item.path: item for item in files.list_files(folder, attempt=1).items}
    assert {path: item.role for path, item in listed.items()} == {
        "output.ipynb": "notebook",
        "output.html": "html",
        "log": "log",
        "result.pkl": "result",
        "work/model.bin": "output",
        "work/plots/日本 語🎉.svg": "output",
    }
    assert {item.name for item in listed.values()} == {
        "output.ipynb",
        "output.html",
        "log",
        "result.pkl",
        "model.bin",
        "plots/日本 語🎉.svg",
    }
    assert listed["work/plots/日本 語🎉.svg"].media_type == "image/svg+xml"
    assert listed["log"].size_bytes == 6
    assert listed["output.ipynb"].modified_at.tzinfo is not None
    for path in listed:
        assert files.file_path(folder, path).is_file()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("../outside.txt", InvalidInput),
        ("work/../attempt.json", InvalidInput),
        ("work/..", InvalidInput),
        ("/etc/passwd", InvalidInput),
        ("", InvalidInput),
        ("work/\0", InvalidInput),
        ("attempt.json", Forbidden),
        ("runner.json", Forbidden),
        ("work", Forbidden),
        ("./attempt.json", Forbidden),
        ("work/out", Forbidden),
        ("work/up", Forbidden),
        ("work/loop", NotFound),
        ("work/plots", NotFound),
        ("work/none", NotFound),
        ("work/" + "x" * 5000, NotFound),
    ],
)
def test_no_path_leads_out_or_to_the_runners_own_files(
    folder: Path, path: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        files.file_path(folder, path)


@pytest.mark.slow
def test_page_is_made_once_and_again_when_the_notebook_changed(folder: Path) -> None:
    page = files.html_file(folder)
    assert "&lt;b&gt;" in page.read_text()
    inode = page.stat().st_ino
    assert files.html_file(folder).stat().st_ino == inode
    notebook = json.loads((folder / "output.ipynb").read_text())
    notebook["cells"][0]["source"] = "print('changed')"
    (folder / "output.ipynb").write_text(json.dumps(notebook))
    os.utime(folder / "output.ipynb", ns=(1, 1))
    assert "changed" in files.html_file(folder).read_text()


def test_notebook_that_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        files.read_notebook(tmp_path)
    with pytest.raises(NotFound):
        files.html_file(tmp_path)
    for broken in ("{", "[]"):
        (tmp_path / "output.ipynb").write_text(broken)
        with pytest.raises(Unavailable):
            files.read_notebook(tmp_path)
