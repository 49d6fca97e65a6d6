"""This machine as a compute."""

from __future__ import annotations

from typing import Any

import pytest

from labstudio.compute.conformance import ConformanceSuite

pytestmark = pytest.mark.slow


class TestLocal(ConformanceSuite):
    """What every kind does."""

    @pytest.fixture(scope="class")
    def settings(self) -> dict[str, Any]:
        return {"type": "local"}
