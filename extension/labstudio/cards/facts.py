"""What is known of a model version without asking anybody: its card as it writes itself.

Every claim says what it was taken from (`Filled.sources`), and for what was read the hash is kept
(`Filled.read`), so that it can be told later whether the card still says what is.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labstudio.capture.models import CAPSULE, PREDICTIONS
from labstudio.cards import predictions, reports
from labstudio.cards.data import Data, datasets
from labstudio.cards.models import SHORT, Source
from labstudio.cards.pointers import put
from labstudio.cards.schema import digest
from labstudio.errors import NotFound
from labstudio.registry.mlmodel import MLMODEL

if TYPE_CHECKING:
    from labstudio.registry.models import SourceRun, VersionDetail
    from labstudio.registry.service import RegistryService

TRAINING = re.compile(r"(train|training|lr$|learning_rate|epoch)|(?<!log_)loss$", re.IGNORECASE)
EVALUATED = re.compile(r"(^|[_/. -])(val|valid|validation|test|eval|holdout)([_/. -]|$)", re.I)
ESTIMATORS = ("estimator_class", "estimator_name", "model_class", "model_type")
METRICS, PARAMS, DATASETS = 50, 100, 10
TRAINING_JOB = "/training_details/training_job_details"
CUSTOM = "/additional_information/custom_details"


@dataclass
class Read:
    """Something that was read for a card."""

    label: str
    sha256: str
    path: str | None = None


@dataclass
class Filled:
    """A card's content, what each claim was taken from, and the hashes of what was read."""

    content: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, list[Source]] = field(default_factory=dict)
    read: dict[str, Read] = field(default_factory=dict)

    def claim(self, pointer: str, value: Any, *sources: Source | None) -> None:
        """Put a claim in, with what it was taken from."""
        if value in (None, "", [], {}):
            return
        put(self.content, pointer, value)
        self.sources[pointer] = [each for each in sources if each is not None]


def fill(registry: RegistryService, version: VersionDetail) -> Filled:
    """Write the card of a version from what is known of it."""
    filled = Filled()
    name = f"model:{version.model}/{version.version}"
    model = Source(kind="model", object=name, label=f"{version.model}, version {version.version}")
    filled.read[name] = Read(model.label, model_hash(registry, version))
    model.sha256 = filled.read[name].sha256
    _overview(filled, version, model)
    if version.run is None:
        return filled
    content = registry.client.run(version.run.id)
    capsule = read_capsule(registry, version.run.id)
    found = datasets(content, capsule)
    run = run_source(version.run, found)
    cell = cell_source(version.run, capsule) or run
    filled.read[run.object] = Read(run.label, run.sha256 or "")
    for each in found:
        if each.sha256 is not None:
            key = f"data:{each.sha256}"
            filled.read[key] = Read(each.name, each.sha256, each.path)
    _training(filled, version, found, run, cell)
    _environment(filled, version, capsule, cell)
    _evaluations(registry, filled, version, found, run, cell)
    return filled


def _overview(filled: Filled, version: VersionDetail, model: Source) -> None:
    at = "/model_overview"
    run = version.run
    params = version.params | (run.tags if run else {})
    algorithm = next((params[name] for name in ESTIMATORS if params.get(name)), None)
    algorithm = algorithm or ", ".join(version.flavors)
    filled.claim(f"{at}/model_name", version.model[:SHORT], model)
    filled.claim(f"{at}/model_version", version.version, model)
    filled.claim(f"{at}/model_id", (version.model_id or version.source)[:SHORT], model)
    filled.claim(f"{at}/model_description", version.description[:SHORT], model)
    filled.claim(f"{at}/model_creator", (run.user if run else version.user), model)
    filled.claim(f"{at}/algorithm_type", algorithm[:SHORT], model)
    filled.claim(f"{at}/model_artifact", [version.source[:SHORT]], model)


def _training(
    filled: Filled, version: VersionDetail, found: list[Data], run: Source, cell: Source
) -> None:
    trained = [each for each in found if not each.evaluates] or found
    filled.claim(f"{TRAINING_JOB}/training_arn", run.object, run)
    filled.claim(
        f"{TRAINING_JOB}/training_datasets",
        [each.told[:SHORT] for each in trained[:DATASETS]],
        *[each.source for each in trained[:DATASETS]],
        cell,
    )
    metrics = {k: v for k, v in version.metrics.items() if v is not None and is_training(k)}
    filled.claim(
        f"{TRAINING_JOB}/training_metrics",
        [{"name": name[:255], "value": value} for name, value in sorted(metrics.items())][:METRICS],
        run,
        cell,
    )
    filled.claim(
        f"{TRAINING_JOB}/hyper_parameters",
        [
            {"name": name[:255], "value": value[:255]}
            for name, value in sorted(version.params.items())
            if value
        ][:PARAMS],
        run,
        cell,
    )


def _environment(
    filled: Filled, version: VersionDetail, capsule: dict[str, Any], cell: Source
) -> None:
    python = (capsule.get("python") or {}).get("version") or version.python_version
    hardware, git = capsule.get("hardware") or {}, capsule.get("git") or {}
    where = ", ".join(filter(None, [f"Python {python}" if python else "", capsule.get("platform")]))
    filled.claim(
        f"{TRAINING_JOB}/training_environment/container_image", [where] if where else [], cell
    )
    gpus = ", ".join(each.get("name", "GPU") for each in hardware.get("gpus") or [])
    facts = {
        "Notebook": version.run.notebook if version.run else None,
        "Git commit": git.get("commit") and git["commit"] + (" (changed)" if git["dirty"] else ""),
        "Git remote": git.get("remote"),
        "Code SHA-256": capsule.get("code_sha256"),
        "Packages SHA-256": capsule.get("lock_sha256"),
        "MLflow": version.mlflow_version,
        "Compute": capsule.get("compute"),
        "CPU": hardware.get("cpu"),
        "GPUs": gpus,
        "Packages of the model": ", ".join(version.dependencies),
    }
    for name, value in facts.items():
        filled.claim(f"{CUSTOM}/{name}", str(value)[:SHORT] if value else None, cell)


def _evaluations(
    registry: RegistryService,
    filled: Filled,
    version: VersionDetail,
    found: list[Data],
    run: Source,
    cell: Source,
) -> None:
    assert version.run is not None
    measured = {k: v for k, v in version.metrics.items() if v is not None and not is_training(k)}
    seen = predictions.look(registry.client, version.run.id)
    groups = list(seen.groups) if seen else []
    if measured:
        data = [predictions.number(name, value) for name, value in sorted(measured.items())]
        # What was logged is said once; what the predictions say stands beside it.
        groups = [predictions.group("Metrics of the run", data[:200]), *groups]
    evaluations: list[dict[str, Any]] = []
    told = [each for each in found if each.evaluates]
    if groups:
        sources = [run, cell, *[each.source for each in told]]
        if seen:
            sources.append(artifact_source(filled, version.run.id, PREDICTIONS, seen.raw))
            filled.claim("/model_overview/problem_type", seen.problem, sources[-1])
        one = {
            "name": f"Evaluation in run {version.run.name}"[:63],
            "evaluation_job_arn": run.object,
            "datasets": [each.told[:SHORT] for each in told[:DATASETS]],
            "metadata": {"rows": str(seen.rows)} if seen else {},
            "metric_groups": groups,
        }
        evaluations.append({key: value for key, value in one.items() if value})
        filled.sources["/evaluation_details/0"] = unique(sources)
    for report in reports.find(registry.client, version.run.id):
        source = artifact_source(filled, version.run.id, report.path, report.raw)
        filled.sources[f"/evaluation_details/{len(evaluations)}"] = [source]
        evaluations.append(
            {
                "name": f"Report {report.path.removeprefix('clarify/')}"[:63],
                "evaluation_job_arn": run.object,
                "metadata": {"report": report.path[:SHORT]},
                "metric_groups": report.groups,
            }
        )
    if evaluations:
        filled.content["evaluation_details"] = evaluations


def artifact_source(filled: Filled, run_id: str, path: str, raw: bytes) -> Source:
    """Return an artifact as a source, and remember its hash."""
    name = f"report:{run_id}/{path}"
    sha256 = hashlib.sha256(raw).hexdigest()
    filled.read[name] = Read(path, sha256)
    return Source(kind="report", object=name, label=path, run_id=run_id, sha256=sha256)


def is_training(metric: str) -> bool:
    """Tell whether a metric was measured on what the model learned from."""
    return not EVALUATED.search(metric) and bool(TRAINING.search(metric))


def run_source(run: SourceRun, found: list[Data]) -> Source:
    """Return the run as a source, with the hash of what a card takes from it."""
    return Source(
        kind="run",
        object=f"run:{run.id}",
        label=f"run {run.name}",
        run_id=run.id,
        sha256=digest([run.params, run.metrics, sorted(each.told for each in found)]),
    )


def cell_source(run: SourceRun, capsule: dict[str, Any]) -> Source | None:
    """Return the cell that made the run as a source; None when it was no notebook's."""
    if run.notebook is None:
        return None
    counted = (capsule.get("cell") or {}).get("execution_count")
    cell = run.cell if run.cell is not None else counted
    where = f", cell [{cell}]" if cell is not None else ""
    return Source(
        kind="cell",
        object=f"run:{run.id}",
        label=f"{run.notebook}{where}",
        run_id=run.id,
        notebook=run.notebook,
        cell=cell,
        sha256=capsule.get("code_sha256"),
    )


def read_capsule(registry: RegistryService, run_id: str) -> dict[str, Any]:
    """Return a run's capsule; nothing where it has none."""
    try:
        content = json.loads(registry.client.run_file(run_id, CAPSULE))
    except (NotFound, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def model_hash(registry: RegistryService, version: VersionDetail) -> str:
    """Return the hash of what a version is: its source and its MLmodel file."""
    try:
        raw = registry.client.file(version.model, version.version, MLMODEL)
    except NotFound:
        raw = b""
    return digest([version.source, hashlib.sha256(raw).hexdigest()])


def unique(sources: list[Source]) -> list[Source]:
    """Return sources without repetition."""
    return list({(each.kind, each.object, each.label): each for each in sources}.values())
