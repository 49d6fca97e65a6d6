"""What the code of a notebook reads: files that it opens, and frames that known readers return.

Files are seen by Python's own audit events; what reads past Python (Polars, Arrow) and what a frame
looks like is seen by wrapping the readers. Both cost microseconds; content is hashed elsewhere.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

READERS = {
    "pandas": (
        "read_csv", "read_table", "read_fwf", "read_excel", "read_json", "read_parquet",
        "read_feather", "read_orc", "read_hdf", "read_pickle", "read_stata", "read_sas",
        "read_spss", "read_xml", "read_sql", "read_sql_query", "read_sql_table",
    ),
    "polars": (
        "read_csv", "read_parquet", "read_json", "read_ndjson", "read_ipc", "read_avro",
        "read_excel", "read_delta", "read_database", "scan_csv", "scan_parquet", "scan_ndjson",
        "scan_ipc",
    ),
    "numpy": ("load", "loadtxt", "genfromtxt", "fromfile"),
    "pyarrow.parquet": ("read_table",),
    "pyarrow.csv": ("read_csv",),
    "pyarrow.feather": ("read_table", "read_feather"),
    "pyarrow.json": ("read_json",),
    "sklearn.datasets": (
        "load_iris", "load_diabetes", "load_digits", "load_linnerud", "load_wine",
        "load_breast_cancer", "fetch_openml", "fetch_california_housing", "fetch_covtype",
        "fetch_20newsgroups", "fetch_kddcup99",
    ),
}  # fmt: skip

# What is read on their behalf is not the notebook's data.
NOT_DATA = frozenset((
    "mlflow", "labstudio", "IPython", "ipykernel", "jupyter_client", "importlib", "matplotlib",
    "pip", "inspect", "linecache", "tokenize", "traceback", "zoneinfo", "mimetypes", "ssl",
    "certifi", "pkgutil", "importlib_metadata", "subprocess", "multiprocessing", "debugpy", "uuid",
    "psutil", "threadpoolctl", "platform", "joblib", "pickleshare", "dotenv", "gettext", "netrc",
))  # fmt: skip
CODE = (".py", ".pyc", ".pyi", ".so", ".pth", ".ipynb", ".pem", ".key", ".egg-link", ".ttf")
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib", "/bin/", "/run/")
FRAMES_LOOKED_AT = 80
COLUMNS_KEPT = 500


@dataclass
class Read:
    """One thing that was read.

    Attributes
    ----------
    path
        The file, absolute; None when a frame came from elsewhere.
    seen
        Its size, time of change and inode when it was read.
    frame
        A frame to hash where there is no file; taken so that later changes do not reach it.
    facts
        Rows, columns and schema of what the reader returned.
    """

    name: str
    path: str | None = None
    seen: tuple[int, int, int] | None = None
    reader: str | None = None
    frame: Any = None
    facts: dict[str, Any] = field(default_factory=dict)


class Reads:
    """Watches what is read while a cell runs.

    Parameters
    ----------
    tell
        Is given each read, on the thread that reads; it must be quick.
    """

    def __init__(self, tell: Callable[[Read], None]) -> None:
        self._tell = tell
        self._inside = threading.local()
        self._prefixes = tuple(
            {os.path.realpath(each) + "/" for each in (sys.prefix, sys.base_prefix)}
            | {sys.prefix + "/", sys.base_prefix + "/"}
        )
        self.watching = False
        self._installed = False
        self.failed: Callable[[Exception], None] = lambda _: None

    def install(self) -> None:
        """Listen to the interpreter's audit events; that cannot be undone, only paused."""
        if not self._installed:
            self._installed = True
            sys.addaudithook(self._audit)

    # -- files

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not self.watching:
            return
        path, mode, flags = arguments
        if (mode is None and flags & os.O_ACCMODE) or (
            mode is not None and ("r" not in mode or "+" in mode)
        ):
            return
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str) or getattr(self._inside, "busy", False):
            return
        self._inside.busy = True
        try:
            self._opened(path)
        except Exception as error:
            self.failed(error)
        finally:
            self._inside.busy = False

    def _opened(self, given: str) -> None:
        path = os.path.abspath(given)
        if path.endswith(CODE) or path.startswith((*SYSTEM, *self._prefixes)) or "/." in path:
            return
        if is_foreign(sys._getframe(2)):
            return
        if (seen := look(path)) is not None:
            self._tell(Read(os.path.basename(path), path, seen, "open"))

    # -- readers

    def wrap(self, module: Any, name: str) -> None:
        """Wrap the readers of a module."""
        for reader in READERS[name]:
            function = getattr(module, reader, None)
            if callable(function) and not hasattr(function, "__labstudio__"):
                setattr(module, reader, self._wrapped(function, f"{name}.{reader}"))

    def _wrapped(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        @wraps(function)
        def read(*args: Any, **kwargs: Any) -> Any:
            if not self.watching or getattr(self._inside, "busy", False):
                return function(*args, **kwargs)
            path, before = source_of(args, kwargs)
            self._inside.busy = True
            try:
                result = function(*args, **kwargs)
                try:
                    if not is_foreign(sys._getframe(1)):
                        self._returned(label, path, before, result)
                except Exception as error:
                    self.failed(error)
                return result
            finally:
                self._inside.busy = False

        read.__labstudio__ = True  # type: ignore[attr-defined]
        return read

    def _returned(
        self, label: str, path: str | None, seen: tuple[int, int, int] | None, result: Any
    ) -> None:
        facts = describe(result)
        if path is not None and seen is not None:
            name = os.path.basename(path)
            self._tell(Read(name, path, seen, label, None, facts))
        elif (frame := keep(result)) is not None:
            name = label.rpartition(".")[2].removeprefix("load_").removeprefix("fetch_")
            self._tell(Read(name, None, None, label, frame, facts))


def is_foreign(frame: FrameType | None) -> bool:
    """Tell whether a library that reads for itself stands between a frame and the user's code."""
    for _ in range(FRAMES_LOOKED_AT):
        if frame is None:
            return False
        name = frame.f_globals.get("__name__", "")
        if name == "__main__":
            return False
        # IPython stands before `open` in cells.
        if name.partition(".")[0] in NOT_DATA and frame.f_code.co_name != "_modified_open":
            return True
        frame = frame.f_back
    return True


def look(path: str) -> tuple[int, int, int] | None:
    """Return size, time of change and inode of a regular file; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def source_of(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[str | None, tuple[int, int, int] | None]:
    """Return the file that a reader is given, and how it looks; None when it is given no file."""
    candidates = [*args[:1], *(kwargs[key] for key in _PATH_NAMES if key in kwargs)]
    for each in candidates:
        if isinstance(each, (str, os.PathLike)):
            path = os.path.abspath(os.fspath(each))
            if (seen := look(path)) is not None:
                return path, seen
        elif isinstance(name := getattr(each, "name", None), str) and (seen := look(name)):
            return os.path.abspath(name), seen
    return None, None


_PATH_NAMES = (
    "filepath_or_buffer",
    "path",
    "path_or_buf",
    "io",
    "source",
    "file",
    "fname",
    "where",
)


def describe(result: Any) -> dict[str, Any]:
    """Return rows, columns and schema of a frame or array, as far as it has them."""
    if type(result).__name__ == "LazyFrame":
        return {}
    data = getattr(result, "frame", None)
    data = data if data is not None else getattr(result, "data", result)
    data = data[0] if isinstance(data, tuple) and data else data
    data = data if hasattr(data, "shape") else result
    shape = getattr(data, "shape", None)
    if not isinstance(shape, tuple) or not shape:
        return {}
    facts: dict[str, Any] = {"rows": int(shape[0])}
    facts["columns"] = int(shape[1]) if len(shape) > 1 else 1
    if (fields := schema_of(data)) is not None:
        facts["schema"] = fields
    return facts


def schema_of(data: Any) -> dict[str, str] | None:
    """Return the types of a frame's columns by name; None for what has no named columns."""
    schema = getattr(data, "schema", None)
    if schema is not None and hasattr(schema, "names") and not callable(schema.names):
        pairs = zip(
            schema.names,
            getattr(
                schema,
                "types",
                schema.dtypes() if callable(getattr(schema, "dtypes", None)) else [],
            ),
            strict=False,
        )
    elif schema is not None and hasattr(schema, "items"):
        pairs = schema.items()
    elif hasattr(data, "columns") and hasattr(data, "dtypes"):
        pairs = zip(data.columns, data.dtypes)
    else:
        return None
    return {str(name): str(kind) for name, kind in list(pairs)[:COLUMNS_KEPT]}


def keep(result: Any) -> Any:
    """Return a frame or array as it is now, to be hashed later; None for what is neither."""
    module = type(result).__module__.partition(".")[0]
    if module == "pandas" and hasattr(result, "columns"):
        # Copy on write: it shares the values until somebody changes them.
        return result.copy(deep=False)
    if module in ("polars", "pyarrow"):
        return result  # They are never changed in place.
    if module == "sklearn" and hasattr(result, "data"):
        parts = [result.data, getattr(result, "target", None)]
        return tuple(kept for each in parts if (kept := keep(each)) is not None)
    if module == "numpy" and hasattr(result, "tobytes"):
        return result.copy()
    if isinstance(result, tuple):
        return tuple(kept for each in result if (kept := keep(each)) is not None)
    if isinstance(result, list) and all(isinstance(each, str) for each in result):
        return list(result)
    return None
