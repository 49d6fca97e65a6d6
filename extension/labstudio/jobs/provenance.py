"""What a job's code was and ran in: git, Python, packages."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from labstudio.jobs.models import Provenance

GIT_TIMEOUT_S = 2.0
_DIST_INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.(?:dist|egg)-info")
# A remote may be written with a password in it.
_CREDENTIALS = re.compile(r"(?<=://)[^/@]+@")


def take(folder: Path) -> Provenance:
    """Record what is known of the code in a folder and of this interpreter.

    Parameters
    ----------
    folder
        The folder of the source; where it is no git checkout, the git fields stay None.
    """
    head = _git(folder, "rev-parse", "HEAD", "--abbrev-ref", "HEAD")
    commit, branch = ([*head.split("\n"), "", ""])[:2] if head else ("", "")
    return Provenance(
        git_commit=commit or None,
        git_branch=branch or None,
        git_dirty=bool(_git(folder, "status", "--porcelain")) if commit else None,
        git_remote=_CREDENTIALS.sub("", _git(folder, "remote", "get-url", "origin") or "") or None
        if commit
        else None,
        python_version=platform.python_version(),
        packages=installed(),
        platform=platform.platform(),
    )


def installed() -> dict[str, str]:
    """Return the installed packages and their versions, by the names of their metadata folders."""
    stamps = tuple(
        (entry, Path(entry).stat().st_mtime_ns) for entry in sys.path if Path(entry).is_dir()
    )
    return dict(_installed(stamps))


@lru_cache(maxsize=4)
def _installed(stamps: tuple[tuple[str, int], ...]) -> tuple[tuple[str, str], ...]:
    # Names alone: reading the metadata of some hundred packages would cost a tenth of a second.
    found: dict[str, str] = {}
    for entry, _ in stamps:
        for path in Path(entry).iterdir():
            if match := _DIST_INFO.fullmatch(path.name):
                found.setdefault(match["name"].replace("_", "-").lower(), match["version"])
    return tuple(sorted(found.items()))


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
