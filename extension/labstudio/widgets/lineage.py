"""Lineage as HTML and as text, for a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from labstudio.lineage.models import StalePage
from labstudio.lineage.text import Line, lines, tree

if TYPE_CHECKING:
    from labstudio.lineage.models import Graph, Verification

_STYLE = """<style>
.lst-Lineage { font-family: var(--jp-code-font-family, monospace); white-space: pre; }
.lst-Lineage span { color: var(--jp-ui-font-color2, #666); }
.lst-Lineage b { font-weight: 600; }
</style>"""


def bundle(graph: Graph) -> dict[str, str]:
    """Return what is displayed of a graph: HTML, and the same as text."""
    drawn = "\n".join(_html(line) for line in lines(graph))
    return {
        "text/html": f"{_STYLE}<div class='lst-Lineage'>{drawn}</div>",
        "text/plain": tree(graph),
    }


def sentences(found: StalePage | Verification) -> dict[str, str]:
    """Return what is displayed of a check: its sentences as HTML, and as text."""
    told = stale_lines(found) if isinstance(found, StalePage) else [found.message]
    html = "".join(f"<div>{escape(each)}</div>" for each in told)
    return {"text/html": html, "text/plain": "\n".join(told)}


def stale_lines(page: StalePage) -> list[str]:
    """Say what is stale and why, one line each."""
    if not page.items:
        return [f"Nothing is stale: {page.files:,} files are as they were recorded."]
    told = [f"{each.node.kind} {each.node.label}: {each.reason}" for each in page.items]
    return [*told, "There is more."] if page.cut else told


def _html(line: Line) -> str:
    if line.node is None:
        return f"<span>{escape(str(line))}</span>"
    node = line.node
    kind = node.kind.replace("_", " ")
    relation = f"{line.relation}  " if line.relation else ""
    state = f"  {node.state}" if node.state else ""
    return (
        f"<span>{escape(line.indent + relation + kind)}</span> "
        f"<b title='{escape(node.id, quote=True)}'>{escape(node.label)}</b>"
        f"<span>{escape(state + line.note)}</span>"
    )
