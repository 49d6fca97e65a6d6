"""Whether the system killed a process because memory ran out; used here and on hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemoryKills:
    """Counts what the system killed for its memory since this was made (Linux).

    The kernel counts for each control group, of which all jobs of a daemon share one; where there
    are no such groups, for the whole machine. So this tells why a process that was killed may have
    been, not which one was.

    Parameters
    ----------
    proc, groups
        Where the kernel tells of processes and of control groups.
    """

    def __init__(self, proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> None:
        self._proc = proc
        self._groups = groups
        self.counter = next((file for file in self._files() if _kills(file) is not None), None)
        """The file that is read; None where nobody counts."""
        self._before = self._count()

    def happened(self) -> bool:
        """Say whether something was killed meanwhile."""
        return self._count() > self._before

    def _count(self) -> int:
        return (_kills(self.counter) if self.counter is not None else None) or 0

    def _files(self) -> Iterator[Path]:
        """Yield the files that may count, the nearest to this process first."""
        try:
            lines = (self._proc / "self" / "cgroup").read_text().splitlines()
        except OSError:
            lines = []
        for line in lines:
            number, controllers, path = line.split(":", 2)
            if number == "0":
                tops, name = self._groups, "memory.events"
            elif "memory" in controllers.split(","):
                tops, name = self._groups / "memory", "memory.oom_control"
            else:
                continue
            # In a container the path may be that of the machine outside, which is not seen here.
            yield tops / path.lstrip("/") / name
            yield tops / name
        yield self._proc / "vmstat"


def _kills(file: Path) -> int | None:
    try:
        fields = dict(line.split(maxsplit=1) for line in file.read_text().splitlines())
        return int(fields["oom_kill"])
    except (OSError, KeyError, ValueError):
        return None
