"""Jobs on a host over SSH: the conformance suite, faults of the link, environments made there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from ssh_host import SshHost

from labstudio.compute.conformance import ConformanceSuite, said
from labstudio.compute.conformance_place import eventually, place
from labstudio.compute.kind import Host, Kind, Order, Presence
from labstudio.compute.ssh import remote
from labstudio.compute.ssh.kind import Ssh
from labstudio.compute.ssh.loop import loop
from labstudio.compute.ssh.settings import SshSettings
from labstudio.errors import InvalidInput
from labstudio.home import Home
from labstudio.jobs import snapshot
from labstudio.jobs.models import Environment, JobKind, JobState
from labstudio.jobs.runner.protocol import AttemptSpec
from labstudio.status import Check


@pytest.mark.slow
class TestSsh(ConformanceSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, ssh_host: SshHost) -> dict[str, Any]:
        return ssh_host.settings(python=sys.executable)

    @pytest.fixture(autouse=True)
    def _host(self, ssh_host: SshHost) -> None:
        self.host = ssh_host

    def find_leftovers(self, kind: Kind, folder: Path) -> list[str]:
        job_id = folder.parent.parent.name
        return [str(path) for path in self.host.home.rglob(f"{job_id}*")]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_host_with_nothing_but_python(ssh_host: SshHost) -> None:
    """No package of the host's is used: wheels are brought from here, for the host's Python."""
    code = "import sys, six\nprint(six.__version__, sys.prefix)"
    with place(ssh_host.settings(packages_from="here")) as there:
        job = there.notebook("n.ipynb", code)
        assert job.wait(300).state is JobState.succeeded, there.describe(job)
        log = job.logs()
        assert "reaches no package index: wheels are brought from here" in log
        assert "The environment is ready after" in log
        version, prefix = said(job).splitlines()[-1].split()
        assert version == metadata.version("six")
        assert prefix.startswith(f"{ssh_host.home}/.cache/labstudio/")
        again = there.notebook("m.ipynb", code)
        assert again.wait(60).state is JobState.succeeded, there.describe(again)
        assert "is there already" in again.logs() or "Building" not in again.logs()


def test_a_python_that_ended_before_it_was_spoken_to_is_told(
    ssh_host: SshHost, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(*arguments: Any) -> Any:
        process = await start(*arguments)
        await process.wait_closed()
        return process

    start = remote.start
    monkeypatch.setattr(remote, "start", late)
    kind = Ssh("box", SshSettings(**ssh_host.settings(python="/no/python")), Host(home))
    last = list(kind.test())[-1]
    kind.close()
    assert (last.name, last.state) == ("access", "error"), last
    assert "/no/python cannot be run" in (last.mend or "")


def test_what_a_host_lacks_is_said_with_the_mend(ssh_host: SshHost, home: Home) -> None:
    def found(**more: Any) -> list[Check]:
        settings = SshSettings(**ssh_host.settings(**more))
        kind = Ssh("box", settings, Host(home))
        try:
            return list(kind.test())
        finally:
            kind.close()

    checks = found(python=sys.executable)
    assert [each.state for each in checks] == ["ok"] * len(checks), checks
    assert {"reach", "python", "folder", "environment", "gpu"} <= {each.name for each in checks}
    for more, name in (
        ({"known_hosts": "/dev/null"}, "access"),
        ({"port": 1}, "reach"),
        ({"python": "/no/python"}, "access"),
        ({"folder": "/proc/nowhere"}, "access"),
    ):
        last = found(**more)[-1]
        assert (last.name, last.state) == (name, "error"), last
        assert last.message
        assert last.mend


def test_what_does_not_work_over_ssh_is_refused(ssh_host: SshHost, home: Home) -> None:
    kind = Ssh("box", SshSettings(**ssh_host.settings()), Host(home))
    spec = AttemptSpec(
        job_id="J",
        kind=JobKind.script,
        entry="a.py",
        home=str(home.path),
        environment=Environment(image="python:3.12"),
    )
    with pytest.raises(InvalidInput, match=r"environment\.image"):
        kind.prepare(Order(home.path, spec))
    kind.close()


def test_attempts_that_nobody_keeps_are_swept(ssh_host: SshHost, home: Home) -> None:
    kind = Ssh("box", SshSettings(**ssh_host.settings()), Host(home))
    root = Path(loop.do(kind.remote.about())["root"])
    for job in ("KEPT", "LEFT", "FRESH"):
        folder = root / f"jobs/{job}/attempts/1"
        folder.mkdir(parents=True)
        (folder / "attempt.json").touch()
        if job != "FRESH":
            os.utime(folder / "attempt.json", (0, 0))
    old, new = root / "blobs/aa/old", root / "blobs/bb/new"
    for blob, age in ((old, 0), (new, time.time())):
        blob.parent.mkdir(parents=True)
        blob.touch()
        os.utime(blob, (age, age))
    stray = subprocess.Popen(["sleep", "600"], env={"LABSTUDIO_ATTEMPT": "LEFT/1"})
    assert kind.sweep(["KEPT/1"]) == 1
    assert stray.wait(60) == -signal.SIGKILL
    assert sorted(path.name for path in root.glob("jobs/*")) == ["FRESH", "KEPT"]
    assert not old.exists()
    assert new.exists()
    kind.close()


RESUMES = """
import pathlib
kept = pathlib.Path("../checkpoint")
print((kept / "deep/step").read_text())
(kept / "deep/step").write_text("two")
(kept / "more").write_text("new")
"""


def test_a_checkpoint_travels_there_and_back(ssh_host: SshHost, home: Home) -> None:
    kind = Ssh("box", SshSettings(**ssh_host.settings(python=sys.executable)), Host(home.create()))
    taken = snapshot.take(home, "a.py", [], {"a.py": RESUMES.encode()})
    spec = AttemptSpec(
        job_id="J", kind=JobKind.script, entry="a.py", home=str(home.path), snapshot=taken
    )
    folder = home.attempt("J", 1)
    (folder / "checkpoint/deep").mkdir(parents=True)
    (folder / "checkpoint/deep/step").write_text("one")
    order = Order(folder, spec)
    kind.prepare(order)
    kind.launch(order)
    eventually(lambda: kind.stream(folder) is Presence.gone, "the attempt does not end")
    kind.collect(folder)
    assert (folder / "log").read_text() == "one\n"
    assert (folder / "checkpoint/deep/step").read_text() == "two"
    assert (folder / "checkpoint/more").read_text() == "new"
    kind.clean(folder)
    kind.close()
