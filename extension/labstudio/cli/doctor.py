"""``labstudio doctor``."""

from __future__ import annotations

import click

from labstudio.cli import output
from labstudio.cli.failure import WORK_FAILED
from labstudio.cli.job import opened
from labstudio.cli.output import json_option, say


@click.command()
@json_option
def doctor(*, as_json: bool) -> int:
    """Say what is installed and reachable, and how to mend what is not.

    Exits 1 when something is broken; a warning is not.
    """
    from labstudio.doctor import examine

    report = examine(opened())
    if as_json:
        output.print_json(report)
        return 0 if report.ok else WORK_FAILED
    output.checks(report.checks)
    say()
    if report.ok:
        warnings = sum(check.state == "warning" for check in report.checks)
        say("All is well." if not warnings else f"It works; {warnings} could be better.")
    else:
        say("Something is broken: see ✗ above.")
    return 0 if report.ok else WORK_FAILED
