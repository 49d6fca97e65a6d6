"""``labstudio lab``, ``daemon`` and ``worker``: the processes of a studio."""

from __future__ import annotations

import os
import sys

import click

from labstudio.cli import output
from labstudio.cli.failure import WORK_FAILED
from labstudio.cli.job import opened
from labstudio.cli.output import json_option, say


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
def lab(*, arguments: tuple[str, ...]) -> None:
    """Open JupyterLab with the studio; ARGS go to `jupyter lab`."""
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *arguments])  # noqa: S606 -- it becomes that process


@click.command()
@click.option("--stop", is_flag=True, help="End the daemon; jobs that run go on.")
@click.option("--status", is_flag=True, help="Say how it is; exit 1 unless it runs.")
@click.option("--background", is_flag=True, help="Start it and return once it is ready.")
@json_option
def daemon(*, stop: bool, status: bool, background: bool, as_json: bool) -> int:
    """Run the studio's daemon, stop it, or ask how it is.

    Without options it runs in the foreground until it is interrupted. It need not be started by
    hand: JupyterLab and `labstudio job submit` start it when none runs.
    """
    if stop + status + background > 1:
        raise click.UsageError("--stop, --status and --background exclude one another.")
    if not (stop or status or background):
        from labstudio.daemon.process import main

        return main()
    keeper = opened().keeper
    if stop:
        ended = keeper.stop()
        if not as_json:
            say("The daemon has ended." if ended else "No daemon was running.")
    now = keeper.ensure(wait=True) if background else keeper.status()
    if as_json:
        output.print_json(now)
    elif not stop:
        pid = f" (process {now.pid})" if now.pid else ""
        say(f"{output.state(now.state)}{pid}: {now.message}")
    return 0 if stop or now.state == "running" else WORK_FAILED


@click.command()
def worker() -> int:
    """Run jobs of a shared database on this machine too, until it is interrupted."""
    from labstudio.daemon.process import worker_main

    return worker_main()
