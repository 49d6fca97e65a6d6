"""The options that describe a job; `job submit` and `schedule add` share them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio._studio import Studio
    from labstudio.jobs.models import CreateJob, SourceInfo

_JOB = (
    click.option(
        "-p",
        "--parameter",
        "parameters",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter, in the notebook's own type; lists as YAML or JSON.",
    ),
    click.option("--name", help="What to call it; the file's name when left out."),
    click.option(
        "--compute",
        metavar="NAME",
        help="Where it runs; where the notebook's kernel is, or here, when left out.",
    ),
    click.option("--cpus", type=float, metavar="N", help="Cores that it takes there."),
    click.option("--memory", metavar="SIZE", help="Memory that it takes, such as 4GiB."),
    click.option("--gpus", type=int, metavar="N", help="GPUs that it takes."),
    click.option(
        "--env",
        "environment",
        multiple=True,
        metavar="REQUIREMENTS",
        help="A requirements file, a package, or docker://IMAGE; may repeat.",
    ),
    click.option("--python", metavar="PATH", help="A Python interpreter to run with."),
    click.option("--kernel", "kernel_name", metavar="NAME", help="Instead of the notebook's own."),
    click.option(
        "--files",
        multiple=True,
        metavar="PATTERN",
        help="Files beside it to take along; may repeat. Left out: those that the code uses.",
    ),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="NAME=PATH",
        help="Data to have under NAME in the working folder: a file or a folder; may repeat.",
    ),
    click.option(
        "--output",
        "outputs",
        multiple=True,
        metavar="PATTERN",
        help="Files to keep as results, beside those that it creates or changes.",
    ),
    click.option(
        "--var", "env", multiple=True, metavar="NAME=VALUE", help="An environment variable."
    ),
    click.option("--retries", type=int, metavar="N", help="Further attempts after a failure."),
    click.option(
        "--backoff", "retry_backoff_s", type=float, metavar="S", help="Wait before a retry."
    ),
    click.option(
        "--timeout", "timeout_s", type=float, metavar="S", help="Seconds that one attempt may take."
    ),
    click.option("--priority", type=int, metavar="N", help="From -100 to 100; higher goes first."),
    click.option(
        "--keep-kernel",
        "keep_kernel_s",
        type=float,
        metavar="S",
        help="Keep a failed notebook's kernel alive so long.",
    ),
    click.option(
        "--keep-variables",
        is_flag=True,
        help="Keep a notebook's variables after its cells: a retry goes on at the failed cell.",
    ),
    click.option("--experiment", metavar="NAME", help="The MLflow experiment of its run."),
    click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE"),
    click.option("--no-autolog", is_flag=True, help="Do not apply mlflow.autolog()."),
    click.option(
        "--retain", "retain_s", type=float, metavar="S", help="Delete it so long after its end."
    ),
)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that describe a job, and the PATH before them."""
    for option in reversed(_JOB):
        command = option(command)
    return click.argument("path")(command)


def read_job(studio: Studio, given: dict[str, Any]) -> tuple[CreateJob, SourceInfo]:
    """Make the spec of a job from the options given."""
    from labstudio.jobs.request import create_job
    from labstudio.jobs.taking import image_of

    source = given.pop("path")
    if image_of(source) is None:
        source = str(Path(source).expanduser().absolute())
    info = studio.jobs.inspect(source)
    autolog = not given.pop("no_autolog")
    checkpoint = {"cells": given.pop("keep_variables")}
    spec = create_job(
        {**given, "path": source, "autolog": autolog, "checkpoint": checkpoint},
        info.parameters,
    )
    return spec, info
