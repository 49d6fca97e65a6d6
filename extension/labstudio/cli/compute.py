"""``labstudio compute``."""

from __future__ import annotations

import click

from labstudio.cli import output
from labstudio.cli.job import opened
from labstudio.cli.output import json_option


@click.group()
def compute() -> None:
    """List the places where jobs run."""


@compute.command("list")
@json_option
def list_computes(*, as_json: bool) -> None:
    """List computes, with what runs and waits there."""
    items = opened().computes.list().items
    if as_json:
        output.print_json(items)
        return
    rows = [
        (
            each.name,
            each.type,
            f"{each.cpus:g}",
            output.size(each.memory_bytes),
            str(each.gpus),
            f"{each.running} of {each.max_jobs}",
            str(each.queued),
        )
        for each in items
    ]
    output.table(("NAME", "TYPE", "CPUS", "MEMORY", "GPUS", "RUNNING", "QUEUED"), rows)
