"""The ``labstudio`` command.

Each command group is one file, registered in `COMMANDS` with its help, so that ``labstudio --help``
imports none of them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from labstudio._version import __version__
from labstudio.cli import failure

COMMANDS = {
    "job": ("labstudio.cli.job", "Submit notebooks and scripts as jobs, follow and end them."),
    "schedule": ("labstudio.cli.schedule", "Run jobs by cron line and time zone."),
    "compute": (
        "labstudio.cli.compute",
        "Name the places where jobs run, and test them.",
    ),
    "reproduce": (
        "labstudio.cli.reproduce",
        "Make a run again, and say what agrees and what changed.",
    ),
    "model": ("labstudio.cli.model", "Find, register and promote models."),
    "card": ("labstudio.cli.card", "Write a model's card: a page, a PDF, or JSON."),
    "runs": ("labstudio.cli.runs", "Find runs in MLflow's filter language."),
    "usage": ("labstudio.cli.usage", "Say who used how much of which compute, and what it cost."),
    "lineage": (
        "labstudio.cli.lineage",
        "Say where models and data came from, and what came of them.",
    ),
    "lab": ("labstudio.cli.serve", "Open JupyterLab with the studio."),
    "daemon": ("labstudio.cli.serve", "Run the studio's daemon, stop it, or ask how it is."),
    "worker": ("labstudio.cli.serve", "Run jobs of a shared database on this machine too."),
    "doctor": ("labstudio.cli.doctor", "Say what is installed and reachable, and how to mend it."),
    "demo": ("labstudio.cli.demo", "Train a model on real data as a job, and say where to look."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the registry."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the registry alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 it worked, 1 the work failed, 2 the call was wrong.",
)
@click.version_option(__version__, message="labstudio %(version)s")
def cli() -> None:
    """JupyterLab as an ML studio: notebooks become jobs that survive everything."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command and leave with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(failure.guarded(lambda: cli.main(given, "labstudio", standalone_mode=False), given))
