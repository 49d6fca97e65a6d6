"""``labstudio demo``: the quickstart as a job."""

from __future__ import annotations

from pathlib import Path

import click

from labstudio.cli import output
from labstudio.cli.failure import WORK_FAILED
from labstudio.cli.job import follow_all, opened
from labstudio.cli.output import json_option, say

QUICKSTART = "quickstart.ipynb"


def quickstart() -> Path:
    """Find the notebook: in the installed package, or in a checkout's notebooks folder.

    Raises
    ------
    NotFound
        When it is in neither.
    """
    from labstudio.errors import NotFound

    package = Path(__file__).parents[1]
    for path in (package / "demo" / QUICKSTART, package.parents[1] / "notebooks" / QUICKSTART):
        if path.is_file():
            return path
    raise NotFound(
        "The quickstart notebook is not installed; reinstall labstudio.", path=QUICKSTART
    )


@click.command()
@json_option
def demo(*, as_json: bool) -> int:
    """Train a model on real data as a job, and say where to look."""
    studio = opened()
    notebook = quickstart()
    if not as_json:
        say(f"Training a model as a job: {notebook}")
    handle = studio.jobs.submit(notebook, experiment="quickstart")
    if not as_json:
        say(f"Job {handle.id}, live log:\n")
    follow_all(studio, [handle], quiet=as_json)
    record = handle.refresh().record
    if as_json:
        output.print_json(record)
    elif record.state == "succeeded":
        folder = studio.home.attempt(record.id, record.attempt)
        say()
        output.facts(
            [
                ("run", record.run_id),
                ("notebook", str(folder / "output.ipynb")),
                ("files", ", ".join(_left(studio.home.attempt(record.id, record.attempt)))),
                ("details", f"labstudio job show {record.id[-6:]}"),
                ("in JupyterLab", "labstudio lab: see it in the Jobs panel, run and metrics too"),
            ]
        )
    return 0 if record.state == "succeeded" else WORK_FAILED


def _left(folder: Path) -> list[str]:
    from labstudio.jobs.files import list_files

    return [item.path for item in list_files(folder, int(folder.name)).items]
