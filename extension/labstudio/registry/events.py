"""What happened in the registry, whoever did it.

MLflow tells its webhooks of every change. The tracking server's process listens there, so a change
from a notebook, from MLflow's own pages and from the studio are all kept, in the same words.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio import changes
from labstudio.database.tables import model_events as table
from labstudio.ids import new_id
from labstudio.registry.client import USER_HEADER
from labstudio.registry.models import EventQuery, ModelEvent, ModelEvents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labstudio.database.engine import Database

LOG = logging.getLogger(__name__)

APPROVAL = "labstudio.approval"
CARD = "labstudio.card"
# MLflow has events of prompts and of budgets too.
PREFIXES = ("registered_model", "model_version")


class Events:
    """The registry's events, kept in the studio's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, query: EventQuery | None = None) -> ModelEvents:
        """Return events, newest first."""
        asked = query or EventQuery()
        wanted = sa.select(table).order_by(table.c.id.desc()).limit(asked.limit)
        if asked.model is not None:
            wanted = wanted.where(table.c.model == asked.model)
        if asked.after is not None:
            wanted = wanted.where(table.c.id > asked.after)
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return ModelEvents(items=[ModelEvent(**row._mapping) for row in rows])

    def record(self, event: str, payload: Mapping[str, Any], user: str | None) -> None:
        """Keep an event."""
        name = str(payload.get("name", ""))
        version = payload.get("version")
        kind = {"registered_model.created": "created", "registered_model.deleted": "deleted"}
        with self._database.begin() as connection:
            connection.execute(
                table.insert().values(
                    id=new_id(),
                    at=datetime.now(UTC),
                    event=named(event, payload),
                    model=name,
                    version=int(version) if version is not None else None,
                    user=user,
                    message=sentence(event, payload, user),
                )
            )
            changes.record(connection, "models", name, kind.get(event, "changed"))  # type: ignore[arg-type]


def named(event: str, payload: Mapping[str, Any]) -> str:
    """Return the event's name: MLflow's, or the studio's for what it keeps in a tag."""
    if event == "model_version_tag.set" and payload.get("key") in (APPROVAL, CARD):
        state = told(payload).get("state", "changed")
        what = "approval" if payload["key"] == APPROVAL else "card"
        return f"{what}.{'requested' if state == 'pending' else state}"
    return event


def sentence(event: str, payload: Mapping[str, Any], user: str | None) -> str:
    """Say an event in one sentence."""
    name, version = payload.get("name"), payload.get("version")
    that, alias = f"version {version} of {name}", payload.get("alias")
    by = f" by {user}" if user else ""
    if event == "model_version_tag.set" and payload.get("key") == APPROVAL:
        return said_of_approval(that, told(payload))
    if event == "model_version_tag.set" and payload.get("key") == CARD:
        state = told(payload).get("state", "changed")
        words = "went to review" if state == "pending" else f"is {state} now"
        return f"The card of {that} {words}."
    known = {
        "registered_model.created": f"The model {name} was made{by}.",
        "registered_model.deleted": f"The model {name} was deleted{by}.",
        "model_version.created": f"Version {version} of {name} was registered{by}.",
        "model_version.deleted": f"Version {version} of {name} was deleted{by}.",
        "model_version_alias.created": f"Version {version} of {name} is {alias} now.",
        "model_version_alias.deleted": f"No version of {name} is {alias} now.",
        "model_version_tag.set": f"The tag {payload.get('key')} of {that} was set{by}.",
        "model_version_tag.deleted": f"The tag {payload.get('key')} of {that} was deleted{by}.",
    }
    return known.get(event) or f"{name} changed ({event})."


def said_of_approval(that: str, what: Mapping[str, Any]) -> str:
    """Say what became of a request to promote."""
    alias, state = what.get("alias"), what.get("state")
    if state == "pending":
        return f"{what.get('requested_by')} asks that {that} become {alias}."
    if state == "withdrawn":
        return f"{what.get('requested_by')} no longer asks that {that} become {alias}."
    return f"{what.get('decided_by')} {state} that {that} become {alias}."


def told(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tag of the studio's says."""
    try:
        content = json.loads(payload.get("value") or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def follow(database: Database) -> None:
    """Keep every event of this process's MLflow; it is the tracking server's.

    An event is written by a thread of its own: MLflow has answered by then, or answers meanwhile.
    """
    from flask import has_request_context, request
    from mlflow.server import handlers

    events = Events(database)
    writer = ThreadPoolExecutor(1, thread_name_prefix="model-events")
    deliver = handlers.deliver_webhook

    def listen(*, event: Any, payload: Any, store: Any) -> None:
        name = f"{event.entity.value}.{event.action.value}"
        if name.startswith(PREFIXES):
            user = request.headers.get(USER_HEADER) if has_request_context() else None
            writer.submit(keep, events, name, dict(payload), user)
        deliver(event=event, payload=payload, store=store)

    handlers.deliver_webhook = listen


def keep(events: Events, name: str, payload: dict[str, Any], user: str | None) -> None:
    """Record an event; say in the log when that cannot be done, for MLflow has made the change."""
    try:
        events.record(name, payload, user)
    except Exception:
        LOG.exception("The event %s of %s was not kept.", name, payload.get("name"))
