"""``labstudio runs``."""

from __future__ import annotations

import click

from labstudio.cli import output
from labstudio.cli.job import opened
from labstudio.cli.output import json_option


@click.command("runs")
@click.argument("filter", required=False, default="")
@click.option(
    "--experiment", "experiments", multiple=True, metavar="NAME", help="Only of this. May repeat."
)
@click.option(
    "--order-by",
    "order_by",
    multiple=True,
    metavar="KEY",
    help="Such as 'metrics.auc DESC'. May repeat.",
)
@click.option("--text", default="", metavar="WORDS", help="What name, parameters or note hold.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@json_option
def runs(
    *,
    filter: str,  # noqa: A002  what MLflow calls it
    experiments: tuple[str, ...],
    order_by: tuple[str, ...],
    text: str,
    limit: int,
    as_json: bool,
) -> None:
    """Find runs by MLflow's FILTER, such as "metrics.auc > 0.9 AND params.model = 'xgb'"."""
    studio = opened()
    found, total = studio.runs.collect(
        filter, experiment=experiments, order_by=list(order_by), text=text, limit=limit
    )
    if as_json:
        output.print_json(found)
        return
    keys = sorted({key for run in found for key in run.metrics})[:4]
    rows = [
        (
            run.id[:8],
            run.name,
            run.experiment,
            run.status.lower(),
            f"{run.started_at.astimezone():%Y-%m-%d %H:%M}" if run.started_at else "–",
            *(number(run.metrics.get(key)) for key in keys),
        )
        for run in found
    ]
    output.table(("RUN", "NAME", "EXPERIMENT", "STATE", "STARTED", *keys), rows, shrink=1)
    if total > len(found):
        output.say(f"{len(found)} of {total:,}; --limit shows more.", err=True)


def number(value: float | None) -> str:
    """Return a metric as a cell shows it."""
    return "–" if value is None or value != value else f"{value:.5g}"
