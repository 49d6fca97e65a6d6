"""``%compute``: the places where jobs run, from a notebook."""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments

from labstudio.magics.jobs import parsed, spoken

if TYPE_CHECKING:
    from labstudio._studio import Studio


@magics_class
class ComputeMagics(Magics):  # type: ignore[misc]
    """Computes."""

    @property
    def studio(self) -> Studio:
        """The studio of ``LABSTUDIO_HOME``."""
        import labstudio

        return labstudio.studio()

    @spoken
    @magic_arguments()
    @argument("what", nargs="?", default="list", help="list, show, add or test (default: list).")
    @argument("name", nargs="?", help="Which compute.")
    @argument("settings", nargs="*", metavar="KEY=VALUE", help="Settings of a new one.")
    @argument("--type", metavar="TYPE", help="The kind of a new one: docker, ssh, ray, ...")
    @line_magic
    def compute(self, line: str) -> None:
        """Show where jobs can run; add a place, and try it.

        ::

            %compute
            %compute show gpu-box
            %compute add gpu-box --type ssh host=gpu.example.org user=ann
            %compute test gpu-box
        """
        asked = parsed(self.compute, line)
        computes = self.studio.computes
        known = computes.list(Path.cwd())
        if asked.what == "list":
            _show(known)
            return
        if asked.name is None:
            raise UsageError(f"Which compute? %compute {asked.what} NAME")
        match asked.what:
            case "show":
                _show(computes.detail(asked.name))
            case "test":
                _show(computes.test(asked.name))
            case "add":
                from labstudio.compute.request import create_compute

                if asked.type is None:
                    raise UsageError("Of which kind? %compute add NAME --type TYPE KEY=VALUE ...")
                _show(computes.add(create_compute(asked.name, asked.type, asked.settings)))
            case other:
                raise UsageError(f"{other!r} is none of list, show, add, test.")


def _show(found: Any) -> None:
    from IPython.display import display

    from labstudio.widgets.compute import bundle

    display(bundle(found), raw=True)
