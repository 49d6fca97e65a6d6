"""A card as one HTML page: no script, nothing loaded, everything that people wrote escaped."""

from __future__ import annotations

from functools import singledispatch
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from labstudio.cards.outline import (
    Bars,
    Claim,
    Curve,
    Matrix,
    Metrics,
    Outline,
    Reference,
    Values,
    is_share,
    outline,
    shown,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.cards.models import Card

WIDTH, HEIGHT, MARGIN = 320, 220, 34


def page(card: Card, base: str | None = None) -> str:
    """Return a card as a page.

    Parameters
    ----------
    card
        What it says.
    base
        The address of a Jupyter Server, ending in ``/``, that links lead to.
    """
    arranged = outline(card, base)
    style = (files(__package__) / "card.css").read_text("utf-8")
    sections = "".join(
        f"<section><h2>{escape(each.title)}</h2>{''.join(map(block, each.blocks))}</section>"
        for each in arranged.sections
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Model card: {escape(arranged.title)}</title><style>{style}</style></head>"
        f"<body><main>{head(card, arranged)}{stale(card)}{lacking(card)}{sections}"
        f"{sources(arranged.references)}{foot(card)}</main></body></html>\n"
    )


def head(card: Card, arranged: Outline) -> str:
    """Return the title with state and risk."""
    risk = arranged.risk or "Unknown"
    version = f"card {card.version}" if card.version else "not saved yet"
    marks = [
        f'<span class="mark state-{card.state.value}">{escape(card.state.value)}</span>',
        f'<span class="mark risk-{risk.lower()}">risk: {escape(risk.lower())}</span>',
        '<span class="mark stale">stale</span>' if card.stale else "",
    ]
    return (
        f'<header><p class="kind">Model card, {version}</p>'
        f"<h1>{escape(card.model)} <small>version {card.model_version}</small></h1>"
        f"<p>{''.join(marks)}</p></header>"
    )


def stale(card: Card) -> str:
    """Return why the card is stale."""
    if not card.stale:
        return ""
    items = "".join(f"<li>{escape(each.message)}</li>" for each in card.stale_reasons)
    return (
        '<aside class="stale" role="note"><strong>This card no longer says what is.</strong>'
        f"<ul>{items}</ul></aside>"
    )


def lacking(card: Card) -> str:
    """Return what nobody has said."""
    if not card.missing:
        return ""
    names = ", ".join(escape(each.label) for each in card.missing)
    return (
        '<aside class="missing" role="note"><strong>Not said yet:</strong> '
        f"{names}. Only a person knows.</aside>"
    )


def marks(refs: Sequence[int]) -> str:
    """Return the numbers of sources, each a link to the list."""
    links = "".join(f'<a href="#source-{each}">{each}</a>' for each in refs)
    return f'<sup class="refs" aria-label="sources">{links}</sup>' if links else ""


@singledispatch
def block(each: object) -> str:
    """Return a part of a section."""
    raise TypeError(type(each))


@block.register
def _(each: Claim) -> str:
    if each.text is None:
        said = f'<span class="lacks">missing</span> <span class="help">{escape(each.help)}</span>'
        return f'<dl class="claim missing"><dt>{escape(each.label)}</dt><dd>{said}</dd></dl>'
    text = "<br>".join(map(escape, each.text.splitlines()))
    label = escape(each.label)
    return f'<dl class="claim"><dt>{label}</dt><dd>{text}{marks(each.refs)}</dd></dl>'


@block.register
def _(each: Values) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in each.rows
    )
    return f"<h3>{escape(each.title)}{marks(each.refs)}</h3><table>{rows}</table>"


@block.register
def _(each: Metrics) -> str:
    bars = any(is_share(value) for _, value, _ in each.rows)
    rows = []
    for name, value, notes in each.rows:
        share = (
            f'<span class="bar"><i style="width:{value:.1%}"></i></span>' if is_share(value) else ""
        )
        drawn = f'<td class="drawn">{share}</td>' if bars else ""
        rows.append(
            f'<tr><th scope="row">{escape(name)}</th><td class="number">{escape(shown(value))}</td>'
            f'{drawn}<td class="notes">{escape(notes)}</td></tr>'
        )
    title = f"<h3>{escape(each.title)}{marks(each.refs)}</h3>"
    return f'{title}<table class="metrics">{"".join(rows)}</table>'


@block.register
def _(each: Bars) -> str:
    most = max(map(abs, each.values)) or 1.0
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td class="number">{escape(shown(value))}</td>'
        f'<td class="drawn"><span class="bar"><i class="{"minus" if value < 0 else ""}" '
        f'style="width:{abs(value) / most:.1%}"></i></span></td></tr>'
        for label, value in zip(each.labels, each.values, strict=True)
    )
    axis = f' <span class="help">{escape(each.axis)}</span>' if each.axis else ""
    return f'<h3>{escape(each.title)}{axis}</h3><table class="metrics">{rows}</table>'


@block.register
def _(each: Curve) -> str:
    left, right = span(x for x, _ in each.points)
    low, high = span((y for _, y in each.points), share=True)
    points = " ".join(
        f"{MARGIN + (x - left) / (right - left) * (WIDTH - MARGIN - 10):.1f},"
        f"{HEIGHT - MARGIN - (y - low) / (high - low) * (HEIGHT - MARGIN - 10):.1f}"
        for x, y in each.points
    )
    bottom, top = HEIGHT - MARGIN, 10
    return (
        f'<figure><figcaption>{escape(each.title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{escape(each.title)}">'
        f'<path class="axis" d="M{MARGIN},{top}V{bottom}H{WIDTH - 10}"/>'
        f'<polyline points="{points}"/>'
        f'<text x="{MARGIN}" y="{bottom + 14}">{shown(left)}</text>'
        f'<text x="{WIDTH - 10}" y="{bottom + 14}" text-anchor="end">{shown(right)}</text>'
        f'<text x="{(WIDTH + MARGIN) / 2}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"{escape(each.x)}</text>"
        f'<text x="{MARGIN - 4}" y="{bottom}" text-anchor="end">{shown(low)}</text>'
        f'<text x="{MARGIN - 4}" y="{top + 8}" text-anchor="end">{shown(high)}</text>'
        f'<text transform="translate(10 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(each.y)}</text></svg></figure>"
    )


@block.register
def _(each: Matrix) -> str:
    most = max(abs(value) for row in each.rows for value in row) or 1.0
    corner = "<tr><td></td>" + "".join(f'<th scope="col">{escape(x)}</th>' for x in each.x)
    rows = []
    for index, row in enumerate(each.rows):
        name = each.y[index] if index < len(each.y) else str(index + 1)
        cells = "".join(
            f'<td style="--part:{abs(value) / most:.2f}" class="cell'
            f'{" deep" if abs(value) / most > 0.55 else ""}">{escape(shown(value))}</td>'
            for value in row
        )
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    top = corner + "</tr>" if each.x else ""
    return f'<h3>{escape(each.title)}</h3><table class="matrix">{top}{"".join(rows)}</table>'


def sources(references: Sequence[Reference]) -> str:
    """Return the list of what the claims were taken from."""
    if not references:
        return ""
    rows = []
    for each in references:
        label = escape(each.label)
        if each.link:
            label = f'<a href="{escape(each.link)}" target="_blank" rel="noopener">{label}</a>'
        mark = f"<code>{escape(each.sha256)}</code>" if each.sha256 else ""
        rows.append(
            f'<li id="source-{each.number}" value="{each.number}"><span class="kind">'
            f"{escape(each.kind)}</span> {label}<br><code>{escape(each.object)}</code> {mark}</li>"
        )
    return f'<section class="sources"><h2>Sources</h2><ol>{"".join(rows)}</ol></section>'


def foot(card: Card) -> str:
    """Return who decided, and the hash of what was decided on."""
    decided = ""
    if card.decided_at is not None:
        said = f" “{escape(card.comment)}”" if card.comment else ""
        decided = (
            f"<p>{escape(card.state.value.capitalize())} by {escape(card.decided_by or '')} on "
            f"{card.decided_at:%Y-%m-%d %H:%M} UTC.{said}</p>"
        )
    return (
        f"<footer>{decided}<p>SageMaker model card schema 0.1.0. SHA-256 of the content: "
        f"<code>{card.sha256}</code></p></footer>"
    )
