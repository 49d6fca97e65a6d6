"""A hundred thousand runs in MLflow's own tables, made by the database itself in seconds."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

MANY = 100_000
HISTORY = 300
MODELS = ("forest", "boosting", "linear")

# Numbers that look random and are the same each time.
_NUMBERS = """
WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :many)
SELECT n, printf('%032x', n + (:experiment << 40)) AS id,
       (n * 7919 % 10007) / 10007.0 AS a, (n * 104729 % 10009) / 10009.0 AS b
FROM numbers
"""
_RUNS = """
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status,
                  start_time, end_time, source_version, lifecycle_stage, artifact_uri,
                  experiment_id)
SELECT id, 'sweep-' || n, 'LOCAL', 'train.py', '', CASE n % 3 WHEN 0 THEN 'ada' ELSE 'grace' END,
       CASE n % 20 WHEN 7 THEN 'FAILED' WHEN 13 THEN 'KILLED' ELSE 'FINISHED' END,
       :now - n * 60000, :now - n * 60000 + 1000 + CAST(a * 90000 AS INTEGER), '', 'active',
       'mlflow-artifacts:/' || :experiment || '/' || id || '/artifacts', :experiment
FROM made
"""
_KEYED = {
    "params": (
        ("model", "CASE n % 3 WHEN 0 THEN 'forest' WHEN 1 THEN 'boosting' ELSE 'linear' END"),
        ("depth", "CAST(2 + n % 7 AS TEXT)"),
        ("learning_rate", "printf('%.4f', 0.001 + b / 10)"),
    ),
    "tags": (
        ("mlflow.runName", "'sweep-' || n"),
        ("mlflow.user", "CASE n % 3 WHEN 0 THEN 'ada' ELSE 'grace' END"),
        ("team", "CASE n % 2 WHEN 0 THEN 'vision' ELSE 'text' END"),
    ),
}
_METRICS = (("auc", "0.5 + a / 2"), ("val/loss", "2 - a - b / 3"))
# The newest runs have a course, for the lines in the cells.
_COURSE = """
INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan)
SELECT id, ?, (%s) * (0.6 + step / 50.0) + (step * 37 %% 11) / 200.0, 0, step, 0
FROM made, (WITH RECURSIVE s(step) AS (SELECT 0 UNION ALL SELECT step + 1 FROM s WHERE step < 19)
            SELECT step FROM s)
WHERE n < ?
"""


def fill(database: Path, experiment: int, many: int = MANY) -> None:
    """Add runs to an experiment, the newest first; the database is in use meanwhile."""
    values = {
        "many": many,
        "now": int(time.time() * 1000) - 60_000,
        "experiment": experiment,
    }
    with sqlite3.connect(database, timeout=60) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"CREATE TEMP TABLE made AS {_NUMBERS}", values)
        connection.execute(_RUNS, values)
        for table, keyed in _KEYED.items():
            for key, value in keyed:
                connection.execute(
                    f"INSERT INTO {table} (run_uuid, key, value) SELECT id, ?, {value} FROM made",
                    [key],
                )
        for key, value in _METRICS:
            connection.execute(
                "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan)"
                f" SELECT id, ?, {value}, 0, 19, 0 FROM made",
                [key],
            )
            connection.execute(_COURSE % value, [key, HISTORY])
        connection.execute("DROP TABLE made")
    connection.close()
