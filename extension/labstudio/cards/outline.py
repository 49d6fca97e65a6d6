"""A card as it is read: sections with claims, tables and charts, numbered sources.

The page and the document are made from the same outline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labstudio.cards.people import FIELDS
from labstudio.cards.pointers import at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labstudio.cards.models import Card, Source

BUSINESS = ("business_problem", "business_stakeholders", "line_of_business")
TRAINING = "/training_details"
JOB = f"{TRAINING}/training_job_details"
CUSTOM = "/additional_information/custom_details"


@dataclass(frozen=True)
class Claim:
    """A fact in words; without text it is missing."""

    label: str
    text: str | None
    refs: tuple[int, ...] = ()
    help: str = ""


@dataclass(frozen=True)
class Values:
    """Names with values, such as parameters."""

    title: str
    rows: tuple[tuple[str, str], ...]
    refs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Metrics:
    """Numbers; those between 0 and 1 are drawn as bars too."""

    title: str
    rows: tuple[tuple[str, float | str | bool, str], ...]
    refs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bars:
    """A bar chart."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    axis: str = ""


@dataclass(frozen=True)
class Curve:
    """A line through points."""

    title: str
    points: tuple[tuple[float, float], ...]
    x: str = ""
    y: str = ""


@dataclass(frozen=True)
class Matrix:
    """A table of numbers, coloured."""

    title: str
    rows: tuple[tuple[float, ...], ...]
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()


Block = Claim | Values | Metrics | Bars | Curve | Matrix


@dataclass
class Section:
    """A part of the card under one heading."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class Reference:
    """A numbered source."""

    number: int
    kind: str
    label: str
    object: str
    sha256: str | None
    link: str | None


@dataclass
class Outline:
    """All of it."""

    title: str
    risk: str | None
    sections: list[Section]
    references: list[Reference]


class References:
    """Numbers the sources in the order in which the card speaks of them."""

    def __init__(self, card: Card, base: str | None) -> None:
        self._card = card
        self._base = base
        self._numbers: dict[tuple[str, str], int] = {}
        self.items: list[Reference] = []

    def of(self, pointer: str) -> tuple[int, ...]:
        """Return the numbers of what a claim was taken from."""
        return tuple(dict.fromkeys(map(self._number, self._card.sources.get(pointer, []))))

    def _number(self, source: Source) -> int:
        key = (source.object, source.label)
        if key not in self._numbers:
            number = self._numbers[key] = len(self._numbers) + 1
            self.items.append(
                Reference(
                    number=number,
                    kind=source.kind,
                    label=source.label,
                    object=source.object,
                    sha256=source.sha256,
                    link=address(source, self._base),
                )
            )
        return self._numbers[key]


def address(source: Source, base: str | None) -> str | None:
    """Return where a source can be looked at: its notebook, or its run in MLflow's pages."""
    if base is None:
        return None
    if source.kind == "cell" and source.notebook:
        return f"{base}lab/tree/{quote(source.notebook.lstrip('/'))}"
    if source.run_id:
        # MLflow's pages find a run's experiment by themselves.
        return f"{base}labstudio/mlflow/#/experiments/0/runs/{quote(source.run_id)}"
    if source.kind == "model":
        name, _, version = source.object.removeprefix("model:").rpartition("/")
        return f"{base}labstudio/mlflow/#/models/{quote(name, safe='')}/versions/{version}"
    return None


def outline(card: Card, base: str | None = None) -> Outline:
    """Arrange a card for reading."""
    refs = References(card, base)
    return Outline(
        title=f"{card.model}, version {card.model_version}",
        risk=at(card.content, FIELDS["risk_rating"].pointer),
        sections=[
            each
            for each in (
                _overview(card, refs),
                _uses(card, refs),
                _business(card, refs),
                _training(card, refs),
                *_evaluations(card, refs),
                _more(card, refs),
            )
            if each.blocks
        ],
        references=refs.items,
    )


def _claims(card: Card, refs: References, names: tuple[str, ...]) -> list[Block]:
    """Return what is said under fields that persons fill in; what is missing says what it wants."""
    lacking = {each.field for each in card.missing}
    made: list[Block] = []
    for name in names:
        asked = FIELDS[name]
        text = at(card.content, asked.pointer)
        if name in lacking:
            made.append(Claim(asked.label, None, help=asked.help))
        elif text:
            made.append(Claim(asked.label, str(text), refs.of(asked.pointer)))
    return made


def _overview(card: Card, refs: References) -> Section:
    top = "/model_overview"
    blocks = _claims(
        card,
        refs,
        ("model_description", "model_owner", "model_creator", "problem_type", "algorithm_type"),
    )
    for name, label in (
        ("model_id", "Model"),
        ("model_artifact", "Files"),
        ("inference_environment", "Serves in"),
    ):
        value = at(card.content, f"{top}/{name}")
        if isinstance(value, dict):
            value = value.get("container_image")
        text = ", ".join(value) if isinstance(value, list) else value
        if text:
            blocks.append(Claim(label, str(text), refs.of(f"{top}/{name}")))
    package = card.content.get("model_package_details") or {}
    rows = tuple((words(key), str(value)) for key, value in package.items() if simple(value))
    if rows:
        blocks.append(Values("Model package", rows))
    return Section("Overview", blocks)


def _uses(card: Card, refs: References) -> Section:
    names = (
        "purpose_of_model",
        "intended_uses",
        "factors_affecting_model_efficiency",
        "risk_rating",
        "explanations_for_risk_rating",
    )
    return Section("Intended uses", _claims(card, refs, names))


def _business(card: Card, refs: References) -> Section:
    return Section("Business", _claims(card, refs, BUSINESS))


def _training(card: Card, refs: References) -> Section:
    blocks = _claims(card, refs, ("training_observations",))
    objective = at(card.content, f"{TRAINING}/objective_function")
    if objective:
        parts = objective.get("function")
        parts = parts if isinstance(parts, dict) else objective
        told = [parts.get(name) for name in ("function", "facet", "condition")]
        notes = objective.get("notes")
        text = ". ".join(filter(None, [" ".join(filter(None, told)), notes]))
        blocks.append(Claim("Objective", text, refs.of(f"{TRAINING}/objective_function")))
    for name, label in (("training_arn", "Trained by"), ("training_datasets", "Data")):
        value = at(card.content, f"{JOB}/{name}")
        text = "\n".join(value) if isinstance(value, list) else value
        if text:
            blocks.append(Claim(label, text, refs.of(f"{JOB}/{name}")))
    where = at(card.content, f"{JOB}/training_environment/container_image")
    if where:
        pointer = f"{JOB}/training_environment/container_image"
        blocks.append(Claim("Environment", ", ".join(where), refs.of(pointer)))
    for name, label in (
        ("hyper_parameters", "Parameters"),
        ("user_provided_hyper_parameters", "Parameters, by hand"),
    ):
        rows = tuple(
            (each["name"], each["value"]) for each in at(card.content, f"{JOB}/{name}") or ()
        )
        if rows:
            blocks.append(Values(label, rows, refs.of(f"{JOB}/{name}")))
    for name, label in (
        ("training_metrics", "Metrics of the training"),
        ("user_provided_training_metrics", "Metrics of the training, by hand"),
    ):
        found = at(card.content, f"{JOB}/{name}") or ()
        numbers = tuple((each["name"], each["value"], each.get("notes", "")) for each in found)
        if numbers:
            blocks.append(Metrics(label, numbers, refs.of(f"{JOB}/{name}")))
    return Section("Training", blocks)


def _evaluations(card: Card, refs: References) -> list[Section]:
    made = []
    for index, each in enumerate(card.content.get("evaluation_details") or []):
        numbers = refs.of(f"/evaluation_details/{index}")
        said = refs.of(f"/evaluation_details/{index}/evaluation_observation")
        section = Section(each["name"])
        if each.get("evaluation_observation"):
            section.blocks.append(Claim("Observation", each["evaluation_observation"], said))
        if each.get("datasets"):
            section.blocks.append(Claim("Data", "\n".join(each["datasets"]), numbers))
        if each.get("evaluation_job_arn"):
            section.blocks.append(Claim("Measured by", each["evaluation_job_arn"], numbers))
        rows = tuple((words(key), value) for key, value in (each.get("metadata") or {}).items())
        if rows:
            section.blocks.append(Values("Facts", rows, numbers))
        for group in each.get("metric_groups") or []:
            section.blocks += _group(group, numbers)
        made.append(section)
    return made


def _group(group: dict[str, Any], refs: tuple[int, ...]) -> list[Block]:
    plain = tuple(
        (each["name"], each["value"], each.get("notes", ""))
        for each in group["metric_data"]
        if each["type"] in ("number", "string", "boolean")
    )
    blocks: list[Block] = [Metrics(group["name"], plain, refs)] if plain else []
    for each in group["metric_data"]:
        title, value = each["name"], each["value"]
        x, y = each.get("x_axis_name"), each.get("y_axis_name")
        if each["type"] == "bar_chart":
            labels = [*(x or ()), *map(str, range(len(x or ()) + 1, len(value) + 1))]
            blocks.append(Bars(title, tuple(labels[: len(value)]), tuple(value), y or ""))
        elif each["type"] == "linear_graph":
            points = tuple((first, second) for first, second in value)
            blocks.append(Curve(title, points, x or "", y or ""))
        elif each["type"] == "matrix":
            blocks.append(Matrix(title, tuple(map(tuple, value)), tuple(x or ()), tuple(y or ())))
    return blocks


def _more(card: Card, refs: References) -> Section:
    names = ("ethical_considerations", "caveats_and_recommendations")
    blocks = _claims(card, refs, names)
    custom = at(card.content, CUSTOM) or {}
    numbers = [n for name in custom for n in refs.of(f"{CUSTOM}/{name.replace('/', '~1')}")]
    if custom:
        rows = tuple((name, str(value)) for name, value in custom.items())
        blocks.append(Values("Details", rows, tuple(dict.fromkeys(numbers))))
    return Section("Caveats and details", blocks)


def words(name: str) -> str:
    """Return a field's name in words."""
    return name.replace("_", " ").capitalize()


def simple(value: Any) -> bool:
    """Tell whether a value fits into a cell of a table."""
    return isinstance(value, str | int | float)


def shown(value: float | str | bool) -> str:
    """Return a metric's value as it is written."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{value:.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return value


def is_share(value: Any) -> bool:
    """Tell whether a value is drawn as a bar: a number within 0 to 1."""
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value <= 1


def span(values: Iterable[float], *, share: bool = False) -> tuple[float, float]:
    """Return what an axis spans, never nothing; shares are shown on the whole of 0 to 1."""
    known = list(values)
    low, high = min(known), max(known)
    if share and low >= 0 and high <= 1:
        return 0.0, 1.0
    # Beside a very large number one more is nothing.
    return low, high if high > low else low + max(1.0, abs(low) / 10)
