"""A job, and a table of jobs, as HTML that renders in any notebook, alive or saved."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from labstudio.widgets import ansi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.jobs.models import Job

LOG_LINES = 200
"""Lines of log that a card shows: the last ones."""

_COLOURS = {
    "succeeded": "var(--jp-success-color1, #388e3c)",
    "failed": "var(--jp-error-color1, #d32f2f)",
    "interrupted": "var(--jp-error-color1, #d32f2f)",
    "stopped": "var(--jp-warn-color1, #f57c00)",
    "running": "var(--jp-brand-color1, #1976d2)",
    "starting": "var(--jp-brand-color1, #1976d2)",
    "queued": "var(--jp-ui-font-color2, #757575)",
}
_STYLE = """<style>
.lst-Card { border: 1px solid var(--jp-border-color2, #bdbdbd); border-radius: 4px;
  padding: 8px 12px; font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: 13px;
  line-height: 1.5; max-width: 900px; }
.lst-Card-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; }
.lst-Card-name { font-weight: 600; overflow-wrap: anywhere; }
.lst-Card-dim { opacity: 0.7; }
.lst-Card-bar { height: 4px; border-radius: 2px; margin: 6px 0 2px;
  background: var(--jp-border-color3, rgba(128, 128, 128, 0.3)); }
.lst-Card-bar > div { height: 100%; border-radius: 2px; }
.lst-Card-error { color: var(--jp-error-color1, #d32f2f); overflow-wrap: anywhere; }
.lst-Card pre.lst-Card-log { max-height: 300px; overflow: auto; margin: 6px 0 0; padding: 6px 8px;
  background: var(--jp-layout-color2, rgba(128, 128, 128, 0.1)); white-space: pre-wrap;
  overflow-wrap: anywhere; font-family: var(--jp-code-font-family, monospace); font-size: 12px;
  line-height: 1.35; }
.lst-Card-links { display: none; }
.jp-OutputArea .lst-Card-links { display: inline; }
.lst-Card-links a { cursor: pointer; margin-right: 10px; white-space: nowrap;
  color: var(--jp-content-link-color, #1976d2); }
table.lst-Jobs { border-collapse: collapse; font-size: 13px; color: inherit; }
table.lst-Jobs th, table.lst-Jobs td { text-align: left; padding: 3px 14px 3px 0; }
table.lst-Jobs td.lst-Jobs-time { white-space: nowrap; }
table.lst-Jobs td.lst-Card-error { overflow-wrap: anywhere; }
table.lst-Jobs td.lst-Jobs-id { font-family: var(--jp-code-font-family, monospace); }
</style>"""


def html(job: Job, log: str | None = None, note: str | None = None) -> str:
    """Show a job as a card.

    Parameters
    ----------
    job
        The job as it stands.
    log
        Its log, of which the last lines are shown.
    note
        One more line, such as what a cell carries.
    """
    details = [escape(str(job.kind)), f"<code>{job.id}</code>"]
    if job.attempt > 1:
        details.append(f"attempt {job.attempt} of {job.attempts_allowed}")
    if job.parameters:
        given = ", ".join(f"{name}={value!r}" for name, value in job.parameters.items())
        details.append(escape(_short(given)))
    parts = [
        _STYLE,
        '<div class="lst-Card"><div class="lst-Card-head">',
        f"{_state(job)}<span class='lst-Card-name'>{escape(job.name)}</span>",
        f"<span class='lst-Card-dim'>{escape(_when(job))}</span>{_links(job)}</div>",
        _bar(job),
        f"<div class='lst-Card-dim'>{' · '.join(details)}</div>",
    ]
    if note:
        parts.append(f"<div class='lst-Card-dim'>{escape(note)}</div>")
    if job.error:
        parts.append(f"<div class='lst-Card-error'>{escape(job.error)}</div>")
    if log:
        parts.append(f"<pre class='lst-Card-log'>{_tail(log)}</pre>")
    return "".join([*parts, "</div>"])


def table_html(jobs: Sequence[Job]) -> str:
    """Show jobs as a table, in the order given."""
    if not jobs:
        return f"{_STYLE}<div class='lst-Card-dim'>There are no jobs.</div>"
    rows = "".join(
        f"<tr><td class='lst-Jobs-id' title='{job.id}'>{job.id[-6:]}</td>"
        f"<td>{escape(job.name)}</td><td>{_state(job)}</td>"
        f"<td class='lst-Jobs-time'>{escape(_when(job))}</td>"
        f"<td class='lst-Card-error'>{escape(_short(job.error or ''))}</td>"
        f"<td>{_links(job)}</td></tr>"
        for job in jobs
    )
    head = "".join(f"<th>{name}</th>" for name in ("ID", "Name", "State", "Time", "", ""))
    return f"{_STYLE}<table class='lst-Jobs'><tr>{head}</tr>{rows}</table>"


def plain(job: Job) -> str:
    """Say a job in one line, for frontends that show text only."""
    error = f": {job.error}" if job.error else ""
    return f"{job.name} ({job.id}) {job.state}{error}"


def elapsed_s(job: Job) -> float | None:
    """Return for how long a job has run; None before it starts."""
    if job.started_at is None:
        return None
    return ((job.ended_at or datetime.now(UTC)) - job.started_at).total_seconds()


def _state(job: Job) -> str:
    shown = "stopping" if job.stop_requested and not job.state.final else job.state.value
    return f"<b style='color:{_COLOURS[job.state]}'>{shown}</b>"


def _when(job: Job) -> str:
    seconds = elapsed_s(job)
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes:
        return f"{minutes} min {rest} s"
    return f"{seconds:.1f} s" if job.ended_at else f"{seconds:.0f} s"


def _bar(job: Job) -> str:
    progress = job.progress
    if progress is None or not progress.cells:
        return ""
    done = progress.cells if job.state == "succeeded" else progress.cell or 0
    percent = min(100.0, 100 * done / progress.cells)
    text = f"cell {done} of {progress.cells}"
    return (
        f"<div class='lst-Card-bar' role='progressbar' aria-label='{text}' title='{text}'>"
        f"<div style='width:{percent:.0f}%;background:{_COLOURS[job.state]}'></div></div>"
    )


def _links(job: Job) -> str:
    """Make links that JupyterLab turns into commands; other places hide them."""
    verbs = {"open": "Open"} | ({} if job.state.final else {"stop": "Stop"})
    if job.state.final:
        verbs["rerun"] = "Rerun"
    arguments = escape(json.dumps({"id": job.id}))
    links = "".join(
        f'<a data-commandlinker-command="labstudio-jobs:{verb}" '
        f'data-commandlinker-args="{arguments}">{label}</a>'
        for verb, label in verbs.items()
    )
    return f"<span class='lst-Card-links'>{links}</span>"


def _tail(log: str) -> str:
    lines = ansi.overwrite(log).rstrip("\n").split("\n")
    hidden = len(lines) - LOG_LINES
    shown = ansi.to_html("\n".join(lines[-LOG_LINES:]))
    return f"<i>{hidden:,} earlier lines: %job_logs</i>\n{shown}" if hidden > 0 else shown


def _short(text: str, most: int = 160) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
