"""Runs found among 100,000 against `mlflow.search_runs` giving the same ones.

Both in this process, over the same rows: the studio's page with parameters, metrics, tags and the
total count, MLflow's list of runs. MLflow's records are as MLflow makes them, without the indexes
that the studio makes in its own. ``python -m tests.benchmarks.runs`` measures it alone.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio._studio import Studio
from labstudio.experiments.server_main import PROXIED_ARTIFACTS
from labstudio.experiments.store import prepare, store_url
from tests.benchmarks.measure import Result, compare
from tests.benchmarks.run_store import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS, PARAMS, METRICS = 100_000, 20, 20
PAGE = 100
ROUNDS = 3
POSTGRES = Path("/usr/lib/postgresql")
QUESTIONS: dict[str, dict[str, Any]] = {
    "first page": {},
    "filter by a metric": {"filter": "metrics.metric_3 > 0.5"},
    "sort by a metric": {"order_by": ["metrics.metric_7 DESC"]},
}
# Without a peer: MLflow counts no runs, and gives no window in the middle.
ALONE: dict[str, dict[str, Any]] = {
    "scroll to row 90,000": {"at": 90_000},
    "scroll to row 90,000, sorted by a metric": {
        "at": 90_000,
        "order_by": ["metrics.metric_7 DESC"],
    },
}


def found(folder: Path) -> list[Result]:
    """Measure on SQLite, and on Postgres where it is installed."""
    results = asked("SQLite", folder / "runs", None)
    with postgres() as url:
        if url is not None:
            results += asked("Postgres", folder / "runs-postgres", url)
    return results


def asked(name: str, folder: Path, database_url: str | None) -> list[Result]:
    """Fill a store and ask both."""
    import mlflow
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    settings = {"database_url": database_url} if database_url else {}
    studio = Studio(folder, **settings)
    url = store_url(studio.home.create().tracking_database_path, database_url)
    prepare(url)
    peer = peer_url(folder, database_url)
    for each in (url, peer):
        SqlAlchemyStore(each, PROXIED_ARTIFACTS).engine.dispose()
        engine = sa.create_engine(each)
        fill(engine, RUNS, PARAMS, METRICS)
        engine.dispose()
    mlflow.set_tracking_uri(peer)
    results = []
    for what, question in QUESTIONS.items():
        theirs = their_ids(question)
        assert our_ids(studio, question) == theirs, what
        results.append(
            compare(
                f"runs, {what}, {name}",
                f"{what.capitalize()} of 100,000 runs with 20 parameters and 20 metrics, {name}",
                "`mlflow.search_runs` of the same runs",
                ours=lambda question=question: timed(our_ids, studio, question),
                theirs=lambda question=question: timed(their_ids, question),
                bound=0.2,
                rounds=ROUNDS,
            )
        )
    for what, question in ALONE.items():
        took = sorted(timed(our_ids, studio, question) for _ in range(5))[2]
        print(f"runs, {what}, {name}: {took:.3f} s")
    studio.close()
    return results


def peer_url(folder: Path, database_url: str | None) -> str:
    """Return where MLflow's own records are: a file, or a database beside the studio's."""
    if database_url is None:
        return store_url(folder / "peer.db", None)
    engine = sa.create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE peer"))
    engine.dispose()
    return database_url.replace("postgresql:", "postgresql+psycopg:").replace("/postgres", "/peer")


def our_ids(studio: Studio, question: dict[str, Any]) -> list[str]:
    """Ask the studio for a page."""
    page = studio.runs.search(**question, limit=PAGE)
    assert page.total > PAGE
    return [run.id for run in page.items]


def their_ids(question: dict[str, Any]) -> list[str]:
    """Ask MLflow for the same runs."""
    import mlflow

    runs: Any = mlflow.search_runs(
        experiment_ids=["0", "1", "2", "3"],
        filter_string=question.get("filter", ""),
        order_by=question.get("order_by"),
        max_results=PAGE,
        output_format="list",
    )
    return [run.info.run_id for run in runs]


def timed(call: Any, *arguments: Any) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


@contextmanager
def postgres() -> Iterator[str | None]:
    """Give the URL of a PostgreSQL server of one's own; None where none is installed."""
    programs = sorted(POSTGRES.glob("*/bin/initdb"))
    if not programs:
        print("runs: PostgreSQL's server is not installed", file=sys.stderr)
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="ls-pg-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data, tools = folder / "data", programs[-1].parent
    control = [*user, str(tools / "pg_ctl"), "-D", str(data), "-w"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    initialise = [*user, str(tools / "initdb"), "-D", str(data), "-U", "studio", "-A", "trust"]
    subprocess.run([*initialise, "-E", "UTF8"], check=True, capture_output=True, cwd=folder)
    start = [*control, "-l", str(folder / "log"), "-o", options, "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    try:
        yield f"postgresql://studio@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        over = [each.name for each in found(Path(place)) if each.ratio > each.bound]
    sys.exit(f"over their bounds: {', '.join(over)}" if over else 0)
