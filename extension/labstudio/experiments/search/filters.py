"""MLflow's filter language as conditions on MLflow's tables.

MLflow itself parses it, so that what it takes and refuses is the same; here its clauses become
conditions that a database answers by an index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.errors import InvalidInput
from labstudio.experiments.search.tables import (
    ATTRIBUTES,
    BY_KIND,
    datasets,
    input_tags,
    inputs,
    latest_metrics,
    runs,
    tags,
)

if TYPE_CHECKING:
    from collections.abc import Callable

RUN_NAME_TAG = "mlflow.runName"
DATASET_CONTEXT_TAG = "mlflow.data.context"

Condition = sa.ColumnElement[bool]

COMPARE: dict[str, Callable[[Any, Any], Condition]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "LIKE": lambda column, value: column.like(value),
    "ILIKE": lambda column, value: column.ilike(value),
    "IN": lambda column, value: column.in_(value),
    "NOT IN": lambda column, value: ~column.in_(value),
}


def parse(text: str) -> list[dict[str, Any]]:
    """Return the clauses of a filter, as MLflow reads them.

    Raises
    ------
    InvalidInput
        When MLflow refuses it; the field ``filter`` is named.
    """
    if not text.strip():
        return []
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    try:
        clauses: list[dict[str, Any]] = SearchUtils.parse_search_filter(text)
        for clause in clauses:
            check(clause)
    except MlflowException as error:
        raise refused("filter", error.message) from error
    except (ValueError, SyntaxError, IndexError, AttributeError, TypeError) as error:
        # MLflow's parser lets some of what it cannot read through as errors of its own parts.
        raise refused("filter", str(error)) from error
    return clauses


def check(clause: dict[str, Any]) -> None:
    """Refuse comparisons that MLflow refuses only when it asks the database."""
    from mlflow.utils.search_utils import SearchUtils

    kind, key = clause["type"], SearchUtils.translate_key_alias(clause["key"])
    comparator = clause["comparator"] = clause["comparator"].upper()
    clause["key"] = key
    if kind == "attribute":
        if not SearchUtils.is_string_attribute(kind, key, comparator):
            SearchUtils.is_numeric_attribute(kind, key, comparator)
    elif kind == "metric":
        SearchUtils.is_metric(kind, comparator)
        clause["value"] = float(clause["value"])
    elif kind == "parameter":
        SearchUtils.is_param(kind, comparator)
    elif kind == "tag":
        SearchUtils.is_tag(kind, comparator)
    else:
        SearchUtils.is_dataset(kind, comparator)


def refused(field: str, reason: str) -> InvalidInput:
    """Return the error for a filter or order that MLflow refuses: one sentence."""
    said = " ".join(reason.split()).rstrip(".")[:500]
    return InvalidInput(f"The {field} is not understood: {said}.", field=field)


def condition(clause: dict[str, Any]) -> Condition:
    """Return the condition on ``runs`` that a clause states."""
    kind, key, comparator, value = (clause[name] for name in ("type", "key", "comparator", "value"))
    compare = COMPARE.get(comparator)
    if kind == "attribute" and key != "run_name":
        assert compare is not None
        return compare(ATTRIBUTES[key], value)
    if kind == "dataset":
        assert compare is not None
        return has_data(key, compare, value)
    if kind == "attribute":
        # As MLflow does it: runs of old versions have their name in the tag alone.
        kind, key = "tag", RUN_NAME_TAG
    table = BY_KIND[kind]
    found = sa.select(table.c.run_uuid).where(table.c.key == key)
    if compare is None:
        return runs.c.run_uuid.in_(found) if comparator == "IS NOT NULL" else lacks(table, key)
    matches = compare(table.c.value, value)
    if table is latest_metrics:
        matches = number(comparator, matches)
    return runs.c.run_uuid.in_(found.where(matches))


def number(comparator: str, matches: Condition) -> Condition:
    """Hold a comparison to numbers: what is none is kept as 0, equals nothing, differs from all."""
    if comparator == "!=":
        return sa.or_(matches, latest_metrics.c.is_nan == sa.true())
    return sa.and_(matches, latest_metrics.c.is_nan == sa.false())


def lacks(table: sa.TableClause, key: str) -> Condition:
    """Return the condition that a run has no such key."""
    found = sa.select(table.c.run_uuid).where(
        table.c.key == key, table.c.run_uuid == runs.c.run_uuid
    )
    return ~found.exists()


def has_data(key: str, compare: Callable[[Any, Any], Condition], value: Any) -> Condition:
    """Return the condition that one of a run's data sets is such."""
    found = (
        sa.select(inputs.c.destination_id)
        .select_from(
            inputs.join(datasets, datasets.c.dataset_uuid == inputs.c.source_id),
        )
        .correlate(None)
    )
    if key == "context":
        tagged = sa.select(input_tags.c.input_uuid).where(
            input_tags.c.input_uuid == inputs.c.input_uuid,
            input_tags.c.name == DATASET_CONTEXT_TAG,
            compare(input_tags.c.value, value),
        )
        found = found.where(tagged.exists())
    else:
        found = found.where(compare(datasets.c[key], value))
    return runs.c.run_uuid.in_(found)


def tagged(key: str, value: str) -> sa.Select[tuple[str]]:
    """Select the runs that have a tag of that value."""
    return sa.select(tags.c.run_uuid).where(tags.c.key == key, tags.c.value == value)
