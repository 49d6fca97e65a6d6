"""This machine as a compute."""

from __future__ import annotations

from typing import Any

import pytest

from labstudio.compute.conformance import ConformanceSuite, said
from labstudio.compute.conformance_place import Place

pytestmark = pytest.mark.slow

SEEN = "import os\nprint(repr(os.environ.get('CUDA_VISIBLE_DEVICES')))\n"


class TestLocal(ConformanceSuite):
    """What every kind does, and what is this machine's own."""

    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls) -> dict[str, Any]:
        # There are none here: how they are given out is the same.
        return {"type": "local", "gpus": 2}

    def test_a_job_sees_the_gpus_that_it_was_given(self, there: Place) -> None:
        jobs = [there.script(f"gpu{n}.py", SEEN, need={"gpus": n}) for n in (0, 2)]
        assert [said(self.succeeded(there, job)) for job in jobs] == ["''\n", "'0,1'\n"]
