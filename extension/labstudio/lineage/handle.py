"""An object of the lineage, to be asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from labstudio.lineage import walk
from labstudio.lineage.models import DEPTH_LIMIT, NODE_LIMIT, Direction, Graph, Kind, Node, Stale
from labstudio.lineage.nodes import nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio._studio import Studio

_MODELS = (Kind.model, Kind.logged_model)


class LineageNode:
    """An object of the lineage, and what led to it and came of it.

    What is asked of a file is asked of all data that it ever held.

    Parameters
    ----------
    studio
        Whose lineage it is.
    names
        The object's name; of a file those of the data that it held, the present one first.
    """

    def __init__(self, studio: Studio, names: Sequence[str]) -> None:
        self._studio = studio
        self.names = list(names)

    def __repr__(self) -> str:
        return f"LineageNode({self.id!r})"

    @property
    def id(self) -> str:
        """Its name, such as ``run:ID``."""
        return self.names[0]

    @cached_property
    def node(self) -> Node:
        """What is known of it."""
        return self._nodes([self.id])[0]

    def datasets(self) -> list[Node]:
        """Return the data that it came from, however far back; of data also what came of it."""
        ways = (True, False) if self._data else (True,)
        return self._reached(Kind.data, ways=ways)

    def runs(self) -> list[Node]:
        """Return the runs that led to it or came of it."""
        return self._reached(Kind.run)

    def jobs(self) -> list[Node]:
        """Return the jobs that led to it or came of it."""
        return self._reached(Kind.job)

    def models(self) -> list[Node]:
        """Return the models that led to it or came of it, registered versions and logged ones."""
        return self._reached(*_MODELS)

    def reports(self) -> list[Node]:
        """Return the reports and cards that led to it or came of it."""
        return self._reached(Kind.report, Kind.card)

    def upstream(self) -> list[Node]:
        """Return all that led to it."""
        return self._reached(*Kind, ways=(True,))

    def downstream(self) -> list[Node]:
        """Return all that came of it."""
        return self._reached(*Kind, ways=(False,))

    def graph(
        self,
        direction: Direction | str = Direction.both,
        depth: int = DEPTH_LIMIT,
        limit: int = NODE_LIMIT,
    ) -> Graph:
        """Return what lies around it as nodes and edges.

        Parameters
        ----------
        direction
            ``up`` to causes, ``down`` to results, or ``both``.
        depth
            How many steps each way.
        limit
            The most nodes; the graph says when there is more.
        """
        with self._studio.database.read() as connection:
            return walk.graph(connection, self.id, Direction(direction), depth, limit)

    def stale(self) -> list[Stale]:
        """Return what of it, and of what it came from, rests on data that has changed since."""
        return self._studio.lineage.stale(object=self.id).items

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        from labstudio.widgets.lineage import bundle

        return bundle(self.graph())

    @property
    def _data(self) -> bool:
        return self.id.startswith(f"{Kind.data}:")

    def _reached(self, *kinds: Kind, ways: Sequence[bool] = (True, False)) -> list[Node]:
        with self._studio.database.read() as connection:
            found: dict[str, None] = {}
            for up in ways:
                found.update(dict.fromkeys(walk.reached(connection, self.names, kinds, up=up)))
            return nodes(connection, list(found))

    def _nodes(self, names: Sequence[str]) -> list[Node]:
        with self._studio.database.read() as connection:
            return nodes(connection, names)
