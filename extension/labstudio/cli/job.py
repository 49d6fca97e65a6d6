"""``labstudio job``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from labstudio.cli import output
from labstudio.cli.failure import WORK_FAILED
from labstudio.cli.options import job_options, read_job
from labstudio.cli.output import json_option, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio._studio import Studio
    from labstudio.jobs.handle import JobHandle
    from labstudio.jobs.models import Job, JobDetail

STATES = ("queued", "starting", "running", "succeeded", "failed", "stopped", "interrupted")


@click.group()
def job() -> None:
    """Submit notebooks and scripts as jobs, follow and end them.

    Where an ID is asked for, its last characters are enough, and `last` is the newest job.
    """


@job.command()
@job_options
@click.option(
    "--sweep",
    multiple=True,
    metavar="NAME=V1,V2",
    help="One job for each value; several sweeps make every combination.",
)
@click.option("--key", "idempotency_key", metavar="TEXT", help="Submit once under this key.")
@click.option("--wait", is_flag=True, help="Follow the log; exit 1 unless the job succeeds.")
@json_option
def submit(*, sweep: tuple[str, ...], wait: bool, as_json: bool, **given: Any) -> int:
    """Submit a notebook (.ipynb), a script (.py, .sh, .R) or an image (docker://IMAGE)."""
    from labstudio.jobs.handle import JobHandle
    from labstudio.jobs.request import create_sweep

    studio = opened()
    spec, info = read_job(studio, given)
    if sweep:
        jobs = studio.jobs.sweep(create_sweep(spec, sweep, info.parameters))
    else:
        jobs = [studio.jobs.create(spec)]
    daemon = studio.keeper.ensure()
    if daemon.state == "stopped":
        say(f"{click.style('Note:', fg='yellow')} {daemon.message}", err=True)
    handles = [JobHandle(studio, each) for each in jobs]
    if not as_json:
        told_submitted(jobs, wait=wait)
    if wait:
        follow_all(studio, handles, quiet=as_json)
    if as_json:
        shown = [handle.refresh().record for handle in handles]
        output.print_json(shown if sweep else shown[0])
    done = all(handle.record.state == "succeeded" for handle in handles)
    return 0 if done or not wait else WORK_FAILED


@job.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="May repeat.")
@click.option("--query", metavar="TEXT", help="Part of the name or path.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
def list_jobs(*, states: tuple[str, ...], query: str | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    from labstudio.jobs.models import ListJobs

    asked = ListJobs.model_validate({"state": list(states), "query": query, "limit": limit})
    page = opened().jobs.list(asked)
    if as_json:
        output.print_json(page.items)
    elif not page.items:
        say("There are no jobs." if not (states or query) else "No job is like that.")
    else:
        rows = [
            (each.id, each.name, output.state(each.state), output.ago(each.created_at), took(each))
            for each in page.items
        ]
        output.table(("ID", "NAME", "STATE", "SUBMITTED", "TOOK"), rows, shrink=1)
        more = sum(page.counts.values()) - len(page.items)
        if page.next_cursor and more > 0:
            say(f"{more:,} more: --limit shows up to 1000.")


@job.command()
@click.argument("job_id", metavar="ID")
@json_option
def show(*, job_id: str, as_json: bool) -> None:
    """Show all that is known of a job."""
    studio = opened()
    found = studio.jobs.detail(find(studio, job_id))
    if as_json:
        output.print_json(found)
        return
    left = studio.jobs.files(found.id).items
    show_detail(found, [file.name for file in left if file.role == "output"])


@job.command()
@click.argument("job_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on as it grows, until the job ends.")
@click.option("--attempt", type=int, metavar="N", help="An earlier attempt; the newest by default.")
def logs(*, job_id: str, follow: bool, attempt: int | None) -> None:
    """Print a job's log."""
    studio = opened()
    follow_log(studio, find(studio, job_id), follow=follow, attempt=attempt)


@job.command()
@click.argument("job_id", metavar="ID")
@json_option
def result(*, job_id: str, as_json: bool) -> None:
    """Print what a cell assigned or a function returned."""
    import json
    import pprint

    studio = opened()
    value = studio.jobs.result(find(studio, job_id))
    say(json.dumps(value, indent=2, default=repr) if as_json else pprint.pformat(value))


@job.command()
@click.argument("job_id", metavar="ID")
@json_option
def stop(*, job_id: str, as_json: bool) -> None:
    """End a job: interrupt, terminate, kill, within five seconds."""
    studio = opened()
    stopped = studio.jobs.stop(find(studio, job_id))
    if as_json:
        output.print_json(stopped)
    else:
        say(f"Stopping {stopped.name} ({stopped.id}).")


@job.command()
@click.argument("job_id", metavar="ID")
@click.option("-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE")
@click.option("--name")
@click.option("--timeout", "timeout_s", type=float, metavar="S")
@click.option("--retries", type=int, metavar="N")
@click.option("--priority", type=int, metavar="N")
@click.option(
    "--resume",
    is_flag=True,
    default=None,
    help="Go on at the failed cell, with the variables that were kept.",
)
@click.option("--wait", is_flag=True, help="Follow the log; exit 1 unless the job succeeds.")
@json_option
def rerun(
    *, job_id: str, parameters: tuple[str, ...], wait: bool, as_json: bool, **given: Any
) -> int:
    """Run a job's own snapshot again, with changes."""
    from labstudio.inputs import validated
    from labstudio.jobs.handle import JobHandle
    from labstudio.jobs.models import RerunJob
    from labstudio.jobs.parameters import from_text
    from labstudio.jobs.request import pairs

    studio = opened()
    before = studio.jobs.detail(find(studio, job_id))
    fields = {name: value for name, value in given.items() if value is not None}
    if parameters:
        texts = pairs(parameters, "parameters")
        changed = from_text(studio.jobs.declared(before), texts)
        fields["parameters"] = {**before.parameters, **changed}
    again = studio.jobs.rerun(before.id, validated(RerunJob, fields))
    studio.keeper.ensure()
    handle = JobHandle(studio, again)
    if not as_json:
        told_submitted([again], wait=wait)
    if wait:
        follow_all(studio, [handle], quiet=as_json)
    if as_json:
        output.print_json(handle.refresh().record)
    return 0 if not wait or handle.record.state == "succeeded" else WORK_FAILED


@job.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
def delete(*, job_ids: tuple[str, ...]) -> None:
    """Delete ended jobs with their files; their MLflow runs stay."""
    studio = opened()
    for each in [find(studio, text) for text in job_ids]:
        studio.jobs.delete(each)
        say(f"Deleted {each}.")


def opened() -> Studio:
    """Open the studio of ``LABSTUDIO_HOME``."""
    from labstudio._studio import Studio

    return Studio()


def find(studio: Studio, text: str) -> str:
    """Find a job by its id, the end of its id, or ``last``."""
    from labstudio.jobs.request import find_job

    return find_job(studio, text)


def told_submitted(jobs: Sequence[Job], *, wait: bool) -> None:
    """Say what was submitted, and what to do next."""
    if len(jobs) == 1:
        say(f"Submitted {click.style(jobs[0].name, bold=True)} as {jobs[0].id}.")
        if not wait:
            say(f"Follow it: labstudio job logs --follow {jobs[0].id[-6:]}")
        return
    say(f"Submitted {len(jobs)} jobs.")
    rows = [(each.id, " ".join(f"{k}={v}" for k, v in each.parameters.items())) for each in jobs]
    output.table(("ID", "PARAMETERS"), rows, shrink=1)


def follow_all(studio: Studio, handles: list[JobHandle], *, quiet: bool = False) -> None:
    """Wait for jobs: with the log of a single one, with a line for each of many."""
    if len(handles) == 1:
        handle = handles[0]
        if not quiet:
            follow_log(studio, handle.id, follow=True)
        handle.wait()
        if not quiet:
            tell_end(handle.refresh().record)
        return
    for handle in handles:
        handle.wait()
        if not quiet:
            tell_end(handle.refresh().record)


def tell_end(ended: Job) -> None:
    """Say how a job ended."""
    after = f" after {took(ended)}" if ended.started_at else ""
    why = f": {ended.error}" if ended.error else "."
    say(f"{ended.name} ({ended.id[-6:]}) {output.state(ended.state)}{after}{why}")


def follow_log(studio: Studio, job_id: str, *, follow: bool, attempt: int | None = None) -> None:
    """Print a log from its start, each attempt under its number when there are several."""
    number, offset = attempt, 0
    while True:
        record = studio.jobs.get(job_id)
        chunk = studio.jobs.log(job_id, offset, attempt=number)
        if chunk.text:
            click.echo(chunk.text, nl=False)
        if chunk.next_offset > offset:
            offset = chunk.next_offset
            continue
        if not follow or (record.state.final and chunk.attempt >= record.attempt):
            return
        if attempt is None and chunk.complete and chunk.attempt < record.attempt:
            number, offset = chunk.attempt + 1, 0
            say(click.style(f"--- attempt {number} ---", dim=True))
            continue
        if chunk.complete and record.state.final:
            return
        if number is None and chunk.attempt > 0:
            number = chunk.attempt
        time.sleep(0.1)


def took(each: Job) -> str:
    """Say how long a job ran, or has been running."""
    if each.started_at is None:
        return "–"
    return output.duration(((each.ended_at or datetime.now(UTC)) - each.started_at).total_seconds())


def show_detail(found: JobDetail, outputs: Sequence[str]) -> None:
    """Print a job as facts, with the names of the files that it left."""
    progress = found.progress
    cells = f"cell {progress.cell} of {progress.cells}" if progress and progress.cells else None
    git = found.provenance
    commit = (
        f"{git.git_commit[:10]}{' with changes' if git.git_dirty else ''}"
        if (git and git.git_commit)
        else None
    )
    output.facts(
        [
            ("name", found.name),
            ("id", found.id),
            ("state", output.state(found.state)),
            ("error", found.error),
            ("progress", cells if not found.state.final else None),
            ("kind", str(found.kind)),
            ("path", found.path),
            ("compute", found.compute),
            ("user", found.user),
            ("submitted", output.local_time(found.created_at)),
            ("started", output.local_time(found.started_at)),
            ("ended", output.local_time(found.ended_at)),
            ("took", took(found) if found.started_at else None),
            ("attempt", f"{found.attempt} of {found.attempts_allowed}"),
            ("next attempt", output.local_time(found.next_attempt_at)),
            ("parameters", output.values(found.parameters)),
            ("run", found.run_id),
            ("commit", commit),
            ("files", ", ".join(f.path for f in found.snapshot.files) if found.snapshot else None),
            ("outputs", "\n".join(outputs) or None),
            ("rerun of", found.rerun_of),
            ("schedule", found.schedule_id),
        ]
    )
