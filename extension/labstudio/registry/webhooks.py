"""Webhooks: MLflow's own, of the registry.

The tracking server delivers them, signed with the hook's secret. What the studio adds (approvals
and cards) is a tag of the version, ``labstudio.approval`` or ``labstudio.card``, so that it comes
by the event ``model_version_tag.set``: with the same signature and the same retries.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound
from labstudio.experiments.tracking import API
from labstudio.experiments.wire import moment
from labstudio.home import PRIVATE_FILE, write_once
from labstudio.registry.models import CreateWebhook, Webhook, WebhookPage, WebhookTest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labstudio.experiments.tracking import Tracking
    from labstudio.home import Home

HOOKS = f"{API}/webhooks"
EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)
KEY_FILE = "webhooks.key"
PAGE = 100


class Webhooks:
    """Who is told of changes in the registry.

    Parameters
    ----------
    tracking
        The connection to the tracking server.
    """

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking

    def list(self) -> WebhookPage:
        """Return all webhooks, without their secrets."""
        items: list[Webhook] = []
        token: str | None = None
        while True:
            found = self._tracking.call("GET", HOOKS, max_results=PAGE, page_token=token)
            items += [read(each) for each in found.get("webhooks", [])]
            token = found.get("next_page_token") or None
            if token is None:
                return WebhookPage(items=items, events=[*EVENTS])

    def create(self, spec: CreateWebhook) -> Webhook:
        """Add a webhook.

        Raises
        ------
        InvalidInput
            When the address or an event is none.
        """
        unknown = sorted(set(spec.events) - set(EVENTS))
        if unknown:
            message = f"events has {unknown[0]!r}; there are {', '.join(EVENTS)}."
            raise InvalidInput(message, field="events")
        if not spec.url.startswith(("https://", "http://")):
            raise InvalidInput("url must begin with https:// or http://.", field="url")
        secret = spec.secret.get_secret_value() if spec.secret else None
        made = self._tracking.call(
            "POST",
            HOOKS,
            name=spec.name,
            url=spec.url,
            events=[written(each) for each in dict.fromkeys(spec.events)],
            description=spec.description or None,
            secret=secret or None,
            status="ACTIVE" if spec.active else "DISABLED",
        )
        return read(made["webhook"])

    def delete(self, webhook_id: str) -> None:
        """Tell somebody no longer.

        Raises
        ------
        NotFound
            When there is no such webhook.
        """
        try:
            self._tracking.send("DELETE", f"{HOOKS}/{webhook_id}", json={})
        except NotFound as error:
            raise NotFound(f"There is no webhook {webhook_id!r}.", webhook_id=webhook_id) from error

    def test(self, webhook_id: str) -> WebhookTest:
        """Send an example of the webhook's first event, and say what came back."""
        # Nothing is retried without end: MLflow gives up after three more tries.
        answer = self._tracking.send(
            "POST", f"{HOOKS}/{webhook_id}/test", json={}, timeout=120
        ).json()
        result = answer.get("result", {})
        status = result.get("response_status")
        ok = bool(result.get("success"))
        message = f"The receiver answered {status}." if status else "The receiver was not reached."
        return WebhookTest(ok=ok, status=status, message=message)


def read(content: Mapping[str, Any]) -> Webhook:
    """Return a webhook of MLflow's JSON."""
    return Webhook(
        id=content["webhook_id"],
        name=content.get("name", ""),
        url=content.get("url", ""),
        events=[
            f"{each['entity'].lower()}.{each['action'].lower()}"
            for each in content.get("events", [])
        ],
        description=content.get("description") or "",
        active=content.get("status", "ACTIVE") == "ACTIVE",
        created_at=moment(content.get("creation_timestamp", 0)),
        updated_at=moment(content.get("last_updated_timestamp", 0)),
    )


def written(event: str) -> dict[str, str]:
    """Return an event as MLflow's API wants it."""
    entity, _, action = event.rpartition(".")
    return {"entity": entity.upper(), "action": action.upper()}


def environment(home: Home) -> dict[str, str]:
    """Return what MLflow is told of webhooks before it is loaded.

    MLflow keeps secrets encrypted, with a key that it makes anew in each process unless it is given
    one; so a restart would lose them. The studio keeps one in the home. A studio may tell services
    of its own machine and network, without TLS too: whoever may add a webhook may run code anyhow.
    """
    return {
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": key_of(home),
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "https,http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        # A new webhook is told from the next second on, not from the next minute.
        "MLFLOW_WEBHOOK_CACHE_TTL": "1",
        "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "10",
    }


def key_of(home: Home) -> str:
    """Return the key that webhooks' secrets are kept under, made when there is none."""
    file = home.path / KEY_FILE
    key = write_once(file, base64.urlsafe_b64encode(os.urandom(32)))
    file.chmod(PRIVATE_FILE)
    return key.decode().strip()
