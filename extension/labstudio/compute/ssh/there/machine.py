"""What the host is and how busy it is, as /proc and nvidia-smi tell."""

from __future__ import annotations

import glob
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SAMPLE_S = 0.1
GPU_FIELDS = "index,name,memory.total,memory.used,utilization.gpu"
MEGABYTE = 1 << 20


def look(folder: Path) -> dict[str, Any]:
    """Look at the machine for a tenth of a second."""
    before = _cpu_times()
    time.sleep(SAMPLE_S)
    busy, total = (now - then for now, then in zip(_cpu_times(), before))
    memory = {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (
            line.partition(":") for line in Path("/proc/meminfo").read_text().splitlines()
        )
    }
    disk = shutil.disk_usage(folder)
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "cpu_percent": round(100 * busy / total, 1) if total > 0 else 0.0,
        "memory_bytes": memory["MemTotal"],
        "memory_used_bytes": memory["MemTotal"] - memory["MemAvailable"],
        "disk_bytes": disk.total,
        "disk_used_bytes": disk.total - disk.free,
        "gpus": gpus(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _cpu_times() -> tuple[float, float]:
    times = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return sum(times) - times[3] - times[4], sum(times)


def gpus() -> list[dict[str, Any]]:
    """Return the GPUs that nvidia-smi tells of; none where there is none."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    done = subprocess.run(
        [command, f"--query-gpu={GPU_FIELDS}", "--format=csv,noheader,nounits"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=20,
        check=False,
    )
    found = []
    for line in done.stdout.splitlines() if done.returncode == 0 else []:
        index, name, total, used, busy = (field.strip() for field in line.split(","))
        found.append(
            {
                "index": int(index),
                "name": name,
                "memory_bytes": int(total) * MEGABYTE if total.isdigit() else 0,
                "memory_used_bytes": int(used) * MEGABYTE if used.isdigit() else 0,
                "busy_percent": float(busy) if busy.isdigit() else None,
            }
        )
    return found


def about() -> dict[str, Any]:
    """Return what is told once: the system and its Pythons."""
    return {
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "pythons": _pythons(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": list(platform.libc_ver()),
        "node": platform.node(),
        "home": os.path.expanduser("~"),
        "uid": os.getuid(),
        "ends_processes": _logind_ends_processes(),
    }


def _pythons() -> dict[str, str]:
    """Return the interpreters on the path by their version, the first of each."""
    found: dict[str, str] = {}
    for folder in os.get_exec_path():
        for path in sorted(glob.glob(f"{folder}/python3.[0-9]*")):
            version = path.rpartition("python")[2]
            if version.replace(".", "").isdigit() and os.access(path, os.X_OK):
                found.setdefault(version, path)
    return found


def _logind_ends_processes() -> bool:
    """Say whether the system ends what its users started when they log out."""
    ends = False
    for path in ["/etc/systemd/logind.conf", *sorted(glob.glob("/etc/systemd/logind.conf.d/*"))]:
        try:
            text = Path(path).read_text()
        except OSError:
            continue
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "KillUserProcesses":
                ends = value.strip().lower() in ("1", "yes", "true", "on")
    lingers = Path("/var/lib/systemd/linger", os.environ.get("USER", "")).is_file()
    return ends and not lingers
