"""One folder, as synchronisation sees it: what lies in it by content, and changes made to it.

Nothing is ever overwritten that is not what was seen before, nor anything outside of the folder.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
import time
from collections import Counter, deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .content import CHUNK_BYTES, Staging, forget_old, hash_file
from .entries import (
    FILE,
    FOLDER,
    LINK,
    Change,
    Entry,
    Ignored,
    Limits,
    Rules,
    State,
    leads_inside,
    signature,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

SETTLING_BYTES = 64 << 20
RACY_NS = 50_000_000
"""What was written so shortly before it was hashed may have been written again unnoticed."""

DERIVED = frozenset((".ipynb_checkpoints", "__pycache__"))
"""Ignored folders that may go with the folder that they lie in."""
HASH = re.compile("[0-9a-f]{64}")


class Folder:
    """A folder that is looked at and changed.

    Parameters
    ----------
    root
        The folder; made when it is missing.
    store
        Where content waits that is on its way into the folder, and hashes are remembered.
    """

    def __init__(self, root: Path, store: Path) -> None:
        self.root = root
        self.store = store
        root.mkdir(parents=True, exist_ok=True)
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        forget_old(store)
        self._real = os.path.realpath(root)
        self._seen: dict[str, tuple[Any, ...]] = {}
        self._hashes: dict[str, list[Any]] = _read_json(store / "hashes.json")

    # -- what lies in it

    def scan(self, rules: Rules, limits: Limits = Limits()) -> State:  # noqa: B008
        """Look at everything that is not ignored; nothing outside of the folder is.

        Folders near the top come first, so that those deep down are what exceeds the limits.
        """
        ignored = Ignored(rules)
        state = State({}, {})
        self._seen, known, self._hashes = {}, self._hashes, {}
        size, folders = 0, deque([""])
        while folders:
            below = folders.popleft()
            for each in self._listed(below, state, limits.entries):
                path = below + each.name
                is_folder = each.is_dir(follow_symlinks=False)
                if ignored(path, each.name, is_folder):
                    continue
                entry = self._entry(path, each, known, state, limits, limits.folder_bytes - size)
                if entry is not None:
                    state.entries[path] = entry
                    size += entry.size
                if is_folder:
                    folders.append(path + "/")
        if self._hashes != known:
            _write_json(self.store / "hashes.json", self._hashes)
        return state

    def _listed(self, below: str, state: State, limit: int) -> list[os.DirEntry[str]]:
        """List one folder: all that lies in it, or nothing, with the reason."""
        place = os.path.join(self._real, below)  # noqa: PTH118  real, not only absolute
        why = "unreadable"
        try:
            if os.path.realpath(place) == place.rstrip("/"):
                with os.scandir(place) as listed:
                    found = sorted(listed, key=lambda each: each.name)
                if len(state.entries) + len(found) <= limit:
                    return found
                why = "many"
        except OSError:
            if not below:
                raise
        state.entries.pop(below[:-1], None)
        state.left_out[below[:-1]] = why
        return []

    def _entry(
        self,
        path: str,
        found: os.DirEntry[str],
        known: dict[str, list[Any]],
        state: State,
        limits: Limits,
        room: int,
    ) -> Entry | None:
        try:
            about = found.stat(follow_symlinks=False)
            entry: Entry | str
            if stat.S_ISDIR(about.st_mode):
                entry = Entry(FOLDER)
            elif stat.S_ISLNK(about.st_mode):
                target = str(Path(found.path).readlink())
                entry = Entry(LINK, target) if leads_inside(path, target) else "link"
            elif not stat.S_ISREG(about.st_mode):
                entry = "special"
            elif about.st_size > limits.file_bytes:
                entry = "large"
            elif about.st_size > room:
                entry = "much"
            elif limits.named and HASH.fullmatch(found.name):
                entry = _file_entry(found.name, about)
            else:
                entry = self._file(path, about, known, limits.settling_s)
        except FileNotFoundError:
            return None
        except OSError:
            entry = "unreadable"
        if isinstance(entry, str):
            state.left_out[path] = entry
            return None
        self._seen[path] = signature(about)
        return entry

    def _file(
        self, path: str, about: os.stat_result, known: dict[str, list[Any]], settling_s: float
    ) -> Entry | str:
        now = signature(about)
        cached = known.get(path)
        if cached is None or tuple(cached[:4]) != now[:4]:
            if about.st_size >= SETTLING_BYTES and time.time() - about.st_mtime < settling_s:
                return "changing"
            at = time.time_ns()
            sha256 = hash_file(self.root / path)
            if signature(os.lstat(self.root / path)) != now:
                return "changing"
            cached = [*now[:4], sha256]
            if about.st_mtime_ns + RACY_NS > at:
                return _file_entry(sha256, about)
        self._hashes[path] = cached
        return _file_entry(cached[4], about)

    # -- content on its way

    def read(self, path: str) -> Iterator[bytes]:
        """Read a file in pieces."""
        with self._place(path).open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece

    def missing(self, hashes: Iterable[str]) -> list[str]:
        """Say which contents have not been staged."""
        return [each for each in hashes if not (self.store / each).exists()]

    def staging(self, sha256: str, size: int | None = None) -> Staging:
        """Take in some content, in pieces; see `Staging`."""
        return Staging(self.store, sha256, size)

    def _stage(self, change: Change) -> None:
        assert change.entry is not None
        assert change.source is not None
        if self._has(change) or not self.missing([change.entry.sha256]):
            return
        with self.staging(change.entry.sha256) as staging:
            for piece in self.read(change.source):
                staging.write(piece)

    # -- changes

    def commit(self, changes: Sequence[Change]) -> dict[str, str]:
        """Make changes; what is not as it was when `scan` saw it is left as it is.

        Returns
        -------
        dict
            The paths that were left, with the reason.
        """
        failed: dict[str, str] = {}
        puts = sorted(change for change in changes if change.entry is not None)
        copies = [change for change in puts if change.source is not None]
        uses = Counter(each.entry.sha256 for each in puts if each.entry and each.entry.kind == FILE)
        put = partial(self._put, uses=uses)
        self._each(self._stage, copies, failed)
        # What moves has its new place before its old one is given to something else.
        moved = [each for each in copies if each.path not in self._seen and self._has_place(each)]
        self._each(put, moved, failed)
        failed.update(
            {str(each.source): failed[each.path] for each in copies if each.path in failed}
        )
        # What is in the way goes first, the deepest before the folder that it lies in.
        gone = [each for each in changes if each.entry is None or self._is_replaced(each)]
        self._each(self._remove, sorted(gone, reverse=True), failed)
        self._each(put, [each for each in puts if each not in moved], failed)
        for each, left in uses.items():
            if left <= 0:
                (self.store / each).unlink(missing_ok=True)
        _write_json(self.store / "hashes.json", self._hashes)
        return failed

    def _each(
        self, do: Callable[[Change], None], made: Iterable[Change], failed: dict[str, str]
    ) -> None:
        """Do each that has not failed yet, and note what fails."""
        for change in made:
            if change.path not in failed:
                try:
                    do(change)
                except OSError as error:
                    failed[change.path] = error.strerror or str(error)
                except ValueError as error:
                    failed[change.path] = str(error)

    def _has_place(self, change: Change) -> bool:
        return (self.root / change.path).parent.is_dir()

    def _is_replaced(self, change: Change) -> bool:
        """Say whether a folder becomes something else, or something else a folder."""
        assert change.entry is not None
        before = self._seen.get(change.path)
        return before is not None and (before[4] == FOLDER) != (change.entry.kind == FOLDER)

    def _check(self, path: str) -> None:
        if self._found(path) != self._seen.get(path):
            raise ValueError("it has changed meanwhile")

    def _found(self, path: str) -> tuple[Any, ...] | None:
        try:
            return signature(os.lstat(self._place(path)))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _place(self, path: str) -> Path:
        """Return where a path of the folder lies, having checked that it does.

        Raises
        ------
        ValueError
            When it leads out of the folder, or through a link.
        """
        parts = path.split("/")
        if "\0" in path or any(part in ("", ".", "..") for part in parts):
            raise ValueError("it leads out of the folder")
        above = os.path.join(self._real, *parts[:-1])  # noqa: PTH118  real, not only absolute
        if os.path.realpath(above) != above:
            raise ValueError("it lies behind a link")
        return Path(above, parts[-1])

    def _remove(self, change: Change) -> None:
        place = self._place(change.path)
        self._check(change.path)
        if self._seen.get(change.path, ("",))[-1] != FOLDER:
            place.unlink(missing_ok=True)
            self._seen.pop(change.path, None)
            return
        try:
            place.rmdir()
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or any(
                each.name not in DERIVED for each in place.iterdir()
            ):
                raise
            shutil.rmtree(place)
        self._seen.pop(change.path)

    def _put(self, change: Change, uses: Counter[str]) -> None:
        place, entry = self._place(change.path), change.entry
        assert entry is not None
        self._check(change.path)
        if entry.kind == FOLDER:
            place.mkdir(exist_ok=True)
        elif entry.kind == LINK:
            if not leads_inside(change.path, entry.sha256):
                raise ValueError("the link leads out of the folder")
            passing = _passing(place)
            passing.symlink_to(entry.sha256)
            passing.replace(place)
        else:
            uses[entry.sha256] -= 1
            if self._has(change):
                place.chmod(entry.mode)
            else:
                last = not uses[entry.sha256]
                self._settle(self.store / entry.sha256, place, entry.mode, last=last)
        self._seen[change.path] = signature(os.lstat(place))
        if entry.kind == FILE:
            self._hashes[change.path] = [*self._seen[change.path][:4], entry.sha256]

    def _has(self, change: Change) -> bool:
        """Say whether a file has the content already."""
        known, seen = self._hashes.get(change.path), self._seen.get(change.path)
        if known is None or seen is None or change.entry is None:
            return False
        return tuple(known[:4]) == seen[:4] and known[4] == change.entry.sha256

    def _settle(self, staged: Path, place: Path, mode: int, *, last: bool) -> None:
        if last:
            staged.chmod(mode)
            try:
                staged.replace(place)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
            else:
                return
        passing = _passing(place)
        try:
            shutil.copyfile(staged, passing)
            passing.chmod(mode)
            passing.replace(place)
        except BaseException:
            passing.unlink(missing_ok=True)
            raise


def _file_entry(sha256: str, about: os.stat_result) -> Entry:
    return Entry(FILE, sha256, stat.S_IMODE(about.st_mode) & 0o777, about.st_size)


def _passing(place: Path) -> Path:
    return place.with_name(f".~labstudio-{os.getpid()}-{time.monotonic_ns()}")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, content: object) -> None:
    passing = path.with_name(f".{path.name}.{os.getpid()}")
    passing.write_text(json.dumps(content))
    passing.replace(path)
