"""The card's schema: what goes in comes out, what is none is refused with its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labstudio.cards.html import page
from labstudio.cards.models import Card, CardState
from labstudio.cards.outline import outline
from labstudio.cards.pdf import document
from labstudio.cards.people import missing
from labstudio.cards.pointers import at, leaves, put
from labstudio.cards.reports import read
from labstudio.cards.schema import check, digest, finite, pruned, validator
from labstudio.errors import InvalidInput

# XML 1.0 and PDF have no place for some characters; a card may hold them all the same.
text = st.text(min_size=1, max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False, width=32)


def metric(kind: str, value: Any, **axes: Any) -> Any:
    optional = {"notes": text, **axes}
    return st.fixed_dictionaries(
        {"name": text, "type": st.just(kind), "value": value}, optional=optional
    )


rows = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(number, min_size=width, max_size=width), min_size=1, max_size=3)
)
metrics = st.one_of(
    metric("number", number, x_axis_name=text),
    metric("string", text),
    metric("boolean", st.booleans()),
    metric(
        "linear_graph",
        st.lists(st.lists(number, min_size=2, max_size=2), min_size=1),
        y_axis_name=text,
    ),
    metric(
        "bar_chart",
        st.lists(number, min_size=1, max_size=5),
        x_axis_name=st.lists(text, max_size=5),
    ),
    metric("matrix", rows, y_axis_name=st.lists(text, max_size=3)),
)


def section(**fields: Any) -> Any:
    return st.fixed_dictionaries({}, optional=fields)


group = st.fixed_dictionaries({"name": text, "metric_data": st.lists(metrics, max_size=3)})
measured = st.lists(st.fixed_dictionaries({"name": text, "value": number}), max_size=3)
contents = section(
    model_overview=section(
        model_name=text, model_version=st.integers(1, 9), model_owner=text,
        model_artifact=st.lists(text, max_size=3),
        inference_environment=section(container_image=st.lists(text, max_size=2)),
    ),
    intended_uses=section(
        purpose_of_model=text, risk_rating=st.sampled_from(["High", "Medium", "Low", "Unknown"])
    ),
    business_details=section(business_problem=text, line_of_business=text),
    training_details=section(
        objective_function=section(
            function=section(function=st.sampled_from(["Maximize", "Minimize"]), facet=text),
            notes=text,
        ),
        training_job_details=section(training_arn=text, training_metrics=measured),
    ),
    evaluation_details=st.lists(
        st.fixed_dictionaries(
            {"name": text},
            optional={
                "datasets": st.lists(text, max_size=2),
                "metadata": st.dictionaries(text, text, max_size=2),
                "metric_groups": st.lists(
                    group,
                    max_size=2,
                ),
            },
        ),
        max_size=2,
    ),
    additional_information=section(
        ethical_considerations=text, custom_details=st.dictionaries(text, text, max_size=3)
    ),
)  # fmt: skip


def card_of(content: dict[str, Any]) -> Card:
    now = datetime.now(UTC)
    return Card(
        id="x", model="m", model_version=1, version=1, state=CardState.draft, content=content,
        sources={}, missing=missing(content), stale=False, stale_reasons=[],
        sha256=digest(content), user="ada", created_at=now, updated_at=now,
    )  # fmt: skip


def test_the_schema_is_one() -> None:
    checked = validator()
    checked.check_schema(checked.schema)


@given(contents)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_on_the_way_out_and_in(content: dict[str, Any]) -> None:
    check(content)
    back = json.loads(json.dumps(content, ensure_ascii=False))
    assert back == content
    assert digest(back) == digest(content)
    built: dict[str, Any] = {}
    for pointer in leaves({k: v for k, v in content.items() if k != "evaluation_details"}):
        put(built, pointer, at(content, pointer))
    kept = {name: value for name, value in content.items() if name != "evaluation_details"}
    assert pruned(built) == pruned(kept)


@given(contents)
@settings(max_examples=25, deadline=None)
def test_whatever_a_card_says_it_can_be_shown(content: dict[str, Any]) -> None:
    card = card_of(content)
    told = outline(card)
    assert all(section.blocks for section in told.sections)
    assert page(card).count("<script") == 0


def test_a_card_of_every_kind_of_metric_is_printed() -> None:
    content = {
        "evaluation_details": [
            {
                "name": "All kinds \x07 of metrics",
                "metric_groups": [
                    {
                        "name": "g",
                        "metric_data": [
                            {"name": "n" * 255, "type": "number", "value": 12345678.9},
                            {"name": "s", "type": "string", "value": "words"},
                            {"name": "b", "type": "boolean", "value": True},
                            {"name": "l", "type": "linear_graph", "value": [[2.0**60, -(2.0**60)]]},
                            {"name": "z", "type": "bar_chart", "value": [0, 0]},
                            {"name": "m", "type": "matrix", "value": [[0.0] * 20] * 20},
                        ],
                    }
                ],
            }
        ],
        "additional_information": {"caveats_and_recommendations": "word " * 400},
    }
    check(content)
    assert document(card_of(content)).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"other": 1}, "its top"),
        ({"intended_uses": {"risk_rating": "Huge"}}, "intended_uses/risk_rating"),
        ({"model_overview": {"model_description": "x" * 1025}}, "model_overview/model_description"),
        ({"evaluation_details": [{}]}, "evaluation_details/0"),
        ({"model_overview": {"model_artifact": ["x"] * 16}}, "model_overview/model_artifact"),
    ],
)
def test_what_is_no_card_is_refused_with_its_place(content: Any, place: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(content)
    assert f"at {place}," in caught.value.message


def test_a_number_that_is_none_is_refused() -> None:
    assert not finite({"a": [1, float("nan")]})
    metric = {"name": "a", "type": "number", "value": float("inf")}
    group = {"name": "g", "metric_data": [metric]}
    with pytest.raises(InvalidInput, match="finite"):
        check({"evaluation_details": [{"name": "e", "metric_groups": [group]}]})


def test_sagemaker_s_own_analysis_is_read() -> None:
    analysis = {
        "post_training_bias_metrics": {
            "facets": {
                "sex": [{"value_or_threshold": "0", "metrics": [{"name": "AD", "value": -0.11}]}]
            }
        },
        "explanations": {"kernel_shap": {"label0": {"global_shap_values": {"age": 1, "pay": -2}}}},
    }
    bias, importance = read(json.dumps(analysis).encode())
    assert bias["name"] == "Bias after training: sex = 0"
    assert bias["metric_data"][0] == {"name": "AD", "type": "number", "value": -0.11}
    assert importance["metric_data"][0]["x_axis_name"] == ["pay", "age"]
    assert read(b"[]") == read(b"no") == read(b"{}") == []
