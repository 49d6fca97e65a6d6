"""A kind from another package: one class and one entry point, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labstudio.compute.conformance import WAIT_S, said
from labstudio.compute.conformance_place import place
from labstudio.compute.registry import kinds
from labstudio.jobs.models import JobState

INFO = {
    "METADATA": "Metadata-Version: 2.1\nName: niced\nVersion: 1.0\n",
    "entry_points.txt": "[labstudio.computes]\nniced = niced:Niced\n",
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the package on the path, of the daemon too."""
    for name, content in INFO.items():
        file = tmp_path / "niced-1.0.dist-info" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(Path(__file__).parent)]))
    kinds.cache_clear()
    yield
    kinds.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_a_kind_of_another_package_is_found_and_runs_jobs() -> None:
    with place({"type": "niced", "nice": 3}) as there:
        known = next(each for each in there.studio.computes.kinds().items if each.type == "niced")
        assert known.available
        assert "nice" in {field.name for field in known.fields}
        job = there.script("polite.py", "import os; print(os.nice(0))")
        assert job.wait(WAIT_S).state is JobState.succeeded, there.describe(job)
        assert said(job) == f"{min(os.nice(0) + 3, 19)}\n"
        report = there.studio.computes.test(there.name)
        assert [each.message for each in report.checks] == ["This machine is there."]
