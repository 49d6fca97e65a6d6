"""Computes as HTML and as text, for a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from labstudio.compute.models import Compute, ComputeDetail, ComputePage, TestReport

if TYPE_CHECKING:
    from collections.abc import Sequence

_STYLE = """<style>
.lst-Computes { border-collapse: collapse; }
.lst-Computes th { text-align: left; font-weight: 600; }
.lst-Computes th, .lst-Computes td { padding: 2px 12px 2px 0; }
</style>"""
_HEAD = ("Name", "Kind", "State", "Cores", "Memory", "GPUs", "Running", "Queued", "Kernels")
_GIB = 1 << 30

Shown = Compute | ComputeDetail | ComputePage | TestReport


def bundle(found: Shown) -> dict[str, str]:
    """Return what is displayed: HTML, and the same as text."""
    head, rows, notes = _parts(found)
    return {"text/html": _html(head, rows, notes), "text/plain": _text(head, rows, notes)}


def _parts(found: Shown) -> tuple[Sequence[str], list[Sequence[str]], list[str]]:
    if isinstance(found, TestReport):
        checks = [
            (each.state, each.name, " ".join(filter(None, (each.message, each.mend))))
            for each in found.checks
        ]
        works = f"{found.compute} {'works' if found.ok else 'does not work'}."
        return ("", "What", "Found"), list(checks), [works]
    if isinstance(found, ComputePage):
        told = [f"{each.name}: {each.message}" for each in found.items if each.message]
        return _HEAD, [_row(each) for each in found.items], told + found.problems
    notes = [found.message] if found.message else []
    if isinstance(found, ComputeDetail):
        notes += [f"{each.name} ({each.user}) {each.state}" for each in found.occupants]
        notes += [f"{each.name} ({each.user}) waits. {each.why}" for each in found.waiting]
    return _HEAD, [_row(found)], notes


def _row(each: Compute) -> Sequence[str]:
    return (
        each.name,
        each.type,
        each.state,
        f"{each.cpus_held:g} of {each.cpus:g}",
        f"{each.memory_bytes / _GIB:.1f} GiB",
        f"{each.gpus_held} of {each.gpus}",
        str(each.running),
        str(each.queued),
        str(each.kernels),
    )


def _html(head: Sequence[str], rows: list[Sequence[str]], notes: list[str]) -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    below = "".join(f"<div>{escape(each)}</div>" for each in notes)
    return f"{_STYLE}<table class='lst-Computes'><tr>{top}</tr>{body}</table>{below}"


def _text(head: Sequence[str], rows: list[Sequence[str]], notes: list[str]) -> str:
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(cell.ljust(room) for cell, room in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([*lines, *notes])
