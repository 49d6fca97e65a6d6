"""What MLflow's records say of runs and models, as facts of the lineage."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.capture.models import CAPSULE, CAPSULE_TAG, CELL_TAG, NOTEBOOK_TAG, WORKSPACE_TAG
from labstudio.lineage.ledger import Fact
from labstudio.lineage.models import Relation
from labstudio.lineage.objects import file_name
from labstudio.reproduce.models import REPORT, REPRODUCES_TAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection, Row

    from labstudio.home import Home

JOB_TAG = "labstudio.job_id"
PARENT_TAG = "mlflow.parentRunId"
# Which tag tells which fact of a run.
_TOLD = {
    "mlflow.user": "user",
    "mlflow.source.name": "source",
    "mlflow.source.git.commit": "git_commit",
    NOTEBOOK_TAG: "notebook",
    CELL_TAG: "cell",
    WORKSPACE_TAG: "workspace",
    JOB_TAG: "job",
}
_TAGS = (*_TOLD, PARENT_TAG, REPRODUCES_TAG, CAPSULE_TAG)
# Of a run's artifacts, those that are reports.
_REPORT_FOLDERS = ("clarify", "labstudio/reports")
_ARTIFACTS = "mlflow-artifacts:/"
_MODEL_URI = "models:/m-"
ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})


def _table(name: str, columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(each) for each in columns.split()))


runs = _table(
    "runs", "run_uuid name user_id status start_time end_time lifecycle_stage artifact_uri "
    "experiment_id"
)  # fmt: skip
experiments = _table("experiments", "experiment_id name")
tags = _table("tags", "run_uuid key value")
inputs = _table("inputs", "input_uuid source_type source_id destination_type destination_id")
input_tags = _table("input_tags", "input_uuid name value")
datasets = _table(
    "datasets", "dataset_uuid name digest dataset_source dataset_schema dataset_profile"
)
logged_models = _table(
    "logged_models", "model_id name status creation_timestamp_ms model_type lifecycle_stage"
)
model_versions = _table("model_versions", "name version creation_time source run_id status user_id")
aliases = _table("registered_model_aliases", "name alias version")


def states(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return status and lifecycle stage of every run."""
    query = sa.select(runs.c.run_uuid, runs.c.status, runs.c.lifecycle_stage)
    return {run: (status, stage) for run, status, stage in connection.execute(query)}


def touched(connection: Connection, since: datetime) -> list[str]:
    """Return the runs that began or ended since a moment, or go on still."""
    millis = int(since.timestamp() * 1000)
    query = sa.select(runs.c.run_uuid).where(
        sa.or_(runs.c.start_time >= millis, runs.c.end_time >= millis, runs.c.status.not_in(ENDED))
    )
    return list(connection.scalars(query))


def of_runs(connection: Connection, ids: Sequence[str], home: Home) -> list[Fact]:
    """Return what is known of some runs: what they are, read, made and came from."""
    query = (
        sa.select(runs, experiments.c.name.label("experiment"))
        .join_from(runs, experiments, runs.c.experiment_id == experiments.c.experiment_id)
        .where(runs.c.run_uuid.in_(ids))
    )
    told = _tags(connection, ids)
    # What a run read and made comes first: who is told that it ended may ask for it at once.
    facts = [*_read(connection, ids, home), *_models(connection, ids)]
    for row in connection.execute(query):
        facts += _of_run(row, told[row.run_uuid], home)
    return facts


def of_registry(connection: Connection) -> list[Fact]:
    """Return what is known of registered models: their versions and aliases."""
    rows = connection.execute(sa.select(model_versions)).all()
    logged = {_logged(row.source) for row in rows}
    known = _logged_models(connection, [each for each in logged if each])
    facts: list[Fact] = []
    for row in rows:
        name = f"model:{row.name}/{row.version}"
        facts.append(
            _is(
                name,
                name=f"{row.name} v{row.version}",
                status=row.status,
                user=row.user_id or None,
                created_at=moment(row.creation_time),
                source=row.source,
            )
        )
        model_id = _logged(row.source)
        if model_id in known:
            facts += known[model_id]
            facts.append(Fact(Relation.registered, f"logged_model:{model_id}", name))
        elif row.run_id:
            facts.append(Fact(Relation.made, f"run:{row.run_id}", name))
    for row in connection.execute(sa.select(aliases)):
        subject = f"alias:{row.name}/{row.alias}"
        facts.append(Fact(Relation.named, subject, f"models:{row.name}", {"version": row.version}))
    return facts


def moment(millis: int | None) -> str | None:
    """Return MLflow's milliseconds as a time that sorts and is read anywhere."""
    return None if millis is None else datetime.fromtimestamp(millis / 1000, UTC).isoformat()


def _of_run(row: Row[Any], told: Mapping[str, str], home: Home) -> Iterator[Fact]:
    name = f"run:{row.run_uuid}"
    folder = _folder(home, row.artifact_uri)
    deleted = True if row.lifecycle_stage == "deleted" else None
    if job := told.get(JOB_TAG):
        yield Fact(Relation.ran, f"job:{job}", name)
    if parent := told.get(PARENT_TAG):
        yield Fact(Relation.contains, f"run:{parent}", name)
    if old := told.get(REPRODUCES_TAG):
        yield Fact(Relation.reproduced, f"run:{old}", name)
    if folder and row.status in ENDED:
        for path in _reports(folder):
            report = f"report:{row.run_uuid}/{path}"
            yield _is(report, name=Path(path).stem, path=path, run=row.run_uuid)
            yield Fact(Relation.reported, name, report)
    yield _is(
        name,
        name=row.name,
        experiment=row.experiment,
        status=row.status,
        deleted=deleted,
        started_at=moment(row.start_time),
        ended_at=moment(row.end_time),
        **{"user": row.user_id or None}
        | {fact: told[tag] for tag, fact in _TOLD.items() if tag in told},
        **(_capsule(folder) if CAPSULE_TAG in told and folder else {}),
    )


def _tags(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    query = sa.select(tags).where(tags.c.run_uuid.in_(ids), tags.c.key.in_(_TAGS))
    for row in connection.execute(query):
        found[row.run_uuid][row.key] = row.value
    return found


def _read(connection: Connection, ids: Sequence[str], home: Home) -> Iterator[Fact]:
    """Give the data that runs read."""
    query = (
        sa.select(inputs.c.destination_id, inputs.c.input_uuid, datasets)
        .join_from(inputs, datasets, inputs.c.source_id == datasets.c.dataset_uuid)
        .where(
            inputs.c.destination_type == "RUN",
            inputs.c.destination_id.in_(ids),
            inputs.c.source_type == "DATASET",
        )
    )
    rows = connection.execute(query).all()
    contexts = _contexts(connection, [row.input_uuid for row in rows])
    for row in rows:
        profile, schema = _json(row.dataset_profile), _json(row.dataset_schema)
        source = _json(row.dataset_source)
        sha256 = profile.get("sha256")
        # MLflow's own digests are eight digits of a part of the data: no content address.
        data = f"data:{sha256}" if sha256 else f"data:{row.name[:200]}@{row.digest}"
        uri = source.get("uri") or source.get("path") or source.get("url")
        shape = {key: profile.get(key) for key in ("rows", "columns", "size_bytes")}
        yield _is(data, name=row.name, digest=row.digest, schema=_short(schema), **shape)
        yield Fact(
            Relation.read,
            data,
            f"run:{row.destination_id}",
            _known(name=row.name, path=uri, context=contexts.get(row.input_uuid)),
        )
        if sha256 and (path := _local(uri, home)):
            yield Fact(Relation.held, file_name(path), data, {"path": path})


def _contexts(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    query = sa.select(input_tags).where(
        input_tags.c.input_uuid.in_(ids), input_tags.c.name == "mlflow.data.context"
    )
    return {row.input_uuid: row.value for row in connection.execute(query)}


def _models(connection: Connection, ids: Sequence[str]) -> Iterator[Fact]:
    """Give the models that runs logged, and those that they used."""
    query = sa.select(inputs).where(
        inputs.c.source_type.in_(["RUN_OUTPUT", "RUN_INPUT"]), inputs.c.source_id.in_(ids)
    )
    rows = connection.execute(query).all()
    known = _logged_models(connection, [row.destination_id for row in rows])
    for row in rows:
        run, model = f"run:{row.source_id}", f"logged_model:{row.destination_id}"
        yield from known.get(row.destination_id, ())
        if row.source_type == "RUN_OUTPUT":
            yield Fact(Relation.made, run, model)
        else:
            yield Fact(Relation.used, model, run)


def _logged_models(connection: Connection, ids: Sequence[str]) -> dict[str, list[Fact]]:
    query = sa.select(logged_models).where(logged_models.c.model_id.in_(ids))
    return {
        row.model_id: [
            _is(
                f"logged_model:{row.model_id}",
                name=row.name,
                status={1: "PENDING", 2: "READY", 3: "FAILED"}.get(row.status),
                type=row.model_type or None,
                created_at=moment(row.creation_timestamp_ms),
                deleted=True if row.lifecycle_stage == "deleted" else None,
            )
        ]
        for row in connection.execute(query)
    }


def _logged(source: str | None) -> str | None:
    """Return the id of the logged model that a version was registered from."""
    return source.removeprefix("models:/") if source and source.startswith(_MODEL_URI) else None


def _folder(home: Home, uri: str | None) -> Path | None:
    """Return where a run's artifacts lie, if that is here."""
    if not uri or not uri.startswith(_ARTIFACTS):
        return None
    return home.artifacts / uri.removeprefix(_ARTIFACTS).lstrip("/")


def _capsule(folder: Path) -> dict[str, Any]:
    """Return the hashes of a run's code and packages, as its capsule says."""
    try:
        content = json.loads((folder / CAPSULE).read_text())
    except (OSError, ValueError):
        return {}
    return {key: content.get(key) for key in ("code_sha256", "lock_sha256")}


def _reports(folder: Path) -> list[str]:
    found = [
        path.relative_to(folder).as_posix()
        for name in _REPORT_FOLDERS
        for path in sorted((folder / name).rglob("*.json"))
    ]
    return [*found, REPORT] if (folder / REPORT).is_file() else found


def _local(uri: Any, home: Home) -> str | None:
    """Return the file that data was read from, unless it is a job's own copy."""
    if not isinstance(uri, str) or not uri:
        return None
    path = uri.removeprefix("file://")
    if not path.startswith("/") or Path(path).is_relative_to(home.jobs):
        return None
    return path


def _json(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _short(schema: Mapping[str, Any], limit: int = 200) -> dict[str, str] | None:
    """Return columns and types, of MLflow's own form of a schema or the capsule's."""
    listed = schema.get("mlflow_colspec")
    if isinstance(listed, list):
        pairs: Iterable[tuple[Any, Any]] = ((c.get("name"), c.get("type")) for c in listed)
    else:
        pairs = ((name, kind) for name, kind in schema.items() if isinstance(kind, str))
    return {str(name): str(kind) for name, kind in list(pairs)[:limit]} or None


def _is(name: str, /, **facts: Any) -> Fact:
    return Fact(Relation.is_, name, name, _known(**facts), grows=name.startswith("data:"))


def _known(**facts: Any) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}
