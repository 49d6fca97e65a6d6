"""What agrees and what changed between a run and its reproduction. Pure: no store, no job."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from labstudio.reproduce.models import (
    TOLERANCE,
    CellCheck,
    DataCheck,
    MetricCheck,
    Reason,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from labstudio.capture.models import Capsule, DataPrint

SHOWN = 2000
PACKAGES_NAMED = 40
# What names one execution and not its result.
PASSING = re.compile(
    r"0x[0-9a-fA-F]+|\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
    r"|\b01[0-9A-HJKMNP-TV-Z]{24}\b"
)
SYSTEM = "system/"


def metrics(
    then: Mapping[str, float], now: Mapping[str, float], tolerance: float = TOLERANCE
) -> list[MetricCheck]:
    """Compare metrics by name; those of the machine are no result."""
    checks = []
    for key in sorted(then.keys() | now.keys()):
        if key.startswith(SYSTEM):
            continue
        before, after = then.get(key), now.get(key)
        agrees = before is not None and after is not None and close(before, after, tolerance)
        both = before is not None and after is not None
        checks.append(
            MetricCheck(
                key=key,
                then=finite(before),
                now=finite(after),
                difference=finite(after - before) if both else None,  # type: ignore[operator]
                agrees=agrees,
            )
        )
    return checks


def close(before: float, after: float, tolerance: float) -> bool:
    """Tell whether two values agree; what is not a number agrees with the same."""
    if math.isnan(before) or math.isnan(after):
        return math.isnan(before) and math.isnan(after)
    return math.isclose(before, after, rel_tol=tolerance, abs_tol=tolerance * 1e-6)


def finite(value: float | None) -> float | None:
    """Return a value as JSON can have it."""
    return value if value is not None and math.isfinite(value) else None


def cells(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[CellCheck]:
    """Compare the outputs of code cells, in the order in which they ran.

    A notebook's cell that did not run again, because one before it failed, does not agree.
    """
    left = list(now)
    checks = []
    for index, cell in enumerate(then):
        source = text_of(cell.get("source"))
        again = next((each for each in left if text_of(each.get("source")) == source), None)
        if again is not None:
            left = left[left.index(again) + 1 :]
        before = outputs(cell)
        after = outputs(again) if again is not None else None
        agrees = after is not None and settled(before) == settled(after)
        checks.append(
            CellCheck(
                index=index,
                execution_count=cell.get("execution_count"),
                source=next((line for line in source.splitlines() if line.strip()), "")[:200],
                agrees=agrees,
                then=None if agrees else before[:SHOWN],
                now=None if agrees or after is None else after[:SHOWN],
            )
        )
    return checks


def code_cells(notebook: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return a notebook's code cells, without those that papermill put there."""
    found = (notebook or {}).get("cells", [])
    return [
        cell
        for cell in found
        if cell.get("cell_type") == "code"
        and "injected-parameters" not in cell.get("metadata", {}).get("tags", [])
    ]


def outputs(cell: Mapping[str, Any]) -> str:
    """Return what a cell gave: what it printed, its results and errors, as text.

    What goes to stderr is left out: warnings and progress bars tell of the time, not of the result.
    """
    parts = []
    for output in cell.get("outputs", []):
        match output.get("output_type"):
            case "stream" if output.get("name") != "stderr":
                parts.append(text_of(output.get("text")))
            case "execute_result" | "display_data":
                data = output.get("data", {})
                parts.append(text_of(data.get("text/plain") or data.get("text/markdown")) + "\n")
            case "error":
                parts.append(f"{output.get('ename')}: {output.get('evalue')}\n")
    return "".join(parts)


def settled(text: str) -> str:
    """Return an output without addresses and ids, which are new each time."""
    lines = [line.rstrip() for line in PASSING.sub("…", text).splitlines()]
    return "\n".join(lines).strip()


def text_of(value: Any) -> str:
    """Return text as a notebook may have it, in one piece or in lines."""
    return "".join(value) if isinstance(value, list) else str(value or "")


def data(
    then: Sequence[DataPrint],
    now: Sequence[DataPrint],
    look: Callable[[DataPrint], str | None],
) -> list[DataCheck]:
    """Compare what was read.

    Parameters
    ----------
    then, now
        What the run and its reproduction read.
    look
        Gives the hash of what the reproduction did not read; None where it is gone.
    """
    checks = []
    for each in then:
        found = [other for other in now if other.path == each.path and each.path is not None]
        found = found or [other for other in now if other.name == each.name]
        hashes = [other.sha256 for other in found]
        seen = (each.sha256 if each.sha256 in hashes else hashes[0]) if hashes else look(each)
        checks.append(
            DataCheck(
                name=each.name,
                path=each.path,
                then=each.sha256,
                now=seen,
                agrees=seen == each.sha256,
            )
        )
    return checks


def reasons(
    then: Capsule, now: Capsule, locks: tuple[Mapping[str, str], Mapping[str, str]]
) -> list[Reason]:
    """Say what differs in code, packages, interpreter and machine."""
    found = [Reason(kind="package", message=each) for each in packages(*locks)]
    if then.git and now.git and then.git.commit != now.git.commit:
        message = f"The checkout was at {then.git.commit}, and is at {now.git.commit}."
        found.append(Reason(kind="code", message=message))
    if then.python != now.python:
        message = f"Python was {version(then)}, and is {version(now)}."
        found.append(Reason(kind="python", message=message))
    if then.platform != now.platform:
        message = f"The system was {then.platform}, and is {now.platform}."
        found.append(Reason(kind="platform", message=message))
    for name in ("cpu", "cores", "gpus"):
        before, after = getattr(then.hardware, name), getattr(now.hardware, name)
        if before != after:
            message = f"The machine's {name} was {told(before)}, and is {told(after)}."
            found.append(Reason(kind="hardware", message=message))
    if then.compute != now.compute:
        message = f"It ran on {then.compute}, and now on {now.compute}."
        found.append(Reason(kind="compute", message=message))
    return found


def packages(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Say which packages differ, one sentence each."""
    changed = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    told_of = [
        f"{name} was {then.get(name, 'not installed')}, and is {now.get(name, 'not installed')}."
        for name in changed[:PACKAGES_NAMED]
    ]
    if len(changed) > PACKAGES_NAMED:
        told_of.append(f"{len(changed) - PACKAGES_NAMED} more packages differ.")
    return told_of


def of_data(checks: Sequence[DataCheck]) -> list[Reason]:
    """Say which data changed."""
    return [
        Reason(
            kind="data",
            message=f"{each.path or each.name} changed: its SHA-256 was {each.then}, and is "
            f"{each.now}."
            if each.now
            else f"{each.path or each.name} is not there any more; its SHA-256 was {each.then}.",
        )
        for each in checks
        if not each.agrees
    ]


def chance(then: Capsule) -> Reason:
    """Say what is left when results differ and nothing else does: chance."""
    if not then.seeds:
        message = "All else is equal, and the code sets no seed: its result depends on chance."
    else:
        named = ", ".join(f"{name} = {value}" for name, value in sorted(then.seeds.items()))
        message = (
            f"All else is equal, and seeds are set ({named[:300]}): something is random that these "
            "do not reach, such as another generator, threads, or the time."
        )
    return Reason(kind="seed", message=message)


def version(capsule: Capsule) -> str:
    """Return an interpreter in words."""
    return f"{capsule.python.implementation} {capsule.python.version}"


def told(value: Any) -> str:
    """Return a fact about a machine in words."""
    if isinstance(value, list):
        return ", ".join(each.name for each in value) or "none"
    return str(value) if value not in (None, "") else "unknown"
