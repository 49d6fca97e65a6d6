"""Folders that are brought to a kernel in a container, and back: the same files, not copies.

The container sees one folder of the kernel's own, which is on the studio's disk. A file that is
brought there, or fetched, is one more name of the same file, so that its size costs nothing. The
code in there may write into that folder, and lay links in it to what is not its own: so no link in
it is followed here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from typing import TYPE_CHECKING

from labstudio.compute.docker.container import ids
from labstudio.errors import InvalidInput, StudioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROUGHT, THERE = "brought", "/labstudio/brought"
"""The folder in that of its kernel or attempt, and where the container sees it."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# What is no file, such as a pipe, is not to be waited for.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
NO_SECOND_NAME = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)
"""A file gets none on another disk, or where the file system has no such thing."""


class Brought:
    """The folder of one kernel that such folders are brought into.

    Parameters
    ----------
    folder
        Where it is, on this machine.
    user
        ``UID:GID`` of who runs in the container.
    """

    def __init__(self, folder: Path, user: str) -> None:
        self._folder = folder
        self._owner = ids(user)
        self._user = user

    def bring(self, here: Path) -> str:
        """Make a folder in there the same as one here; return its path in there."""
        name = f"{here.parent.name}-{here.name}"
        with (
            _opened(str(here)) as source,
            _opened(str(self._folder)) as folder,
            _made(name, folder, self._owner) as target,
        ):
            _mirror(source, target, self._owner)
        return f"{THERE}/{name}"

    def fetch(self, there: str, here: Path) -> None:
        """Make a folder here the same as one in there.

        Raises
        ------
        InvalidInput
            When it is none that was brought.
        """
        top, _, name = there.rpartition("/")
        if top != THERE or name in ("", ".", ".."):
            raise InvalidInput(f"there {there!r} is no folder that was brought.", field="there")
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            _opened(str(self._folder)) as folder,
            _opened(name, folder) as source,
            _opened(str(here)) as target,
        ):
            _mirror(source, target, None)


@contextlib.contextmanager
def _opened(name: str, folder: int | None = None, flags: int = FOLDER) -> Iterator[int]:
    try:
        found = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            raise StudioError(f"{name} is a link, or no file: it does not travel.") from error
        raise
    try:
        yield found
    finally:
        os.close(found)


@contextlib.contextmanager
def _made(name: str, folder: int, owner: tuple[int, int] | None) -> Iterator[int]:
    """Open a folder, made where there is none."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=folder)
    with _opened(name, folder) as made:
        if owner is not None:
            os.fchown(made, *owner)
        yield made


def _mirror(source: int, target: int, owner: tuple[int, int] | None) -> None:
    """Make one open folder the same as another.

    Parameters
    ----------
    owner
        Who is to write into the folders that are made, and to read the files; None: nobody else.
    """
    with os.scandir(source) as found:
        held = {each.name: each.is_dir(follow_symlinks=False) for each in found}
    with os.scandir(target) as found:
        there = {each.name: each.is_dir(follow_symlinks=False) for each in found}
    for name in there:
        if there[name] != held.get(name):
            _remove(name, target)
    for name, is_folder in held.items():
        if is_folder:
            with _opened(name, source) as inner, _made(name, target, owner) as made:
                _mirror(inner, made, owner)
        else:
            with contextlib.suppress(FileNotFoundError):  # It is gone meanwhile, or renamed.
                _give(name, source, target)


def _remove(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        shutil.rmtree(name, dir_fd=folder)


def _give(name: str, source: int, target: int) -> None:
    """Let a file have its name in another folder too."""
    with _opened(name, source, FILE) as file:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            raise StudioError(f"{name} is no file: it does not travel.")
        with contextlib.suppress(FileNotFoundError):
            if _same(about, os.stat(name, dir_fd=target, follow_symlinks=False)):
                return
        if about.st_mode & READABLE != READABLE:
            # Its folder says who comes so far as to read it.
            os.fchmod(file, stat.S_IMODE(about.st_mode) | READABLE)
        half = f".{secrets.token_hex(8)}"
        try:
            os.link(f"/proc/self/fd/{file}", half, dst_dir_fd=target)
        except OSError as error:
            if error.errno not in NO_SECOND_NAME:
                raise
            _copy(file, half, target, about)
        os.replace(half, name, src_dir_fd=target, dst_dir_fd=target)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    """Say whether two names lead to one file, or to one and its copy."""
    if (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino):
        return True
    is_file = stat.S_ISREG(other.st_mode)
    return is_file and (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _copy(file: int, name: str, target: int, about: os.stat_result) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    copy = os.open(name, flags, 0o644, dir_fd=target)
    try:
        done = 0
        while sent := os.sendfile(copy, file, done, 1 << 30):
            done += sent
        os.utime(copy, ns=(about.st_atime_ns, about.st_mtime_ns))
    finally:
        os.close(copy)
