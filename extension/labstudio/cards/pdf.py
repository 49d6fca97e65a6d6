"""A card as a document to print."""

from __future__ import annotations

import json
from functools import singledispatch
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
from labstudio.cards.sheet import (
    ACCENT,
    BAD,
    BAD_PAPER,
    GOOD,
    GOOD_PAPER,
    INK,
    LINE,
    MONO,
    REFS,
    SOFT,
    TINT,
    WARN,
    WARN_PAPER,
    Colour,
    Sheet,
    clean,
    mixed,
    shortened,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.cards.models import Card
    from labstudio.cards.outline import Block

PLAIN: tuple[Colour, Colour] = (SOFT, TINT)
STATES = {
    "approved": (GOOD, GOOD_PAPER),
    "rejected": (BAD, BAD_PAPER),
    "pending": (WARN, WARN_PAPER),
}
RISKS = {"High": (BAD, BAD_PAPER), "Medium": (WARN, WARN_PAPER), "Low": (GOOD, GOOD_PAPER)}
LABEL = 42.0
LEADING = 4.8
CHART, CHART_HEIGHT = 82.0, 58.0

Links = dict[int, int]


def document(card: Card, base: str | None = None) -> bytes:
    """Return a card as PDF.

    Parameters
    ----------
    card
        What it says.
    base
        The address of a Jupyter Server, ending in ``/``, that links lead to.
    """
    arranged = outline(card, base)
    version = f"card {card.version}" if card.version else "not saved"
    mark = f"{version}, {card.state.value}, {card.sha256[:12]}"
    text = json.dumps([card.content, card.model, card.comment], ensure_ascii=False)
    sheet = Sheet(f"Model card: {arranged.title}", mark, text)
    sheet.add_page()
    links = {each.number: sheet.add_link() for each in arranged.references}
    head(sheet, card, arranged)
    notices(sheet, card)
    for section in arranged.sections:
        heading(sheet, section.title)
        blocks(sheet, section.blocks, links)
    sources(sheet, arranged.references, links)
    end(sheet, card)
    return bytes(sheet.output())


def head(sheet: Sheet, card: Card, arranged: Outline) -> None:
    """Write the title, and how the card stands."""
    sheet.face(9, SOFT)
    version = f"version {card.version} of the card" if card.version else "not saved yet"
    sheet.cell(0, 5, f"MODEL CARD  ·  {version}", new_x="LMARGIN", new_y="NEXT")
    sheet.face(22, INK, "B")
    sheet.words(clean(card.model), sheet.epw, 10)
    sheet.face(12, SOFT)
    sheet.cell(0, 7, f"version {card.model_version}", new_x="LMARGIN", new_y="NEXT")
    sheet.ln(1)
    risk = arranged.risk or "Unknown"
    sheet.badge(card.state.value, *STATES.get(card.state.value, PLAIN))
    sheet.badge(f"risk: {risk.lower()}", *RISKS.get(risk, PLAIN))
    if card.stale:
        sheet.badge("stale", BAD, BAD_PAPER)
    sheet.ln(8)
    sheet.rule(INK, 0.5)
    sheet.ln(3)


def notices(sheet: Sheet, card: Card) -> None:
    """Say why the card is stale, and what nobody has said."""
    if card.stale:
        told = "\n".join(f"• {each.message}" for each in card.stale_reasons)
        notice(sheet, f"This card no longer says what is.\n{told}", BAD, BAD_PAPER)
    if card.missing:
        names = ", ".join(each.label for each in card.missing)
        text = f"Not said yet: {names}. Only a person knows."
        notice(sheet, text, WARN, WARN_PAPER)


def notice(sheet: Sheet, text: str, ink: Colour, paper: Colour) -> None:
    """Write something that must not be overlooked."""
    sheet.face(9, ink)
    width = sheet.epw - 8
    height = sheet.height_of(clean(text), width, LEADING) + 5
    sheet.room(height + 3)
    x, y = sheet.get_x(), sheet.get_y()
    sheet.box(x, y, sheet.epw, height, paper)
    sheet.set_fill_color(*ink)
    sheet.rect(x, y, 1.2, height, style="F")
    sheet.set_xy(x + 5, y + 2.5)
    sheet.words(clean(text), width, LEADING)
    sheet.set_xy(x, y + height + 3)


def heading(sheet: Sheet, title: str) -> None:
    """Begin a section, with room for a part of it."""
    sheet.room(28)
    sheet.ln(4)
    sheet.start_section(clean(title))
    sheet.face(14, INK, "B")
    sheet.words(clean(title), sheet.epw, 7)
    sheet.rule()
    sheet.ln(2.5)


def subheading(sheet: Sheet, title: str, refs: Sequence[int], links: Links, room: float) -> None:
    """Begin a table or chart, with room for it."""
    sheet.room(room + 9)
    sheet.ln(2)
    y = sheet.get_y()
    sheet.face(10, INK, "B")
    sheet.words(clean(title), sheet.epw - REFS, 6)
    sheet.refs(refs, links, y + 0.5)
    sheet.set_x(sheet.l_margin)


def blocks(sheet: Sheet, parts: Sequence[Block], links: Links) -> None:
    """Write the parts of a section; charts stand two in a row."""
    waiting: list[Curve] = []
    for part in [*parts, None]:
        if isinstance(part, Curve):
            waiting.append(part)
            if len(waiting) < 2:
                continue
        if waiting:
            curves(sheet, waiting)
            waiting = []
        if part is not None and not isinstance(part, Curve):
            block(part, sheet, links)


@singledispatch
def block(part: object, sheet: Sheet, links: Links) -> None:
    """Write one part of a section."""
    raise TypeError(type(part))


@block.register
def _(part: Claim, sheet: Sheet, links: Links) -> None:
    said = part.text is not None
    text = clean(part.text or f"missing: {part.help}")
    width = sheet.epw - LABEL - REFS
    sheet.face(9.5, INK if said else WARN, "" if said else "I")
    sheet.room(sheet.height_of(text, width, LEADING) + 1.5)
    x, y = sheet.l_margin, sheet.get_y()
    sheet.set_x(x)
    sheet.face(9.5, SOFT)
    sheet.words(clean(part.label), LABEL - 3, LEADING)
    below, page = sheet.get_y(), sheet.page
    sheet.set_xy(x + LABEL, y)
    sheet.face(9.5, INK if said else WARN, "" if said else "I")
    sheet.words(text, width, LEADING)
    if sheet.page == page:
        sheet.refs(part.refs, links, y)
        sheet.set_y(max(sheet.get_y(), below))
    sheet.ln(1.5)


@block.register
def _(part: Values, sheet: Sheet, links: Links) -> None:
    subheading(sheet, part.title, part.refs, links, 8)
    for name, value in part.rows:
        sheet.face(8.5, INK)
        width = sheet.epw - 62
        height = max(
            sheet.height_of(clean(value) or " ", width, 4.4),
            sheet.height_of(clean(name), 58, 4.4),
        )
        sheet.room(height + 1.6)
        y = sheet.get_y()
        sheet.face(8.5, SOFT)
        sheet.set_x(sheet.l_margin)
        sheet.words(clean(name), 58, 4.4)
        sheet.set_xy(sheet.l_margin + 62, y)
        sheet.face(8.5, INK)
        sheet.words(clean(value) or " ", width, 4.4)
        sheet.set_xy(sheet.l_margin, y + height + 0.6)
        sheet.rule()
        sheet.ln(1)


@block.register
def _(part: Metrics, sheet: Sheet, links: Links) -> None:
    subheading(sheet, part.title, part.refs, links, 14)
    for name, value, notes in part.rows:
        length = float(value) if is_share(value) else None
        bar(sheet, name, shown(value), length, notes)


@block.register
def _(part: Bars, sheet: Sheet, links: Links) -> None:
    title = f"{part.title} ({part.axis})" if part.axis else part.title
    subheading(sheet, title, (), links, 14)
    most = max(map(abs, part.values)) or 1.0
    for label, value in zip(part.labels, part.values, strict=True):
        bar(sheet, label, shown(value), value / most, "")


def bar(sheet: Sheet, name: str, value: str, length: float | None, notes: str) -> None:
    """Write a number with its bar, where it has one, and what is said of it."""
    sheet.face(8.5, INK)
    wide = 58.0
    height = max(sheet.height_of(clean(name), wide, 4.4), 4.4)
    sheet.room(height + 2)
    x, y = sheet.l_margin, sheet.get_y()
    sheet.set_x(x)
    sheet.words(clean(name), wide, 4.4)
    sheet.set_xy(x + wide, y)
    sheet.face(8.5, INK, "B")
    sheet.cell(22, 4.4, shortened(sheet, clean(value), 22), align="R")
    left, room = x + wide + 26, sheet.epw - wide - 26
    if length is not None:
        room = room / 2 if notes else room
        sheet.box(left, y + 0.7, room, 3, TINT)
        if abs(length) * room > 0.2:
            sheet.box(left, y + 0.7, abs(length) * room, 3, ACCENT if length > 0 else BAD)
        left += room + 3
    if notes:
        sheet.set_xy(left, y)
        sheet.face(7.5, SOFT)
        space = sheet.w - sheet.r_margin - left
        sheet.cell(space, 4.4, shortened(sheet, clean(notes), space))
    sheet.set_xy(x, y + height + 0.6)
    sheet.rule()
    sheet.ln(1)


def curves(sheet: Sheet, parts: Sequence[Curve]) -> None:
    """Draw one or two charts beside one another."""
    sheet.room(CHART_HEIGHT + 12)
    sheet.ln(2)
    y = sheet.get_y()
    for index, part in enumerate(parts):
        curve(sheet, part, sheet.l_margin + index * (CHART + 10), y)
    sheet.set_xy(sheet.l_margin, y + CHART_HEIGHT + 8)


def curve(sheet: Sheet, part: Curve, x: float, y: float) -> None:
    """Draw a chart with its axes."""
    sheet.set_xy(x, y)
    sheet.face(10, INK, "B")
    sheet.cell(CHART, 6, shortened(sheet, clean(part.title), CHART))
    left, right = span(each for each, _ in part.points)
    low, high = span((each for _, each in part.points), share=True)
    at_x, at_y, width, height = x + 11, y + 8, CHART - 12, CHART_HEIGHT - 16
    sheet.set_draw_color(*LINE)
    sheet.set_line_width(0.2)
    for step in range(5):
        level = at_y + height * step / 4
        sheet.line(at_x, level, at_x + width, level)
    sheet.set_draw_color(*SOFT)
    sheet.line(at_x, at_y, at_x, at_y + height)
    sheet.line(at_x, at_y + height, at_x + width, at_y + height)
    points = [
        (at_x + (a - left) / (right - left) * width, at_y + (high - b) / (high - low) * height)
        for a, b in part.points
    ]
    sheet.set_draw_color(*ACCENT)
    sheet.set_line_width(0.6)
    if len(points) > 1:
        sheet.polyline(points)
    else:
        sheet.circle(*points[0], radius=0.8, style="D")
    sheet.face(7, SOFT)
    for text, where, align in ((shown(left), at_x, "L"), (shown(right), at_x + width - 20, "R")):
        sheet.set_xy(where, at_y + height + 0.5)
        sheet.cell(20, 4, text, align=align)
    for text, level in ((shown(high), at_y - 1.5), (shown(low), at_y + height - 2.5)):
        sheet.set_xy(at_x - 12, level)
        sheet.cell(11, 4, text, align="R")
    sheet.set_xy(at_x, at_y + height + 3.5)
    sheet.cell(width, 4, clean(part.x), align="C")
    with sheet.rotation(90, at_x - 7, at_y + height / 2):
        sheet.set_xy(at_x - 7 - height / 2, at_y + height / 2 - 2)
        sheet.cell(height, 4, clean(part.y), align="C")


@block.register
def _(part: Matrix, sheet: Sheet, links: Links) -> None:
    columns = max(map(len, part.rows))
    side = 38.0 if part.y else 8.0
    width = min(30.0, (sheet.epw - side) / columns)
    height = min(9.0, max(5.0, width / 2.4))
    subheading(sheet, part.title, (), links, height * (len(part.rows) + 1))
    most = max(abs(value) for row in part.rows for value in row) or 1.0
    size = 8.0 if width > 16 else 6.0
    if part.x:
        sheet.face(min(size, 7.5), SOFT)
        sheet.set_x(sheet.l_margin + side)
        for name in part.x[:columns]:
            sheet.cell(width, 5, shortened(sheet, clean(name), width - 1), align="C")
        sheet.ln(5)
    for index, row in enumerate(part.rows):
        sheet.room(height)
        y = sheet.get_y()
        sheet.face(7.5, SOFT)
        name = part.y[index] if index < len(part.y) else ""
        sheet.set_x(sheet.l_margin)
        sheet.cell(side, height, shortened(sheet, clean(name), side - 2))
        for column, value in enumerate(row):
            share = abs(value) / most
            x = sheet.l_margin + side + column * width
            sheet.set_fill_color(*mixed(ACCENT, share))
            sheet.rect(x, y, width - 0.4, height - 0.4, style="F")
            sheet.set_xy(x, y)
            sheet.face(size, (255, 255, 255) if share > 0.55 else INK)
            sheet.cell(width - 0.4, height - 0.4, shown(value), align="C")
        sheet.set_xy(sheet.l_margin, y + height)
    sheet.ln(2)


def sources(sheet: Sheet, references: Sequence[Reference], links: Links) -> None:
    """List what the claims were taken from."""
    if not references:
        return
    heading(sheet, "Sources")
    for each in references:
        sheet.room(11)
        sheet.set_link(links[each.number], y=sheet.get_y(), page=sheet.page)
        y = sheet.get_y()
        sheet.face(8.5, ACCENT)
        sheet.cell(10, 4.4, f"[{each.number}]")
        sheet.set_xy(sheet.l_margin + 10, y)
        sheet.face(8.5, SOFT)
        sheet.cell(16, 4.4, each.kind)
        sheet.face(8.5, ACCENT if each.link else INK)
        sheet.words(clean(each.label), sheet.epw - 26, 4.4, link=each.link or "")
        sheet.set_x(sheet.l_margin + 26)
        sheet.face(7, SOFT, family=MONO)
        # A hash that stands in the name already is not said again.
        mark = each.sha256 if each.sha256 and each.sha256 not in each.object else ""
        sheet.words("\n".join(filter(None, [clean(each.object), mark])), sheet.epw - 26, 3.6)
        sheet.set_x(sheet.l_margin)
        sheet.ln(1.5)


def end(sheet: Sheet, card: Card) -> None:
    """Say who decided, and on what."""
    sheet.room(16)
    sheet.ln(4)
    sheet.rule()
    sheet.ln(2)
    sheet.face(8, SOFT)
    if card.decided_at is not None:
        said = f" “{card.comment}”" if card.comment else ""
        when = f"{card.decided_at:%Y-%m-%d %H:%M} UTC"
        text = f"{card.state.value.capitalize()} by {card.decided_by} on {when}.{said}"
        sheet.words(clean(text), sheet.epw, 4.2)
    text = f"SageMaker model card schema 0.1.0. SHA-256 of the content: {card.sha256}"
    sheet.words(text, sheet.epw, 4.2)
