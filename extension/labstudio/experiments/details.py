"""One run, whole: its row, its data and models, what it ran in, its relatives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from labstudio.errors import NotFound
from labstudio.experiments.facts.source import LoggedModel
from labstudio.experiments.run_models import ModelVersionLink, RunDetail, RunLink, RunModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from labstudio.capture.models import Capsule
    from labstudio.experiments.artifacts.access import RunArtifacts
    from labstudio.experiments.facts.source import RunFacts
    from labstudio.experiments.models import Run
    from labstudio.experiments.search.source import RunSource

SYSTEM = "system/"
COMMIT_TAG = "mlflow.source.git.commit"
# MLflow 2 keeps the models of a run in this tag alone.
HISTORY_TAG = "mlflow.log-model.history"


def found(source: RunSource, run_ids: Sequence[str]) -> list[Run]:
    """Return runs by their ids.

    Raises
    ------
    NotFound
        When some of them do not exist; the details say which.
    """
    runs = source.get(list(dict.fromkeys(run_ids)))
    check(run_ids, {run.id for run in runs})
    return runs


def check(run_ids: Iterable[str], known: set[str]) -> None:
    """Refuse when some runs do not exist.

    Raises
    ------
    NotFound
        It names the first of them, and holds all of them as details.
    """
    missing = [run_id for run_id in dict.fromkeys(run_ids) if run_id not in known]
    if not missing:
        return
    others = f", nor {len(missing) - 1} others that were named" if missing[1:] else ""
    raise NotFound(f"There is no run {missing[0][:64]}{others}.", missing=missing)


def detail(run: Run, facts: RunFacts, source: RunSource, artifacts: RunArtifacts) -> RunDetail:
    """Put together all that is known of a run.

    Parameters
    ----------
    run
        Its row.
    facts, source
        Where its records are.
    artifacts
        What it left.
    """
    summaries = facts.summaries([run.id]).get(run.id, [])
    own_tags = facts.own_tags([run.id]).get(run.id, {})
    parent = source.get([run.parent_run_id]) if run.parent_run_id else []
    return RunDetail(
        **run.model_dump(),
        git_commit=own_tags.get(COMMIT_TAG),
        datasets=facts.datasets([run.id]).get(run.id, []),
        models=models_of(run, facts, own_tags, artifacts),
        capsule=capsule_of(artifacts),
        metric_keys=[each for each in summaries if not each.key.startswith(SYSTEM)],
        system_metric_keys=[each for each in summaries if each.key.startswith(SYSTEM)],
        parent=next((link(each) for each in parent), None),
        children=facts.children(run.id),
    )


def link(run: Run) -> RunLink:
    """Return a run as another one's page names it."""
    return RunLink(id=run.id, name=run.name, status=run.status)


def capsule_of(artifacts: RunArtifacts) -> Capsule | None:
    """Return what a run ran in; None where nothing was recorded, or by a newer labstudio."""
    from pydantic import ValidationError

    from labstudio.capture.models import CAPSULE, Capsule

    text = artifacts.text(CAPSULE)
    try:
        return None if text is None else Capsule.model_validate_json(text)
    except ValidationError:
        return None


def models_of(
    run: Run, facts: RunFacts, own_tags: Mapping[str, str], artifacts: RunArtifacts
) -> list[RunModel]:
    """Return the models that a run logged, and those that were registered from its artifacts."""
    from labstudio.experiments.artifacts import mlmodel

    logged = facts.models(run.id)
    known = {each.name for each in logged}
    logged += [each for each in of_old(own_tags.get(HISTORY_TAG)) if each.name not in known]
    versions = dict(facts.versions(run.id))
    models = []
    for model in logged:
        text = artifacts.text(f"{model.name}/{mlmodel.MLMODEL}")
        said = mlmodel.read(text, lambda _: None) if text else None
        mine = [source for source in versions if is_of(source, model)]
        models.append(
            RunModel(
                name=model.name,
                path=model.name if text else None,
                model_id=model.model_id,
                flavors=said.flavors if said else list(model.flavors),
                registered=links(version for source in mine for version in versions.pop(source)),
            )
        )
    return models + [
        RunModel(
            name=source.rstrip("/").rpartition("/")[2] or name_of(registered),
            path=None,
            model_id=None,
            flavors=[],
            registered=links(registered),
        )
        for source, registered in versions.items()
    ]


def of_old(history: str | None) -> list[LoggedModel]:
    """Return the models of MLflow 2's tag."""
    try:
        entries: Any = json.loads(history or "[]")
    except ValueError:
        return []
    return [
        LoggedModel(
            str(each["artifact_path"]), None, None, tuple(sorted(each.get("flavors") or ()))
        )
        for each in entries
        if isinstance(each, dict) and each.get("artifact_path")
    ]


def is_of(source: str, model: LoggedModel) -> bool:
    """Tell whether a registered version was made of a model."""
    trimmed = source.rstrip("/")
    if model.model_id and model.model_id in trimmed.split("/"):
        return True
    return trimmed.endswith(f"/{model.name}")


def links(versions: Iterable[tuple[str, int]]) -> list[ModelVersionLink]:
    """Return registered versions as links."""
    return [ModelVersionLink(model=name, version=version) for name, version in versions]


def name_of(registered: Sequence[tuple[str, int]]) -> str:
    """Return a name for a model that nothing else names."""
    return registered[0][0]
