"""The nouns of what runs leave: artifacts, tables, models."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from labstudio.inputs import Input

MOST_ROWS = 5000

Preview = Literal[
    "folder", "image", "table", "text", "notebook", "html", "pdf", "audio", "video", "none"
]
Cell = str | float | int | bool | None


class ArtifactsQuery(Input):
    """Which folder of a run's artifacts."""

    path: str = Field("", max_length=4096, description="Empty: the top.")


class ArtifactFileQuery(Input):
    """Which file of a run's artifacts, and how it is given."""

    path: str = Field(min_length=1, max_length=4096)
    download: bool = Field(False, description="As an attachment, to be saved.")


class ArtifactTableQuery(Input):
    """Which rows of a table."""

    path: str = Field(min_length=1, max_length=4096)
    at: int = Field(0, ge=0, description="The first row wanted, from 0.")
    limit: int = Field(100, ge=1, le=MOST_ROWS)
    order_by: str | None = Field(
        None, max_length=1000, description="A column; `DESC` behind it turns the order."
    )


class Artifact(BaseModel):
    """A file or folder."""

    path: str = Field(description="From the run's top, with `/`.")
    name: str
    folder: bool
    size_bytes: int | None
    modified_at: datetime | None
    media_type: str | None
    preview: Preview = Field(description="How it can be shown.")


class SignatureField(BaseModel):
    """A column or tensor that a model takes or gives."""

    name: str | None
    type: str
    required: bool
    shape: list[int] | None


class ModelFacts(BaseModel):
    """What an MLmodel file says."""

    flavors: list[str]
    model_id: str | None
    mlflow_version: str | None
    python_version: str | None
    size_bytes: int | None
    inputs: list[SignatureField]
    outputs: list[SignatureField]
    params: list[SignatureField]
    input_example: Any = Field(description="As it was logged; None when it was not.")


class ArtifactFolder(BaseModel):
    """What lies in a folder of a run's artifacts; folders first, then by name."""

    path: str
    items: list[Artifact]
    model: ModelFacts | None = Field(description="Where the folder is a logged model.")


class TableColumn(BaseModel):
    """A column of a table."""

    name: str
    type: str


class TablePage(BaseModel):
    """Some rows of a table."""

    columns: list[TableColumn]
    rows: list[list[Cell]] = Field(description="None where nothing is; what has no JSON is text.")
    at: int
    total: int
