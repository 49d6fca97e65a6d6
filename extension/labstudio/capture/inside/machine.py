"""Packages, interpreter and machine, as the code itself finds them."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_DIST_INFO = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)\.(?:dist|egg)-info")
TIMEOUT_S = 5.0


def packages() -> dict[str, str]:
    """Return the installed packages and their versions, by the names of their metadata folders."""
    found: dict[str, str] = {}
    for entry in sys.path:
        with contextlib.suppress(OSError):
            for path in Path(entry or ".").iterdir():
                if match := _DIST_INFO.fullmatch(path.name):
                    found.setdefault(match["name"].replace("_", "-").lower(), match["version"])
    return found


def python() -> dict[str, str]:
    """Return which interpreter this is."""
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
    }


def hardware() -> dict[str, Any]:
    """Return what machine this is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": _cpu(), "cores": os.cpu_count(), "memory_bytes": memory, "gpus": _gpus()}


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpus() -> list[dict[str, Any]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    asked = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        done = subprocess.run(
            [program, *asked], capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
        rows = [line.rpartition(",") for line in done.stdout.splitlines() if "," in line]
        return [{"name": row[0].strip(), "memory_bytes": int(row[2]) << 20} for row in rows]
    return []
