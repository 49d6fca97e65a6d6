"""Requirement lines: read from files, checked when a job is submitted, and put into one form.

A line is a requirement (PEP 508) or an option that says where packages come from. What other files
say (``-r``) is read at submission, so that a later change of theirs changes no job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement

LINES, FILE = "environment.requirements", "environment.requirements_file"

# What pip and uv both take; by every spelling, the long name under which it is kept.
_WITH_VALUE = {
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
    **{
        name: name
        for name in (
            "--editable",
            "--index-url",
            "--extra-index-url",
            "--find-links",
            "--no-binary",
            "--only-binary",
        )
    },
}
_ALONE = frozenset({"--no-index", "--pre"})
_INCLUDE = frozenset({"-r", "--requirement"})
_PATHS = frozenset({"--editable", "--find-links"})
_REFUSED = {
    "-c": "constraints files are not taken; write the versions that it holds as requirements",
    "--constraint": "constraints files are not taken; write the versions that it holds as "
    "requirements",
    "--require-hashes": "hashes are not checked",
    "--hash": "hashes are not checked",
}
_CREDENTIALS = re.compile(r"(https?://)[^/\s@]+@")
_INCLUDES_LIMIT = 10


@dataclass(frozen=True)
class _Place:
    """Where a line stands: how a sentence names it, and what paths in it are relative to."""

    field: str
    folder: Path
    root: Path | None
    name: str = ""

    def wrong(self, line: str, why: str) -> InvalidInput:
        """Make the error that names the field and the line."""
        where = f"{self.field}{self.name}"
        return InvalidInput(f"{where}: {_shown(line)!r} {why}.", field=self.field)

    def beside(self, value: str, line: str) -> Path:
        """Find a file or folder that a line names."""
        found = (self.folder / value).expanduser()
        if self.root is not None and not found.resolve().is_relative_to(self.root.resolve()):
            raise self.wrong(line, "leaves the server's root folder")
        if not found.exists():
            raise self.wrong(line, f"names {value!r}, which does not exist")
        return found.absolute()


def check(lines: Iterable[str], folder: Path, root: Path | None = None) -> list[str]:
    """Check requirement lines that somebody typed.

    Parameters
    ----------
    lines
        The lines; comments and empty ones are left out.
    folder
        What paths in them are relative to.
    root
        The folder that such paths may not leave; None trusts the caller.

    Returns
    -------
    list
        The lines, options by their long names and paths absolute.

    Raises
    ------
    InvalidInput
        For the first line that is neither a requirement nor an option that can be taken.
    """
    place = _Place(LINES, folder, root)
    found = []
    for line in filter(None, map(_without_comment, lines)):
        if _option(line)[0] in _INCLUDE:
            raise place.wrong(line, f"names a file; give it as {FILE}")
        found.append(_checked(line, place))
    return found


def read(file: Path, named: str, root: Path | None = None) -> list[str]:
    """Read and check a requirements file, with the files that it includes.

    Parameters
    ----------
    file
        The file.
    named
        How the caller named it.
    root
        The folder that it and what it names may not leave; None trusts the caller.

    Raises
    ------
    InvalidInput
        When it cannot be read, or for the first line that is wrong; file and line are named.
    """
    if root is not None and not file.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(f"{FILE} {named!r} leaves the server's root folder.", field=FILE)
    return list(_read(file, named, root, _INCLUDES_LIMIT))


def _read(file: Path, named: str, root: Path | None, includes: int) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{FILE} {named!r} cannot be read.", field=FILE) from error
    for number, line in _joined(text):
        place = _Place(FILE, file.parent, root, f" {named!r}, line {number}")
        option, value = _option(line)
        if option not in _INCLUDE:
            yield _checked(line, place)
        elif not includes:
            raise place.wrong(line, "includes files too deeply, perhaps itself")
        else:
            yield from _read(place.beside(value, line), value, root, includes - 1)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines that say something, with their numbers; a backslash at the end goes on."""
    start, held = 1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start if held else number
        held += line
        if held.endswith("\\"):
            held = held[:-1]
            continue
        if said := _without_comment(held):
            yield start, said
        held = ""
    if said := _without_comment(held):
        yield start, said


def normalise(lines: Iterable[str]) -> list[str]:
    """Return requirement lines in one order and spelling, without comments.

    Raises
    ------
    InvalidInput
        When a line is neither a requirement nor an option that can be taken.
    """
    from packaging.utils import canonicalize_name

    options, found = [], set()
    for line in check(lines, Path("/")):
        if line.startswith("-"):
            options.append(line)
            continue
        requirement = _parsed(line, _Place(LINES, Path("/"), None))
        requirement.name = canonicalize_name(requirement.name)
        found.add(str(requirement))
    return options + sorted(found)


def _without_comment(line: str) -> str:
    return re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()


def _option(line: str) -> tuple[str, str]:
    """Part an option from its value; no option, and the line, where it is a requirement."""
    if not line.startswith("-"):
        return "", line
    if not line.startswith("--") and len(line) > 2 and line[2] not in " =\t":
        return line[:2], line[2:].strip()  # -rmore.txt
    name, _, value = re.sub(r"[=\s]", " ", line, count=1).partition(" ")
    return name, value.strip()


def _checked(line: str, place: _Place) -> str:
    if _CREDENTIALS.search(line):
        raise place.wrong(
            line, "holds a password, which would be kept with the job; use a netrc file"
        )
    option, value = _option(line)
    if not option:
        _parsed(line, place)
        return line
    name = _WITH_VALUE.get(option)
    if option in _ALONE and not value:
        return option
    if name is None:
        why = _REFUSED.get(option, "is not an option that an environment takes")
        raise place.wrong(line, why)
    if not value:
        raise place.wrong(line, "lacks its value")
    if name in _PATHS and not urlsplit(value).scheme:
        path, bracket, extras = value.partition("[")
        value = f"{place.beside(path, line)}{bracket}{extras}"
    return f"{name} {value}"


def _parsed(line: str, place: _Place) -> Requirement:
    from packaging.requirements import InvalidRequirement, Requirement

    if " --hash" in line:
        raise place.wrong(line, _REFUSED["--hash"])
    if line.startswith((".", "/", "~")):
        why = "names a file or folder; write `-e PATH`, or `NAME @ file:///PATH`"
        raise place.wrong(line, why)
    try:
        return Requirement(line)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise place.wrong(line, f"is not a requirement: {reason}") from error


def _shown(line: str) -> str:
    """Return a line as it may be shown."""
    return _CREDENTIALS.sub(r"\1***@", line)
