"""What changed between the code of two runs: files, and notebooks cell by cell."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Literal, NamedTuple

from labstudio.experiments.run_models import CodePart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Change = Literal["added", "removed", "changed"]

# Beyond this a file is compared by its hash alone.
TEXT_LIMIT_BYTES = 1 << 20
CONTEXT_LINES = 3


class Source(NamedTuple):
    """A run's code by the names of its files; None where a file is no text or too long."""

    files: Mapping[str, str | None]
    hashes: Mapping[str, str]


def differ(old: Source, new: Source) -> list[CodePart]:
    """Return what changed from one source to another: files by name, notebooks cell by cell."""
    parts: list[CodePart] = []
    for name in sorted({*old.files, *new.files}):
        if old.hashes.get(name) == new.hashes.get(name):
            continue
        before, after = old.files.get(name), new.files.get(name)
        if name not in old.files or name not in new.files:
            change: Change = "added" if name in new.files else "removed"
            parts.append(part(name, change, before or "", after or ""))
        elif before is None or after is None:
            parts.append(CodePart(name=name, change="changed", diff=""))
        else:
            parts += of_file(name, before, after)
    return parts


def of_file(name: str, before: str, after: str) -> Iterator[CodePart]:
    """Yield what changed in a file."""
    if name.endswith(".ipynb"):
        old, new = cells(before), cells(after)
        if old is not None and new is not None:
            yield from of_cells(name, old, new)
            return
    if before != after:
        yield part(name, "changed", before, after)


def cells(text: str) -> list[str] | None:
    """Return the sources of a notebook's cells; None where it is none."""
    try:
        content = json.loads(text)
        return [joined(cell["source"]) for cell in content["cells"]]
    except (ValueError, KeyError, TypeError):
        return None


def joined(source: str | list[str]) -> str:
    """Return a cell's source, which nbformat lets be a list of lines."""
    return source if isinstance(source, str) else "".join(source)


def of_cells(name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[CodePart]:
    """Yield the cells that changed; equal cells are found wherever they moved to in order."""
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    for kind, old_at, old_end, new_at, new_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        both = min(old_end - old_at, new_end - new_at)
        for step in range(both):
            title = f"{name}, cell {new_at + step + 1}"
            yield part(title, "changed", old[old_at + step], new[new_at + step])
        for place in range(old_at + both, old_end):
            yield part(f"{name}, cell {place + 1}", "removed", old[place], "")
        for place in range(new_at + both, new_end):
            yield part(f"{name}, cell {place + 1}", "added", "", new[place])


def part(name: str, change: Change, before: str, after: str) -> CodePart:
    """Return a part with its diff, without the two lines that would name files."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), n=CONTEXT_LINES, lineterm=""
    )
    return CodePart(name=name, change=change, diff="\n".join(list(lines)[2:]))


def unified(parts: Iterable[CodePart]) -> str:
    """Return all parts as one unified diff."""
    names = {"added": ("/dev/null", "{}"), "removed": ("{}", "/dev/null"), "changed": ("{}", "{}")}
    texts = []
    for each in parts:
        old, new = (side.format(each.name) for side in names[each.change])
        texts.append(f"--- {old}\n+++ {new}\n{each.diff}\n")
    return "".join(texts)
