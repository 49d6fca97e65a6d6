"""The nouns of the registry: models, their versions, approvals and webhooks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr

from labstudio.inputs import Input

NAME_LIMIT = 256
ALIAS_LIMIT = 255
TEXT_LIMIT = 5000
COMMENT_LIMIT = 4000


class ApprovalState(StrEnum):
    """What became of a request to promote."""

    pending = "pending"
    approved = "approved"
    rejected = "rejected"
    withdrawn = "withdrawn"


class Approval(BaseModel):
    """A request that a version become what an alias names."""

    id: str
    model: str
    version: int
    alias: str
    state: ApprovalState
    comment: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_comment: str | None = None
    applied: bool = Field(False, description="Whether the alias was set after the approval.")
    own: bool = Field(False, description="Whether who asked also decided.")
    replaces: int | None = Field(None, description="The version that the alias names now.")


class ApprovalPage(BaseModel):
    """Requests to promote, newest first."""

    items: list[Approval]
    next_cursor: str | None = None


class CreateApproval(Input):
    """A request to promote a version."""

    model: str = Field(min_length=1, max_length=NAME_LIMIT)
    version: int = Field(ge=1)
    alias: str = Field(min_length=1, max_length=ALIAS_LIMIT)
    comment: str = Field("", max_length=COMMENT_LIMIT)


class Decision(Input):
    """A yes or a no, with a reason."""

    approve: bool
    comment: str = Field("", max_length=COMMENT_LIMIT)


class ApprovalQuery(Input):
    """Which approvals."""

    state: ApprovalState | None = None
    model: str | None = None
    version: int | None = Field(None, ge=1)
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = None


class Model(BaseModel):
    """A registered model, as a list shows it."""

    name: str
    description: str
    tags: dict[str, str]
    aliases: dict[str, int] = Field(description="Which version each alias names.")
    latest_version: int | None
    created_at: datetime
    updated_at: datetime
    favourite: bool = False
    pending: int = Field(0, description="Requests to promote that wait for a decision.")


class ModelPage(BaseModel):
    """A page of registered models, by name unless asked otherwise."""

    items: list[Model]
    next_cursor: str | None = None
    protected: list[str] = Field(description="Aliases that want an approval.")


class ModelQuery(Input):
    """Which registered models."""

    text: str = Field("", max_length=NAME_LIMIT, description="Part of the name, any case.")
    filter: str = Field("", max_length=2000, description="MLflow's filter, as in tags.team = 'a'.")
    favourite: bool | None = None
    order_by: Literal["name", "-name", "updated_at", "-updated_at"] = "name"
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = None


class ModelVersion(BaseModel):
    """A version of a registered model."""

    model: str
    version: int
    description: str
    tags: dict[str, str]
    aliases: list[str]
    source: str = Field(description="Where MLflow takes the model from.")
    run_id: str | None
    model_id: str | None = Field(description="MLflow's logged model, m-...")
    status: str
    status_message: str
    user: str | None
    created_at: datetime
    updated_at: datetime
    pending: list[str] = Field([], description="Aliases that are asked for and not decided.")
    unapproved: list[str] = Field(
        [], description="Protected aliases that it has without an approval of the studio."
    )


class ModelDetail(Model):
    """A registered model with its versions, newest first."""

    versions: list[ModelVersion]
    protected: list[str] = Field(description="Aliases that want an approval.")


class Column(BaseModel):
    """One input, output or parameter of a model's signature."""

    name: str
    type: str
    required: bool = True
    shape: list[int] | None = None
    default: Any = None


class Signature(BaseModel):
    """What a model takes and gives."""

    inputs: list[Column]
    outputs: list[Column]
    params: list[Column] = []


class SourceRun(BaseModel):
    """The run that made a version."""

    id: str
    name: str
    experiment_id: str
    experiment: str | None = None
    status: str
    lifecycle: str
    user: str | None
    started_at: datetime
    ended_at: datetime | None
    params: dict[str, str]
    metrics: dict[str, float | None]
    tags: dict[str, str]
    notebook: str | None = None
    cell: int | None = Field(None, description="The execution count of the cell.")
    job_id: str | None = None


class VersionDetail(ModelVersion):
    """A version with all that is known of it."""

    signature: Signature | None = None
    input_example: Any = Field(None, description="As MLflow keeps it, JSON.")
    flavors: list[str] = []
    dependencies: list[str] = Field([], description="Lines of requirements.txt.")
    python_version: str | None = None
    mlflow_version: str | None = None
    size_bytes: int | None = None
    made_at: datetime | None = None
    run: SourceRun | None = None
    params: dict[str, str] = Field({}, description="Of the logged model, else of the run.")
    metrics: dict[str, float | None] = Field(
        {}, description="Of the run, and of the logged model above them."
    )
    approvals: list[Approval] = Field([], description="Newest first.")
    unread: str | None = Field(None, description="Why the model's files cannot be read.")


class RegisterModel(Input):
    """A model of a run that is to be registered."""

    name: str = Field(min_length=1, max_length=NAME_LIMIT)
    run_id: str | None = Field(None, max_length=64)
    path: str | None = Field(None, max_length=1000, description="The model artifact of the run.")
    model_id: str | None = Field(None, max_length=64, description="MLflow's logged model, m-...")
    description: str = Field("", max_length=TEXT_LIMIT)
    tags: dict[str, str] = Field({})


class UpdateModel(Input):
    """Changes to a registered model; what is left out stays."""

    description: str | None = Field(None, max_length=TEXT_LIMIT)
    tags: dict[str, str | None] = Field({}, description="A tag of null is deleted.")
    favourite: bool | None = None


class UpdateVersion(Input):
    """Changes to a version; what is left out stays."""

    description: str | None = Field(None, max_length=TEXT_LIMIT)
    tags: dict[str, str | None] = Field({}, description="A tag of null is deleted.")


class SetAlias(Input):
    """Which version an alias names."""

    version: int = Field(ge=1)


class DeleteQuery(Input):
    """Whether a deletion is meant."""

    confirm: str = Field("", description="The model's name again, or NAME/VERSION of a version.")


class Registrable(BaseModel):
    """A model of a run that can be registered."""

    name: str
    path: str | None = Field(description="Below the run's artifacts; none for a logged model.")
    model_id: str | None
    flavors: list[str] = []
    created_at: datetime | None = None
    registered: list[str] = Field([], description="NAME/VERSION of what was registered from it.")


class RegistrablePage(BaseModel):
    """The models that a run left."""

    items: list[Registrable]


class CompareQuery(Input):
    """Which versions to lay beside one another."""

    version: list[int] = Field(min_length=2, max_length=20)


class ComparedValue(BaseModel):
    """One fact of several versions."""

    key: str
    values: dict[str, str | float | None] = Field(description="By version.")
    differs: bool


class Comparison(BaseModel):
    """Versions of a model beside one another."""

    model: str
    versions: list[ModelVersion]
    params: list[ComparedValue]
    metrics: list[ComparedValue]
    signature: list[ComparedValue]
    tags: list[ComparedValue]
    dependencies: list[ComparedValue]
    facts: list[ComparedValue] = Field(description="Run, flavour, sizes, data.")


class ModelEvent(BaseModel):
    """Something that happened in the registry."""

    id: str
    at: datetime
    event: str = Field(description="As in model_version_alias.created.")
    model: str
    version: int | None
    user: str | None = Field(description="Whoever did it through the studio.")
    message: str = Field(description="One sentence.")


class ModelEvents(BaseModel):
    """What happened, newest first."""

    items: list[ModelEvent]


class EventQuery(Input):
    """Which events."""

    model: str | None = None
    after: str | None = Field(None, description="The id of the newest event that is known.")
    limit: int = Field(50, ge=1, le=500)


class Webhook(BaseModel):
    """Who is told of changes; its secret is never shown."""

    id: str
    name: str
    url: str
    events: list[str]
    description: str
    active: bool
    created_at: datetime
    updated_at: datetime


class WebhookPage(BaseModel):
    """All webhooks, and the events that there are."""

    items: list[Webhook]
    events: list[str]


class CreateWebhook(Input):
    """A webhook as it is asked for."""

    name: str = Field(min_length=1, max_length=NAME_LIMIT)
    url: str = Field(min_length=1, max_length=500)
    events: list[str] = Field(min_length=1)
    description: str = Field("", max_length=1000)
    secret: SecretStr | None = Field(None, description="What deliveries are signed with.")
    active: bool = True


class WebhookTest(BaseModel):
    """What the receiver answered to a test."""

    ok: bool
    status: int | None = None
    message: str


class DashboardItem(BaseModel):
    """One model, as whoever is responsible for it wants to see it."""

    model: str
    version: int | None = Field(description="The version in use, or the newest.")
    alias: str | None = Field(description="What makes it the one in use; none: the newest.")
    latest_version: int | None
    approved: bool = Field(description="Whether its alias was set by an approval.")
    pending: int
    card_state: str | None
    card_stale: bool
    stale_reasons: list[str] = []
    missing: int = Field(0, description="What only a person knows and nobody said.")
    risk: str | None
    evaluated_at: datetime | None
    evaluation: dict[str, float]
    evaluation_run: str | None
    bias: str = Field("not set up", description="State of the monitor of bias.")
    drift: str = Field("not set up", description="State of the monitor of drift.")
    endpoint: str | None = None
    updated_at: datetime


class Dashboard(BaseModel):
    """Every model."""

    items: list[DashboardItem]
