"""Folders that a container is shown: the same files, and no way out of the folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from labstudio.compute.docker.brought import THERE, Brought
from labstudio.errors import InvalidInput, StudioError


@pytest.fixture
def brought(tmp_path: Path) -> Brought:
    found = Brought(tmp_path / "brought", f"{os.getuid()}:{os.getgid()}")
    (tmp_path / "brought").mkdir()
    return found


@pytest.fixture
def here(tmp_path: Path) -> Path:
    found = tmp_path / "moves" / "packed"
    (found / "parts").mkdir(parents=True)
    (found / "parts" / "a").write_bytes(b"a" * 5000)
    (found / "parts" / "a").chmod(0o600)
    return found


def test_what_is_brought_and_fetched_is_the_same_file(brought: Brought, here: Path) -> None:
    there = brought.bring(here)
    assert there == f"{THERE}/moves-packed"
    seen = here.parent.parent / "brought" / "moves-packed" / "parts" / "a"
    assert seen.samefile(here / "parts" / "a")
    assert seen.stat().st_mode & 0o444 == 0o444
    # What the kernel adds comes, what it removed goes; the rest stays as it is.
    seen.with_name("b").write_bytes(b"b")
    seen.unlink()
    brought.fetch(there, here)
    assert [each.name for each in (here / "parts").iterdir()] == ["b"]
    (here / "parts" / "b").unlink()
    brought.bring(here)
    assert list(seen.parent.iterdir()) == []


def test_where_no_second_name_is_possible_it_is_copied_once(
    brought: Brought, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refuse)
    brought.bring(here)
    seen = here.parent.parent / "brought" / "moves-packed" / "parts" / "a"
    assert seen.read_bytes() == b"a" * 5000
    copied = seen.stat().st_ino
    brought.bring(here)
    assert seen.stat().st_ino == copied


def test_links_that_code_laid_lead_nowhere(brought: Brought, here: Path, tmp_path: Path) -> None:
    there = brought.bring(here)
    seen = tmp_path / "brought" / "moves-packed"
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (seen / "manifest.json").symlink_to(secret / "key")
    with pytest.raises(StudioError, match=r"manifest\.json is a link"):
        brought.fetch(there, here)
    (seen / "manifest.json").unlink()
    os.mkfifo(seen / "pipe")
    with pytest.raises(StudioError, match="pipe is no file"):
        brought.fetch(there, here)
    (seen / "pipe").unlink()
    (seen / "parts" / "a").unlink()
    (seen / "parts").rmdir()
    (seen / "parts").symlink_to(secret)
    brought.bring(here)
    assert [each.name for each in secret.iterdir()] == ["key"]
    assert not (seen / "parts").is_symlink()


@pytest.mark.parametrize("there", ["/etc", f"{THERE}/..", f"{THERE}/a/b", THERE, "moves-packed"])
def test_only_what_was_brought_is_fetched(brought: Brought, here: Path, there: str) -> None:
    with pytest.raises(InvalidInput, match="is no folder that was brought"):
        brought.fetch(there, here)
