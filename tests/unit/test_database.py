"""The database: migrated once however many open it, and clear about what is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from labstudio import changes
from labstudio._studio import Studio
from labstudio.database.engine import MIGRATIONS, VERSION_TABLE, Database
from labstudio.database.tables import UtcTime, computes, metadata
from labstudio.errors import Unavailable
from labstudio.home import Home


def test_migrations_make_the_tables_that_the_code_describes(studio: Studio) -> None:
    studio.database.migrate()
    with studio.database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": False}
        )
        assert compare_metadata(context, metadata) == []


def test_many_processes_open_a_new_home_at_once(home: Home) -> None:
    home.create()
    program = (
        "import sys; from labstudio._studio import Studio;"
        "print(Studio(sys.argv[1]).changes.latest())"
    )
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(
                lambda _: subprocess.run(
                    [sys.executable, "-c", program, str(home.path)],
                    capture_output=True,
                    text=True,
                    check=False,
                ),
                range(4),
            )
        )
    assert [each.stdout.strip() for each in done] == ["0"] * 4, done


def test_one_process_opens_many_new_homes_at_once(tmp_path: Path) -> None:
    databases = [Database(f"sqlite:///{tmp_path}/{n}.db") for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(Database.migrate, databases))
    for database in databases:
        with closing(database), database.read() as connection:
            assert sa.inspect(connection).has_table("jobs")


def test_a_home_of_before_notices_is_brought_up_to_date(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with closing(Database(url)) as old, old.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(sa.text("INSERT INTO computes (name, draining) VALUES ('box', 0)"))
        connection.commit()
    with closing(Database(url)) as new, new.read() as connection:
        row = connection.execute(sa.select(computes)).one()
        assert (row.name, row.draining, row.clearing) == ("box", False, False)


def test_changes_come_in_order_and_old_ones_are_swept(studio: Studio) -> None:
    with studio.database.begin() as connection:
        for name in "abc":
            changes.record(connection, "jobs", name, "created")
    first = studio.changes.since(0, limit=2)
    assert [each.object_id for each in first] == ["a", "b"]
    assert [each.object_id for each in studio.changes.since(first[-1].revision)] == ["c"]
    latest = studio.changes.latest()
    assert studio.changes.sweep(timedelta(0)) == 3
    with studio.database.begin() as connection:
        changes.record(connection, "jobs", "d", "created")
    assert studio.changes.latest() == latest + 1


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_home_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable, match="cannot be written"):
        Studio(tmp_path / "home").database.migrate()


def test_a_file_that_is_no_database_says_so(home: Home) -> None:
    home.create().database_path.write_text("this is a diary, not a database " * 100)
    with pytest.raises(Unavailable, match="cannot be used now"):
        Studio(home.path).changes.latest()


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 2),
        max_value=datetime(2200, 1, 1),
        timezones=st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))),
    )
)
def test_times_survive_the_database(moment: datetime) -> None:
    kind = UtcTime()
    read = kind.process_result_value(kind.process_bind_param(moment, None), None)
    assert read == moment
    assert read is not None
    assert read.tzinfo is UTC


@pytest.mark.postgres
@pytest.mark.slow
def test_postgres_holds_the_same_tables(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:
        before = changes.Changes(database).latest()
        with database.begin() as connection:
            changes.record(connection, "jobs", "x", "created")
            schema = connection.scalar(sa.text("SELECT current_schema()"))
        assert schema == "labstudio"
        assert [each.object_id for each in changes.Changes(database).since(before)] == ["x"]


def test_copies_of_a_home_open(home: Home, tmp_path: Path) -> None:
    Studio(home.path).changes.latest()
    shutil.copytree(home.path, tmp_path / "copy")
    assert Studio(tmp_path / "copy").changes.latest() == 0
