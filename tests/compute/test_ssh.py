"""Jobs on a host over SSH: the conformance suite, faults of the link, environments made there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from ssh_host import SshHost

from labstudio.compute.conformance import ConformanceSuite
from labstudio.compute.kind import Kind


@pytest.mark.slow
class TestSsh(ConformanceSuite):
    @pytest.fixture(scope="class")
    def settings(self, ssh_host: SshHost) -> dict[str, Any]:
        return ssh_host.settings(python=sys.executable)

    @pytest.fixture(autouse=True)
    def _host(self, ssh_host: SshHost) -> None:
        self.host = ssh_host

    def find_leftovers(self, kind: Kind, folder: Path) -> list[str]:
        job_id = folder.parent.parent.name
        return [str(path) for path in self.host.home.rglob(f"{job_id}*")]
