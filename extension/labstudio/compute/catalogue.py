"""Which computes there are: the entries of every ``compute.toml`` that the studio knows.

One lies in the studio home. Others lie beside notebooks: they are found from a notebook's folder
upwards, and what they name is registered in the database, so that the daemon knows it from then on.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from labstudio import changes
from labstudio.compute.models import LOCAL, NAME_PATTERN, Capacity, ComputeSettings
from labstudio.compute.registry import kind
from labstudio.compute.toml import FILE, ComputeFiles
from labstudio.database.tables import computes
from labstudio.errors import InvalidInput
from labstudio.inputs import validated

if TYPE_CHECKING:
    from labstudio._studio import Studio

SETTLED_S = 60.0


@dataclass(frozen=True)
class Entry:
    """A compute as a file names it.

    Parameters
    ----------
    name
        Its name.
    source
        The file; None for what is built in.
    type
        Its kind, as far as the entry says one.
    settings
        The entry, checked; None when it is wrong.
    problem
        What is wrong with it, in a sentence.
    seen
        What it was last seen to have; None before a first look.
    """

    name: str
    source: Path | None
    type: str = ""
    settings: ComputeSettings | None = None
    problem: str = ""
    seen: Capacity | None = None

    def checked(self) -> ComputeSettings:
        """Return the settings.

        Raises
        ------
        InvalidInput
            When the entry is wrong.
        """
        if self.settings is None:
            raise InvalidInput(self.problem, field="compute", name=self.name)
        return self.settings

    def must_take_notice(self) -> None:
        """Refuse to have its jobs end, where it is not preemptible.

        Raises
        ------
        InvalidInput
            When it is not, or the entry is wrong.
        """
        if not self.checked().preemptible:
            raise InvalidInput(
                f"now: compute {self.name!r} is not preemptible, so what its jobs did would be "
                "lost. Say `preemptible = true` in its entry, or drain it without `now`.",
                field="now",
            )


class Catalogue:
    """The computes of one studio.

    Parameters
    ----------
    studio
        Whose home and database name them.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._files = ComputeFiles()
        self.home_file = studio.home.path / FILE
        self._told: dict[str, Entry] | None = None

    def entries(self, near: Path | None = None, root: Path | None = None) -> dict[str, Entry]:
        """Return every compute by its name, `local` first.

        Parameters
        ----------
        near
            A folder: what is named in files there and above is registered first.
        root
            The topmost folder that is looked into; the file system's root when left out.
        """
        registered = self._register(near, root)
        found = {LOCAL: self._local()}
        for name, (source, seen) in sorted(registered.items()):
            if (entry := self._entry(name, source, seen)) is not None:
                found[name] = entry
        return found

    def get(self, name: str, near: Path | None = None, root: Path | None = None) -> Entry:
        """Return one compute, whether its entry is right or wrong.

        Raises
        ------
        InvalidInput
            When there is none of that name; or another file, nearer to `near`, says otherwise.
        """
        if name == LOCAL:
            return self._local()
        entries = self.entries(near, root)
        if name not in entries:
            raise InvalidInput(
                f"compute {name!r} is not known; there are: {', '.join(entries)}.", field="compute"
            )
        entry = entries[name]
        for path in (*files_above(near, root), self.home_file):
            table = self._tables(path).get(name)
            if table is None:
                continue
            if path != entry.source and table != self._tables(entry.source).get(name):
                raise InvalidInput(
                    f"compute {name!r} is named in {entry.source} and otherwise in {path}; "
                    "give one of them another name.",
                    field="compute",
                )
            break
        return entry

    def problems(self, near: Path | None = None, root: Path | None = None) -> list[str]:
        """Say which files cannot be read, each in a sentence."""
        told = []
        for path in (self.home_file, *files_above(near, root)):
            try:
                tables = self._files.read(path)
            except InvalidInput as error:
                told.append(error.message)
                continue
            if LOCAL in tables and path != self.home_file:
                told.append(
                    f"[{LOCAL}] in {path} is not used: only {self.home_file} sets up this machine."
                )
            told += [
                f"{name!r} in {path} is no table of a compute."
                for name, table in tables.items()
                if not isinstance(table, dict)
            ]
        return told

    def tell_edits(self) -> None:
        """Tell open pages which entries somebody edited in a file since the last call."""
        now = {name: replace(entry, seen=None) for name, entry in self.entries().items()}
        before, self._told = self._told, now
        if before is None or before == now:
            return
        with self._studio.database.begin() as connection:
            for name in sorted(before.keys() | now.keys()):
                if before.get(name) != now.get(name):
                    changes.record(connection, "computes", name, "changed")

    def prune(self) -> list[str]:
        """Forget the computes that no file names any more; return their names.

        Only where all of the studio is on this machine: elsewhere another worker may have the file.
        """
        if not self._studio.database.sqlite:
            return []
        gone = [
            name
            for name, (source, seen) in self._register(None, None).items()
            if self._entry(name, source, seen) is None and _settled(source)
        ]
        for name in gone:
            self.forget(name)
        return gone

    def forget(self, name: str) -> None:
        """Forget a compute that no file names any more; what was spent there stays known."""
        with self._studio.database.begin() as connection:
            connection.execute(computes.delete().where(computes.c.name == name))
            changes.record(connection, "computes", name, "deleted")

    def _register(
        self, near: Path | None, root: Path | None
    ) -> dict[str, tuple[Path, Capacity | None]]:
        """Return the file of each compute, and what it was last seen to have."""
        with self._studio.database.read() as connection:
            rows = connection.execute(sa.select(computes).where(computes.c.source.is_not(None)))
            known = {row.name: (Path(row.source), seen_of(row)) for row in rows}
        named = {
            name: path
            for path in reversed((*files_above(near, root), self.home_file))
            for name, table in self._tables(path).items()
            if name != LOCAL and isinstance(table, dict)
        }
        for name, path in named.items():
            before, seen = known.get(name, (None, None))
            if before != path and not self._names(before, name):
                self._note(name, path, new=before is None)
                known[name] = (path, seen)
        return known

    def _note(self, name: str, path: Path, *, new: bool) -> None:
        try:
            with self._studio.database.begin() as connection:
                if new:
                    row = {"name": name, "source": str(path), "draining": False}
                    connection.execute(computes.insert().values(row))
                else:
                    moved = computes.update().where(computes.c.name == name)
                    connection.execute(moved.values(source=str(path)))
                changes.record(connection, "computes", name, "created" if new else "changed")
        except IntegrityError:
            return  # Somebody else noted it at this moment.

    def _names(self, path: Path | None, name: str) -> bool:
        return path is not None and name in self._tables(path)

    def _tables(self, path: Path | None) -> dict[str, Any]:
        try:
            return self._files.read(path) if path is not None else {}
        except InvalidInput:
            return {}  # `problems` and the entries registered from it say so.

    def _local(self) -> Entry:
        built_in = ComputeSettings(type=LOCAL)
        try:
            table = self._files.read(self.home_file).get(LOCAL)
            if table is None:
                return Entry(LOCAL, None, LOCAL, built_in)
            settings = check(LOCAL, {"type": LOCAL, **_as_table(LOCAL, table)})
        except InvalidInput as error:
            # This machine runs jobs whatever the file says.
            return Entry(LOCAL, None, LOCAL, built_in, error.message)
        return Entry(LOCAL, self.home_file, LOCAL, settings)

    def _entry(self, name: str, source: Path, seen: Capacity | None) -> Entry | None:
        """Check an entry; None when the file does not name it any more."""
        type_ = ""
        try:
            table = self._files.read(source).get(name)
            if table is None:
                return None
            if isinstance(table, dict):
                type_ = str(table.get("type", ""))
            settings = check(name, _as_table(name, table))
        except InvalidInput as error:
            return Entry(name, source, type_, None, error.message)
        return Entry(name, source, type_, settings, seen=seen)


def check(name: str, table: dict[str, Any]) -> ComputeSettings:
    """Check one entry.

    Raises
    ------
    InvalidInput
        With one sentence that names the compute and the field.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidInput(
            f"compute {name!r}: a name has up to 40 small letters, digits and hyphens.",
            field="name",
        )
    if "type" not in table:
        raise InvalidInput(f"compute {name!r}: type is missing.", field="type")
    if (table["type"] == LOCAL) != (name == LOCAL):
        raise InvalidInput(
            f"compute {name!r}: the name and the type {LOCAL!r} go with each other only.",
            field="type",
        )
    try:
        return validated(kind(str(table["type"])).Settings, table)
    except InvalidInput as error:
        field = error.details["field"]
        raise InvalidInput(f"compute {name!r}: {error.message}", field=field) from None


def files_above(near: Path | None, root: Path | None = None) -> list[Path]:
    """Return the ``compute.toml`` of a folder and of those above it, the nearest first."""
    if near is None:
        return []
    folder, top = near.resolve(), root.resolve() if root is not None else None
    found = []
    for each in (folder, *folder.parents):
        if top is not None and not each.is_relative_to(top):
            break
        if (each / FILE).is_file():
            found.append(each / FILE)
    return found


def seen_of(row: sa.Row[Any]) -> Capacity | None:
    """Return what a compute was last seen to have; None before a first look."""
    if row.cpus is None:
        return None
    return Capacity(cpus=row.cpus, memory_bytes=row.memory_bytes, gpus=row.gpus)


def _settled(source: Path) -> bool:
    """Say whether nobody is just writing a file, or moving the folder that it lay in."""
    nearest = next(each for each in (source, *source.parents) if each.exists())
    return time.time() - nearest.stat().st_mtime > SETTLED_S


def _as_table(name: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise InvalidInput(f"compute {name!r} should be a table.", field=name)
    return table
