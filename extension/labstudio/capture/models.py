"""The capsule: what made a run, as it stands in the run's artifact ``labstudio/capsule.json``."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

FORMAT = 1

FOLDER = "labstudio"
CAPSULE = f"{FOLDER}/capsule.json"
HISTORY = f"{FOLDER}/history.ipynb"
DIFF = f"{FOLDER}/git.diff"
LOCK = f"{FOLDER}/requirements.txt"
PREDICTIONS = f"{FOLDER}/predictions.parquet"

CAPSULE_TAG = "labstudio.capsule"
CAPTURE_TAG = "labstudio.capture_id"
NOTEBOOK_TAG = "labstudio.notebook"
CELL_TAG = "labstudio.cell"
ORDINAL_TAG = "labstudio.ordinal"
WORKSPACE_TAG = "labstudio.workspace"


class CellPrint(BaseModel):
    """The cell that made a run."""

    id: str | None = None
    index: int | None = Field(None, description="Its place in the notebook as last saved, from 0.")
    execution_count: int | None = None
    source: str = ""


class GitPrint(BaseModel):
    """Where the code stood in git; what differs from the commit is in ``git.diff``."""

    commit: str
    branch: str | None = None
    dirty: bool = False
    remote: str | None = Field(None, description="Without credentials.")
    untracked: list[str] = Field(default_factory=list, description="Names only, the first 200.")
    diff_cut: bool = Field(False, description="The diff was longer than what is kept.")


class PythonPrint(BaseModel):
    """The interpreter."""

    version: str
    implementation: str = "CPython"


class GpuPrint(BaseModel):
    """A GPU."""

    name: str
    memory_bytes: int | None = None


class Hardware(BaseModel):
    """The machine."""

    cpu: str = ""
    cores: int | None = None
    memory_bytes: int | None = None
    gpus: list[GpuPrint] = Field(default_factory=list)


class DataPrint(BaseModel):
    """A file or data frame that was read, by its content."""

    model_config = ConfigDict(
        validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    name: str
    path: str | None = None
    sha256: str = Field(description="Of the file's bytes, or of the frame's values.")
    size_bytes: int | None = None
    rows: int | None = None
    columns: int | None = None
    # BaseModel has an attribute of that name.
    fields: dict[str, str] | None = Field(
        None, alias="schema", description="Types of the columns, by name."
    )
    kind: Literal["file", "frame"] = "file"
    reader: str | None = Field(None, description="What read it, such as `pandas.read_csv`.")
    changed: bool = Field(
        False, description="The file changed after it was read and before it was hashed."
    )


class Capsule(BaseModel):
    """What made a run: code, data, packages, machine."""

    format: Literal[1] = 1
    kind: Literal["notebook", "job", "script"]
    notebook: str | None = None
    cell: CellPrint | None = None
    job_id: str | None = None
    user: str = ""
    workspace: str | None = None
    compute: str = "local"
    started_at: datetime
    git: GitPrint | None = None
    python: PythonPrint
    platform: str = ""
    hardware: Hardware = Field(default_factory=Hardware)
    seeds: dict[str, JsonValue] = Field(
        default_factory=dict, description="Seeds that are known, by what they were given to."
    )
    code_sha256: str
    lock_sha256: str
    data: list[DataPrint] = Field(default_factory=list)
