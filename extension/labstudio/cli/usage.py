"""``labstudio usage``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from labstudio.cli import output
from labstudio.cli.job import opened
from labstudio.cli.output import json_option

KEYS = ("user", "workspace", "experiment", "compute", "holder")


class Moment(click.ParamType[datetime]):
    """A day or a moment; without a zone it is this machine's."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Read ISO 8601."""
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-11-25 or 2026-11-25T08:00.", param, ctx)


@click.command("usage")
@click.option(
    "--by", type=click.Choice(KEYS), default="user", show_default=True, help="What has a row."
)
@click.option("--since", type=Moment(), metavar="TIME", help="From then on.")
@click.option("--until", type=Moment(), metavar="TIME", help="Until then.")
@click.option("--compute", metavar="NAME", help="Only this compute.")
@click.option("--user", metavar="NAME", help="Only this user.")
@click.option("--csv", "as_csv", is_flag=True, help="Answer in CSV.")
@json_option
def usage(*, as_csv: bool, as_json: bool, **asked: Any) -> None:
    """Say who used how much of which compute, and what it cost."""
    from labstudio.usage.models import UsageQuery

    query, studio = UsageQuery(**asked), opened()
    if as_csv:
        click.echo(studio.usage.csv(query), nl=False)
        return
    report = studio.usage.report(query)
    if as_json:
        output.print_json(report)
        return
    rows = [
        (
            row.label or "–",
            str(row.entries),
            output.duration(row.seconds),
            f"{row.cpu_s / 3600:.2f}",
            f"{row.gpu_s / 3600:.2f}",
            f"{row.cost:.2f}",
            f"{row.saved:.2f}",
            f"{row.lost_cost:.2f}",
        )
        for row in report.rows
    ]
    header = (report.by.upper(), "ENTRIES", "TIME", "CPU H", "GPU H", "COST", "SAVED", "LOST")
    output.table(header, rows, shrink=0)
