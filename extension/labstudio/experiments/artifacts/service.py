"""The verbs of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.experiments.artifacts import mlmodel
from labstudio.experiments.artifacts.access import RunArtifacts
from labstudio.experiments.artifacts.models import ArtifactFolder
from labstudio.experiments.artifacts.place import place_of, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio._studio import Studio
    from labstudio.experiments.artifacts.place import Place
    from labstudio.experiments.facts.source import RunFacts
    from labstudio.experiments.models import Run


def artifacts_of(studio: Studio, run: Run, facts: RunFacts) -> RunArtifacts:
    """Return the tree of a run's artifacts."""

    def place(uri: str) -> Callable[[], Place]:
        return lambda: place_of(uri, studio.home, elsewhere=facts.elsewhere)

    models = {each.name: place(each.location) for each in facts.models(run.id) if each.location}
    return RunArtifacts(run.id, place(run.artifact_uri or "")(), models)


def folder(artifacts: RunArtifacts, path: str) -> ArtifactFolder:
    """Return what lies in a folder, and what it is where it is a model.

    Raises
    ------
    InvalidInput, NotFound
        When the path is not a plain one, or there is no such folder.
    """
    path = plain(path)
    items = artifacts.folder(path)
    model = None
    if any(each.name == mlmodel.MLMODEL and not each.folder for each in items):
        before = f"{path}/" if path else ""
        text = artifacts.text(f"{before}{mlmodel.MLMODEL}")
        model = mlmodel.read(text or "", lambda name: artifacts.text(plain(f"{before}{name}")))
    return ArtifactFolder(path=path, items=items, model=model)
