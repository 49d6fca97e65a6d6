"""How the shell shows things: aligned tables, times that read well, colour only on a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from labstudio.status import Check

COLOURS = {
    "succeeded": "green",
    "ok": "green",
    "failed": "red",
    "error": "red",
    "interrupted": "red",
    "stopped": "yellow",
    "warning": "yellow",
    "running": "cyan",
    "starting": "cyan",
    "ready": "green",
    "draining": "yellow",
    "unreachable": "red",
    "invalid": "red",
}

MARKS = {"ok": "✓", "warning": "!", "error": "✗"}

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def print_json(value: BaseModel | Iterable[BaseModel]) -> None:
    """Print models as JSON: an object for one, an array for several."""
    if hasattr(value, "model_dump"):
        plain: Any = value.model_dump(mode="json")
    else:
        plain = [item.model_dump(mode="json") for item in value]
    click.echo(json.dumps(plain, indent=2, ensure_ascii=False))


def say(text: str = "", *, err: bool = False) -> None:
    """Print a line; escapes for colour are taken out unless a person sees it."""
    stream = sys.stderr if err else sys.stdout
    click.echo(text, err=err, color=stream.isatty() and "NO_COLOR" not in os.environ)


def state(name: str) -> str:
    """Colour the name of a state."""
    return click.style(name, fg=COLOURS[name]) if name in COLOURS else name


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, shrink: int | None = None
) -> None:
    """Print rows in columns.

    Parameters
    ----------
    header
        Column titles.
    rows
        Cells; they may hold colour.
    shrink
        Column to cut when the terminal is too narrow for all.
    """
    columns = list(zip(header, *rows, strict=True))
    widths = [max(width(cell) for cell in column) for column in columns]
    if shrink is not None and sys.stdout.isatty():
        over = sum(widths) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
        widths[shrink] = max(widths[shrink] - max(over, 0), 8)
    for number, row in enumerate([header, *rows]):
        cells = [cut(cell, room) for cell, room in zip(row, widths, strict=True)]
        padded = [c + " " * (room - width(c)) for c, room in zip(cells, widths, strict=True)]
        line = "  ".join(padded).rstrip()
        say(click.style(line, bold=True) if number == 0 else line)


def facts(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Print names and values, one a line, values aligned; a value of None is left out."""
    known = [(name, value) for name, value in pairs if value is not None]
    room = max((width(name) for name, _ in known), default=0)
    for name, value in known:
        first, *rest = value.splitlines() or [""]
        say(f"{click.style(name, dim=True)}{' ' * (room - width(name))}  {first}")
        for line in rest:
            say(" " * (room + 2) + line)


def checks(found: Sequence[Check]) -> None:
    """Print findings, each with its mend."""
    room = max((width(check.name) for check in found), default=0)
    for check in found:
        mark = click.style(MARKS[check.state], fg=COLOURS[check.state])
        say(f"{mark} {check.name:<{room}}  {check.message}")
        if check.mend:
            say(f"  {'':<{room}}  {click.style('→ ' + check.mend, fg='yellow')}")


def values(named: Mapping[str, Any]) -> str | None:
    """Say names with their values, one a line; None when there are none."""
    return "\n".join(f"{name} = {value!r}" for name, value in named.items()) or None


def width(text: str) -> int:
    """Count the columns that text takes on a terminal."""
    return sum(_columns(character) for character in click.unstyle(text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, room: int) -> str:
    """Shorten text to a number of columns; one that is coloured is left alone."""
    if width(text) <= room or click.unstyle(text) != text:
        return text
    while width(text) > room - 1:
        text = text[:-1]
    return text + "…"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Say when something was or will be, from now: ``5 min ago``, ``in 2 h``."""
    if moment is None:
        return "–"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if abs(seconds) < 5:
        return "now"
    text = duration(abs(seconds), parts=1)
    return f"{text} ago" if seconds > 0 else f"in {text}"


def duration(seconds: float | None, parts: int = 2) -> str:
    """Say a length of time: ``0.4 s``, ``1 min 20 s``, ``3 d 4 h``."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    left, told = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            told.append(f"{count} {unit}")
    return " ".join(told[:parts])


def local_time(moment: datetime | None) -> str | None:
    """Say a time in this machine's zone."""
    return None if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def size(count: float) -> str:
    """Say a number of bytes."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
