"""Runs side by side: what differs, and what was not recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio.experiments.code_diff import Source, differ, unified
from labstudio.experiments.run_models import ComparedValue
from labstudio.jobs.models import CreateJob


def notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": each} for each in cells]})


def captured(studio: Studio, folder: Path, name: str, cells: list[str], **of: Any) -> str:
    """A run with the capsule that a notebook leaves."""
    experiment = studio.tracking.ensure_experiment("compare")
    run = studio.tracking.create_run(experiment, name)
    capsule = {
        "kind": "notebook",
        "notebook": "train.ipynb",
        "started_at": datetime.now(UTC).isoformat(),
        "python": {"version": "3.11.7"},
        "hardware": {"cpu": "Q", "cores": of["cores"]},
        "code_sha256": "0",
        "lock_sha256": "0",
        "data": [{"name": "adult", "sha256": of["data"]}],
    }
    for path, content in {
        "capsule.json": json.dumps(capsule),
        "history.ipynb": notebook(*cells),
        "requirements.txt": of["lock"],
    }.items():
        file = folder / path
        file.write_text(content)
        studio.tracking.upload_artifact(run, f"labstudio/{path}", file)
    return run


def differing(rows: list[ComparedValue]) -> dict[str, list[Any]]:
    return {row.key: list(row.values.values()) for row in rows if row.differs}


@pytest.fixture(scope="module")
def runs(tracked: Studio, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("capsules")
    first = captured(
        tracked,
        folder,
        "first",
        ["import pandas", "depth = 3", "fit(depth)"],
        cores=4,
        data="aa",
        lock="numpy==2.0\npandas==3.0\n",
    )
    second = captured(
        tracked,
        folder,
        "second",
        ["import pandas", "depth = 5", "fit(depth)", "score()"],
        cores=8,
        data="bb",
        lock="numpy==2.1\npandas==3.0\n",
    )
    bare = tracked.tracking.create_run(tracked.tracking.ensure_experiment("compare"), "bare")
    tracked.tracking.log_params(bare, {"depth": 3})
    return [first, second, bare]


def test_what_differs_is_told(tracked: Studio, runs: list[str]) -> None:
    told = tracked.runs.compare(runs[:2])
    assert differing(told.environment) == {"numpy": ["2.0", "2.1"]}
    assert differing(told.data) == {"adult": ["aa", "bb"]}
    assert differing(told.hardware) == {"cores": [4, 8]}
    assert [each.missing for each in told.runs] == [[], []]
    (code,) = told.code
    assert (code.run_id, code.same, code.message) == (runs[1], False, None)
    assert [(part.name, part.change) for part in code.parts] == [
        ("train.ipynb, cell 2", "changed"),
        ("train.ipynb, cell 4", "added"),
    ]
    assert "-depth = 3\n+depth = 5" in code.diff


def test_what_is_missing_is_told(tracked: Studio, runs: list[str]) -> None:
    told = tracked.runs.compare([runs[0], runs[2]])
    assert told.runs[1].missing == [
        "Its code was not recorded.",
        "Its packages were not recorded.",
        "What data it read was not recorded.",
        "Its machine was not recorded.",
    ]
    assert told.code[0].message == "The code of this run was not recorded."
    assert differing(told.params) == {"depth": ["3"]}


def test_jobs_are_compared_by_their_snapshots(tracked: Studio, tmp_path: Path) -> None:
    made = []
    for depth in (3, 5):
        (tmp_path / "helper.py").write_text(f"DEPTH = {depth}\n")
        (tmp_path / "train.py").write_text("import helper\nprint(helper.DEPTH)\n")
        job = tracked.jobs.create(CreateJob(path="train.py"), root=tmp_path)
        experiment = tracked.tracking.ensure_experiment("compare")
        tags = {"labstudio.job_id": job.id}
        made.append(tracked.tracking.create_run(experiment, f"{depth}", tags=tags))
    told = tracked.runs.compare(made)
    (code,) = told.code
    assert [(part.name, part.change) for part in code.parts] == [("helper.py", "changed")]
    assert "+DEPTH = 5" in code.diff
    assert not differing(told.environment)
    assert any(row.key == "pytest" for row in told.environment)


def test_added_removed_and_unreadable_files_are_parts() -> None:
    old = Source(
        {"a.py": "1\n", "b.bin": None, "same": "x"}, {"a.py": "1", "b.bin": "2", "same": "3"}
    )
    new = Source(
        {"c.py": "2\n", "b.bin": None, "same": "x"}, {"c.py": "4", "b.bin": "5", "same": "3"}
    )
    parts = differ(old, new)
    assert [(part.name, part.change) for part in parts] == [
        ("a.py", "removed"),
        ("b.bin", "changed"),
        ("c.py", "added"),
    ]
    assert "--- /dev/null\n+++ c.py\n@@ -0,0 +1 @@\n+2" in unified(parts)
