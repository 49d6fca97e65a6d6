"""``compute.toml``: read often, and changed without losing a comment."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound, Unavailable
from labstudio.home import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "compute.toml"

Tables = dict[str, Any]
_Stamp = tuple[int, int, int]


class ComputeFiles:
    """Reads files, and again only those that were changed."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp, Tables]] = {}

    def read(self, path: Path) -> Tables:
        """Return the top-level tables of a file by name; none when there is no file.

        Raises
        ------
        InvalidInput
            When it is not TOML; the line is named.
        """
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if (known := self._known.get(path)) is not None and known[0] == stamp:
                return known[1]
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.", field=FILE) from error
        except ValueError as error:
            raise InvalidInput(f"{path} cannot be read as TOML: {error}.", field=FILE) from error
        self._known[path] = (stamp, tables)
        return tables


def add_table(path: Path, name: str, settings: Mapping[str, Any]) -> None:
    """Add a table at the end of a file; the file is made when there is none."""
    import tomlkit

    document = _document(path)
    table = tomlkit.table()
    for key, value in settings.items():
        table.add(key, value)
    if document.as_string().strip():
        document.add(tomlkit.nl())
    document.add(name, table)
    _write(path, tomlkit.dumps(document))


def remove_table(path: Path, name: str) -> None:
    """Take a table out of a file; everything else stays as it is written.

    Raises
    ------
    NotFound
        When the file has no such table.
    """
    import tomlkit

    document = _document(path)
    if name not in document:
        raise NotFound(f"{path} names no compute {name!r}.", name=name)
    document.remove(name)
    _write(path, tomlkit.dumps(document))


def _document(path: Path) -> Any:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as TOML: {error}.", field=FILE) from error


def _write(path: Path, text: str) -> None:
    try:
        write_atomic(path, text)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror or error}.") from error
