"""Builds a virtual environment on the host, apart from the link: ``python build.py FOLDER``.

The folder speaks as an attempt's does: ``claim``, ``runner.json``, ``log``, ``result.json`` last.
``build.json`` says what is wanted. It runs alone, with the standard library of Python 3.9.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

READY = "labstudio.json"


def main(folder: Path) -> int:
    """Build, unless somebody does; return the process's exit code."""
    try:
        os.close(os.open(folder / "claim", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return 0
    wanted = json.loads((folder / "build.json").read_text())
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(stat[19]) / os.sysconf("SC_CLK_TCK")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    write(folder / "runner.json", {"pid": os.getpid(), "started": started, "boot_id": boot})
    environment = Path(wanted["environment"])
    began = time.monotonic()
    try:
        if environment.exists():
            shutil.rmtree(environment)  # What a build that was cut short left.
        build(environment, wanted)
        write(environment / READY, {"lines": wanted["lines"], "python": wanted["python"]})
        result: dict[str, Any] = {"seconds": time.monotonic() - began}
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        shutil.rmtree(environment, ignore_errors=True)
        result = {"error": str(error)}
    sys.stdout.flush()
    write(folder / "result.json", result)
    return 0


def build(environment: Path, wanted: dict[str, Any]) -> None:
    """Make the environment and install into it."""
    python = wanted["python"]
    # Debian's Python has no ensurepip: pip is brought along, and not left in the environment.
    run(python, "-m", "venv", "--without-pip", str(environment))
    target = str(environment / "bin" / "python")
    if wanted["over"]:
        look_over(environment, python, target)
    if not wanted["lines"]:
        return
    where = ["--no-index", "--find-links", wanted["wheels"]] if wanted["wheels"] else []
    run(
        target,
        f"{wanted['pip']}/pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--no-warn-script-location",
        "--no-compile",
        "--progress-bar=off",
        *where,
        *(word for line in wanted["lines"] for word in words(line)),
    )


def look_over(environment: Path, python: str, target: str) -> None:
    """Let the environment see the packages of another Python, behind its own."""
    code = "import json,site,sys;print(json.dumps([p for p in sys.path if 'site-packages' in p"
    code += " or 'dist-packages' in p]))"
    paths = json.loads(subprocess.check_output([python, "-c", code]))
    purelib = "import sysconfig;print(sysconfig.get_path('purelib'))"
    own = subprocess.check_output([target, "-c", purelib]).decode().strip()
    lines = [f"import site; site.addsitedir({path!r})" for path in paths]
    (Path(own) / "zz-labstudio-over.pth").write_text("\n".join(lines) + "\n")


def words(line: str) -> list[str]:
    """Part an option from its value; a requirement is one word."""
    return line.split(None, 1) if line.startswith("-") else [line]


def run(*command: str) -> None:
    """Run a step; what it prints goes where this process's own output goes."""
    without = {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX"}
    variables = {name: value for name, value in os.environ.items() if name not in without}
    code = subprocess.call(command, env=variables, stdin=subprocess.DEVNULL)
    if code:
        raise ValueError(f"{Path(command[0]).name} {command[1]} ended with exit code {code}")


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file so that a reader sees all of it or none."""
    passing = path.with_name(f".{path.name}.new")
    passing.write_text(json.dumps(content))
    os.replace(passing, path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
