"""Every model at a glance: which version is in use, how its card stands, how it was measured."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from labstudio.cards.facts import is_training
from labstudio.cards.people import FIELDS, missing
from labstudio.cards.pointers import at
from labstudio.errors import NotFound
from labstudio.registry.client import read_version
from labstudio.registry.models import Dashboard, DashboardItem, Model, ModelQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sqlalchemy as sa

    from labstudio._studio import Studio
    from labstudio.registry.models import SourceRun

AT_ONCE = 6
METRICS = 8
STALE_FOR_S = 30.0


def dashboard(studio: Studio) -> Dashboard:
    """Look at every model.

    What a monitor would say is "not set up": there are none yet.
    """
    cards = studio.cards.store.newest()
    applied = studio.registry.approvals.applied()
    look = partial(_item, studio, cards, applied)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return Dashboard(items=list(threads.map(look, _models(studio))))


def in_use(aliases: Mapping[str, int], protected: list[str]) -> tuple[str, int] | None:
    """Return the alias that says which version is in use, and that version.

    It is the first of the aliases that want an approval, in the order of the setting.
    """
    named = {alias.casefold(): (alias, version) for alias, version in aliases.items()}
    found = (named.get(each.casefold()) for each in protected)
    return next((each for each in found if each is not None), None)


def _models(studio: Studio) -> Iterator[Model]:
    cursor: str | None = None
    while True:
        page = studio.registry.search(ModelQuery(limit=1000, cursor=cursor))
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _item(
    studio: Studio,
    cards: Mapping[tuple[str, int], sa.Row[Any]],
    applied: set[tuple[str, int, str]],
    model: Model,
) -> DashboardItem:
    used = in_use(model.aliases, studio.registry.protected)
    alias, version = used or (None, model.latest_version)
    row = cards.get((model.name, version)) if version is not None else None
    stale = studio.cards.stale(row, STALE_FOR_S) if row is not None else []
    run, metrics = _measured(studio, model.name, version)
    content = row.content if row is not None else {}
    return DashboardItem(
        model=model.name,
        version=version,
        alias=alias,
        latest_version=model.latest_version,
        approved=used is not None and (model.name, used[1], used[0]) in applied,
        pending=model.pending,
        card_state=row.state if row is not None else None,
        card_stale=bool(stale),
        stale_reasons=[each.message for each in stale],
        missing=len(missing(content)),
        risk=at(content, FIELDS["risk_rating"].pointer),
        evaluated_at=(run.ended_at or run.started_at) if run and metrics else None,
        evaluation=metrics,
        evaluation_run=run.id if run and metrics else None,
        updated_at=model.updated_at,
    )


def _measured(
    studio: Studio, name: str, version: int | None
) -> tuple[SourceRun | None, dict[str, float]]:
    """Return the run that made a version, and what it measured beyond the training itself."""
    if version is None:
        return None, {}
    registry = studio.registry
    try:
        found = read_version(registry.client.version(name, version), {})
    except NotFound:
        return None, {}
    run = registry.source_run(found.run_id)
    known = (run.metrics if run else {}) | registry.logged_metrics(found.model_id)
    kept = {
        key: value
        for key, value in sorted(known.items())
        if value is not None and not is_training(key) and not key.startswith("system/")
    }
    return run, dict(list(kept.items())[:METRICS])
