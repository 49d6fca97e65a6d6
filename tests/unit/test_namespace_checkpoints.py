"""``%checkpoint``: a notebook's variables outlive its kernel."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.errors import InvalidInput, NotFound
from tests.unit.namespace_tools import Desk, desk

pytestmark = pytest.mark.slow


def at(desk: Desk, studio: Studio) -> None:
    desk.run(f"import os; os.environ['LABSTUDIO_HOME'] = {str(studio.home.path)!r}; del os")
    desk.run("%load_ext labstudio")


def test_variables_come_back_after_a_crash(studio: Studio) -> None:
    with desk() as old:
        at(old, studio)
        old.run("x = bytearray(2_000_000); y = [x]\ndef f(): return z\nz = 5")
        old.run("# a lock\nimport threading\nlock = threading.Lock()")
        said = old.run("%checkpoint before")
        assert said.splitlines()[0].startswith("Kept 5 names, 2.0 MB, as before.")
        assert "Left behind: lock is a lock (cell 4: lock = threading.Lock())" in said
        parts = studio.home.path / "checkpoints" / "before" / "parts"
        large = max(parts.iterdir(), key=lambda path: path.stat().st_size)
        written = large.stat().st_mtime_ns
        old.run("z = 6")
        old.run("%checkpoint before")
        assert large.stat().st_mtime_ns == written
        assert len(list(parts.iterdir())) == 2
        pid = int(old.run("import os; print(os.getpid())"))
        os_kill(pid)
    with desk() as new:
        at(new, studio)
        assert "before" in new.run("%checkpoint list")
        new.run("mine = 1")
        said = new.run("%checkpoint restore before")
        assert said == "Restored 5 names."
        new.run("assert y[0] is x and len(x) == 2_000_000 and f() == 6 and mine == 1")
        new.run("z = 7; assert f() == 7")
        new.run("%checkpoint restore before --names z")
        new.run("assert z == 6")
        new.run("%checkpoint delete before")
    assert studio.namespace.list() == []


def os_kill(pid: int) -> None:
    import os

    os.kill(pid, signal.SIGKILL)


def test_what_cannot_come_back_is_named(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Thing: pass")
    with desk(cwd=str(tmp_path)) as old:
        at(old, studio)
        old.run("import mine; thing = mine.Thing(); other = 1")
        old.run("%checkpoint it")
    with desk() as new:
        at(new, studio)
        said = new.run("%checkpoint restore it")
        assert "Restored 1 name." in said
        assert "Not restored: thing needs the package mine" in said
        new.run("assert other == 1")


def test_a_wrong_name_is_said(studio: Studio) -> None:
    with pytest.raises(NotFound, match="There is no checkpoint never; there are: none"):
        studio.namespace.get("never")
    for name in ("../up", "", "a b", "/x", ".hidden"):
        with pytest.raises(InvalidInput, match="is no checkpoint's name"):
            studio.namespace.get(name)
