"""``python -m labstudio.compute.ray.probe``: what a node has of that which jobs need, as JSON."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec

MARK = "#labstudio-probe "
NEEDED = {
    "cloudpickle": "cloudpickle",
    "ipykernel": "ipykernel",
    "mlflow": "mlflow",
    "nbclient": "nbclient",
    "nbformat": "nbformat",
    "packaging": "packaging",
    "papermill": "papermill",
    "platformdirs": "platformdirs",
    "psutil": "psutil",
    "pydantic": "pydantic",
    "sqlalchemy": "SQLAlchemy",
    "ulid": "python-ulid",
}


def look() -> dict[str, object]:
    """Return what is found here."""
    return {
        "python": platform.python_version(),
        "missing": sorted(NEEDED[name] for name in NEEDED if find_spec(name) is None),
        "r": _has_ir(),
    }


def _has_ir() -> bool:
    if shutil.which("Rscript") is None:
        return False
    words = ["Rscript", "-e", "library(IRkernel)"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.stdout.write(MARK + json.dumps(look()) + "\n")
