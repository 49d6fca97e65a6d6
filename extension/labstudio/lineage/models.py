"""The nouns of lineage: objects, what made which of them, and whether the record is whole."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field, JsonValue

from labstudio.inputs import Input

NAME_LIMIT = 512
NODE_LIMIT = 500
DEPTH_LIMIT = 100

Facts = dict[str, JsonValue]


class Kind(StrEnum):
    """What an object is; the part of its name before the colon."""

    data = "data"
    recipe = "recipe"
    job = "job"
    run = "run"
    logged_model = "logged_model"
    model = "model"
    report = "report"
    card = "card"
    endpoint = "endpoint"


class Relation(StrEnum):
    """How a cause led to a result. It reads from subject to object."""

    is_ = "is"
    """Facts about one object; subject and object are the same."""
    held = "held"
    """A file held data: from ``file:`` to ``data:``."""
    named = "named"
    """An alias names a version: ``alias:MODEL/ALIAS`` of ``models:MODEL``; None: no longer."""
    decided = "decided"
    """The promotion of a model, ``approval:ID``, was asked for, approved or refused (facts)."""
    given = "given"
    """Data was declared as a job's input."""
    read = "read"
    """Data was read by a run."""
    used = "used"
    """A model was used by a run."""
    applied = "applied"
    """A recipe was applied by a run or job."""
    ran = "ran"
    """A job ran as a run."""
    wrote = "wrote"
    """A job or run wrote data."""
    made = "made"
    """A run made a model, or a recipe data."""
    registered = "registered"
    """A logged model was registered as a version."""
    contains = "contains"
    """A run is the parent of another."""
    reran = "reran"
    """A job was run again as another."""
    reproduced = "reproduced"
    """A run was reproduced by another."""
    reported = "reported"
    """A run made a report."""
    described = "described"
    """A model is described by a card."""
    served = "served"
    """A model is served by an endpoint."""


class Direction(StrEnum):
    """Which way to walk: to causes (up), to results (down), or both."""

    up = "up"
    down = "down"
    both = "both"


class Entry(BaseModel):
    """One entry of the record."""

    sequence: int
    at: datetime
    relation: str
    subject: str
    object: str
    facts: Facts
    previous: str
    hash: str


class Node(BaseModel):
    """One object of the graph."""

    id: str = Field(description="Such as `run:ID` or `model:NAME/VERSION`.")
    kind: Kind
    label: str
    state: str | None = Field(
        None, description="Of a run its status, of a job its state, of a card or model likewise."
    )
    facts: Facts = Field(default_factory=dict)
    at: datetime | None = Field(None, description="When it began, or was first heard of.")


class Edge(BaseModel):
    """From cause to result."""

    source: str
    target: str
    relation: str
    facts: Facts = Field(default_factory=dict)


class Graph(BaseModel):
    """A part of the lineage around one object."""

    root: str
    nodes: list[Node]
    edges: list[Edge]
    cut: bool = Field(False, description="There is more than depth and limit let in.")
    message: str | None = Field(None, description="What was left out, where something was.")


class GraphQuery(Input):
    """Which part of the lineage."""

    object: str = Field(
        min_length=3,
        max_length=4096,
        description="`run:ID`, `job:ID`, `model:NAME/VERSION`, `model:NAME@ALIAS`, `data:SHA256`, "
        "`report:RUN/PATH`, `card:ID`, `recipe:SHA256`, `endpoint:NAME`; or `file:PATH`, relative "
        "to the server's root: the data that it holds now, or held last.",
    )
    direction: Direction = Direction.both
    depth: int = Field(DEPTH_LIMIT, ge=1, le=DEPTH_LIMIT, description="Steps to walk each way.")
    limit: int = Field(NODE_LIMIT, ge=1, le=5000, description="The most nodes.")


class SearchQuery(Input):
    """What to look for."""

    q: str = Field("", max_length=200, description="Part of a name, path, id or hash.")
    kind: Kind | None = None
    limit: int = Field(50, ge=1, le=500)


class NodePage(BaseModel):
    """Objects that were found, the newest first."""

    items: list[Node]


class Verification(BaseModel):
    """Whether the record is as it was written."""

    entries: int = Field(description="Entries that were looked at.")
    whole: bool
    broken_at: int | None = Field(None, description="Sequence of the first entry that is wrong.")
    message: str
    newest: str | None = Field(None, description="`SEQUENCE:HASH` of the last entry.")
    anchored: bool = Field(
        False, description="The newest hash is kept in a second place too, so a cut end is noticed."
    )


class Stale(BaseModel):
    """An object that rests on data that has changed since."""

    node: Node
    reason: str
    path: str
    recorded_sha256: str
    found_sha256: str | None = Field(description="None where the file is gone.")


class StaleQuery(Input):
    """What to look at."""

    object: str | None = Field(
        None,
        max_length=4096,
        description="An object: only what it rests on is looked at. `file:PATH`: only that file. "
        "Left out: every file that the lineage knows.",
    )
    limit: int = Field(NODE_LIMIT, ge=1, le=5000)


class StalePage(BaseModel):
    """What rests on data that has changed since, and how many files were looked at."""

    items: list[Stale]
    files: int
    cut: bool = False
