"""The verbs of experiments: runs found, listed and grouped."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound
from labstudio.experiments.models import (
    PAGE_LIMIT,
    ExperimentPage,
    GroupQuery,
    RunPage,
    RunQuery,
    ValuesQuery,
)
from labstudio.experiments.search.source import Wanted
from labstudio.experiments.verbs import RunVerbs
from labstudio.inputs import validated

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from labstudio._studio import Studio
    from labstudio.experiments.models import (
        Experiment,
        Run,
        RunColumns,
        RunFilter,
        RunGroups,
        RunValues,
        UpdateExperiment,
    )
    from labstudio.experiments.search.source import RunSource


class RunService(RunVerbs):
    """MLflow's runs, wherever they are kept.

    Parameters
    ----------
    studio
        Whose.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @cached_property
    def source(self) -> RunSource:  # type: ignore[override]
        """What keeps the runs."""
        from labstudio.experiments.search.opening import open_source

        return open_source(self._studio)

    def search(self, filter: str = "", *, user: str | None = None, **more: Any) -> RunPage:  # noqa: A002
        """Find runs.

        Parameters
        ----------
        filter
            In MLflow's filter language; empty: all.
        user
            Whose favourites.
        **more
            Fields of `RunQuery`: ``order_by``, ``experiment``, ``limit``, ``text`` and so on.

        Examples
        --------
        >>> studio.runs.search("metrics.auc > 0.9", order_by=["metrics.auc DESC"])  # doctest: +SKIP
        """
        return self.page(validated(RunQuery, {"filter": filter, **more}), user=user)

    def collect(
        self,
        filter: str = "",  # noqa: A002  what MLflow calls it
        *,
        experiment: Sequence[str] | str = (),
        limit: int = 1000,
        user: str | None = None,
        **more: Any,
    ) -> tuple[list[Run], int]:
        """Return the first runs that match, however many, and how many there are.

        Parameters
        ----------
        filter
            In MLflow's filter language; empty: all.
        experiment
            Names or ids of experiments; none: all.
        limit
            The most runs.
        user
            Whose favourites.
        **more
            Further fields of `RunQuery`.

        Raises
        ------
        NotFound
            When there is no such experiment.
        """
        ids = self.experiment_ids([experiment] if isinstance(experiment, str) else experiment)
        found: list[Run] = []
        while True:
            room = min(PAGE_LIMIT, limit - len(found))
            page = self.search(filter, user=user, experiment=ids, at=len(found), limit=room, **more)
            found += page.items
            if page.next_cursor is None or len(found) >= limit:
                return found, page.total

    def frame(self, filter: str = "", **more: Any) -> pd.DataFrame:  # noqa: A002
        """Return runs as a DataFrame with the columns of ``mlflow.search_runs``.

        It takes what `collect` takes.
        """
        from labstudio.experiments.search.frame import frame

        return frame(self.collect(filter, **more)[0])

    def experiment_ids(self, given: Sequence[str]) -> list[str]:
        """Return the ids of experiments that are given by name or id."""
        if not given:
            return []
        listed = self.source.experiments("all")
        known = {each.id: each.id for each in listed} | {each.name: each.id for each in listed}
        for each in given:
            if each not in known:
                raise NotFound(f"There is no experiment {each[:100]!r}.", field="experiment")
        return [known[each] for each in given]

    def page(self, query: RunQuery, *, user: str | None = None) -> RunPage:
        """Return a window of the runs that match a query."""
        at = read_cursor(query.cursor) if query.cursor else query.at
        marked = self.favourites(user)
        found = self.source.find(Wanted(query, at, marked if query.favourite else None))
        for run in found.runs:
            run.favourite = run.id in marked
        end = at + len(found.runs)
        more = end < found.total and bool(found.runs)
        return RunPage(
            items=found.runs,
            total=found.total,
            total_exact=found.exact,
            at=at,
            next_cursor=str(end) if more else None,
            best=found.best,
        )

    def get(self, run_ids: Sequence[str], *, user: str | None = None) -> list[Run]:
        """Return the runs of those ids that exist, as rows of the table."""
        marked = self.favourites(user)
        found = self.source.get(run_ids)
        for run in found:
            run.favourite = run.id in marked
        return found

    def experiments(self, lifecycle: str = "active", *, user: str | None = None) -> ExperimentPage:
        """Return experiments, the one that was last at work first."""
        from labstudio.experiments.favourites import marked
        from labstudio.jobs.submission import current_user

        mine = marked(self._studio.database, "experiments", user or current_user())
        found = self.source.experiments(lifecycle)
        for experiment in found:
            experiment.favourite = experiment.id in mine
        return ExperimentPage(items=found)

    def update_experiment(
        self, experiment_id: str, edit: UpdateExperiment, *, user: str | None = None
    ) -> Experiment:
        """Mark an experiment as a user's favourite, or not.

        Raises
        ------
        NotFound
            When there is no such experiment.
        """
        from labstudio.experiments.favourites import mark
        from labstudio.jobs.submission import current_user

        user = user or current_user()
        found = [each for each in self.source.experiments("all") if each.id == experiment_id]
        if not found:
            raise NotFound(f"There is no experiment {experiment_id[:50]!r}.")
        if edit.favourite is not None:
            ids = [experiment_id]
            mark(self._studio.database, "experiments", user, ids, favourite=edit.favourite)
        return next(
            each for each in self.experiments("all", user=user).items if each.id == experiment_id
        )

    def columns(self, experiment: Sequence[str] = ()) -> RunColumns:
        """Return the parameters, metrics and tags that runs have, with counts."""
        return self.source.columns(experiment)

    def values(self, query: ValuesQuery) -> RunValues:
        """Return values that a key has, the most frequent first."""
        return self.source.values(query)

    def groups(self, query: GroupQuery, *, user: str | None = None) -> RunGroups:
        """Return the runs that match, in groups."""
        return self.source.groups(query, self._wanted_favourites(query, user))

    def favourites(self, user: str | None = None) -> set[str]:
        """Return the ids of a user's favourite runs."""
        from labstudio.experiments.favourites import marked
        from labstudio.jobs.submission import current_user

        return marked(self._studio.database, "runs", user or current_user())

    def close(self) -> None:
        """Close connections."""
        if "source" in self.__dict__:
            self.source.close()

    def _wanted_favourites(self, query: RunFilter, user: str | None) -> set[str] | None:
        return self.favourites(user) if query.favourite else None


def read_cursor(cursor: str) -> int:
    """Return how many runs come before a page.

    Raises
    ------
    InvalidInput
        When it is none that was given out.
    """
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 12):
        raise InvalidInput("The cursor is not one that was given out.", field="cursor")
    return int(cursor)
