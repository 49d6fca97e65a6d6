"""``labstudio lineage``."""

from __future__ import annotations

import click

from labstudio.cli import output
from labstudio.cli.failure import WORK_FAILED
from labstudio.cli.job import opened
from labstudio.cli.output import json_option, say

SHOW = "show"


class Objects(click.Group):
    """A group in which a word that names no command is the object to show."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Show the object where no command is named."""
        if args and args[0] not in self.commands:
            args = [SHOW, *args]
        return super().resolve_command(ctx, args)


@click.group(cls=Objects)
def lineage() -> None:
    r"""Say what an object came from and what came of it; check the record.

    \b
    labstudio lineage model:churn/3
    labstudio lineage customers.csv --down
    labstudio lineage stale
    labstudio lineage verify
    """


@lineage.command(SHOW)
@click.argument("object_", metavar="OBJECT")
@click.option("--up", is_flag=True, help="Only what it came from.")
@click.option("--down", is_flag=True, help="Only what came of it.")
@click.option("--depth", type=click.IntRange(1, 100), default=100, help="Steps to walk each way.")
@click.option("--limit", type=click.IntRange(1, 5000), default=500, help="The most objects.")
@json_option
def show(*, object_: str, up: bool, down: bool, depth: int, limit: int, as_json: bool) -> None:
    """Show the lineage of a model, run, job, report, card, data or file."""
    from labstudio.lineage.text import tree

    way = "both" if up == down else "up" if up else "down"
    graph = opened().lineage(object_).graph(way, depth, limit)
    if as_json:
        output.print_json(graph)
    else:
        say(tree(graph))


@lineage.command()
@click.argument("object_", metavar="[PATH|OBJECT]", required=False)
@json_option
def stale(*, object_: str | None, as_json: bool) -> int:
    """Say what rests on data that has changed since; exit 1 when something does.

    Without a path every file that the lineage knows is looked at.
    """
    from labstudio.widgets.lineage import stale_lines

    page = opened().lineage.stale(object=object_)
    if as_json:
        output.print_json(page)
    else:
        for line in stale_lines(page):
            say(line)
    return WORK_FAILED if page.items else 0


@lineage.command()
@click.option(
    "--holds", metavar="SEQUENCE:HASH", help="An entry noted elsewhere that must be there too."
)
@json_option
def verify(*, holds: str | None, as_json: bool) -> int:
    """Check that every entry is as it was written; exit 1 when one is not."""
    found = opened().lineage.verify(holds)
    if as_json:
        output.print_json(found)
    else:
        say(click.style(found.message, fg="green" if found.whole else "red"))
        if found.newest:
            say(f"newest  {found.newest}")
    return 0 if found.whole else WORK_FAILED
