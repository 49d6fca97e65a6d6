"""Keeps two folders in step, both ways, by content: what either side wrote is never lost.

`merge` decides, from what both sides hold and what they held when they last agreed, what both are
to hold; it touches nothing. `Synchroniser` looks, decides, and brings both sides there.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from labstudio.compute.host.entries import FILE, FOLDER, Change, Entry, Limits, Rules, State
from labstudio.home import write_atomic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

Tree = dict[str, Entry]
IGNORE_FILE = ".labstudioignore"

REASONS = {
    "large": "it is larger than {file_bytes} bytes",
    "much": "the folder holds more than {folder_bytes} bytes",
    "many": "the folder holds more than {entries} files",
    "link": "the link leads out of the folder",
    "special": "it is no file",
    "unreadable": "it cannot be read",
}
"""Why a path is left out, for people. `changing` is not among them: the next look takes it."""
UNFINISHED: Rules = [(True, r"\.unfinished(/|$)")]
TOLD_AT_ONCE = 5
TOLD_BYTES = 20_000_000
LOCK_POLL_S = 0.05


# -- what is to be


@dataclass(frozen=True)
class Merged:
    """What both sides are to hold.

    Parameters
    ----------
    tree
        By path.
    conflicts
        The paths that both sides changed, with the name that the other version was given.
    """

    tree: Tree
    conflicts: dict[str, str] = field(default_factory=dict)


def merge(
    here: Tree,
    there: Tree,
    base: Tree,
    *,
    names: tuple[str, str] = ("here", "there"),
    at: datetime | None = None,
) -> Merged:
    """Decide what both sides are to hold.

    A path that one side changed is as that side has it; the removal of what the other side
    changed counts for nothing. Where both changed one, this side's version keeps the name, and
    the other is kept beside it.

    Parameters
    ----------
    here, there
        What the sides hold.
    base
        What both held when they last agreed. A side that is empty now, and was not then, is
        taken to be lost and not to be emptied: it is filled again.
    names
        What the sides are called in the names of conflicting versions.
    at
        The time in those names.
    """
    if base and not (here and there):
        base = {}
    tree: Tree = {}
    aside: list[tuple[str, Entry, str]] = []
    for path in here.keys() | there.keys():
        ours, theirs, before = here.get(path), there.get(path), base.get(path)
        chosen, other = _choose(ours, theirs, before)
        if chosen is not None:
            tree[path] = chosen
        if other is not None:
            aside.append((path, other, names[other is theirs]))
    for path in sorted({str(above) for each in tree for above in _above(each)}):
        found = tree.get(path)
        tree[path] = Entry(FOLDER)
        if found is not None and found.kind != FOLDER:
            aside.append((path, found, names[here.get(path) != found]))
    taken = here.keys() | there.keys() | tree.keys()
    conflicts: dict[str, str] = {}
    for path, entry, side in sorted(aside):
        conflicts[path] = _free_name(path, side, at or datetime.now(), taken | tree.keys())
        tree[conflicts[path]] = entry
    return Merged(tree, conflicts)


def _choose(
    ours: Entry | None, theirs: Entry | None, before: Entry | None
) -> tuple[Entry | None, Entry | None]:
    """Return what a path is to be, and what else must be kept."""
    if ours == theirs or theirs == before:
        return ours, None
    if ours == before:
        return theirs, None
    if ours is None or theirs is None:
        return ours or theirs, None
    if ours.content == theirs.content:
        return ours, None
    if before is not None and theirs.content == before.content:
        return ours, None  # there only its permissions were changed
    if before is not None and ours.content == before.content:
        return theirs, None
    if ours.kind == FOLDER or theirs.kind == FOLDER:
        return (ours, theirs) if ours.kind == FOLDER else (theirs, ours)
    return ours, theirs


def _above(path: str) -> list[PurePosixPath]:
    return [each for each in PurePosixPath(path).parents if each.name]


def _free_name(path: str, side: str, at: datetime, taken: Collection[str]) -> str:
    place = PurePosixPath(path)
    number = 1
    while True:
        which = "" if number == 1 else f" {number}"
        name = f"{place.stem} (conflict from {side} {at:%Y-%m-%d %H.%M}{which}){place.suffix}"
        found = str(place.with_name(name))
        if found not in taken:
            return found
        number += 1


def changes(now: Tree, wanted: Tree) -> list[Change]:
    """List what makes one side what is wanted; content that it has somewhere is taken from there.

    Parameters
    ----------
    now
        What it holds.
    wanted
        What it is to hold.
    """
    held = {entry.sha256: path for path, entry in now.items() if entry.kind == FILE}
    removed = [Change(path, None) for path in now if path not in wanted]
    return removed + [
        Change(path, entry, held.get(entry.sha256) if entry.kind == FILE else None)
        for path, entry in wanted.items()
        if now.get(path) != entry
    ]


def without(tree: Tree, paths: Collection[str]) -> Tree:
    """Return a tree without some paths and all below them."""
    if not paths:
        return tree
    out = set(paths)
    if "" in out:
        return {}
    return {
        path: entry
        for path, entry in tree.items()
        if path not in out and not any(str(above) in out for above in _above(path))
    }


def rules_of(text: str) -> list[tuple[bool, str]]:
    """Return the rules of a ``.labstudioignore``, which is written as a ``.gitignore`` is."""
    from pathspec import GitIgnoreSpec

    found = GitIgnoreSpec.from_lines(text.splitlines())
    return [
        (bool(each.include), each.regex.pattern)
        for each in found.patterns
        if each.include is not None and each.regex is not None
    ]


# -- bringing it about


class Side(Protocol):
    """A folder that is kept in step with another; `LocalSide` and `RemoteSide` are such."""

    async def scan(self, rules: Rules, limits: Limits) -> State:
        """Look at the folder."""

    async def missing(self, hashes: Sequence[str]) -> list[str]:
        """Say which contents must still be staged."""

    def read(self, paths: Sequence[str]) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """Read files, one after the other; one that cannot be read is cut short."""

    async def stage(
        self, sha256: str, content: AsyncIterator[bytes], size: int | None = None
    ) -> None:
        """Take in some content; it counts only if it is whole.

        With its size, only that is checked.
        """

    async def commit(self, changes: Sequence[Change]) -> dict[str, str]:
        """Make changes; return which were not made, and why."""


async def bring(
    source: Side, held: Tree, target: Side, made: Sequence[Change], *, named: bool = False
) -> None:
    """Stage what changes to one side need of the other; only what is missing travels.

    Parameters
    ----------
    source, held
        The other side, and what it holds.
    target, made
        The side that is to be changed, and how.
    named
        Whether what a file is named after need not be checked; see `mirror`.
    """
    at = {entry.sha256: path for path, entry in held.items() if entry.kind == FILE}
    needed = {
        change.entry.sha256
        for change in made
        if change.entry is not None and change.entry.kind == FILE and change.source is None
    }
    missing = await target.missing(sorted(needed)) if needed else []
    hashes = {at[each]: each for each in missing}
    async for path, content in source.read(sorted(hashes)):
        whole = named and PurePosixPath(path).name == hashes[path]
        await target.stage(hashes[path], content, held[path].size if whole else None)


async def mirror(source: Side, target: Side, *, named: bool = False) -> dict[str, str]:
    """Make one side what the other is; return what could not be done, and why.

    Parameters
    ----------
    named
        Whether files whose names are a SHA-256 are taken to hold that, and are not hashed on the
        way: whoever reads them checks it. What is ``.unfinished`` stays behind then.
    """
    limits = Limits(1 << 62, 1 << 62, 1 << 31, settling_s=0, named=named)
    rules = UNFINISHED if named else []
    held, now = await asyncio.gather(source.scan(rules, limits), target.scan(rules, limits))
    made = changes(now.entries, held.entries)
    await bring(source, held.entries, target, made, named=named)
    return {**held.left_out, **await target.commit(made)} if made else dict(held.left_out)


class Synchroniser:
    """Keeps a folder here and one elsewhere in step.

    Parameters
    ----------
    here, there
        The sides.
    ignore
        The file, in ``.gitignore`` style, that says what is left out.
    memory
        A file that remembers what both held when they last agreed.
    names
        What the sides are called.
    say
        Tells the user what was left out, and of conflicts.
    limits
        How much is kept in step.
    always
        Rules that come after those of the file, and so decide.
    """

    def __init__(
        self,
        here: Side,
        there: Side,
        ignore: Path,
        memory: Path,
        *,
        names: tuple[str, str],
        say: Callable[[str], None] = lambda _text: None,
        limits: Limits = Limits(),  # noqa: B008  it cannot be changed
        always: Sequence[tuple[bool, str]] = (),
    ) -> None:
        self.here = here
        self.there = there
        self._ignore = ignore
        self._memory = memory
        self._names = names
        self._say = say
        self._limits = limits
        self._always = list(always)
        self._told: set[tuple[str, str]] = set()

    async def run(self) -> bool:
        """Bring both sides in step once; return whether anything had to be done.

        What changes meanwhile is left as it is, for the next time.
        """
        async with self._lock():
            return await self._run(self._rules())

    async def _run(self, rules: Rules) -> bool:
        looked = await asyncio.gather(
            self.here.scan(rules, self._limits), self.there.scan(rules, self._limits)
        )
        out = {**looked[1].left_out, **looked[0].left_out}
        self._tell(out)
        here, there = (without(each.entries, out) for each in looked)
        base = self._read()
        if here == there == without(base, out):
            return False
        merged = merge(here, there, without(base, out), names=self._names)
        sides = ((self.here, here), (self.there, there))
        made = [changes(now, merged.tree) for _, now in sides]
        for wanted, name in zip(made, self._names, strict=True):
            self._tell_size(wanted, name)
        # All content is on its way before anything changes: what is read is what was seen.
        await bring(self.there, there, self.here, made[0])
        await bring(self.here, here, self.there, made[1])
        failed: dict[str, str] = {}
        for (side, _), wanted in zip(sides, made, strict=True):
            if wanted:
                failed.update(await side.commit(wanted))
        self._write(_agreed(base, merged.tree, {*out, *failed}))
        for path, kept in merged.conflicts.items():
            if path not in failed and kept not in failed:
                self._say(f"{path} was changed on both sides; the other version is kept as {kept}.")
        return bool(made[0] or made[1])

    def _rules(self) -> Rules:
        try:
            own = rules_of(self._ignore.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            own = []
        return [*own, *self._always]

    @asynccontextmanager
    async def _lock(self) -> AsyncIterator[None]:
        """Keep others away who keep the same two folders in step."""
        with self._memory.with_suffix(".lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    await asyncio.sleep(LOCK_POLL_S)
                else:
                    break
            yield

    def _read(self) -> Tree:
        try:
            found = json.loads(self._memory.read_bytes())
        except FileNotFoundError:
            return {}
        return {path: Entry(*entry) for path, entry in found.items()}

    def _write(self, tree: Tree) -> None:
        write_atomic(self._memory, json.dumps(tree))

    def _tell_size(self, made: Sequence[Change], name: str) -> None:
        sizes = [each.entry.size for each in made if each.entry is not None and not each.source]
        if sum(sizes) > TOLD_BYTES:
            self._say(f"{len(sizes)} files, {sum(sizes) / 1e6:.0f} MB, are on their way to {name}.")

    def _tell(self, left_out: dict[str, str]) -> None:
        new = {(path, why) for path, why in left_out.items() if why in REASONS} - self._told
        self._told |= new
        listed = sorted(new)
        for path, why in listed[:TOLD_AT_ONCE]:
            reason = REASONS[why].format(**self._limits._asdict())
            self._say(
                f"{path or 'The folder'} is not kept in step with {self._names[1]}: {reason}."
            )
        if len(listed) > TOLD_AT_ONCE:
            self._say(f"Nor are {len(listed) - TOLD_AT_ONCE} others.")


def _agreed(before: Tree, tree: Tree, but: Collection[str]) -> Tree:
    """Return what both sides hold alike now; of some paths, and below them, it stays as it was."""
    settled = without(before, but)
    kept = {path: entry for path, entry in before.items() if path not in settled}
    return {**without(tree, but), **kept}
