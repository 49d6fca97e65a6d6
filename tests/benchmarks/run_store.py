"""A store of many runs, made by bulk inserts: by MLflow's own verbs it would take half an hour."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

BATCH = 2000
START_MS = 1_700_000_000_000
NAMES = ("bold", "calm", "keen", "loud", "mild", "pale", "rich", "tall")
BIRDS = ("auk", "crow", "dove", "finch", "gull", "hawk", "kite", "lark")
TABLES = {
    "runs": "run_uuid name source_type source_name entry_point_name user_id status start_time "
    "end_time source_version lifecycle_stage artifact_uri experiment_id",
    "tags": "key value run_uuid",
    "params": "key value run_uuid",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
    "metrics": "key value timestamp step is_nan run_uuid",
}


def fill(engine: sa.Engine, runs: int, params: int, metrics: int) -> None:
    """Put runs of three experiments into the tables of MLflow."""
    chance = random.Random(16)
    with engine.begin() as connection:
        for number in (1, 2, 3):
            connection.execute(
                sa.text(
                    "INSERT INTO experiments (experiment_id, name, artifact_location, "
                    "lifecycle_stage, creation_time, last_update_time, workspace) VALUES "
                    "(:id, :name, :place, 'active', :at, :at, 'default')"
                ),
                {
                    "id": number,
                    "name": f"experiment {number}",
                    "place": f"mlflow-artifacts:/{number}",
                    "at": START_MS,
                },
            )
        for begin in range(0, runs, BATCH):
            rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
            for number in range(begin, min(begin + BATCH, runs)):
                for table, row in run_rows(number, params, metrics, chance):
                    rows[table].append(row)
            for table, batch in rows.items():
                insert(connection, table, batch)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))


def run_rows(
    number: int, params: int, metrics: int, chance: random.Random
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the rows of one run, and the tables that they belong to."""
    run_id = f"{chance.getrandbits(128):032x}"
    name = f"{chance.choice(NAMES)}-{chance.choice(BIRDS)}-{number}"
    experiment = 1 + number % 3
    start = START_MS + number * 1000
    place = f"mlflow-artifacts:/{experiment}/{run_id}/artifacts"
    row = ("LOCAL", "", "", "ann", "FINISHED", start, start + 60_000, "", "active", place)
    yield "runs", (run_id, name, *row, experiment)
    for key, value in (
        ("mlflow.runName", name),
        ("mlflow.user", "ann"),
        ("mlflow.source.name", "train.ipynb"),
        ("team", chance.choice(NAMES)),
    ):
        yield "tags", (key, value, run_id)
    for index in range(params):
        value = chance.choice(BIRDS) if index % 2 else str(chance.randrange(100))
        yield "params", (f"param_{index}", value, run_id)
    for index in range(metrics):
        point = (f"metric_{index}", chance.random(), start + 59_000, 10, False, run_id)
        yield "latest_metrics", point
        yield "metrics", point


def insert(connection: Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows as fast as the database takes them."""
    columns = TABLES[table].split()
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        raw.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)
        return
    with raw.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
