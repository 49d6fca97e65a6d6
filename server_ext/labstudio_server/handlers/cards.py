"""Model cards over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.approvals import APPROVALS
from labstudio_server.handlers.base import StudioHandler
from labstudio_server.handlers.models import number

if TYPE_CHECKING:
    from labstudio.cards.models import (
        CardFileQuery,
        CardQuery,
        DecideCard,
        ImportCard,
        RefreshCard,
        SubmitCard,
        UpdateCard,
    )

_CARDS = "labstudio.cards.models"
_CARD = f"{_CARDS}:Card"
RESOURCE = "labstudio:models"
OF = "models/{name}/versions/{version}"
TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
}


class CardHandler(StudioHandler):
    """The card of a version."""

    path = f"{OF}/card"
    auth_resource = RESOURCE

    @operation("getCard", "The card of a version.", query=f"{_CARDS}:CardQuery", response=_CARD)
    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Tell what the card says."""
        query: CardQuery = await self.query()
        at = number(version)
        await self.answer(lambda studio: studio.cards.get(name, at, query.card_version))

    @operation(
        "updateCard", "Say what only a person knows.", body=f"{_CARDS}:UpdateCard", response=_CARD
    )
    @web.authenticated
    @authorized
    async def patch(self, name: str, version: str) -> None:
        """Complete the card."""
        given: UpdateCard = await self.body()
        user, at = self.owner, number(version)
        await self.answer(lambda studio: studio.cards.update(name, at, given, user=user))

    @operation(
        "importCard",
        "Make a draft of a card in SageMaker's schema 0.1.0.",
        body=f"{_CARDS}:ImportCard",
        response=_CARD,
    )
    @web.authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Import a card."""
        given: ImportCard = await self.body()
        user, at = self.owner, number(version)
        await self.answer(lambda studio: studio.cards.adopt(name, at, given, user=user))


class CardVersionsHandler(StudioHandler):
    """All versions of a card."""

    path = f"{OF}/cards"
    auth_resource = RESOURCE

    @operation("listCards", "All versions of a card, newest first.", response=f"{_CARDS}:CardPage")
    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """List the versions of the card."""
        at = number(version)
        await self.answer(lambda studio: studio.cards.all(name, at))


class CardRefreshHandler(StudioHandler):
    """A card, filled again."""

    path = f"{OF}/card/refresh"
    auth_resource = RESOURCE

    @operation(
        "refreshCard",
        "Fill the card again with what is known now; what persons said stays.",
        body=f"{_CARDS}:RefreshCard",
        response=_CARD,
    )
    @web.authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Fill the card again."""
        given: RefreshCard = await self.body()
        user, at = self.owner, number(version)
        await self.answer(lambda studio: studio.cards.refresh(name, at, given.sha256, user=user))


class CardSubmitHandler(StudioHandler):
    """A card on its way to review, and back."""

    path = f"{OF}/card/submit"
    auth_resource = RESOURCE

    @operation(
        "submitCard", "Send the card to review.", body=f"{_CARDS}:SubmitCard", response=_CARD
    )
    @web.authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Send the card to review."""
        given: SubmitCard = await self.body()
        user, at = self.owner, number(version)
        await self.answer(lambda studio: studio.cards.submit(name, at, given.sha256, user=user))

    @operation(
        "withdrawCard",
        "Take the card back from review.",
        query=f"{_CARDS}:SubmitCard",
        response=_CARD,
    )
    @web.authenticated
    @authorized
    async def delete(self, name: str, version: str) -> None:
        """Take the card back."""
        given: SubmitCard = await self.query()
        user, at = self.owner, number(version)
        await self.answer(lambda studio: studio.cards.withdraw(name, at, given.sha256, user=user))


class CardDecisionHandler(StudioHandler):
    """The decision on a card."""

    path = f"{OF}/card/decision"
    auth_resource = APPROVALS

    @operation(
        "decideCard",
        "Approve or reject the card that is in review.",
        body=f"{_CARDS}:DecideCard",
        response=_CARD,
    )
    @web.authenticated
    @authorized
    async def post(self, name: str, version: str) -> None:
        """Decide on the card."""
        given: DecideCard = await self.body()
        user, at = self.owner, number(version)
        accounts = authorization.has_accounts(self.identity_provider)
        await self.answer(
            lambda studio: studio.cards.decide(name, at, given, user=user, accounts=accounts)
        )


class CardFileBase(StudioHandler):
    """What gives a card as a file; it holds what persons and code wrote, so it runs nothing."""

    @property
    def content_security_policy(self) -> str:
        """A card has styles of its own and no scripts."""
        allowed = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        return f"{allowed}; frame-ancestors 'self'; sandbox allow-popups"

    async def send(self, name: str, version: str, form: str) -> None:
        """Make the file and send it."""
        query: CardFileQuery = await self.query()
        at = number(version)
        base = f"{self.request.protocol}://{self.request.host}{self.base_url}"
        content = await self.call(
            lambda studio: studio.cards.export(name, at, form, query.card_version, base)
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        if query.download:
            file = quote(f"{name}-{at}-card.{form}", safe="")
            self.set_header("Content-Disposition", f"attachment; filename*=utf-8''{file}")
        await self.finish(content, set_content_type=TYPES[form])


class CardHtmlHandler(CardFileBase):
    """A card as a page."""

    path = f"{OF}/card.html"
    auth_resource = RESOURCE

    @operation(
        "getCardHtml",
        "The card as one HTML page.",
        query=f"{_CARDS}:CardFileQuery",
        media_type="text/html",
    )
    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Give the card as a page."""
        await self.send(name, version, "html")


class CardPdfHandler(CardFileBase):
    """A card as a document to print."""

    path = f"{OF}/card.pdf"
    auth_resource = RESOURCE

    @operation(
        "getCardPdf",
        "The card as PDF.",
        query=f"{_CARDS}:CardFileQuery",
        media_type="application/pdf",
    )
    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Give the card as PDF."""
        await self.send(name, version, "pdf")


class CardJsonHandler(CardFileBase):
    """A card in SageMaker's schema."""

    path = f"{OF}/card.json"
    auth_resource = RESOURCE

    @operation(
        "getCardJson",
        "The card in SageMaker's schema 0.1.0.",
        query=f"{_CARDS}:CardFileQuery",
    )
    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Give the card in SageMaker's schema."""
        await self.send(name, version, "json")
