"""Making attempts and running them with real runners, for the tests of the runner."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import nbformat
import psutil

from labstudio.home import Home
from labstudio.ids import new_id
from labstudio.jobs.models import JobError
from labstudio.jobs.processes import kill_attempt
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.nursery import Nursery, environment

LIMIT_S = 120.0
# Within what a stop is over.
STOP_S = 5.0


def wait_for(condition: Callable[[], Any], timeout_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def cells(*sources: str, tags: dict[int, list[str]] | None = None, kernel: str = "python3") -> Any:
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": kernel, "display_name": kernel}}
    )
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for index, given in (tags or {}).items():
        notebook.cells[index].metadata["tags"] = given
    return notebook


class Runs:
    """Attempts of one home; whatever is left of them is killed at the end."""

    def __init__(self, home: Home, nursery: Nursery | None = None) -> None:
        self.home = home
        self.nursery = nursery
        self.folders: list[Path] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    def make(
        self,
        source: Any,
        *,
        entry: str = "job.ipynb",
        kind: str = "notebook",
        files: dict[str, str] | None = None,
        carry: Any = None,
        **fields: Any,
    ) -> Path:
        job_id = new_id()
        folder = self.home.attempt(job_id, 1)
        path = folder / "work" / entry
        path.parent.mkdir(parents=True)
        path.write_text(source if isinstance(source, str) else nbformat.writes(source))
        for name, content in (files or {}).items():
            (folder / "work" / name).write_text(content)
        if carry is not None:
            data = carry if isinstance(carry, bytes) else cloudpickle.dumps(carry)
            (folder / protocol.CARRY).write_bytes(data)
        spec = protocol.AttemptSpec(
            job_id=job_id,
            kind=kind,
            entry=entry,
            home=str(self.home.path),
            carry=carry is not None,
            **fields,
        )
        protocol.write_spec(folder, spec)
        self.folders.append(folder)
        return folder

    def start(self, source: Any, *, warm: bool = True, **fields: Any) -> Path:
        folder = self.make(source, **fields)
        if self.nursery is not None:
            self.nursery.launch(folder, warm)
        else:
            process = subprocess.Popen(
                [sys.executable, "-m", "labstudio.jobs.runner", str(folder)],
                stdin=subprocess.DEVNULL,
                env=environment(),
                start_new_session=True,
            )
            self._processes.append(process)
        return folder

    def run(self, source: Any, *, limit_s: float = LIMIT_S, **fields: Any) -> Path:
        folder = self.start(source, **fields)
        wait_for(lambda: protocol.read_result(folder) is not None, limit_s)
        return folder

    def stop(self, folder: Path) -> None:
        assert protocol.request_stop(folder)
        wait_for(lambda: protocol.read_result(folder) is not None, STOP_S)

    def tree(self, folder: Path) -> list[psutil.Process]:
        info = protocol.read_runner(folder)
        assert info is not None
        runner = psutil.Process(info.pid)
        return [runner, *runner.children(recursive=True)]

    def bytes(self, folder: Path, name: str) -> bytes:
        try:
            return (folder / name).read_bytes()
        except FileNotFoundError:
            return b""

    def log(self, folder: Path) -> str:
        return self.bytes(folder, "log").decode()

    def notebook(self, folder: Path) -> Any:
        return nbformat.read(folder / protocol.NOTEBOOK, as_version=4)

    def outcome(self, folder: Path) -> str:
        result = protocol.read_result(folder)
        assert result is not None
        return result.outcome

    def error(self, folder: Path) -> JobError:
        result = protocol.read_result(folder)
        assert result is not None
        assert result.outcome == "failed"
        assert result.error is not None
        return result.error

    def close(self) -> None:
        for folder in self.folders:
            kill_attempt(folder)
        for process in self._processes:
            process.wait(timeout=60)
        self._processes.clear()
