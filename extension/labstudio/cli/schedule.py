"""``labstudio schedule``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from labstudio.cli import output
from labstudio.cli.job import opened
from labstudio.cli.options import job_options, read_job
from labstudio.cli.output import json_option, say

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.schedules.models import Schedule

ID_LENGTH = 26


@click.group()
def schedule() -> None:
    """Run jobs by cron line and time zone.

    Where an ID is asked for, its last characters or the schedule's name are enough.
    """


@schedule.command()
@job_options
@click.option("--cron", required=True, metavar="LINE", help='Five fields: "0 6 * * *".')
@click.option("--tz", "timezone", default="UTC", show_default=True, metavar="ZONE")
@click.option(
    "--missed",
    type=click.Choice(["catch_up", "last", "skip"]),
    default="last",
    show_default=True,
    help="Runs that fell due while no daemon was there.",
)
@click.option(
    "--overlap",
    type=click.Choice(["allow", "skip", "stop_previous"]),
    default="skip",
    show_default=True,
    help="A run that falls due while the one before it has not ended.",
)
@click.option("--paused", is_flag=True, help="Add it paused.")
@json_option
def add(
    *,
    cron: str,
    timezone: str,
    missed: str,
    overlap: str,
    paused: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Add a schedule for a notebook or script."""
    from labstudio.inputs import validated
    from labstudio.schedules.models import CreateSchedule

    studio = opened()
    job, _ = read_job(studio, given)
    fields = {"cron": cron, "timezone": timezone, "missed": missed, "overlap": overlap}
    spec = {"name": job.name, "job": job, "paused": paused, **fields}
    made = studio.schedules.create(validated(CreateSchedule, spec))
    studio.keeper.ensure()
    if as_json:
        output.print_json(made)
        return
    say(f"Added {click.style(made.name, bold=True)} ({made.id}): {made.words}.")
    tell_next(made)


@schedule.command("list")
@json_option
def list_schedules(*, as_json: bool) -> None:
    """List schedules."""
    items = opened().schedules.list().items
    if as_json:
        output.print_json(items)
    elif not items:
        say("There are no schedules.")
    else:
        rows = [
            (
                each.id,
                each.name,
                each.words,
                each.timezone,
                "paused" if each.paused else output.ago(next(iter(each.next_runs), None)),
            )
            for each in items
        ]
        output.table(("ID", "NAME", "WHEN", "ZONE", "NEXT"), rows, shrink=1)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@json_option
def show(*, schedule_id: str, as_json: bool) -> None:
    """Show a schedule, its next runs and what became of the last ones."""
    studio = opened()
    found = find(studio, schedule_id)
    if as_json:
        output.print_json(found)
        return
    output.facts(
        [
            ("name", found.name),
            ("id", found.id),
            ("path", found.job.path),
            ("when", f"{found.words} ({found.cron})"),
            ("zone", found.timezone),
            ("missed runs", found.missed.replace("_", " ")),
            ("overlap", found.overlap.replace("_", " ")),
            ("paused", "yes" if found.paused else None),
            (
                "parameters",
                output.values(found.job.parameters),
            ),
        ]
    )
    tell_next(found)
    history = studio.schedules.history(found.id, limit=10).items
    if history:
        say()
        rows = [
            (
                f"{fire.due_at.astimezone():%Y-%m-%d %H:%M}",
                fire.outcome.replace("_", " "),
                fire.job_id or "–",
                fire.reason or "",
            )
            for fire in history
        ]
        output.table(("DUE", "OUTCOME", "JOB", "WHY"), rows, shrink=3)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
def pause(*, schedule_id: str) -> None:
    """Fire no more until it is resumed."""
    studio = opened()
    paused = studio.schedules.pause(find(studio, schedule_id).id)
    say(f"Paused {paused.name}.")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
def resume(*, schedule_id: str) -> None:
    """Fire again from now on."""
    studio = opened()
    resumed = studio.schedules.resume(find(studio, schedule_id).id)
    studio.keeper.ensure()
    say(f"Resumed {resumed.name}.")
    tell_next(resumed)


@schedule.command()
@click.argument("schedule_id", metavar="ID")
@json_option
def run(*, schedule_id: str, as_json: bool) -> None:
    """Submit its job now, whatever its cron line says."""
    studio = opened()
    job = studio.schedules.run(find(studio, schedule_id).id)
    studio.keeper.ensure()
    if as_json:
        output.print_json(job)
    else:
        say(f"Submitted {job.name} as {job.id}.")


@schedule.command()
@click.argument("schedule_id", metavar="ID")
def delete(*, schedule_id: str) -> None:
    """Delete a schedule; the jobs that it made stay."""
    studio = opened()
    found = find(studio, schedule_id)
    studio.schedules.delete(found.id)
    say(f"Deleted {found.name}.")


def find(studio: Studio, text: str) -> Schedule:
    """Find a schedule by its id, the end of its id, or its name.

    Raises
    ------
    NotFound, Conflict
        When no schedule, or more than one, is meant.
    """
    from labstudio.errors import Conflict, NotFound

    if len(text) == ID_LENGTH and text.isalnum():
        return studio.schedules.get(text)
    items = studio.schedules.list().items
    meant = [s for s in items if text and (s.name == text or s.id.endswith(text.upper()))]
    if not meant:
        raise NotFound(f"There is no schedule {text!r}.", schedule_id=text)
    if len(meant) > 1:
        raise Conflict(f"{len(meant)} schedules are {text!r}; give more of the id.", field="id")
    return meant[0]


def tell_next(found: Schedule) -> None:
    """Say when it runs next, in its own zone."""
    if found.paused:
        say("It is paused.")
    for number, moment in enumerate(found.next_runs):
        say(f"{'Next:' if number == 0 else '     '} {moment:%a %Y-%m-%d %H:%M %z}")
