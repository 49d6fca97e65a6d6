"""Lineage as a tree of text, and as HTML for a notebook."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from labstudio.lineage.models import Graph, Node

_STYLE = "font-family: var(--jp-code-font-family, monospace); line-height: 1.35;"
# Which way: the relation is read from cause to result.
_UP, _DOWN = "came from", "led to"


def bundle(graph: Graph) -> dict[str, str]:
    """Return what is displayed: HTML, and the same as text."""
    text = tree(graph)
    return {"text/html": f'<pre style="{_STYLE}">{escape(text)}</pre>', "text/plain": text}


def tree(graph: Graph) -> str:
    """Draw a graph as two trees: what the root came from, and what came of it."""
    known = {node.id: node for node in graph.nodes}
    lines = [described(known[graph.root])]
    for title, up in ((_UP, True), (_DOWN, False)):
        ways = _ways(graph, up=up)
        if graph.root in ways:
            lines += [title, *_branches(graph.root, ways, known, "", {graph.root})]
    if graph.message:
        lines.append(graph.message)
    return "\n".join(lines)


def described(node: Node) -> str:
    """Say what an object is in one line."""
    kind = node.kind.replace("_", " ")
    rest = node.id.partition(":")[2]
    # The label of some says already which it is.
    short = "" if kind == "model" or node.label.rstrip("…") in rest else f"  {rest[:12]}"
    state = f"  {node.state}" if node.state else ""
    return f"{kind} {node.label}{short}{state}"


def _ways(graph: Graph, *, up: bool) -> Mapping[str, list[tuple[str, str]]]:
    """Return where each object leads to, one way, and by which relation."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in graph.edges:
        here, there = (edge.target, edge.source) if up else (edge.source, edge.target)
        found[here].append((there, edge.relation))
    return found


def _branches(
    here: str,
    ways: Mapping[str, Iterable[tuple[str, str]]],
    known: Mapping[str, Node],
    indent: str,
    drawn: set[str],
) -> Iterator[str]:
    """Draw what an object leads to; what was drawn already is named, and not drawn again."""
    branches = sorted(ways.get(here, ()))
    for number, (name, relation) in enumerate(branches, 1):
        last = number == len(branches)
        again = name in drawn and name in ways
        mark = "  (see above)" if again else ""
        yield f"{indent}{'└─' if last else '├─'} {relation}  {described(known[name])}{mark}"
        if not again:
            drawn.add(name)
            yield from _branches(name, ways, known, indent + ("   " if last else "│  "), drawn)
