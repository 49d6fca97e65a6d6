"""What every model that comes from outside has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """Base of what is sent: unknown fields are refused, so that a typing error is not lost."""

    model_config = ConfigDict(extra="forbid")
