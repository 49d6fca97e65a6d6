"""MLflow's order of runs: several keys, what is missing last, then start time and id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.experiments.search.filters import refused
from labstudio.experiments.search.tables import ATTRIBUTES, BY_KIND, latest_metrics, runs

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Term:
    """One key of an order."""

    kind: str
    key: str
    ascending: bool


def parse(order_by: Sequence[str]) -> list[Term]:
    """Return the terms of an order, as MLflow reads them.

    Raises
    ------
    InvalidInput
        When MLflow refuses one, or when two are of the same key.
    """
    if not order_by:
        return []
    from mlflow.exceptions import MlflowException
    from mlflow.utils.search_utils import SearchUtils

    terms: list[Term] = []
    for each in order_by:
        try:
            kind, key, ascending = SearchUtils.parse_order_by_for_search_runs(each)
        except MlflowException as error:
            raise refused("order_by", error.message) from error
        except (ValueError, IndexError) as error:
            raise refused("order_by", str(error)) from error
        key = SearchUtils.translate_key_alias(key)
        if kind == "dataset":
            raise refused("order_by", "runs have no order by their data sets")
        if any((term.kind, term.key) == (kind, key) for term in terms):
            raise refused("order_by", f"{key!r} stands in it twice")
        terms.append(Term(kind, key, ascending))
    return terms


def by_default(terms: Sequence[Term]) -> list[sa.ColumnElement[object]]:
    """Return what decides between runs that are equal by all terms."""
    last: list[sa.ColumnElement[object]] = [runs.c.run_uuid]
    if not any((term.kind, term.key) == ("attribute", "start_time") for term in terms):
        last.insert(0, runs.c.start_time.desc())
    return last


def joined(
    source: sa.FromClause, terms: Sequence[Term], *, also: Sequence[Term] = ()
) -> tuple[sa.FromClause, list[sa.ColumnElement[object]]]:
    """Join what the terms need to `source`, and return the keys to sort by.

    `also` are terms that the caller sorts by itself, before these.
    """
    keys: list[sa.ColumnElement[object]] = []
    for number, term in enumerate(terms):
        if term.kind == "attribute":
            value = ATTRIBUTES[term.key]
            rank = sa.case((value.is_(None), 1), else_=0)
        else:
            kept = BY_KIND[term.kind].alias(f"order_{number}")
            source = source.outerjoin(
                kept, sa.and_(kept.c.run_uuid == runs.c.run_uuid, kept.c.key == term.key)
            )
            value = kept.c.value
            if BY_KIND[term.kind] is latest_metrics:
                rank = sa.case((kept.c.is_nan == sa.true(), 1), (value.is_(None), 2), else_=0)
            else:
                rank = sa.case((value.is_(None), 1), else_=0)
        keys += [rank, value if term.ascending else value.desc()]
    return source, [*keys, *by_default([*also, *terms])]
