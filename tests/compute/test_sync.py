"""Synchronisation of real folders, one of them behind an agent as on a host."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from labstudio.compute import bundle
from labstudio.compute.host.entries import Change, Entry, Limits
from labstudio.compute.host.folder import Folder
from labstudio.compute.sides import LocalSide, RemoteSide
from labstudio.compute.sync import IGNORE_FILE, Synchroniser, mirror


@contextlib.asynccontextmanager
async def served(root: Path, store: Path, programs: Path) -> AsyncIterator[RemoteSide]:
    """A folder behind an agent in a process of its own, started as on a host."""
    for path, content in bundle.files().items():
        (programs / path).parent.mkdir(parents=True, exist_ok=True)
        (programs / path).write_bytes(content)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-c", bundle.program(str(programs), "agent")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield RemoteSide(process.stdout, process.stdin, str(root), str(store))
    finally:
        process.stdin.close()
        assert await process.wait() == 0


class Pair:
    """A folder here and one there."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.here, self.there = base / "here" / "proj", base / "there" / "proj"
        for each in (self.here, self.there):
            each.mkdir(parents=True)
        self.said: list[str] = []
        self.limits = Limits()

    def run(self, *between: Callable[[], object]) -> list[bool]:
        """Synchronise once, and once more after each thing that happens between."""

        async def go() -> list[bool]:
            async with served(self.there, self.base / "s", self.base / "programs") as remote:
                one = Synchroniser(
                    LocalSide(self.here, self.base / "store"),
                    remote,
                    self.here / IGNORE_FILE,
                    self.base / "memory.json",
                    names=("laptop", "gpu-box"),
                    say=self.said.append,
                    limits=self.limits,
                )
                done = [await one.run()]
                for happens in between:
                    happens()
                    done.append(await one.run())
                return done

        return asyncio.run(go())

    def content(self, side: Path) -> dict[str, str]:
        return {
            str(path.relative_to(side)): path.read_text()
            for path in sorted(side.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def put(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_both_sides_come_to_hold_what_either_wrote(pair: Pair):
    put(pair.here, a="1", sub__b="2")
    put(pair.there, c="3")
    (pair.here / "run.sh").write_text("#!/bin/sh")
    (pair.here / "run.sh").chmod(0o750)
    (pair.there / "empty").mkdir()
    assert pair.run(lambda: None) == [True, False]
    expected = {"a": "1", "sub/b": "2", "c": "3", "run.sh": "#!/bin/sh"}
    assert pair.content(pair.here) == pair.content(pair.there) == expected
    assert (pair.there / "run.sh").stat().st_mode & 0o777 == 0o750
    assert (pair.here / "empty").is_dir()


def test_changes_removals_and_moves_go_both_ways(pair: Pair):
    put(pair.here, a="1", b="2", sub__c="3", stays="s")

    def work() -> None:
        (pair.there / "a").write_text("1 there")
        (pair.here / "b").unlink()
        (pair.there / "sub").rename(pair.there / "moved")
        (pair.here / "stays").chmod(0o600)

    assert pair.run(work) == [True, True]
    expected = {"a": "1 there", "moved/c": "3", "stays": "s"}
    assert pair.content(pair.here) == pair.content(pair.there) == expected
    assert not (pair.here / "sub").exists()
    assert (pair.there / "stays").stat().st_mode & 0o777 == 0o600


def test_a_conflict_keeps_both_versions_on_both_sides_and_says_so(pair: Pair):
    put(pair.here, a="base", gone="old", left="old")

    def work() -> None:
        put(pair.here, a="mine", left="changed")
        put(pair.there, a="its", gone="changed")
        (pair.here / "gone").unlink()
        (pair.there / "left").unlink()

    pair.run(work, lambda: None)
    found = pair.content(pair.here)
    assert found == pair.content(pair.there)
    (beside,) = (name for name in found if name.startswith("a (conflict from gpu-box 20"))
    assert found == {"a": "mine", beside: "its", "gone": "changed", "left": "changed"}
    assert pair.said == [f"a was changed on both sides; the other version is kept as {beside}."]


def test_two_files_that_change_names_with_each_other_keep_their_content(pair: Pair):
    put(pair.here, x="1", y="2")

    def swap() -> None:
        (pair.here / "x").rename(pair.here / "z")
        (pair.here / "y").rename(pair.here / "x")
        (pair.here / "z").rename(pair.here / "y")

    pair.run(swap)
    assert pair.content(pair.there) == {"x": "2", "y": "1"}


def test_a_file_becomes_a_folder_and_a_folder_a_file(pair: Pair):
    put(pair.here, a="1", b__c="2")

    def work() -> None:
        (pair.here / "a").unlink()
        put(pair.here, a__inner="3")
        (pair.there / "b" / "c").unlink()
        (pair.there / "b").rmdir()
        put(pair.there, b="4")

    pair.run(work)
    assert pair.content(pair.here) == pair.content(pair.there) == {"a/inner": "3", "b": "4"}


def test_what_is_ignored_stays_where_it_is(pair: Pair):
    put(pair.here, **{"__pycache__x": "no", ".git__HEAD": "no", "data.csv": "no", "keep.csv": "1"})
    (pair.here / "__pycache__").mkdir()
    (pair.here / "__pycache__" / "m.pyc").write_text("no")
    (pair.here / IGNORE_FILE).write_text("*.csv\n!keep.csv\nbig/\n")
    put(pair.there, big__x="no", **{".~saving.ipynb": "no"})
    pair.run()
    assert set(pair.content(pair.there)) >= {"keep.csv", IGNORE_FILE}
    assert "data.csv" not in pair.content(pair.there)
    assert "__pycache__/m.pyc" not in pair.content(pair.there)
    assert ".git/HEAD" not in pair.content(pair.there)
    assert not {"big/x", ".~saving.ipynb"} & set(pair.content(pair.here))


def test_a_removed_folder_goes_with_the_caches_in_it(pair: Pair):
    put(pair.here, package__m="1", stays="2")

    def work() -> None:
        (pair.there / "package" / "__pycache__").mkdir()
        (pair.there / "package" / "__pycache__" / "m.pyc").write_text("")
        (pair.here / "package" / "m").unlink()
        (pair.here / "package").rmdir()

    pair.run(work)
    assert not (pair.there / "package").exists()


def test_what_is_too_large_is_told_once_and_never_removed(pair: Pair):
    put(pair.here, a="1", grows="small")
    put(pair.there, many__1="", many__2="", many__3="", many__4="")
    pair.limits = Limits(file_bytes=100, entries=4)

    def grow() -> None:
        (pair.there / "grows").write_text("x" * 101)

    pair.run(grow, lambda: None)
    assert (pair.here / "grows").read_text() == "small"
    assert len(pair.content(pair.there)) == 6
    assert pair.said == [
        "many is not kept in step with gpu-box: the folder holds more than 4 files.",
        "grows is not kept in step with gpu-box: it is larger than 100 bytes.",
    ]


def test_links_are_kept_inside_and_never_followed_outside(pair: Pair, tmp_path: Path):
    secret = tmp_path / "secret"
    put(secret, key="private")
    put(pair.here, sub__a="1")
    (pair.here / "inside").symlink_to("sub/a")
    (pair.here / "outside").symlink_to(secret)
    (pair.here / "up").symlink_to("../../secret/key")
    put(pair.there, outside__planted="x")
    pair.run()
    assert (pair.there / "inside").readlink() == Path("sub/a")
    assert not (pair.there / "up").exists()
    assert pair.content(secret) == {"key": "private"}
    assert [text.split(":")[1] for text in pair.said] == [" the link leads out of the folder."] * 2


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", "a//b", "a\0b", "door/x"])
def test_no_change_reaches_out_of_the_folder(tmp_path: Path, path: str):
    folder = Folder(tmp_path / "root", tmp_path / "store")
    (tmp_path / "root" / "door").symlink_to(tmp_path)
    folder.scan([])
    assert list(folder.commit([Change(path, Entry("folder"))])) == [path]
    assert not (tmp_path / "x").exists()


def test_what_changed_since_it_was_looked_at_is_left_as_it_is(tmp_path: Path):
    root = tmp_path / "root"
    put(root, a="seen", b="seen")
    folder = Folder(root, tmp_path / "store")
    entry = folder.scan([]).entries["a"]
    put(root, a="written meanwhile", new="came meanwhile")
    failed = folder.commit(
        [Change("a", None), Change("b", None), Change("new", entry, "b"), Change("c", entry, "a")]
    )
    assert failed == {
        "a": "it has changed meanwhile",
        "new": "it has changed meanwhile",
        "b": "it has changed meanwhile",  # what was to take its content has no place
        "c": "it has changed meanwhile",
    }
    assert (root / "a").read_text() == "written meanwhile"
    assert not (root / "c").exists()


def test_a_side_that_was_emptied_is_filled_again(pair: Pair):
    put(pair.here, a="1", b="2")

    def wipe() -> None:
        for each in list(pair.there.iterdir()):
            each.unlink()

    pair.run(wipe)
    assert pair.content(pair.here) == pair.content(pair.there) == {"a": "1", "b": "2"}


def test_a_notebook_that_is_saved_all_the_while_loses_no_version(pair: Pair):
    """A writer here replaces the file as Jupyter does; the other side only ever sees whole ones."""
    versions = [f"{number:05d}" * 20_000 for number in range(40)]

    async def go() -> None:
        async with served(pair.there, pair.base / "s", pair.base / "programs") as remote:
            one = Synchroniser(
                LocalSide(pair.here, pair.base / "store"),
                remote,
                pair.here / IGNORE_FILE,
                pair.base / "memory.json",
                names=("laptop", "gpu-box"),
            )

            def save() -> None:
                for version in versions:
                    (pair.here / ".~n.ipynb").write_text(version)
                    (pair.here / ".~n.ipynb").rename(pair.here / "n.ipynb")
                    time.sleep(0.005)

            saving = asyncio.create_task(asyncio.to_thread(save))
            while not saving.done():
                await one.run()
                for seen in pair.content(pair.there).values():
                    assert seen in versions
            await one.run()

    asyncio.run(go())
    assert pair.content(pair.there) == {"n.ipynb": versions[-1]}


def test_two_who_keep_the_same_folders_do_not_disturb_each_other(pair: Pair):
    put(pair.here, **{f"f{number}": str(number) for number in range(30)})

    async def go() -> None:
        async with contextlib.AsyncExitStack() as stack:
            both = []
            for _ in range(2):
                remote = await stack.enter_async_context(
                    served(pair.there, pair.base / "s", pair.base / "programs")
                )
                both.append(
                    Synchroniser(
                        LocalSide(pair.here, pair.base / "store"),
                        remote,
                        pair.here / IGNORE_FILE,
                        pair.base / "memory.json",
                        names=("laptop", "gpu-box"),
                        say=pair.said.append,
                    )
                )
            await both[0].run()
            for each in range(5):
                put(pair.there, **{f"f{each}": f"changed {each}"})
                await asyncio.gather(*(one.run() for one in both))

    asyncio.run(go())
    assert pair.content(pair.here) == pair.content(pair.there)
    assert len(pair.content(pair.here)) == 30
    assert not pair.said


def test_nothing_is_hashed_or_sent_twice(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    put(pair.here, a="1" * 1000, b="2" * 1000)
    for name in ("a", "b"):
        os.utime(pair.here / name, (1e9, 1e9))
    read: list[Path] = []
    from labstudio.compute.host import folder

    real = folder.hash_file
    monkeypatch.setattr(folder, "hash_file", lambda path: read.append(path) or real(path))
    time.sleep(0.1)
    pair.run(lambda: None)
    assert len(read) == 2
    pair.run()  # another process remembers too
    assert len(read) == 2


def test_a_mirror_makes_one_side_what_the_other_is(pair: Pair):
    put(pair.here, a="1", sub__b="2")
    put(pair.there, old="x")

    async def go() -> dict[str, str]:
        async with served(pair.there, pair.base / "s", pair.base / "programs") as remote:
            return await mirror(LocalSide(pair.here, pair.base / "store"), remote)

    assert asyncio.run(go()) == {}
    assert pair.content(pair.there) == {"a": "1", "sub/b": "2"}


def test_what_is_named_by_its_hash_is_not_hashed_on_its_way(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
):
    from labstudio.compute.host import content, folder

    named = hashlib.sha256(b"large").hexdigest()
    put(pair.here, **{f"parts__{named}": "large", ".unfinished__x": "lar", "manifest.json": "{}"})
    read: list[str] = []
    real = folder.hash_file
    monkeypatch.setattr(folder, "hash_file", lambda path: read.append(path.name) or real(path))

    async def go() -> dict[str, str]:
        async with served(pair.there, pair.base / "s", pair.base / "programs") as remote:
            return await mirror(LocalSide(pair.here, pair.base / "store"), remote, named=True)

    assert asyncio.run(go()) == {}
    assert pair.content(pair.there) == {f"parts/{named}": "large", "manifest.json": "{}"}
    assert read == ["manifest.json"]
    # One that was cut short does not count all the same.
    with (
        pytest.raises(ValueError, match="changed meanwhile"),
        content.Staging(pair.base, named, len(b"large")) as staging,
    ):
        staging.write(b"lar")
    assert not (pair.base / named).exists()
