"""Loading the extension is cheap: what it needs is loaded later, in threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LOAD = """
import json, sys
import jupyter_server.serverapp, jupyter_server.services.contents.handlers
from jupyter_server.serverapp import ServerApp
app = ServerApp(config_file="", allow_root=True)
argv = ["--no-browser", "--port=0", "--ServerApp.jpserver_extensions={'%s': True}" % sys.argv[1]]
app.initialize(argv, new_httpserver=False)
print("modules:" + json.dumps(sorted(sys.modules)))
"""
HEAVY = {
    "alembic", "cloudpickle", "dbos", "duckdb", "httpx", "ipykernel", "IPython", "mlflow",
    "nbclient", "nbconvert", "numpy", "pandas", "papermill", "plotly", "polars", "psycopg",
    "pydantic", "ray", "shap", "sklearn", "sqlalchemy",
}  # fmt: skip
# labstudio's own, and the few of the standard library that nothing else had asked for.
MOST_MODULES = 56


def loaded_with(extension: str, folder: Path) -> set[str]:
    # Without what this environment enables: an installed labstudio would be in both.
    alone = os.environ | {"JUPYTER_NO_CONFIG": "1", "JUPYTER_CONFIG_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, extension],
        env=alone,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("modules:"))
    return set(json.loads(line.removeprefix("modules:")))


@pytest.mark.slow
def test_loading_the_extension_loads_little(tmp_path: Path) -> None:
    before = loaded_with("jupyter_server_terminals", tmp_path)
    added = loaded_with("labstudio_server", tmp_path) - before
    assert "labstudio_server.handlers.jobs" in added
    assert not {name for name in added if name.partition(".")[0] in HEAVY}
    assert len(added) <= MOST_MODULES, sorted(added)
