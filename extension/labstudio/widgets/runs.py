"""Runs in a notebook: a DataFrame that shows itself as a table with pages."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = 20
COLUMNS = 12
_STYLE = """<style>
.lst-Runs { border-collapse: collapse; }
.lst-Runs th { text-align: left; font-weight: 600; }
.lst-Runs th, .lst-Runs td { padding: 2px 12px 2px 0; white-space: nowrap; }
.lst-Runs td.lst-number { text-align: right; font-variant-numeric: tabular-nums; }
</style>"""


class RunFrame(pd.DataFrame):  # type: ignore[misc]  # pandas has no types
    """Runs as ``mlflow.search_runs`` gives them; in a notebook they are shown as a table."""

    def __init__(self, found: pd.DataFrame, total: int) -> None:
        super().__init__(found)
        self.attrs["total"] = total

    @property
    def _constructor(self) -> Any:
        # What is made of it is a plain DataFrame, and shows itself as such.
        return pd.DataFrame

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        total = int(self.attrs["total"])
        data: dict[str, Any] = {"text/plain": text(self, total), "text/html": html(self, total)}
        if len(self) > PAGE and (widget := pager(self, total)) is not None:
            view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
            data["application/vnd.jupyter.widget-view+json"] = view
        return data


def pager(found: pd.DataFrame, total: int) -> Any:
    """Return a widget that shows the runs a page at a time; None without ipywidgets."""
    try:
        import ipywidgets
    except ImportError:
        return None
    content = ipywidgets.HTML(html(found, total))
    earlier, later = (
        ipywidgets.Button(description=label, tooltip=tip, layout={"width": "auto"})
        for label, tip in (("◀", "Runs before these"), ("▶", "Runs after these"))
    )
    place = {"at": 0}

    def move(by: int) -> None:
        last = max(0, (len(found) - 1) // PAGE * PAGE)
        place["at"] = min(max(0, place["at"] + by), last)
        content.value = html(found, total, place["at"])
        earlier.disabled, later.disabled = place["at"] == 0, place["at"] == last

    earlier.on_click(lambda _: move(-PAGE))
    later.on_click(lambda _: move(PAGE))
    move(0)
    return ipywidgets.VBox([content, ipywidgets.HBox([earlier, later])])


def html(found: pd.DataFrame, total: int, at: int = 0) -> str:
    """Return a page of the runs as HTML."""
    names = shown(found)
    top = "".join(f"<th>{escape(title(name))}</th>" for name in names)
    body = []
    for row in found[names].iloc[at : at + PAGE].itertuples(index=False):
        cells = []
        for value in row:
            number = isinstance(value, float) and not pd.isna(value)
            cells.append(f"<td{' class=lst-number' if number else ''}>{escape(cell(value))}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    below = f"<div>{escape(said(found, total, at))}</div>"
    return f"{_STYLE}<table class='lst-Runs'><tr>{top}</tr>{''.join(body)}</table>{below}"


def text(found: pd.DataFrame, total: int) -> str:
    """Return the first runs as text."""
    names = shown(found)
    rows = [[cell(value) for value in row] for row in found[names].head(PAGE).to_numpy().tolist()]
    lines = [[title(name) for name in names], *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(names))]
    aligned = [
        "  ".join(each.ljust(room) for each, room in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([*aligned, said(found, total, 0)])


def shown(found: pd.DataFrame) -> Sequence[str]:
    """Return the columns that a table has room for: name, state, then what differs first."""
    fixed = [each for each in ("tags.mlflow.runName", "status", "start_time") if each in found]
    held = [each for each in found if str(each).startswith(("metrics.", "params."))]
    metrics_first = sorted(
        held, key=lambda name: (str(name).startswith("params."), held.index(name))
    )
    return [*fixed, *metrics_first[: COLUMNS - len(fixed)]]


def title(name: str) -> str:
    """Return a column's heading."""
    known = {"tags.mlflow.runName": "name", "start_time": "started"}
    return known.get(name, name.partition(".")[2] or name)


def cell(value: object) -> str:
    """Return a value as a cell shows it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:.5g}"
    words = str(value)
    return words if len(words) <= 40 else words[:39] + "…"


def said(found: pd.DataFrame, total: int, at: int) -> str:
    """Say which of the runs are shown."""
    if not len(found):
        return "No run matches."
    last = min(at + PAGE, len(found))
    return f"Runs {at + 1} to {last} of {total:,}."
