"""Completion of the magics' arguments."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from IPython.core.interactiveshell import InteractiveShell

IDENTIFIER = "labstudio.magics"
CELL_MAGICS = ("job",)
LINE_MAGICS = (
    "run_notebook",
    "jobs",
    "job_pull",
    "job_stop",
    "job_logs",
    "move",
    "checkpoint",
    "compute",
    "lineage",
    "runs",
)
JOB_VERBS = frozenset({"job_pull", "job_stop", "job_logs"})
COMPUTE_VERBS = frozenset({"show", "test"})
JOBS_OFFERED = 20

_LINE = re.compile(r"\s*(?:%%(?P<cell>\w+)|%(?P<line>\w+))\s")


def register(shell: InteractiveShell) -> None:
    """Offer options and values after the name of each magic."""
    from IPython.core.completer import SimpleCompletion, context_matcher

    if any(getattr(each, "matcher_identifier", "") == IDENTIFIER for each in _matchers(shell)):
        return

    @context_matcher(identifier=IDENTIFIER)  # type: ignore[untyped-decorator]
    def match(context: Any) -> dict[str, Any]:
        line, cursor = context.line_with_cursor, context.full_text
        found = complete(shell, line, first_line=context.cursor_line == 0) if cursor else None
        if not found:
            return {"completions": []}
        typed = context.token
        fitting = [SimpleCompletion(text, type="param") for text in found if text.startswith(typed)]
        # Names of Python have no place on the line of a magic.
        return {"completions": fitting, "suppress": bool(fitting)}

    _matchers(shell).append(match)


def _matchers(shell: Any) -> list[Any]:
    found: list[Any] = shell.Completer.custom_matchers
    return found


def complete(shell: Any, line: str, *, first_line: bool = True) -> list[str]:
    """List what may follow on a line up to the cursor; nothing when it is no line of ours."""
    told = _LINE.match(line)
    name = told and (told["cell"] or told["line"])
    cell = bool(told and told["cell"])
    if not name or name not in (CELL_MAGICS if cell else LINE_MAGICS) or (cell and not first_line):
        return []
    words = _words(line)
    typed = "" if line.endswith(" ") else words[-1]
    previous = words[-1] if line.endswith(" ") else words[-2]
    try:
        return _Completer(name)._offer(shell, previous, typed, words)
    except (StudioError, OSError):
        return []  # Nothing to offer; the magic itself will say what is wrong.


class _Completer:
    """Knows what each place on a magic's line may hold."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _offer(self, shell: Any, previous: str, typed: str, words: list[str]) -> list[str]:
        import labstudio
        from labstudio.jobs.models import JobState, ListJobs

        studio = labstudio.studio()
        if previous == "--compute" or (self.name == "compute" and previous in COMPUTE_VERBS):
            return [each.name for each in studio.computes.list().items]
        if previous == "--state":
            return [state.value for state in JobState]
        if previous in {"-p", "--parameter", "--sweep"} and self.name == "run_notebook":
            return self._parameters(studio, words)
        if previous in {"--env", "--files", "--output"}:
            return _paths(typed, None)
        if self.name in ("move", "checkpoint") and typed[:1] != "-":
            from labstudio.magics.namespace import completions

            return completions(studio, self.name, words)
        found = [option for option in self._options(shell) if option not in words]
        if self.name == "run_notebook" and len(words) - bool(typed) == 1 and typed[:1] != "-":
            return _paths(typed, {".ipynb", ".py", ".sh", ".R"})
        if self.name == "lineage" and typed[:1] != "-":
            return [*found, "stale", "verify", *_paths(typed, None)]
        if self.name in JOB_VERBS and len(words) - bool(typed) == 1 and typed[:1] != "-":
            jobs = studio.jobs.list(ListJobs(limit=JOBS_OFFERED)).items
            return [*(job.id[-6:] for job in jobs), "last"]
        return found

    def _options(self, shell: Any) -> Iterable[str]:
        kind = "cell" if self.name in CELL_MAGICS else "line"
        magic = shell.magics_manager.magics[kind][self.name]
        for action in magic.parser._actions:
            yield from (option for option in action.option_strings if option.startswith("--"))

    def _parameters(self, studio: Any, words: list[str]) -> list[str]:
        path = next((word for word in words[1:] if word.endswith(".ipynb")), None)
        if path is None:
            return []
        info = studio.jobs.inspect(str(Path(path).expanduser().absolute()))
        return [f"{parameter.name}=" for parameter in info.parameters]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()  # A quote is open still.


def _paths(typed: str, suffixes: set[str] | None) -> list[str]:
    folder = Path(typed) if typed.endswith("/") else Path(typed).parent
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found.append(f"{path}/")
        elif suffixes is None or path.suffix in suffixes:
            found.append(shlex.quote(str(path)))
    return found
