"""Promotions over REST: who asks, who decides, and who is told.

Asking is a change of models (``labstudio:models``). Deciding is a right of its own: the authorizer
is asked for ``labstudio:approvals``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.registry.models import ApprovalQuery, CreateApproval, CreateWebhook, Decision

_REGISTRY = "labstudio.registry.models"
MODELS = "labstudio:models"
APPROVALS = "labstudio:approvals"
WEBHOOKS = "labstudio:webhooks"


class ApprovalsHandler(StudioHandler):
    """All requests to promote."""

    path = "approvals"
    auth_resource = MODELS

    @operation(
        "listApprovals",
        "Requests to promote, newest first.",
        query=f"{_REGISTRY}:ApprovalQuery",
        response=f"{_REGISTRY}:ApprovalPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List requests to promote."""
        query: ApprovalQuery = await self.query()
        await self.answer(lambda studio: studio.registry.approvals.search(query))

    @operation(
        "requestApproval",
        "Ask that a version become what an alias names.",
        body=f"{_REGISTRY}:CreateApproval",
        response=f"{_REGISTRY}:Approval",
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Ask for a promotion."""
        request: CreateApproval = await self.body()
        user = self.owner
        await self.answer(lambda studio: studio.registry.approvals.create(request, user=user))


class ApprovalHandler(StudioHandler):
    """One request to promote."""

    path = "approvals/{approval_id}"
    auth_resource = MODELS

    @operation("getApproval", "One request to promote.", response=f"{_REGISTRY}:Approval")
    @web.authenticated
    @authorized
    async def get(self, approval_id: str) -> None:
        """Tell of a request."""
        await self.answer(lambda studio: studio.registry.approvals.get(approval_id))

    @operation(
        "withdrawApproval", "Take back what one asked for.", response=f"{_REGISTRY}:Approval"
    )
    @web.authenticated
    @authorized
    async def delete(self, approval_id: str) -> None:
        """Take a request back."""
        user = self.owner
        await self.answer(lambda studio: studio.registry.approvals.withdraw(approval_id, user=user))


class ApprovalDecisionHandler(StudioHandler):
    """The decision on a request to promote."""

    path = "approvals/{approval_id}/decision"
    auth_resource = APPROVALS

    @operation(
        "decideApproval",
        "Say yes or no; with a yes the alias is set.",
        body=f"{_REGISTRY}:Decision",
        response=f"{_REGISTRY}:Approval",
    )
    @web.authenticated
    @authorized
    async def post(self, approval_id: str) -> None:
        """Decide."""
        decision: Decision = await self.body()
        user, accounts = self.owner, authorization.has_accounts(self.identity_provider)
        await self.answer(
            lambda studio: studio.registry.approvals.decide(
                approval_id, decision, user=user, accounts=accounts
            )
        )


class WebhooksHandler(StudioHandler):
    """Who is told of changes."""

    path = "webhooks"
    auth_resource = WEBHOOKS

    @operation(
        "listWebhooks", "All webhooks, without secrets.", response=f"{_REGISTRY}:WebhookPage"
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List webhooks."""
        await self.answer(lambda studio: studio.registry.webhooks.list())

    @operation(
        "createWebhook",
        "Add a webhook.",
        body=f"{_REGISTRY}:CreateWebhook",
        response=f"{_REGISTRY}:Webhook",
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Add a webhook."""
        spec: CreateWebhook = await self.body()
        await self.answer(lambda studio: studio.registry.webhooks.create(spec))


class WebhookHandler(StudioHandler):
    """One webhook."""

    path = "webhooks/{webhook_id}"
    auth_resource = WEBHOOKS

    @operation("deleteWebhook", "Delete a webhook.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, webhook_id: str) -> None:
        """Delete a webhook."""
        await self.done(lambda studio: studio.registry.webhooks.delete(webhook_id))


class WebhookTestHandler(StudioHandler):
    """A try of a webhook."""

    path = "webhooks/{webhook_id}/test"
    auth_resource = WEBHOOKS

    @operation(
        "testWebhook",
        "Send an example of the webhook's first event.",
        response=f"{_REGISTRY}:WebhookTest",
    )
    @web.authenticated
    @authorized
    async def post(self, webhook_id: str) -> None:
        """Try a webhook."""
        await self.answer(lambda studio: studio.registry.webhooks.test(webhook_id))
