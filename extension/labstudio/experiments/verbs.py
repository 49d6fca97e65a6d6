"""The verbs of one run and of runs beside each other, as the studio's `runs` has them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from labstudio.experiments import details
from labstudio.experiments.evaluation_models import ImportanceQuery
from labstudio.experiments.models import PAGE_LIMIT, RunQuery
from labstudio.experiments.search.source import Wanted
from labstudio.inputs import validated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from labstudio._studio import Studio
    from labstudio.experiments.artifacts.access import RunArtifacts
    from labstudio.experiments.artifacts.models import (
        ArtifactFolder,
        ArtifactTableQuery,
        TablePage,
    )
    from labstudio.experiments.curve_models import Curves, CurvesQuery
    from labstudio.experiments.evaluation_models import Importance, Predictions
    from labstudio.experiments.facts.source import RunFacts
    from labstudio.experiments.models import Run
    from labstudio.experiments.run_models import (
        Comparison,
        EditRun,
        EditRuns,
        RunDetail,
        RunsEdited,
    )
    from labstudio.experiments.search.source import RunSource

# Runs that are looked at for those that have a metric.
MOST_LOOKED_AT = 20_000


class RunVerbs:
    """What can be asked and done once runs are found.

    Every method may be called from any thread.
    """

    _studio: Studio
    source: RunSource

    @cached_property
    def facts(self) -> RunFacts:
        """What the runs hold beside their row."""
        from labstudio.experiments.facts import opened

        return opened(self._studio, self.source)

    def detail(self, run_id: str, *, user: str | None = None) -> RunDetail:
        """Return one run, whole.

        Parameters
        ----------
        run_id
            Which.
        user
            Whose favourites; who runs this process when left out.

        Raises
        ------
        NotFound
            When there is no such run.
        """
        (run,) = self._found([run_id], user)
        return details.detail(run, self.facts, self.source, self.artifacts(run))

    def update(self, run_id: str, edit: EditRun, *, user: str | None = None) -> RunDetail:
        """Change a run's name, note or tags, and return it."""
        from labstudio.experiments.marks import Marks

        details.found(self.source, [run_id])
        Marks(self._studio).update(run_id, edit)
        return self.detail(run_id, user=user)

    def edit(self, edit: EditRuns, *, user: str | None = None) -> RunsEdited:
        """Mark, tag, archive, delete or restore many runs.

        Raises
        ------
        NotFound
            When some do not exist; nothing is changed then, and the details say which.
        """
        from labstudio.experiments.marks import Marks

        return Marks(self._studio).edit(edit, details.found(self.source, edit.ids), user)

    def curves(self, query: CurvesQuery) -> Curves:
        """Return metrics of runs as curves, thinned to what can be drawn."""
        from labstudio.experiments.curves import curves

        return curves(query, details.found(self.source, query.run), self.facts)

    def curves_frame(
        self, run_ids: Sequence[str], metrics: Sequence[str] | str, **query: Any
    ) -> pd.DataFrame:
        """Return curves as a data frame: one row for each run, metric and point.

        Parameters
        ----------
        run_ids, metrics
            Which.
        **query
            Fields of `CurvesQuery`: ``points``, ``x``, ``to``.

        Examples
        --------
        >>> studio.runs.curves_frame(["1f3a"], "loss")  # doctest: +SKIP
        """
        from labstudio.experiments.curve_models import CurvesQuery
        from labstudio.experiments.curves import curves
        from labstudio.experiments.frames import of_curves

        named = [metrics] if isinstance(metrics, str) else list(metrics)
        asked = validated(CurvesQuery, {"run": list(run_ids), "metric": named, **query})
        runs = details.found(self.source, asked.run)
        return of_curves(curves(asked, runs, self.facts), {run.id: run.name for run in runs})

    def compare_frame(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return runs as rows of a data frame: parameters, last metrics and tags by name."""
        from labstudio.experiments.frames import of_runs

        return of_runs(details.found(self.source, run_ids))

    def compare(self, run_ids: Sequence[str]) -> Comparison:
        """Return runs side by side; code is compared with the first one's."""
        from labstudio.experiments.compare import compare

        runs = details.found(self.source, run_ids)
        return compare(self._studio, runs, self.facts, self.artifacts)

    def predictions(self, run_ids: Sequence[str]) -> Predictions:
        """Return ROC, precision and recall, and confusion of what runs predicted."""
        from labstudio.capture.models import PREDICTIONS
        from labstudio.experiments.evaluation_models import Predictions
        from labstudio.experiments.predictions import shown

        runs = details.found(self.source, run_ids)
        files = [self.artifacts(run).find(PREDICTIONS) for run in runs]
        return Predictions(
            items=[shown(run.id, run.name, file) for run, file in zip(runs, files, strict=True)]
        )

    def importance(self, metric: str, **among: Any) -> Importance:
        """Weigh parameters by how much they tell of a metric.

        Parameters
        ----------
        metric
            Its last value counts.
        **among
            Fields of `ImportanceQuery`: ``experiment``, ``filter``, ``run``.
        """
        return self.weigh(validated(ImportanceQuery, {"metric": metric, **among}))

    def weigh(self, query: ImportanceQuery) -> Importance:
        """Weigh the parameters of the runs that a query asks for."""
        from labstudio.experiments.importance import importance

        if query.run:
            return importance(query.metric, details.found(self.source, query.run))
        return importance(query.metric, self._having(query))

    def _having(self, query: ImportanceQuery) -> Iterator[Run]:
        """Yield the runs that a query asks for, newest first."""
        asked = RunQuery(filter=query.filter, experiment=query.experiment, limit=PAGE_LIMIT)
        for at in range(0, MOST_LOOKED_AT, PAGE_LIMIT):
            found = self.source.find(Wanted(asked, at)).runs
            yield from found
            if len(found) < PAGE_LIMIT:
                return

    def artifacts(self, run: Run | str) -> RunArtifacts:
        """Return the tree of a run's artifacts."""
        from labstudio.experiments.artifacts.service import artifacts_of

        if isinstance(run, str):
            (run,) = details.found(self.source, [run])
        return artifacts_of(self._studio, run, self.facts)

    def folder(self, run_id: str, path: str = "") -> ArtifactFolder:
        """Return what lies in a folder of a run's artifacts."""
        from labstudio.experiments.artifacts.service import folder

        return folder(self.artifacts(run_id), path)

    def artifact(self, run_id: str, path: str) -> Path:
        """Return a file of this machine with an artifact's content."""
        return self.artifacts(run_id).file(path)

    def table(self, run_id: str, path: str, **page: Any) -> TablePage:
        """Return some rows of an artifact that is a table.

        Parameters
        ----------
        run_id, path
            Which artifact.
        **page
            Fields of `ArtifactTableQuery`: ``at``, ``limit``, ``order_by``.
        """
        from labstudio.experiments.artifacts.models import ArtifactTableQuery

        return self.table_page(run_id, validated(ArtifactTableQuery, {"path": path, **page}))

    def table_page(self, run_id: str, query: ArtifactTableQuery) -> TablePage:
        """Return the rows of a table that a query asks for."""
        from labstudio.experiments.artifacts.tables import page

        return page(self.artifacts(run_id).file(query.path), query, self._studio.home)

    def _found(self, run_ids: Sequence[str], user: str | None) -> list[Run]:
        runs = self.get(run_ids, user=user)
        details.check(run_ids, {run.id for run in runs})
        return runs

    if TYPE_CHECKING:

        def get(self, run_ids: Sequence[str], *, user: str | None = None) -> list[Run]:
            """Return runs by their ids; whoever finds them has this."""
