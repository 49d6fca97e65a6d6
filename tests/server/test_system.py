"""Status, doctor, computes; and the daemon that the server keeps."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from labstudio._version import __version__
from labstudio_server import keeping

if TYPE_CHECKING:
    from conftest import Call

    from labstudio_server.app import LabstudioApp


async def test_status_without_a_daemon(call: Call) -> None:
    status = (await call("GET", "status")).data
    assert status["version"] == __version__
    assert status["daemon"]["state"] == "stopped"
    assert status["message"] == status["daemon"]["message"]
    assert status["tracking_ready"] is False
    assert status["warm_kernels"]["ready"] == 0


async def test_an_outdated_daemon_is_told_with_both_versions(call: Call, home: Any) -> None:
    import psutil

    from labstudio.daemon.keeper import DaemonFile

    me = psutil.Process()
    home.create().daemon_json.write_text(
        DaemonFile.model_validate(
            {
                "pid": me.pid,
                "create_time": me.create_time(),
                "version": "99.0.0",
                "started_at": "2026-01-01T00:00:00Z",
            }
        ).model_dump_json()
    )
    status = (await call("GET", "status")).data
    assert status["daemon"]["state"] == "outdated"
    assert "99.0.0" in status["message"]
    assert __version__ in status["message"]


async def test_computes(call: Call) -> None:
    items = (await call("GET", "computes")).data["items"]
    assert [item["name"] for item in items] == ["local"]
    assert items[0]["cpus"] > 0


@pytest.mark.slow
async def test_doctor(call: Call) -> None:
    report = (await call("GET", "doctor", request_timeout=60)).data
    assert report["checks"]
    assert all(check["message"] for check in report["checks"])


@pytest.mark.slow
class TestKeeping:
    @pytest.fixture
    def extension_config(self) -> dict[str, Any]:
        return {"start_daemon": True, "keep_interval_s": 0.3}

    async def test_the_daemon_is_started_kept_and_outlives_the_server(
        self,
        call: Call,
        jp_serverapp: Any,
        extension: LabstudioApp,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        ensure, let_go = keeping._ensure, threading.Event()
        monkeypatch.setattr(keeping, "_ensure", lambda services: let_go.wait() and ensure(services))
        await jp_serverapp.extension_manager.start_all_extensions()  # waits for no daemon
        let_go.set()
        studio = extension.services.studio()
        try:
            first = await self.running(call)
            assert first["version"] == __version__
            os.kill(first["pid"], signal.SIGKILL)
            second = await self.running(call, other_than=first["pid"])
            await extension.stop_extension()
            assert studio.keeper.status().pid == second["pid"]
        finally:
            studio.keeper.stop()
            if (child := studio.keeper._child) is not None:
                child.wait(60)

    async def running(self, call: Call, other_than: int | None = None) -> dict[str, Any]:
        for _ in range(450):
            daemon: dict[str, Any] = (await call("GET", "status")).data["daemon"]
            if daemon["state"] == "running" and daemon["pid"] != other_than:
                return daemon
            await asyncio.sleep(0.2)
        raise AssertionError(f"no daemon: {daemon}")
