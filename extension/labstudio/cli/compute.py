"""``labstudio compute``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labstudio.cli import output
from labstudio.cli.failure import WORK_FAILED
from labstudio.cli.job import opened
from labstudio.cli.output import json_option, say

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.compute.models import ComputeDetail, ComputePage


@click.group()
def compute() -> None:
    """Name the places where jobs run and kernels live, and look after them."""


@compute.command("list")
@json_option
def list_computes(*, as_json: bool) -> None:
    """List computes, with what runs and waits there.

    Those of a compute.toml in this folder or above are read too, and remembered.
    """
    page = known(opened())
    if as_json:
        output.print_json(page.items)
        return
    rows = [
        (
            each.name,
            each.type,
            output.state(each.state),
            f"{each.cpus_held:g} of {each.cpus:g}",
            output.size(each.memory_bytes),
            f"{each.gpus_held} of {each.gpus}",
            str(each.running),
            str(each.queued),
            str(each.kernels),
        )
        for each in page.items
    ]
    head = ("NAME", "TYPE", "STATE", "CPUS", "MEMORY", "GPUS", "RUNNING", "QUEUED", "KERNELS")
    output.table(head, rows)
    for each in page.items:
        if each.message and each.state != "draining":
            page.problems.append(f"{each.name}: {each.message}")
    for problem in page.problems:
        say(f"{click.style('Note:', fg='yellow')} {problem}", err=True)


@compute.command()
@click.argument("name")
@json_option
def show(*, name: str, as_json: bool) -> None:
    """Show what a compute has, and what runs and waits there."""
    studio = opened()
    known(studio)
    found = studio.computes.detail(name)
    if as_json:
        output.print_json(found)
    else:
        show_detail(found)


@compute.command()
@click.argument("name")
@click.option("--type", "type_", required=True, metavar="TYPE", help="docker, ssh, ray, ...")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@json_option
def add(*, name: str, type_: str, settings: tuple[str, ...], as_json: bool) -> None:
    r"""Add a compute to the home's compute.toml.

    \b
    labstudio compute add gpu-box --type ssh host=gpu.example.org user=ann gpus=2
    """
    from labstudio.compute.request import create_compute

    added = opened().computes.add(create_compute(name, type_, settings))
    if as_json:
        output.print_json(added)
    else:
        say(f"Added {click.style(name, bold=True)} to {added.source}.")
        say(f"Try it: labstudio compute test {name}")


@compute.command()
@click.argument("name")
@json_option
def test(*, name: str, as_json: bool) -> int:
    """Try each thing that a job needs of a compute; exit 1 when something fails."""
    studio = opened()
    known(studio)
    report = studio.computes.test(name)
    if as_json:
        output.print_json(report)
    else:
        output.checks(report.checks)
        say(f"{name} {'works' if report.ok else 'does not work'} ({report.seconds:.1f} s).")
    return 0 if report.ok else WORK_FAILED


@compute.command()
@click.argument("name")
@click.option("--off", is_flag=True, help="Let it take new work again.")
@click.option("--now", is_flag=True, help="Jobs there save a checkpoint, and wait for --off.")
@json_option
def drain(*, name: str, off: bool, now: bool, as_json: bool) -> None:
    """Let nothing new onto a compute; what runs there goes on, but with --now."""
    drained = opened().computes.drain(name, draining=not off, now=now)
    if as_json:
        output.print_json(drained)
    elif now:
        say(f"{name} takes nothing new. Jobs that save a checkpoint and wait: {drained.running}.")
    else:
        say(f"{name} takes new work again." if off else f"{name} takes nothing new.")


@compute.command()
@click.argument("name")
def remove(*, name: str) -> None:
    """Take a compute out of the compute.toml that names it."""
    opened().computes.remove(name)
    say(f"Removed {name}.")


def known(studio: Studio) -> ComputePage:
    """Return the computes, those of a file near the shell's folder among them."""
    return studio.computes.list(Path.cwd())


def show_detail(found: ComputeDetail) -> None:
    """Print a compute as facts, with its occupants and its queue."""
    seen = found.resources
    held, all_ = output.size(found.memory_held_bytes), output.size(found.memory_bytes)
    memory = f"{held} of {all_} given out"
    busy = f"{seen.cpu_percent:.0f} % of {seen.cpus:g} cores busy" if seen else None
    output.facts(
        [
            ("name", found.name),
            ("type", found.type),
            ("description", found.description or None),
            ("state", output.state(found.state)),
            ("message", found.message or None),
            ("named in", found.source),
            ("cores", f"{found.cpus_held:g} of {found.cpus:g} given out"),
            ("memory", memory),
            ("gpus", f"{found.gpus_held} of {found.gpus} given out" if found.gpus else None),
            ("machine", busy),
            ("spent", f"{found.spent:.2f}" if found.price_per_hour or found.spent else None),
        ]
    )
    if found.occupants:
        say()
        rows = [
            (each.id[-6:], each.holder, each.name, each.user, each.state, output.ago(each.since))
            for each in found.occupants
        ]
        output.table(("ID", "", "RUNS", "USER", "STATE", "SINCE"), rows, shrink=2)
    if found.waiting:
        say()
        queue = [
            (each.id[-6:], each.name, each.user, output.ago(each.expected_at), each.why)
            for each in found.waiting
        ]
        output.table(("ID", "WAITS", "USER", "EXPECTED", "WHY"), queue, shrink=4)
