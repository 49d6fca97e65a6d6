"""The log of a job as HTML: colours as spans, carriage returns as a terminal would show them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape

_ESCAPE = re.compile(r"\x1b(?:\[([0-9;:?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
# Colours that can be read on a white page and on a dark one.
_COLOURS = (
    *("#3e424d", "#e75c58", "#00a250", "#c08a2d", "#208ffb", "#d160c4", "#2aa5a5", "#8b93a0"),
    *("#6a737d", "#ff7b72", "#2bbf6e", "#ddb62b", "#5cadff", "#e38bd8", "#60c6c8", "#a1a6b2"),
)


@dataclass(frozen=True)
class _Style:
    colour: str | None = None
    background: str | None = None
    bold: bool = False
    italic: bool = False
    underline: bool = False

    def css(self) -> str:
        told = {
            "color": self.colour,
            "background": self.background,
            "font-weight": "bold" if self.bold else None,
            "font-style": "italic" if self.italic else None,
            "text-decoration": "underline" if self.underline else None,
        }
        return ";".join(f"{name}:{value}" for name, value in told.items() if value)


def to_html(text: str) -> str:
    """Turn text with escapes into HTML; every other escape than colour is dropped."""
    style, last, made = _Style(), 0, []
    text = overwrite(text)
    for match in _ESCAPE.finditer(text):
        made.append(_span(text[last : match.start()], style))
        last = match.end()
        if match[2] == "m":
            style = _applied(style, match[1] or "")
    made.append(_span(text[last:], style))
    return "".join(made)


def overwrite(text: str) -> str:
    """Apply carriage returns: a progress bar leaves its last line only."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        parts = [part for part in line.split("\r") if part]
        lines.append(parts[-1] if parts else "")
    return "\n".join(lines)


def strip(text: str) -> str:
    """Drop every escape."""
    return _ESCAPE.sub("", text)


def _span(text: str, style: _Style) -> str:
    css = style.css()
    shown = escape(text)
    return f'<span style="{css}">{shown}</span>' if css and shown else shown


def _applied(style: _Style, codes: str) -> _Style:
    numbers = [int(code) if code.isdigit() else 0 for code in re.split("[;:]", codes)]
    while numbers:
        style = _one(style, numbers)
    return style


def _one(style: _Style, numbers: list[int]) -> _Style:
    code = numbers.pop(0)
    if code == 0:
        return _Style()
    if code in (38, 48):
        colour = _extended(numbers)
        return replace(style, colour=colour) if code == 38 else replace(style, background=colour)
    for start, bright in ((30, 0), (90, 8)):
        if start <= code < start + 8:
            return replace(style, colour=_COLOURS[code - start + bright])
        if start + 10 <= code < start + 18:
            return replace(style, background=_COLOURS[code - start - 10 + bright])
    changes: dict[int, dict[str, bool | None]] = {
        1: {"bold": True},
        3: {"italic": True},
        4: {"underline": True},
        22: {"bold": False},
        23: {"italic": False},
        24: {"underline": False},
        39: {"colour": None},
        49: {"background": None},
    }
    return replace(style, **changes.get(code, {}))  # type: ignore[arg-type]


def _extended(numbers: list[int]) -> str | None:
    """Read the rest of ``38;5;N`` or ``38;2;R;G;B``."""
    kind = numbers.pop(0) if numbers else 0
    if kind == 2 and len(numbers) >= 3:
        red, green, blue = (min(numbers.pop(0), 255) for _ in range(3))
        return f"rgb({red},{green},{blue})"
    if kind != 5 or not numbers:
        return None
    index = min(numbers.pop(0), 255)
    if index < 16:
        return _COLOURS[index]
    if index >= 232:
        grey = 8 + 10 * (index - 232)
        return f"rgb({grey},{grey},{grey})"
    levels = (0, 95, 135, 175, 215, 255)
    index -= 16
    return f"rgb({levels[index // 36]},{levels[index // 6 % 6]},{levels[index % 6]})"
