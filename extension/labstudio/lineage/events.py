"""OpenLineage's events of one run or job, as the record knows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    job_type_job,
    parent_run,
    processing_engine_run,
    schema_dataset,
)

from labstudio._version import __version__
from labstudio.database.tables import lineage as table
from labstudio.lineage.models import Relation
from labstudio.lineage.nodes import nodes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection, Row

    from labstudio.lineage.models import Facts, Node

PRODUCER = "https://labstudio.readthedocs.io"
_BEGUN = frozenset({"RUNNING", "running", "starting"})
_ENDS = {
    "FINISHED": RunState.COMPLETE,
    "FAILED": RunState.FAIL,
    "KILLED": RunState.ABORT,
    "succeeded": RunState.COMPLETE,
    "failed": RunState.FAIL,
    "stopped": RunState.ABORT,
    "interrupted": RunState.ABORT,
}
_READ = {Relation.read.value, Relation.given.value, Relation.used.value}
_MADE = {Relation.made.value, Relation.wrote.value}


def events(connection: Connection, row: Row[Any], namespace: str) -> Sequence[RunEvent]:
    """Return the events that an entry about a run or job stands for.

    Parameters
    ----------
    connection
        Reads what the run or job read and made.
    row
        The entry.
    namespace
        Of jobs, and of data that are no files.
    """
    facts = json.loads(row.facts)
    state, before = _state(facts), _before(connection, row)
    begins = before is None or before not in (_BEGUN | _ENDS.keys())
    told: list[tuple[RunState, Any]] = []
    if begins and state in _BEGUN | _ENDS.keys():
        told.append((RunState.START, facts.get("started_at") or facts.get("created_at")))
    if state in _ENDS and before != state:
        told.append((_ENDS[state], facts.get("ended_at")))
    if not told:
        return ()
    inputs, outputs = _data(connection, row.subject, namespace)
    run = Run(run_id(row.subject), _run_facets(connection, row.subject, namespace))
    job = Job(namespace, _job_name(row.subject, facts), _job_facets(row.subject))
    return [
        RunEvent(
            eventTime=_moment(at),
            run=run,
            job=job,
            eventType=kind,
            # What it makes is known at its end.
            inputs=inputs,
            outputs=outputs if kind is not RunState.START else [],
            producer=PRODUCER,
        )
        for kind, at in told
    ]


def run_id(name: str) -> str:
    """Return the UUID of a run or job: MLflow's own id, or a ULID's 128 bits."""
    kind, _, key = name.partition(":")
    if kind == "job":
        from ulid import ULID

        return str(ULID.from_str(key).to_uuid())
    return str(UUID(hex=key))


def _state(facts: Mapping[str, Any]) -> str:
    return str(facts.get("status") or facts.get("state"))


def _before(connection: Connection, row: Row[Any]) -> str | None:
    query = (
        sa.select(table.c.facts)
        .where(
            table.c.subject == row.subject,
            table.c.relation == Relation.is_.value,
            table.c.sequence < row.sequence,
        )
        .order_by(table.c.sequence.desc())
        .limit(1)
    )
    text = connection.scalar(query)
    return _state(json.loads(text)) if text else None


def _data(
    connection: Connection, name: str, namespace: str
) -> tuple[list[InputDataset], list[OutputDataset]]:
    read = sa.select(table.c.subject, table.c.facts).where(
        table.c.object == name, table.c.relation.in_(_READ)
    )
    made = sa.select(table.c.object, table.c.facts).where(
        table.c.subject == name, table.c.relation.in_(_MADE)
    )
    inputs = dict(connection.execute(read.order_by(table.c.sequence)).tuples().all())
    outputs = dict(connection.execute(made.order_by(table.c.sequence)).tuples().all())
    known = {node.id: node for node in nodes(connection, [*inputs, *outputs])}
    return (
        [
            InputDataset(
                *_named(known[each], json.loads(text), namespace), facets=_facets(known[each])
            )
            for each, text in inputs.items()
        ],
        [
            OutputDataset(
                *_named(known[each], json.loads(text), namespace), facets=_facets(known[each])
            )
            for each, text in outputs.items()
        ],
    )


def _named(node: Node, facts: Facts, namespace: str) -> tuple[str, str]:
    """Return namespace and name, as OpenLineage names data: a file by its path."""
    path = facts.get("path")
    if isinstance(path, str) and path.startswith("/"):
        return "file", path
    if isinstance(path, str) and "://" in path:
        scheme, _, rest = path.partition("://")
        host, _, key = rest.partition("/")
        return f"{scheme}://{host}", key or "/"
    return namespace, node.id if node.kind != "data" else node.label


def _facets(node: Node) -> dict[str, Any]:
    version = node.id.partition(":")[2]
    found: dict[str, Any] = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(version, producer=PRODUCER)
    }
    columns = node.facts.get("schema")
    if isinstance(columns, dict):
        fields = [
            schema_dataset.SchemaDatasetFacetFields(name=name, type=str(kind))
            for name, kind in columns.items()
        ]
        found["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)
    return found


def _run_facets(connection: Connection, name: str, namespace: str) -> dict[str, Any]:
    engine = processing_engine_run.ProcessingEngineRunFacet(
        version=__version__, name="labstudio", producer=PRODUCER
    )
    found: dict[str, Any] = {"processing_engine": engine}
    query = (
        sa.select(table.c.subject)
        .where(
            table.c.object == name,
            table.c.relation.in_([Relation.ran.value, Relation.contains.value]),
        )
        .order_by(table.c.sequence)
        .limit(1)
    )
    if parent := connection.scalar(query):
        (node,) = nodes(connection, [parent])
        found["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(run_id(parent)),
            job=parent_run.Job(namespace, _job_name(parent, node.facts)),
            producer=PRODUCER,
        )
    return found


def _job_name(name: str, facts: Facts) -> str:
    """Return what is the same each time that it runs: its source, or its experiment."""
    source = facts.get("notebook") or facts.get("source")
    if name.startswith("job:"):
        return str(source or facts.get("name") or name)
    parts = (facts.get("experiment"), source or facts.get("name"))
    return "/".join(str(each) for each in parts if each) or name


def _job_facets(name: str) -> dict[str, Any]:
    kind = "JOB" if name.startswith("job:") else "RUN"
    return {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="BATCH", integration="LABSTUDIO", jobType=kind, producer=PRODUCER
        )
    }


def _moment(at: Any) -> str:
    return at if isinstance(at, str) else datetime.now(UTC).isoformat()
