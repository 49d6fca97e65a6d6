"""What travels to a node with an attempt, beside ``attempt.json``."""

from __future__ import annotations

from pydantic import BaseModel, Field

ATTEMPT_FOLDER, BLOBS_FOLDER = "labstudio-attempt", "labstudio-blobs"
LUGGAGE = "luggage.json"


class Luggage(BaseModel):
    """What the driver on the node needs to know."""

    mark: str
    socket: str | None = Field(
        None, description="The gateway's, if the node is the studio's own machine."
    )
    returns_bytes: int = Field(description="What the outputs may have in all, through the log.")
    compute: str
    storage: str | None = Field(None, description="Where large files go, as an fsspec URL.")
    stored: dict[str, str] = Field(
        default_factory=dict, description="URLs of files of the snapshot, by SHA-256."
    )


class Stored(BaseModel):
    """The content of ``stored.json``: outputs that lie in the storage, by path."""

    items: dict[str, str] = Field(default_factory=dict)


STORED = "stored.json"
