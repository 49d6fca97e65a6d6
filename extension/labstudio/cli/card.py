"""``labstudio card``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from labstudio.cli.model import reached
from labstudio.cli.output import say


@click.command()
@click.argument("model")
@click.argument("version")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "pdf", "json"]),
    default="html",
    show_default=True,
    help="A page, a document to print, or SageMaker's card schema 0.1.0.",
)
@click.option("-o", "--output", "target", metavar="FILE", help="Where to; - is the output.")
@click.option("--card-version", type=int, metavar="N", help="Another than the newest card.")
def card(
    *, model: str, version: str, form: str, target: str | None, card_version: int | None
) -> None:
    """Write a model version's card.

    VERSION is a number or an alias. A PDF without -o is written into the current folder.
    """
    from labstudio.home import write_atomic

    studio = reached()
    at = studio.registry.resolve(model, version)
    content = studio.cards.export(model, at, form, card_version)
    if target is None and form == "pdf":
        target = f"{model}-{at}-card.pdf"
    if target in (None, "-"):
        sys.stdout.buffer.write(content)
        return
    assert target is not None
    write_atomic(Path(target).absolute(), content)
    say(f"Wrote {target}.")
