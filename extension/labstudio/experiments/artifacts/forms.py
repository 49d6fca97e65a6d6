"""The forms in which runs log tables, each read piece by piece."""

from __future__ import annotations

import codecs
import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DELIMITERS = {".csv": ",", ".tsv": "\t"}
LINES = {".jsonl", ".ndjson"}
# Types are taken from the first block: a long one seldom meets something else later.
BLOCK_BYTES = 8 << 20
# MLflow's own tables are one JSON object, which is read whole.
JSON_LIMIT_BYTES = 256 << 20
ROWS_PER_BATCH = 65_536

Types = dict[str, Any]

_ODD_COLUMN = re.compile(r"CSV column #(\d+)")


@contextlib.contextmanager
def told_clearly(file: Path) -> Iterator[None]:
    """Say in one sentence that a file is no table, and why."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
        reason = (str(error).splitlines() or [""])[0][:300]
        raise InvalidInput(f"{file.name} is not a table: {reason}.", field="path") from error


def is_short(file: Path, limit: int) -> bool:
    """Tell whether a file is Parquet whose row groups have at most `limit` rows each."""
    if file.suffix.lower() != ".parquet":
        return False
    import pyarrow.parquet as pq

    facts = pq.read_metadata(file)
    return all(facts.row_group(each).num_rows <= limit for each in range(facts.num_row_groups))


class OddColumn(Exception):
    """A column of CSV holds something else than its beginning let expect.

    Parameters
    ----------
    name
        The column.
    wider
        The type that holds both.
    """

    def __init__(self, name: str, wider: Any) -> None:
        super().__init__(name)
        self.name = name
        self.wider = wider


def read(file: Path, types: Types) -> Iterator[Any]:
    """Yield a table in batches of rows; the first one may be empty.

    Parameters
    ----------
    file
        The table.
    types
        Of columns whose beginning does not tell it.

    Raises
    ------
    InvalidInput
        When it is no table.
    OddColumn
        When a column needs another type.
    """
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        yield from _parquet(file)
    elif suffix in DELIMITERS:
        yield from _delimited(file, DELIMITERS[suffix], types)
    elif suffix in LINES:
        yield from _lines(file)
    elif suffix == ".json":
        yield from _object(file)
    else:
        raise InvalidInput(f"{file.name} is not a table that can be paged.", field="path")


def _parquet(file: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as table:
        yield pa.RecordBatch.from_pylist([], schema=table.schema_arrow)
        yield from table.iter_batches(batch_size=ROWS_PER_BATCH)


def _delimited(file: Path, delimiter: str, types: Types) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv

    if not file.stat().st_size:
        yield pa.RecordBatch.from_pylist([], schema=pa.schema([]))
        return
    with csv.open_csv(
        file,
        csv.ReadOptions(block_size=BLOCK_BYTES, encoding=encoding_of(file)),
        csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        csv.ConvertOptions(column_types=types),
    ) as reader:
        schema = reader.schema
        yield pa.RecordBatch.from_pylist([], schema=schema)
        try:
            yield from reader
        except pa.ArrowInvalid as error:
            odd = _ODD_COLUMN.search(str(error))
            if odd is None:
                raise
            column = schema.field(int(odd[1]))
            if column.type == pa.string():
                raise
            wider = pa.float64() if pa.types.is_integer(column.type) else pa.string()
            raise OddColumn(column.name, wider) from error


def encoding_of(file: Path) -> str:
    """Return UTF-8 where a file is that; else Latin-1, in which every byte is a character."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with file.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _lines(file: Path) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import json as lines

    if not file.stat().st_size:
        yield pa.RecordBatch.from_pylist([], schema=pa.schema([]))
        return
    with lines.open_json(file, lines.ReadOptions(block_size=BLOCK_BYTES)) as reader:
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        yield from reader


def _object(file: Path) -> Iterator[Any]:
    """Read MLflow's own form (``columns`` and ``data``), or a list of objects."""
    import pyarrow as pa

    if file.stat().st_size > JSON_LIMIT_BYTES:
        raise InvalidInput(f"{file.name} is too long to be shown as a table.", field="path")
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise InvalidInput(f"{file.name} is not JSON: {error}.", field="path") from error
    columns = _columns(content)
    if columns is None:
        raise InvalidInput(f"{file.name} holds no table.", field="path")
    arrays = {name: _array(values) for name, values in columns.items()}
    yield from pa.table(arrays).to_batches() or [pa.RecordBatch.from_pydict(arrays)]


def _columns(content: Any) -> dict[str, list[Any]] | None:
    """Return the columns of a table in JSON; None where it is none."""
    if isinstance(content, dict) and isinstance(content.get("columns"), list):
        rows = content.get("data")
        if isinstance(rows, list) and all(isinstance(row, list) for row in rows):
            names = [str(name) for name in content["columns"]]
            if all(len(row) == len(names) for row in rows):
                return {name: [row[at] for row in rows] for at, name in enumerate(names)}
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        keys = dict.fromkeys(str(key) for row in content for key in row)
        return {key: [row.get(key) for row in content] for key in keys}
    return None


def _array(values: list[Any]) -> Any:
    """Return a column; what is of several types is text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array(
            [each if isinstance(each, str | None) else json.dumps(each) for each in values],
            pa.string(),
        )
