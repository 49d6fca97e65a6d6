"""``labstudio model``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labstudio.cli import output
from labstudio.cli.job import opened
from labstudio.cli.output import json_option, say

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.registry.models import Approval, VersionDetail


@click.group()
def model() -> None:
    """Find, register and promote models.

    A VERSION is a number or an alias.
    """


@model.command("list")
@click.argument("text", default="")
@click.option("--filter", "filter_string", default="", help="MLflow's filter: tags.team = 'a'.")
@json_option
def list_models(*, text: str, filter_string: str, as_json: bool) -> None:
    """List registered models, those whose name holds TEXT."""
    from labstudio.inputs import validated
    from labstudio.registry.models import ModelQuery

    query = validated(ModelQuery, {"text": text, "filter": filter_string, "limit": 1000})
    items = reached().registry.search(query).items
    if as_json:
        output.print_json(items)
    elif not items:
        say("There are no models.")
    else:
        rows = [
            (
                each.name,
                str(each.latest_version or "–"),
                ", ".join(f"{alias}: {version}" for alias, version in each.aliases.items()),
                str(each.pending or ""),
                output.ago(each.updated_at),
            )
            for each in items
        ]
        output.table(("NAME", "NEWEST", "ALIASES", "WAITING", "CHANGED"), rows, shrink=0)


@model.command()
@click.argument("name", metavar="MODEL")
@click.argument("version", required=False)
@json_option
def show(*, name: str, version: str | None, as_json: bool) -> None:
    """Show a model with its versions, or one version."""
    registry = reached().registry
    if version is not None:
        tell_version(registry.version(name, registry.resolve(name, version)), as_json)
        return
    found = registry.get(name)
    if as_json:
        output.print_json(found)
        return
    tags = "\n".join(f"{key} = {value}" for key, value in found.tags.items())
    output.facts(
        [
            ("name", found.name),
            ("description", found.description or None),
            ("tags", tags or None),
            ("created", output.local_time(found.created_at)),
        ]
    )
    rows = [
        (
            str(each.version),
            ", ".join(each.aliases),
            ", ".join(f"{alias}?" for alias in each.pending),
            each.run_id or "–",
            output.ago(each.created_at),
        )
        for each in found.versions
    ]
    if rows:
        say()
        output.table(("VERSION", "ALIASES", "ASKED FOR", "RUN", "MADE"), rows)


@model.command()
@click.argument("run_id", metavar="RUN")
@click.argument("name", metavar="MODEL")
@click.option("--path", metavar="PATH", help="The model among the run's artifacts.")
@click.option("--model-id", metavar="ID", help="MLflow's logged model, m-...")
@click.option("--description", default="", metavar="TEXT")
@json_option
def register(
    *,
    run_id: str,
    name: str,
    path: str | None,
    model_id: str | None,
    description: str,
    as_json: bool,
) -> None:
    """Make a version of a run's model."""
    from labstudio.inputs import validated
    from labstudio.registry.models import RegisterModel

    fields = {"path": path, "model_id": model_id, "description": description}
    request = validated(RegisterModel, {"name": name, "run_id": run_id, **fields})
    made = reached().registry.register(request)
    if as_json:
        output.print_json(made)
    else:
        say(f"Registered {click.style(f'{made.model}/{made.version}', bold=True)}.")


@model.command()
@click.argument("name", metavar="MODEL")
@click.argument("version")
@click.option("--alias", default="champion", show_default=True, help="What it is to become.")
@click.option("--comment", default="", metavar="TEXT", help="Why.")
@json_option
def promote(*, name: str, version: str, alias: str, comment: str, as_json: bool) -> None:
    """Ask that a version become what an alias names.

    An alias that wants no approval is set at once.
    """
    from labstudio.inputs import validated
    from labstudio.jobs.submission import current_user
    from labstudio.registry.models import CreateApproval

    registry = reached().registry
    at = registry.resolve(name, version)
    if not registry.is_protected(alias):
        changed = registry.set_alias(name, alias, at)
        if as_json:
            output.print_json(changed)
        else:
            say(f"{name}/{at} is {alias} now.")
        return
    fields = {"model": name, "version": at, "alias": alias, "comment": comment}
    request = validated(CreateApproval, fields)
    made = registry.approvals.create(request, user=current_user())
    if as_json:
        output.print_json(made)
        return
    say(f"Asked that {name}/{at} become {alias}.")
    say(f"It waits for a decision: labstudio model approve {made.id}")


@model.command()
@click.argument("approval_id", metavar="[ID | MODEL]")
@click.option("--comment", default="", metavar="TEXT")
@json_option
def approve(*, approval_id: str, comment: str, as_json: bool) -> None:
    """Approve a promotion, and set the alias."""
    decide(approval_id, comment, approves=True, as_json=as_json)


@model.command()
@click.argument("approval_id", metavar="[ID | MODEL]")
@click.option("--comment", default="", metavar="TEXT")
@json_option
def reject(*, approval_id: str, comment: str, as_json: bool) -> None:
    """Reject a promotion."""
    decide(approval_id, comment, approves=False, as_json=as_json)


def decide(text: str, comment: str, *, approves: bool, as_json: bool) -> None:
    """Decide on a promotion, found by its id or by its model when only one waits."""
    from labstudio.jobs.submission import current_user
    from labstudio.registry.models import Decision

    studio = reached()
    found = waiting(studio, text)
    decision = Decision(approve=approves, comment=comment)
    decided = studio.registry.approvals.decide(found.id, decision, user=current_user())
    if as_json:
        output.print_json(decided)
    elif approves:
        say(f"{decided.model}/{decided.version} is {decided.alias} now.")
    else:
        say(f"Rejected that {decided.model}/{decided.version} become {decided.alias}.")


def waiting(studio: Studio, text: str) -> Approval:
    """Find a request to promote.

    Raises
    ------
    NotFound, Conflict
        When none, or more than one, is meant.
    """
    from labstudio.errors import Conflict, NotFound
    from labstudio.ids import is_id
    from labstudio.registry.models import ApprovalQuery, ApprovalState

    approvals = studio.registry.approvals
    if is_id(text):
        return approvals.get(text)
    items = approvals.search(ApprovalQuery(model=text, state=ApprovalState.pending)).items
    if not items:
        raise NotFound(f"No promotion of {text!r} waits for a decision.", model=text)
    if len(items) > 1:
        ids = ", ".join(each.id for each in items)
        raise Conflict(f"{len(items)} promotions of {text!r} wait: {ids}.", model=text)
    return items[0]


def tell_version(found: VersionDetail, as_json: bool) -> None:
    """Show a version."""
    if as_json:
        output.print_json(found)
        return
    lines = {
        part: ", ".join(f"{column.name}: {column.type}" for column in columns)
        for part in ("inputs", "outputs", "params")
        if (columns := getattr(found.signature, part, None))
    }
    metrics = {name: value for name, value in found.metrics.items() if value is not None}
    output.facts(
        [
            ("model", f"{found.model}/{found.version}"),
            ("aliases", ", ".join(found.aliases) or None),
            ("asked for", ", ".join(found.pending) or None),
            ("description", found.description or None),
            ("source", found.source),
            ("run", found.run_id),
            ("notebook", found.run.notebook if found.run else None),
            ("flavors", ", ".join(found.flavors) or None),
            *lines.items(),
            ("parameters", output.values(found.params)),
            ("metrics", output.values(metrics)),
            ("unread", found.unread),
        ]
    )


def reached() -> Studio:
    """Open the studio, with its tracking server running."""
    studio = opened()
    studio.keeper.ensure(wait=True)
    return studio
