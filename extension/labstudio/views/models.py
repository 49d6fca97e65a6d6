"""The nouns of saved views."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from labstudio.inputs import Input

ViewTopic = Literal["runs", "compare", "models"]
ViewName = Field(min_length=1, max_length=200)


class ViewsQuery(Input):
    """Which views."""

    topic: ViewTopic | None = Field(None, description="All when left out.")


class CreateView(Input):
    """A view to keep."""

    topic: ViewTopic
    name: str = ViewName
    shared: bool = Field(False, description="Everybody sees it; only its owner changes it.")
    content: dict[str, Any] = Field(description="What is shown; whoever shows it knows its form.")


class UpdateView(Input):
    """What to change of a view; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=200)
    shared: bool | None = None
    content: dict[str, Any] | None = None


class View(BaseModel):
    """A view under a name."""

    id: str
    topic: ViewTopic
    user: str
    name: str
    shared: bool
    content: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ViewPage(BaseModel):
    """A user's own views and those that others share, by name."""

    items: list[View]
