"""`import labstudio` costs next to nothing: what is heavy is loaded by the verb that needs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "IPython", "alembic", "cloudpickle", "dbos", "httpx", "ipykernel", "jupyter_server", "mlflow",
    "nbclient", "nbconvert", "nbformat", "numpy", "pandas", "papermill", "plotly", "psutil",
    "pydantic", "ray", "shap", "sklearn", "sqlalchemy", "tornado", "traitlets", "zmq",
}  # fmt: skip


def loaded_by(program: str) -> set[str]:
    code = (
        "import json, sys; before = set(sys.modules)\n"
        f"{program}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_labstudio_loads_nothing_heavy() -> None:
    modules = loaded_by("import labstudio")
    assert not {name.partition(".")[0] for name in modules} & HEAVY
    assert len(modules) < 15, sorted(modules)


@pytest.mark.parametrize(
    "program",
    [
        "import labstudio; labstudio.studio()",
        "from labstudio.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["opening a studio", "labstudio --help"],
)
def test_opening_and_asking_for_help_load_no_engine(program: str) -> None:
    tops = {name.partition(".")[0] for name in loaded_by(program)}
    engines = {"dbos", "mlflow", "pandas", "papermill", "sqlalchemy", "ipykernel", "nbconvert"}
    assert not tops & engines


def test_checkpoints_load_the_standard_library_only() -> None:
    tops = {name.partition(".")[0] for name in loaded_by("import labstudio.checkpoint")}
    assert tops <= sys.stdlib_module_names | {"labstudio"}
