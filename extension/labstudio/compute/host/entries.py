"""What may lie in a folder, and become of it: the words that both ends of synchronisation use."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import os

IGNORED = frozenset(
    (".git", ".hg", ".svn", ".ipynb_checkpoints", "__pycache__", "node_modules", ".venv", "venv")
)
PASSING = re.compile(r"\.~|\.nfs|\.#|.*~$|.*\.sw[px]$")
"""Names under which editors and Jupyter write files that will have another name."""

FILE, FOLDER, LINK = "file", "folder", "link"


class Entry(NamedTuple):
    """What lies at one path."""

    kind: str
    sha256: str = ""
    """Of a file's content; of a link, where it leads."""
    mode: int = 0
    """A file's permissions."""
    size: int = 0

    @property
    def content(self) -> tuple[str, str]:
        """What makes it another thing, permissions apart."""
        return self.kind, self.sha256


class State(NamedTuple):
    """What lies in a folder."""

    entries: dict[str, Entry]
    """By path relative to it, with `/`."""
    left_out: dict[str, str]
    """Paths of which nothing is known, nor of what lies below; and why."""


class Limits(NamedTuple):
    """How much of a folder is looked at."""

    file_bytes: int = 256 << 20
    folder_bytes: int = 4 << 30
    entries: int = 20_000
    settling_s: float = 2.0
    """A large file is left alone until nobody has written to it for so long."""
    named: bool = False
    """A file whose name is a SHA-256 is taken to hold that, unread."""


class Change(NamedTuple):
    """What one path of a folder becomes."""

    path: str
    entry: Entry | None
    """None: nothing lies there any more."""
    source: str | None = None
    """A path of the same folder that holds the content now; None: it has been staged."""


Rules = list[tuple[bool, str]]
"""Pairs of whether to ignore, and a regular expression; the last that matches decides."""


class Ignored:
    """Says of what lies in a folder whether it is ignored."""

    def __init__(self, rules: Rules) -> None:
        self._rules = [(ignore, re.compile(pattern)) for ignore, pattern in rules]

    def __call__(self, path: str, name: str, is_folder: bool) -> bool:
        """Say whether something is, by its path in the folder and its own name."""
        if (name in IGNORED and is_folder) or PASSING.match(name):
            return True
        whole = path + "/" if is_folder else path
        for ignore, pattern in reversed(self._rules):
            if pattern.match(whole):
                return ignore
        return False


def leads_inside(path: str, target: str) -> bool:
    """Say whether a link at a path of a folder leads to something in the folder."""
    if target.startswith("/") or "\0" in target:
        return False
    depth = path.count("/")
    for part in target.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return False
    return True


def signature(about: os.stat_result) -> tuple[Any, ...]:
    """Return what changes with a file's content, and its kind at the end."""
    if stat.S_ISDIR(about.st_mode):
        return (0, 0, 0, 0, FOLDER)
    kind = FILE if stat.S_ISREG(about.st_mode) else LINK
    return (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino, kind)
