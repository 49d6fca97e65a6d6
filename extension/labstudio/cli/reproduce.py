"""``labstudio reproduce``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labstudio.cli import output
from labstudio.cli.failure import CALL_WRONG, WORK_FAILED
from labstudio.cli.job import opened
from labstudio.cli.output import json_option, say

if TYPE_CHECKING:
    from labstudio.reproduce.models import DataCheck, Reproduction

COLOURS = {"agrees": "green", "differs": "yellow", "failed": "red"}


@click.command("reproduce")
@click.argument("run_id")
@click.option("--compute", metavar="NAME", help="Where; left out: where the run was made.")
@click.option(
    "--packages",
    type=click.Choice(["then", "now"]),
    default="then",
    show_default=True,
    help="The packages of the run's lock, or those that are installed now.",
)
@click.option("--timeout", type=float, metavar="S", help="Seconds to wait.")
@json_option
def reproduce(
    *, run_id: str, compute: str | None, packages: str, timeout: float | None, as_json: bool
) -> int:
    """Make a run again, and say what agrees and what changed.

    Exit code 0 when it agrees, 1 when it differs or fails, 2 when it cannot be tried.
    """
    from labstudio.errors import StudioError
    from labstudio.reproduce.models import Packages, Reproduce, Verdict

    studio = opened()
    request = Reproduce(compute=compute, packages=Packages(packages))
    try:
        studio.keeper.ensure(wait=True)
        checks = studio.reproductions.check(run_id, request)
        if not as_json:
            _show_data(checks)
        job = studio.reproductions.start(run_id, request)
    except StudioError as error:
        say(f"{click.style('Error:', fg='red')} {error.message}", err=True)
        return CALL_WRONG
    if not as_json:
        say(f"Job {job.id} makes it again.")
    found = studio.reproductions.wait(job.id, timeout)
    if as_json:
        output.print_json(found)
    else:
        _show(found)
    return 0 if found.verdict is Verdict.agrees else WORK_FAILED


def _show_data(checks: list[DataCheck]) -> None:
    for each in checks:
        state = "as it was" if each.agrees else "changed" if each.now else "gone"
        colour = "green" if each.agrees else "yellow"
        say(f"{click.style(state, fg=colour)}  {each.path or each.name}  {each.then[:12]}")


def _show(found: Reproduction) -> None:
    rows = [
        (each.key, number(each.then), number(each.now), number(each.difference), mark(each.agrees))
        for each in found.metrics
    ]
    if rows:
        output.table(("METRIC", "THEN", "NOW", "DIFFERENCE", ""), rows, shrink=0)
    for cell in found.cells:
        if not cell.agrees:
            say(f"cell {cell.index + 1} changed: {cell.source}")
    for reason in found.reasons:
        say(f"{reason.kind}: {reason.message}")
    verdict = found.verdict.value
    say(f"{click.style(verdict, fg=COLOURS.get(verdict))}  {found.message}")


def number(value: float | None) -> str:
    """Return a number in few digits."""
    return "–" if value is None else f"{value:.6g}"


def mark(agrees: bool) -> str:
    """Return whether something agrees, in one sign."""
    return "=" if agrees else "≠"
