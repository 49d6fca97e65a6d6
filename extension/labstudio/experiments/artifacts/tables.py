"""Tables by pages, however long they are.

A page is read from Parquet, whose row groups can be reached without what comes before. A table in
another form, or in row groups too long for that, is brought into this form once, piece by piece,
and kept in the home's cache for as long as the file stays as it is.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput
from labstudio.experiments.artifacts import forms
from labstudio.experiments.artifacts.cells import shown
from labstudio.experiments.artifacts.models import ArtifactTableQuery, TableColumn, TablePage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labstudio.home import Home

ROWS_PER_GROUP = 10_000
# Parquet with longer groups is brought into shorter ones: each page would decode all of one.
GROUP_LIMIT = 65_536
MOST_KEPT = 50

# One writer for each table: whoever asks for the same one meanwhile finds it made.
_writing: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


def page(file: Path, query: ArtifactTableQuery, home: Home) -> TablePage:
    """Return some rows of a table.

    Parameters
    ----------
    file
        An artifact, or its copy.
    query
        Which rows, in which order.
    home
        Whose cache keeps what was brought into another form.

    Raises
    ------
    InvalidInput
        When it is no table, or has no such column.
    """
    import pyarrow.parquet as pq

    with forms.told_clearly(file), pq.ParquetFile(paged(file, home)) as table:
        schema, total = table.schema_arrow, table.metadata.num_rows
        columns = [TableColumn(name=each.name, type=str(each.type)) for each in schema]
        at = min(query.at, total)
        end = min(at + query.limit, total)
        if query.order_by:
            found = ordered(table, *order_of(query.order_by, schema.names), at, end)
        else:
            found = window(table, at, end)
    cells = [[shown(value) for value in column.to_pylist()] for column in found.columns]
    rows = [list(row) for row in zip(*cells, strict=True)]
    return TablePage(columns=columns, rows=rows, at=at, total=total)


def order_of(order_by: str, names: list[str]) -> tuple[int, bool]:
    """Return the place of the column to sort by, and whether the greatest comes first.

    Raises
    ------
    InvalidInput
        When there is no such column.
    """
    name, descending = order_by, False
    if name not in names:
        name, _, way = order_by.rpartition(" ")
        descending = way.upper() == "DESC"
        if name not in names or way.upper() not in ("ASC", "DESC"):
            raise InvalidInput(f"There is no column {order_by[:80]!r}.", field="order_by")
    return names.index(name), descending


def window(table: Any, at: int, end: int) -> Any:
    """Return the rows from one place to another."""
    groups, first = [], 0
    skipped = 0
    for number in range(table.metadata.num_row_groups):
        length = table.metadata.row_group(number).num_rows
        if first + length <= at:
            skipped += length
        elif first < end:
            groups.append(number)
        first += length
    return table.read_row_groups(groups).slice(at - skipped, end - at)


def ordered(table: Any, place: int, descending: bool, at: int, end: int) -> Any:
    """Return the rows from one place to another, by a column; what is missing comes last."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    name = table.schema_arrow.names[place]
    if pa.types.is_nested(table.schema_arrow.field(place).type):
        raise InvalidInput(f"The column {name!r} has no order.", field="order_by")
    way = "descending" if descending else "ascending"
    column = table.read(columns=[name]).column(name).combine_chunks()
    order = pc.array_sort_indices(column, order=way, null_placement="at_end")
    wanted = order.to_numpy()[at:end].astype(np.int64)
    lengths = [
        table.metadata.row_group(number).num_rows for number in range(table.metadata.num_row_groups)
    ]
    starts = np.concatenate(([0], np.cumsum(lengths)))
    group = np.searchsorted(starts, wanted, side="right") - 1
    used = np.unique(group)
    pieces = [
        table.read_row_group(int(number)).take(wanted[group == number] - starts[number])
        for number in used
    ]
    if not pieces:
        return table.schema_arrow.empty_table()
    # The pieces stand by group: put the rows back into the order asked for.
    back = np.argsort(np.argsort(group, kind="stable"), kind="stable")
    return pa.concat_tables(pieces).take(back)


def paged(file: Path, home: Home) -> Path:
    """Return a Parquet file with short row groups that holds a table, made when there is none."""
    if forms.is_short(file, GROUP_LIMIT):
        return file
    facts = file.stat()
    folder = home.path / "cache" / "tables"
    key = f"{file.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}"
    kept = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.parquet"
    with _writing[kept]:
        if not kept.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as beside:
                made = Path(beside) / "table.parquet"
                bring(file, made)
                made.replace(kept)
            sweep(folder)
    return kept


def bring(file: Path, made: Path) -> None:
    """Write a table as Parquet, anew for each column that turns out to be of another type."""
    types: forms.Types = {}
    while True:
        try:
            return write(forms.read(file, types), made)
        except forms.OddColumn as odd:
            types[odd.name] = odd.wider


def write(batches: Iterator[Any], path: Path) -> None:
    """Write batches of rows in short row groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(batches)
    with pq.ParquetWriter(path, first.schema, compression="lz4") as writer:
        held, rows = [first], first.num_rows
        for batch in batches:
            held.append(batch)
            rows += batch.num_rows
            if rows >= GROUP_LIMIT:
                writer.write_table(pa.Table.from_batches(held), row_group_size=ROWS_PER_GROUP)
                held, rows = [], 0
        writer.write_table(
            pa.Table.from_batches(held, schema=first.schema), row_group_size=ROWS_PER_GROUP
        )


def sweep(folder: Path) -> None:
    """Keep the tables that were made last."""
    made = sorted(folder.glob("*.parquet"), key=lambda each: each.stat().st_mtime_ns)
    for each in made[:-MOST_KEPT]:
        each.unlink(missing_ok=True)
