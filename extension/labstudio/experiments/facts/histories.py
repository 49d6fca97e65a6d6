"""Metric histories out of MLflow's database, as arrays.

A Python object for each of half a million values would take seconds, so values come in columns: by
Arrow from SQLite, by binary COPY from Postgres.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import Unavailable
from labstudio.experiments.facts.source import LARGEST, Histories, History
from labstudio.experiments.search.engine import told_clearly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labstudio.experiments.search.engine import Records

# Answered from the index `labstudio_metrics_course` alone (see `labstudio.experiments.store`).
# CROSS JOIN holds SQLite to this order: each run, each metric, then its values.
SQLITE = """
SELECT r.key * ? + k.key, m.step, m.timestamp, m.value, m.is_nan
FROM json_each(?) AS r CROSS JOIN json_each(?) AS k CROSS JOIN metrics AS m
WHERE m.run_uuid = r.value AND m.key = k.value AND m.step BETWEEN ? AND ?
"""
POSTGRES = """
COPY (
  SELECT (r.place - 1) * %s + k.place - 1, m.step, m.timestamp,
    CASE WHEN m.is_nan THEN 'NaN' ELSE m.value END
  FROM unnest(%s::text[]) WITH ORDINALITY AS r(id, place)
  CROSS JOIN unnest(%s::text[]) WITH ORDINALITY AS k(name, place)
  JOIN metrics AS m ON m.run_uuid = r.id AND m.key = k.name
  WHERE m.step BETWEEN %s AND %s
) TO STDOUT (FORMAT BINARY)
"""
FIRST, LAST = -(2**63), 2**63 - 1

# PostgreSQL's binary COPY: a header, then of each row the number of fields, and of each field its
# length and its bytes, big-endian; a row of -1 fields ends it.
COPY_HEADER = 19
COPY_ROW = [
    ("fields", ">i2"),
    ("size0", ">i4"),
    ("series", ">i8"),
    ("size1", ">i4"),
    ("step", ">i8"),
    ("size2", ">i4"),
    ("at_ms", ">i8"),
    ("size3", ">i4"),
    ("value", ">f8"),
]


def read(
    records: Records, run_ids: Sequence[str], metrics: Sequence[str], first: int, last: int
) -> Histories:
    """Return the values of metrics by run and metric; those without a value are left out.

    Parameters
    ----------
    records
        The database.
    run_ids, metrics
        Which; each named once.
    first, last
        The steps to begin and end with.
    """
    import numpy as np

    columns = (_sqlite if records.sqlite else _postgres)(records, run_ids, metrics, first, last)
    series, step, at_ms, value = columns
    if not len(series):
        return {}
    value[value >= LARGEST] = np.inf
    value[value <= -LARGEST] = -np.inf
    if not _sorted(series, step, at_ms):
        order = np.lexsort((at_ms, step, series))
        series, step, at_ms, value = (column[order] for column in (series, step, at_ms, value))
    present, starts = np.unique(series, return_index=True)
    ends = [*starts[1:], len(series)]
    return {
        (run_ids[number // len(metrics)], metrics[number % len(metrics)]): History(
            step[start:end], at_ms[start:end], value[start:end]
        )
        for number, start, end in zip(present.tolist(), starts, ends, strict=True)
    }


def _sorted(series: NDArray[Any], step: NDArray[Any], at_ms: NDArray[Any]) -> bool:
    import numpy as np

    first, second, third = (np.diff(column) for column in (series, step, at_ms))
    same = first == 0
    later = (second > 0) | ((second == 0) & (third >= 0))
    return bool(((first > 0) | (same & later)).all())


def _sqlite(
    records: Records, run_ids: Sequence[str], metrics: Sequence[str], first: int, last: int
) -> list[NDArray[Any]]:
    import numpy as np
    from adbc_driver_manager import Error
    from adbc_driver_sqlite import dbapi

    path = Path(str(records.url.database)).absolute()
    asked = (len(metrics), json.dumps(list(run_ids)), json.dumps(list(metrics)), first, last)
    try:
        with (
            dbapi.connect(f"{path.as_uri()}?mode=ro", autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(SQLITE, asked)
            table = cursor.fetch_arrow_table()
    except Error as error:
        raise Unavailable(f"MLflow's records cannot be read now: {error}.") from error
    if not table.num_rows:
        return [np.empty(0, dtype=int)] * 3 + [np.empty(0)]
    series, step, at_ms, value, is_nan = (column.to_numpy() for column in table.columns)
    return [series, step, at_ms, np.where(is_nan != 0, np.nan, value)]


def _postgres(
    records: Records, run_ids: Sequence[str], metrics: Sequence[str], first: int, last: int
) -> list[NDArray[Any]]:
    import numpy as np

    asked = (len(metrics), list(run_ids), list(metrics), first, last)
    with told_clearly(), records.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy(POSTGRES, asked) as copied:
            content = b"".join(copied)
    rows = np.frombuffer(content[COPY_HEADER:-2], dtype=COPY_ROW)
    names = ("series", "step", "at_ms")
    return [rows[name].astype(np.int64) for name in names] + [rows["value"].astype(float)]
