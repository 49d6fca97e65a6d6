"""``%lineage``: where something came from, and what came of it, from a notebook."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from labstudio.magics.jobs import parsed, spoken

if TYPE_CHECKING:
    from labstudio._studio import Studio


@magics_class
class LineageMagics(Magics):  # type: ignore[misc]
    """Lineage."""

    @property
    def studio(self) -> Studio:
        """The studio of ``LABSTUDIO_HOME``."""
        import labstudio

        return labstudio.studio()

    @spoken
    @magic_arguments()
    @argument("what", help="A model, run, job, file or variable; or stale, or verify.")
    @argument("of", nargs="?", help="Of what stale things are wanted.")
    @argument("--up", action="store_true", help="Only what it came from.")
    @argument("--down", action="store_true", help="Only what came of it.")
    @argument("--depth", type=int, default=100, metavar="N", help="Steps to walk each way.")
    @line_magic
    def lineage(self, line: str) -> None:
        """Show what something came from, and what came of it.

        ::

            %lineage model:churn/3
            %lineage customers.csv --down
            %lineage frame
            %lineage stale
            %lineage verify
        """
        from IPython.display import display

        from labstudio.widgets.lineage import bundle, sentences

        asked = parsed(self.lineage, line)
        service = self.studio.lineage
        if asked.what == "verify":
            shown = sentences(service.verify())
        elif asked.what == "stale":
            shown = sentences(service.stale(object=asked.of))
        else:
            way = "both" if asked.up == asked.down else "up" if asked.up else "down"
            shown = bundle(service(self._meant(asked.what)).graph(way, asked.depth))
        display(shown, raw=True)

    def _meant(self, text: str) -> Any:
        """Return the variable of that name, where there is one."""
        return self.shell.user_ns.get(text, text) if text.isidentifier() else text
