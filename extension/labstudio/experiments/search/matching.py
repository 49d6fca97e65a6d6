"""Which runs match: MLflow's filter, and what the studio adds to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.errors import InvalidInput
from labstudio.experiments.models import Lifecycle
from labstudio.experiments.search import filters
from labstudio.experiments.search.names import ARCHIVED_TAG, NOTE_TAG
from labstudio.experiments.search.tables import experiments, params, runs, tags

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from labstudio.experiments.models import RunFilter


def conditions(
    query: RunFilter, favourites: Collection[str] | None, *, sqlite: bool
) -> list[filters.Condition]:
    """Return what a run must be like, to be found by `query`.

    Raises
    ------
    InvalidInput
        When the filter is wrong, or an experiment's id is none.
    """
    found = [filters.condition(clause) for clause in filters.parse(query.filter)]
    found += lifecycle(query.lifecycle)
    found.append(among_experiments(query.experiment, query.lifecycle))
    found += [containing(word) for word in query.text.split()]
    if query.favourite:
        found.append(among(runs.c.run_uuid, favourites or (), sqlite=sqlite))
    return found


def lifecycle(stage: Lifecycle) -> list[filters.Condition]:
    """Return the conditions of a lifecycle."""
    archived = runs.c.run_uuid.in_(filters.tagged(ARCHIVED_TAG, "true"))
    if stage is Lifecycle.all:
        return []
    if stage is Lifecycle.deleted:
        return [runs.c.lifecycle_stage == "deleted"]
    active = runs.c.lifecycle_stage == "active"
    return [active, archived if stage is Lifecycle.archived else ~archived]


def among_experiments(ids: Iterable[str], stage: Lifecycle) -> filters.Condition:
    """Return the condition of belonging to an experiment."""
    if given := [experiment_number(each) for each in ids]:
        return runs.c.experiment_id.in_(given)
    kept = sa.select(experiments.c.experiment_id)
    if stage not in (Lifecycle.deleted, Lifecycle.all):
        kept = kept.where(experiments.c.lifecycle_stage == "active")
    return runs.c.experiment_id.in_(kept)


def experiment_number(given: str) -> int:
    """Return an experiment's id as the database keeps it."""
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise InvalidInput(f"There is no experiment {given[:50]!r}.", field="experiment")
    return int(given)


def containing(word: str) -> filters.Condition:
    """Return the condition that a word stands in a run's name, id, parameters or note."""
    return sa.or_(
        runs.c.run_uuid.startswith(word, autoescape=True),
        holds(runs.c.name, word),
        runs.c.run_uuid.in_(sa.select(params.c.run_uuid).where(holds(params.c.value, word))),
        runs.c.run_uuid.in_(
            sa.select(tags.c.run_uuid).where(tags.c.key == NOTE_TAG, holds(tags.c.value, word))
        ),
    )


def holds(column: sa.ColumnElement[Any], word: str) -> filters.Condition:
    """Return the condition that a text holds a word, whatever its capitals."""
    return column.icontains(word, autoescape=True)


def among(
    column: sa.ColumnElement[Any], ids: Collection[str], *, sqlite: bool
) -> filters.Condition:
    """Return the condition of being one of many values, bound as one."""
    if sqlite:
        each = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.any_(sa.bindparam(None, list(ids), sa.ARRAY(sa.String)))
