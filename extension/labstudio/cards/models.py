"""The nouns of model cards."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field

from labstudio.inputs import Input

SHORT = 1024
LONG = 2048

Risk = Literal["High", "Medium", "Low", "Unknown"]


class CardState(StrEnum):
    """Where a card stands; SageMaker has Draft, PendingReview, Approved and Archived."""

    draft = "draft"
    pending = "pending"
    approved = "approved"
    rejected = "rejected"
    archived = "archived"


class Source(BaseModel):
    """What a claim was taken from."""

    kind: Literal["run", "cell", "data", "report", "model", "person"]
    object: str = Field(description="As in run:ID, data:SHA256, report:RUN_ID/PATH, model:NAME/1.")
    label: str
    run_id: str | None = None
    notebook: str | None = None
    cell: int | None = Field(None, description="The execution count of the cell.")
    sha256: str | None = Field(None, description="Of what was read, when it was read.")


class Missing(BaseModel):
    """What only a person knows, and nobody has said."""

    field: str = Field(description="Its name in UpdateCard.")
    pointer: str = Field(description="Where it stands in the content, a JSON pointer.")
    label: str
    help: str
    required: bool = Field(description="Whether the card can go to review without it.")


class StaleReason(BaseModel):
    """Why a card no longer says what is."""

    object: str
    label: str
    was: str | None
    now: str | None
    message: str = Field(description="One sentence.")


class Card(BaseModel):
    """A version of a model version's card."""

    id: str | None = Field(description="None: filled from what is known, and not saved yet.")
    model: str
    model_version: int
    version: int = Field(description="Of the card, from 1; 0 when it is not saved yet.")
    state: CardState
    content: dict[str, Any] = Field(description="SageMaker's card schema 0.1.0.")
    sources: dict[str, list[Source]] = Field(
        description="By JSON pointer: what each claim was taken from."
    )
    missing: list[Missing]
    stale: bool
    stale_reasons: list[StaleReason]
    sha256: str = Field(description="Of the content; give it back with a change.")
    user: str | None
    created_at: datetime | None
    updated_at: datetime | None
    submitted_by: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    comment: str | None = Field(None, description="Of whoever decided.")


class CardSummary(BaseModel):
    """A version of a card in a list."""

    id: str
    version: int
    state: CardState
    risk: Risk | None
    user: str
    created_at: datetime
    updated_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    comment: str | None
    sha256: str


class CardPage(BaseModel):
    """All versions of a model version's card, newest first."""

    items: list[CardSummary]


class UpdateCard(Input):
    """What a person says; what is left out stays, an empty text is taken out."""

    sha256: str = Field(description="Of the content that was read; another one is refused.")
    model_description: str | None = Field(None, max_length=SHORT)
    model_owner: str | None = Field(None, max_length=SHORT)
    model_creator: str | None = Field(None, max_length=SHORT)
    problem_type: str | None = Field(None, max_length=SHORT)
    algorithm_type: str | None = Field(None, max_length=SHORT)
    purpose_of_model: str | None = Field(None, max_length=LONG)
    intended_uses: str | None = Field(None, max_length=LONG)
    factors_affecting_model_efficiency: str | None = Field(None, max_length=LONG)
    risk_rating: Risk | None = None
    explanations_for_risk_rating: str | None = Field(None, max_length=LONG)
    business_problem: str | None = Field(None, max_length=LONG)
    business_stakeholders: str | None = Field(None, max_length=LONG)
    line_of_business: str | None = Field(None, max_length=LONG)
    training_observations: str | None = Field(None, max_length=SHORT)
    evaluation_observation: str | None = Field(None, max_length=2096)
    ethical_considerations: str | None = Field(None, max_length=LONG)
    caveats_and_recommendations: str | None = Field(None, max_length=LONG)
    custom_details: dict[str, str] | None = None


class RefreshCard(Input):
    """A card that is to be filled again with what is now."""

    sha256: str = Field(description="Of the content that was read; another one is refused.")


class SubmitCard(Input):
    """A card that goes to review."""

    sha256: str = Field(description="Of the content that was read; another one is refused.")


class DecideCard(Input):
    """A yes or a no to the card that is in review."""

    sha256: str = Field(description="Of the content that was read; another one is refused.")
    approve: bool
    comment: str = Field("", max_length=4000)


class ImportCard(Input):
    """A card of SageMaker's, to become a draft of this version's."""

    content: dict[str, Any] = Field(description="SageMaker's card schema 0.1.0.")


class CardQuery(Input):
    """Which version of the card."""

    card_version: int | None = Field(None, ge=1, description="The newest when left out.")


class CardFileQuery(CardQuery):
    """How a card's file is given."""

    download: bool = Field(False, description="As an attachment, to be saved.")
