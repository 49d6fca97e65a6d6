"""The working folder of an attempt: laid out at the start, looked through at the end."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.checkpoint.notice import FILE as NOTICE
from labstudio.jobs.runner.protocol import (
    OUTPUTS,
    SAVED,
    WORK,
    OutputFile,
    OutputFiles,
    write_model,
)

if TYPE_CHECKING:
    from labstudio.home import Home
    from labstudio.jobs.runner.protocol import AttemptSpec

PASSED_OVER = frozenset(
    {"__pycache__", ".ipynb_checkpoints", ".git", ".mypy_cache", ".pytest_cache"}
)
LISTED_AT_MOST = 10_000


class Work:
    """The files in ``work/``.

    Parameters
    ----------
    folder
        The attempt's folder.
    spec
        The attempt; its snapshot says which files belong there.
    home
        The home that holds their content.
    """

    def __init__(self, folder: Path, spec: AttemptSpec, home: Home) -> None:
        self.path = folder / WORK
        self._folder = folder
        self._spec = spec
        self._home = home
        self._before: dict[str, tuple[int, int]] = {}

    def lay_out(self) -> None:
        """Copy the snapshot's files there, unless that is done; remember how they are."""
        snapshot = self._spec.snapshot
        if snapshot is not None and not (self.path / self._spec.entry).exists():
            from labstudio.jobs.snapshot import materialise

            self.path.mkdir(mode=0o700, exist_ok=True)
            materialise(self._home, snapshot, self.path)
        (self.path / self._spec.entry).parent.mkdir(parents=True, exist_ok=True)
        self.checkpoint.mkdir(exist_ok=True)
        self._before = {path: _state(at) for path, at in self._files()}

    def drop_inputs(self) -> None:
        """Remove the copies of declared inputs that are as they were: the home has them still."""
        snapshot = self._spec.snapshot
        for file in snapshot.inputs if snapshot else ():
            at = self.path / file.path
            with contextlib.suppress(OSError):
                if self._before.get(file.path) == _state(at.stat()):
                    at.unlink()

    @property
    def checkpoint(self) -> Path:
        """Where the code keeps what another attempt goes on from."""
        return self.path / SAVED

    def give_notice(self) -> None:
        """Tell the code that its compute is taken away; `labstudio.checkpoint` looks for this."""
        (self.checkpoint / NOTICE).touch()

    def collect(self) -> None:
        """List in ``outputs.json`` the files that were created or changed, and those declared."""
        declared = self._declared()
        found = OutputFiles()
        with contextlib.suppress(OSError):
            for path, stat in self._files():
                if path not in declared and self._before.get(path) == _state(stat):
                    continue
                if len(found.items) >= LISTED_AT_MOST:
                    found.truncated = True
                    break
                found.items.append(
                    OutputFile(
                        path=path,
                        size_bytes=stat.st_size,
                        modified_at=datetime.fromtimestamp(stat.st_mtime, UTC),
                        declared=path in declared,
                    )
                )
            found.items.sort(key=lambda item: item.path)
            write_model(self._folder / OUTPUTS, found)

    def _declared(self) -> set[str]:
        base = (self.path / self._spec.entry).parent
        paths = set()
        for pattern in self._spec.outputs:
            with contextlib.suppress(ValueError, NotImplementedError, OSError):
                paths |= {
                    at.relative_to(self.path).as_posix()
                    for at in base.glob(pattern)
                    if at.is_file() and at.is_relative_to(self.path)
                }
        return paths

    def _files(self) -> list[tuple[str, os.stat_result]]:
        found = []
        for top, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if name not in PASSED_OVER]
            if Path(top) == self.checkpoint:
                # What is not whole yet, and the notice.
                folders[:] = [name for name in folders if not name.startswith(".")]
                files = [name for name in files if not name.startswith(".")]
            for name in files:
                at = Path(top) / name
                with contextlib.suppress(OSError):
                    if not at.is_symlink():
                        found.append((at.relative_to(self.path).as_posix(), at.stat()))
        return found


def _state(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns
