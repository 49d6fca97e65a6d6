"""What only a person knows of a model: the fields that a card asks for."""

from __future__ import annotations

from typing import Any, NamedTuple

from labstudio.cards.models import Missing, UpdateCard
from labstudio.cards.pointers import at


class Asked(NamedTuple):
    """A field that a person fills in."""

    pointer: str
    label: str
    help: str = ""
    wanted: bool = False
    required: bool = False


OVERVIEW, USES = "/model_overview", "/intended_uses"
BUSINESS, MORE = "/business_details", "/additional_information"

FIELDS: dict[str, Asked] = {
    "purpose_of_model": Asked(
        f"{USES}/purpose_of_model", "Purpose", "Why the model was made.", True, True
    ),
    "intended_uses": Asked(
        f"{USES}/intended_uses",
        "Intended uses",
        "Where it is meant to be used, and where it is not.",
        True,
        True,
    ),
    "risk_rating": Asked(
        f"{USES}/risk_rating", "Risk rating", "High, Medium or Low, by your own rules.", True, True
    ),
    "explanations_for_risk_rating": Asked(
        f"{USES}/explanations_for_risk_rating",
        "Why this risk",
        "What would happen if the model were wrong, and to whom.",
        True,
    ),
    "factors_affecting_model_efficiency": Asked(
        f"{USES}/factors_affecting_model_efficiency",
        "Factors",
        "What makes it work better or worse: groups, places, seasons, sensors.",
        True,
    ),
    "caveats_and_recommendations": Asked(
        f"{MORE}/caveats_and_recommendations",
        "Caveats and recommendations",
        "What a user must know before they rely on it.",
        True,
    ),
    "ethical_considerations": Asked(
        f"{MORE}/ethical_considerations",
        "Ethical considerations",
        "Whom it may harm or treat unfairly, and what was done about it.",
        True,
    ),
    "model_owner": Asked(f"{OVERVIEW}/model_owner", "Owner", "Who answers for the model.", True),
    "model_description": Asked(
        f"{OVERVIEW}/model_description", "Description", "What the model is, in a sentence.", True
    ),
    "model_creator": Asked(f"{OVERVIEW}/model_creator", "Made by"),
    "problem_type": Asked(f"{OVERVIEW}/problem_type", "Problem"),
    "algorithm_type": Asked(f"{OVERVIEW}/algorithm_type", "Algorithm"),
    "business_problem": Asked(f"{BUSINESS}/business_problem", "Business problem"),
    "business_stakeholders": Asked(f"{BUSINESS}/business_stakeholders", "Stakeholders"),
    "line_of_business": Asked(f"{BUSINESS}/line_of_business", "Line of business"),
    "training_observations": Asked(
        "/training_details/training_observations", "Observations on the training"
    ),
}
# It belongs to the first evaluation, which there need not be.
EVALUATION_OBSERVATION = "/evaluation_details/0/evaluation_observation"
CUSTOM = f"{MORE}/custom_details"


def missing(content: dict[str, Any]) -> list[Missing]:
    """Return what was asked for and nobody said."""
    return [
        Missing(
            field=name,
            pointer=asked.pointer,
            label=asked.label,
            help=asked.help,
            required=asked.required,
        )
        for name, asked in FIELDS.items()
        if asked.wanted and at(content, asked.pointer) in (None, "", "Unknown")
    ]


def said(given: UpdateCard) -> dict[str, str]:
    """Return what a person said, by JSON pointer; an empty text takes something out."""
    found = {
        asked.pointer: value
        for name, asked in FIELDS.items()
        if (value := getattr(given, name)) is not None
    }
    if given.evaluation_observation is not None:
        found[EVALUATION_OBSERVATION] = given.evaluation_observation
    return found
