"""Versions of a model beside one another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labstudio.registry.models import ComparedValue, Comparison, ModelVersion, VersionDetail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Value = str | float | None

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*(.*)")


def compare(model: str, found: Sequence[VersionDetail]) -> Comparison:
    """Lay versions beside one another.

    Returns
    -------
    Comparison
        Every fact that at least one of them has; ``differs`` where they do not all say the same.
    """

    def rows(facts: Callable[[VersionDetail], Mapping[str, Value]]) -> list[ComparedValue]:
        return table({str(each.version): facts(each) for each in found})

    return Comparison(
        model=model,
        versions=[ModelVersion(**each.model_dump(include=FIELDS)) for each in found],
        params=rows(lambda each: each.params),
        metrics=rows(lambda each: each.metrics),
        signature=rows(signature),
        tags=rows(lambda each: each.tags),
        dependencies=rows(lambda each: dependencies(each.dependencies)),
        facts=rows(facts),
    )


FIELDS = set(ModelVersion.model_fields)


def table(by_version: Mapping[str, Mapping[str, Value]]) -> list[ComparedValue]:
    """Return one row for each key that any version has, in order of their names."""
    keys = sorted({key for facts in by_version.values() for key in facts})
    made = []
    for key in keys:
        values = {version: facts.get(key) for version, facts in by_version.items()}
        first, *rest = values.values()
        made.append(
            ComparedValue(key=key, values=values, differs=any(each != first for each in rest))
        )
    return made


def signature(version: VersionDetail) -> dict[str, Value]:
    """Return a signature as names with types."""
    if version.signature is None:
        return {}
    return {
        f"{part}.{column.name}": column.type + (f" {column.shape}" if column.shape else "")
        for part in ("inputs", "outputs", "params")
        for column in getattr(version.signature, part)
    }


def dependencies(lines: Sequence[str]) -> dict[str, Value]:
    """Return requirements as packages with what is asked of their versions."""
    found: dict[str, Value] = {}
    for line in lines:
        if match := _REQUIREMENT.match(line):
            found[match[1].lower().replace("_", "-")] = match[2].strip().removeprefix("==") or "any"
    return found


def facts(version: VersionDetail) -> dict[str, Value]:
    """Return what else is worth comparing."""
    run = version.run
    return {
        "run": run.name if run else version.run_id,
        "experiment": run.experiment if run else None,
        "user": (run.user if run else None) or version.user,
        "notebook": run.notebook if run else None,
        "flavors": ", ".join(version.flavors) or None,
        "python": version.python_version,
        "mlflow": version.mlflow_version,
        "size_bytes": version.size_bytes,
        "made_at": version.made_at.isoformat() if version.made_at else None,
    }
