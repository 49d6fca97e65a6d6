"""Files of the home: whole or not there, whoever writes them at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labstudio.home import write_atomic, write_once


def test_of_several_that_write_a_file_once_the_first_stands(tmp_path: Path) -> None:
    path = tmp_path / "key"
    contents = [str(number) * 100_000 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda content: write_once(path, content), contents))
    assert len(found) == 1
    assert found < {content.encode() for content in contents}
    assert path.read_bytes() in found
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_take_its_name_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_atomic(tmp_path / "taken", "content")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
    write_atomic(tmp_path / "free", "content")
    assert (tmp_path / "free").read_text() == "content"
