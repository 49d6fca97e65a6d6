"""The verbs of model cards: read, complete, review, approve, import and export."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labstudio.cards import stale
from labstudio.cards.facts import Filled, fill
from labstudio.cards.models import (
    Card,
    CardPage,
    CardState,
    CardSummary,
    DecideCard,
    ImportCard,
    Source,
    StaleReason,
    UpdateCard,
)
from labstudio.cards.people import CUSTOM, FIELDS, missing, said
from labstudio.cards.pointers import at, escaped, leaves, put, write
from labstudio.cards.schema import check, digest, pruned
from labstudio.cards.store import NEWER, CardStore
from labstudio.errors import Conflict, Forbidden, InvalidInput, NotFound
from labstudio.jobs.submission import current_user
from labstudio.registry.approvals import may_own
from labstudio.registry.client import VERSIONS

if TYPE_CHECKING:
    import sqlalchemy as sa

    from labstudio._studio import Studio

# The state of the newest card is a tag of the version: MLflow's pages and webhooks tell of it.
TAG = "labstudio.card"
CLAIMS, READ = "claims", "read"


class CardService:
    """Model cards.

    A card is filled from what is known whenever it is read, until somebody completes it: then it is
    kept, and says when what it speaks of has changed.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.store = CardStore(studio.database)
        self._judged: dict[tuple[str, str], tuple[float, list[StaleReason]]] = {}

    def get(self, model: str, version: int, card_version: int | None = None) -> Card:
        """Return a card; the newest one when no version of it is named.

        Raises
        ------
        NotFound
            When there is no such version of the model, or of the card.
        """
        row = self.store.get(model, version, card_version)
        return self._card(model, version, row)

    def all(self, model: str, version: int) -> CardPage:
        """Return all versions of a card, newest first."""
        return CardPage(items=[summary(row) for row in self.store.all(model, version)])

    def update(
        self, model: str, version: int, given: UpdateCard, *, user: str | None = None
    ) -> Card:
        """Say what only a person knows.

        A draft is changed. Of a card that was decided on, a new version is made. One in review is
        left alone.

        Raises
        ------
        Conflict
            When it was changed since it was read, or is in review.
        InvalidInput
            When the result would be no card.
        """
        who = user or current_user()
        row, card = self._read(model, version, given.sha256)
        person = Source(kind="person", object=f"person:{who}", label=who)
        changed = said(given)
        if given.evaluation_observation is not None and not card.content.get("evaluation_details"):
            message = "evaluation_observation: the card has no evaluation to say something of."
            raise InvalidInput(message, field="evaluation_observation")
        for pointer, value in changed.items():
            write(card.content, pointer, value)
            card.sources.pop(pointer, None)
            if value:
                card.sources[pointer] = [person]
        for name, value in (given.custom_details or {}).items():
            pointer = f"{CUSTOM}/{escaped(name)}"
            put(card.content, pointer, value)
            card.sources[pointer] = [person]
        kept = dict(row.sources[READ]) if row is not None else self._read_now(model, version)
        return self._keep(card, row, kept, who)

    def refresh(self, model: str, version: int, sha256: str, *, user: str | None = None) -> Card:
        """Fill a card again with what is known now; what persons said stays."""
        who = user or current_user()
        row, card = self._read(model, version, sha256)
        filled = self._fill(model, version)
        content, sources = merged(card, filled)
        card.content, card.sources = content, sources
        return self._keep(card, row, read_of(filled), who)

    def adopt(
        self, model: str, version: int, given: ImportCard, *, user: str | None = None
    ) -> Card:
        """Make a draft of a card that was written elsewhere, in SageMaker's schema.

        Raises
        ------
        InvalidInput
            When it is no card.
        """
        who = user or current_user()
        check(given.content)
        row = self.store.get(model, version, None)
        card = self._card(model, version, row)
        source = Source(kind="person", object=f"person:{who}", label=f"imported by {who}")
        card.content = given.content
        card.sources = {pointer: [source] for pointer in leaves(given.content)}
        return self._keep(card, row, self._read_now(model, version), who)

    def submit(self, model: str, version: int, sha256: str, *, user: str | None = None) -> Card:
        """Send a draft to review.

        Raises
        ------
        Conflict
            When something that a card must say is missing, or the card was changed.
        """
        who = user or current_user()
        row, card = self._read(model, version, sha256)
        lacking = [each.label for each in card.missing if each.required]
        if lacking:
            raise Conflict(
                f"The card cannot go to review: it does not say {', '.join(lacking)}.",
                missing=[each.field for each in card.missing if each.required],
            )
        if row is None:
            self._keep(card, None, self._read_now(model, version), who)
            row = self.store.get(model, version, None)
        assert row is not None
        state = CardState.pending.value
        self.store.move(row, sha256, [CardState.draft], state=state, submitted_by=who)
        return self._told(model, version, who)

    def withdraw(self, model: str, version: int, sha256: str, *, user: str | None = None) -> Card:
        """Take a card back from review, to go on writing."""
        who = user or current_user()
        row, _ = self._read(model, version, sha256, saved=True)
        assert row is not None
        state = CardState.draft.value
        self.store.move(row, sha256, [CardState.pending], state=state, submitted_by=None)
        return self._told(model, version, who)

    def decide(
        self,
        model: str,
        version: int,
        given: DecideCard,
        *,
        user: str | None = None,
        accounts: bool = False,
    ) -> Card:
        """Approve or reject a card that is in review; an approved one is never changed again.

        Raises
        ------
        Forbidden
            When one would approve what one sent to review, and there is somebody else to do it.
        Conflict
            When it is not in review, or was changed.
        """
        who = user or current_user()
        row, _ = self._read(model, version, given.sha256, saved=True)
        assert row is not None
        if row.state != CardState.pending.value:
            raise Conflict(f"The card is not in review; it is {row.state}.")
        if given.approve and row.submitted_by == who and not may_own(self._studio, accounts):
            raise Forbidden("You sent this card to review yourself; somebody else approves it.")
        state = CardState.approved if given.approve else CardState.rejected
        self.store.move(
            row,
            given.sha256,
            [CardState.pending],
            state=state.value,
            decided_by=who,
            decided_at=datetime.now(UTC),
            comment=given.comment,
        )
        return self._told(model, version, who)

    def export(
        self,
        model: str,
        version: int,
        form: str,
        card_version: int | None = None,
        base: str | None = None,
    ) -> bytes:
        """Return a card as a file.

        Parameters
        ----------
        model, version, card_version
            Which card.
        form
            ``html``, ``pdf`` or ``json``.
        base
            The address of a Jupyter Server, ending in ``/``, that links lead to; none without it.
        """
        card = self.get(model, version, card_version)
        if form == "json":
            return (json.dumps(card.content, indent=2, ensure_ascii=False) + "\n").encode()
        if form == "html":
            from labstudio.cards.html import page

            return page(card, base).encode()
        if form == "pdf":
            from labstudio.cards.pdf import document

            return document(card, base)
        raise InvalidInput(f"format must be html, pdf or json, not {form!r}.", field="format")

    def stale(self, row: sa.Row[Any], max_age_s: float = 0.0) -> list[StaleReason]:
        """Return why a kept card no longer says what is.

        Parameters
        ----------
        row
            The card.
        max_age_s
            How old an answer may be, for lists of many cards.
        """
        key, now = (row.id, row.sha256), time.monotonic()
        before, known = self._judged.get(key, (-math.inf, []))
        if now - before < max_age_s:
            return known
        try:
            found = stale.reasons(row.sources[READ], self._fill(row.model, row.model_version))
        except NotFound:
            found = stale.reasons(row.sources[READ], None)
        self._judged[key] = (now, found)
        return found

    def _card(self, model: str, version: int, row: sa.Row[Any] | None) -> Card:
        if row is None:
            filled = self._fill(model, version)
            check(filled.content)
            return Card(
                id=None,
                model=model,
                model_version=version,
                version=0,
                state=CardState.draft,
                content=filled.content,
                sources=filled.sources,
                missing=missing(filled.content),
                stale=False,
                stale_reasons=[],
                sha256=digest(filled.content),
                user=None,
                created_at=None,
                updated_at=None,
            )
        reasons = self.stale(row)
        facts = {name: value for name, value in row._mapping.items() if name != "sources"}
        return Card(
            **facts,
            sources=row.sources[CLAIMS],
            missing=missing(row.content),
            stale=bool(reasons),
            stale_reasons=reasons,
        )

    def _read(
        self, model: str, version: int, sha256: str, *, saved: bool = False
    ) -> tuple[sa.Row[Any] | None, Card]:
        """Return the card as it stands; Conflict where it is not what the caller has read."""
        row = self.store.get(model, version, None)
        if row is None and saved:
            raise NotFound(f"The card of {model}/{version} was not sent to review.")
        card = self._card(model, version, row)
        if card.sha256 != sha256:
            raise Conflict(NEWER, sha256=card.sha256)
        return row, card

    def _keep(self, card: Card, row: sa.Row[Any] | None, read: dict[str, Any], user: str) -> Card:
        """Write a card down: into its draft, or as a new version of one that was decided on."""
        if row is not None and row.state == CardState.pending.value:
            raise Conflict("The card is in review: take it back first, or wait for the decision.")
        content = pruned(card.content)
        check(content)
        sources = {
            CLAIMS: {
                pointer: [each.model_dump(exclude_none=True) for each in sources]
                for pointer, sources in card.sources.items()
            },
            READ: read,
        }
        sha256 = digest(content)
        if row is not None and row.state == CardState.draft.value:
            self.store.write(row, row.sha256, content=content, sources=sources, sha256=sha256)
        else:
            rows = self.store.all(card.model, card.model_version)
            after = max((each.version for each in rows), default=0)
            self.store.add(
                card.model,
                card.model_version,
                user=user,
                after=after,
                content=content,
                sources=sources,
                sha256=sha256,
            )
        return self.get(card.model, card.model_version)

    def _told(self, model: str, version: int, user: str) -> Card:
        """Return the card, and let MLflow know how it stands."""
        card = self.get(model, version)
        told = {
            "state": card.state.value,
            "version": card.version,
            "risk": at(card.content, FIELDS["risk_rating"].pointer),
            "sha256": card.sha256,
        }
        self._studio.registry.client.write(
            "POST",
            f"{VERSIONS}/set-tag",
            user,
            name=model,
            version=str(version),
            key=TAG,
            value=json.dumps(told),
        )
        return card

    def _fill(self, model: str, version: int) -> Filled:
        registry = self._studio.registry
        return fill(registry, registry.version(model, version))

    def _read_now(self, model: str, version: int) -> dict[str, Any]:
        return read_of(self._fill(model, version))


def read_of(filled: Filled) -> dict[str, Any]:
    """Return what was read for a card, as it is kept."""
    return {name: asdict(each) for name, each in filled.read.items()}


def merged(card: Card, filled: Filled) -> tuple[dict[str, Any], dict[str, list[Source]]]:
    """Return what is known now with what persons said before."""
    content, sources = filled.content, dict(filled.sources)
    for pointer, known in card.sources.items():
        if not any(each.kind == "person" for each in known):
            continue
        value = at(card.content, pointer)
        if value is not None and write(content, pointer, value):
            sources[pointer] = known
    return content, sources


def summary(row: sa.Row[Any]) -> CardSummary:
    """Return a row as a list shows it."""
    risk = at(row.content, FIELDS["risk_rating"].pointer)
    fields = {
        name: value for name, value in row._mapping.items() if name in CardSummary.model_fields
    }
    return CardSummary(**fields, risk=risk)
