"""A graph as a tree of text."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labstudio.lineage.models import Graph, Node

_SHORT = 12
# More than a screen of branches under one object is not read.
BRANCHES = 20

Ways = dict[str, list[tuple[str, str]]]


class Line(NamedTuple):
    """One line of a tree, in parts that can be coloured."""

    indent: str
    relation: str
    node: Node | None
    note: str = ""

    def __str__(self) -> str:
        told = f"{self.relation}  " if self.relation else ""
        return f"{self.indent}{told}{described(self.node) if self.node else ''}{self.note}"


def tree(graph: Graph) -> str:
    """Draw a graph as two trees: what the root came from, and what came of it."""
    return "\n".join(str(line) for line in lines(graph))


def lines(graph: Graph) -> Iterator[Line]:
    """Give the lines of the trees."""
    known = {node.id: node for node in graph.nodes}
    yield Line("", "", known[graph.root])
    for title, up in (("came from", True), ("led to", False)):
        ways = _ways(graph, up=up)
        if graph.root in ways:
            yield Line("", "", None, title)
            yield from _branches(graph.root, ways, known, "", {graph.root})
    if graph.message:
        yield Line("", "", None, graph.message)


def described(node: Node) -> str:
    """Say what an object is in one line."""
    rest = node.id.partition(":")[2]
    # The label of some says already which it is.
    plain = node.kind == "model" or node.label.rstrip("…") in rest
    parts = [node.kind.replace("_", " "), node.label]
    text = " ".join(parts)
    return "  ".join(each for each in (text, "" if plain else rest[:_SHORT], node.state) if each)


def _ways(graph: Graph, *, up: bool) -> Ways:
    """Return where each object leads to, one way, and by which relation."""
    found: Ways = defaultdict(list)
    for edge in graph.edges:
        here, there = (edge.target, edge.source) if up else (edge.source, edge.target)
        found[here].append((there, edge.relation))
    return found


def _branches(
    here: str, ways: Ways, known: Mapping[str, Node], indent: str, drawn: set[str]
) -> Iterator[Line]:
    """Draw what an object leads to; what was drawn already is named, and not drawn again."""
    branches = sorted(ways.get(here, ()))
    shown = branches if len(branches) <= BRANCHES else branches[: BRANCHES - 1]
    for number, (name, relation) in enumerate(shown, 1):
        last = number == len(branches)
        again = name in drawn and name in ways
        mark = "  (see above)" if again else ""
        yield Line(f"{indent}{'└─' if last else '├─'} ", relation, known[name], mark)
        if not again:
            drawn.add(name)
            below = indent + ("   " if last else "│  ")
            yield from _branches(name, ways, known, below, drawn)
    if hidden := len(branches) - len(shown):
        yield Line(f"{indent}└─ ", "", None, f"and {hidden:,} more")
