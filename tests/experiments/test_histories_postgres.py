"""Histories out of Postgres: columns of a binary COPY."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from labstudio.experiments.facts import histories
from labstudio.experiments.search.engine import Records
from labstudio.experiments.store import create_schema, store_url

COLUMNS = (
    "key varchar(250), value double precision, timestamp bigint, step bigint, is_nan boolean, "
    "run_uuid varchar(32)"
)


@pytest.mark.postgres
def test_columns_come_as_they_were_logged(postgres_url: str) -> None:
    # MLflow's own tables may stand in the other database already.
    server = sa.create_engine(
        sa.make_url(postgres_url).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with server.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE histories"))
    server.dispose()
    own = sa.make_url(postgres_url).set(database="histories")
    url = store_url(Path("unused"), own.render_as_string(hide_password=False))
    create_schema(url)
    records = Records(url)
    writer = sa.create_engine(url)
    with writer.begin() as connection:
        connection.execute(sa.text(f"CREATE TABLE metrics ({COLUMNS})"))
        connection.execute(
            sa.text("INSERT INTO metrics VALUES (:key, :value, :at, :step, :nan, :run)"),
            [
                {"key": key, "value": value, "at": at, "step": step, "nan": nan, "run": run}
                for key, value, at, step, nan, run in (
                    ("loss", 2.5, 20, 1, False, "b"),
                    ("loss", 1.5, 10, 1, False, "b"),
                    ("loss", 0.0, 30, 2, True, "b"),
                    ("loss", 1.7976931348623157e308, 40, 3, False, "b"),
                    ("auc", 0.5, 50, -1, False, "a'; --"),
                )
            ],
        )
    found = histories.read(records, ["a'; --", "b"], ["loss", "auc"], -10, 10)
    assert found.keys() == {("a'; --", "auc"), ("b", "loss")}
    step, at_ms, value = found["b", "loss"]
    assert (step.tolist(), at_ms.tolist()) == ([1, 1, 2, 3], [10, 20, 30, 40])
    assert str(value.tolist()) == "[1.5, 2.5, nan, inf]"
    assert histories.read(records, ["b"], ["loss"], 5, 9) == {}
    writer.dispose()
    records.close()
