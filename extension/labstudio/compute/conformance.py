"""The tests that every kind of compute passes; for whoever writes one.

Importable with pytest at hand; the kind is installed, so that its entry point is found. Its test
module holds::

    from labstudio.compute.conformance import ConformanceSuite

    class TestShed(ConformanceSuite):
        @pytest.fixture(scope="class")
        @classmethod
        def settings(cls, shed_server):
            return {"type": "shed", "host": shed_server.address}

``settings`` is the compute's entry in ``compute.toml``; without that fixture pytest names it as
missing. The suite makes a studio with a daemon of its own, and sends its jobs there: most of them
at once, so that all cases together take a minute or two. What a kind may lack is said by the class
attributes of the suite; what only it can know (how its runner is killed from outside, what it
leaves behind) by the methods that begin with ``find_`` and ``kill_``. A ``conftest.py`` with
``pytest.register_assert_rewrite("labstudio.compute.conformance")`` has what fails say what it
compared.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from labstudio.compute.conformance_place import Place, eventually, opened, place
from labstudio.compute.conformance_scripts import (
    APART,
    DEAF,
    INPUTS,
    LIVE,
    OUTPUTS,
    SAVES,
    TICKS,
)
from labstudio.compute.kind import Kind, Order, Presence, Signal
from labstudio.jobs.models import JobState
from labstudio.jobs.runner import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labstudio.jobs.handle import JobHandle

LOG_LINES = 50_000
BINARY_BYTES = 5 << 20
STOP_S = 5.0
"""Within what a stop is over."""
WAIT_S = 150.0


class ConformanceSuite:
    """Cases for one kind of compute; a subclass gives the fixture `settings`."""

    has_mlflow: ClassVar[bool] = True
    """Whether the code there finds MLflow installed, and can reach the studio's server."""
    has_r: ClassVar[bool | None] = None
    """Whether the kernel ``ir`` is there; None: as on this machine."""

    @pytest.fixture(scope="class")
    @classmethod
    def there(cls, settings: dict[str, Any]) -> Iterator[Place]:
        """Have a studio whose jobs go to the compute."""
        with place(settings) as made:
            yield made

    @pytest.fixture(scope="class")
    @classmethod
    def sent(cls, there: Place) -> dict[str, JobHandle]:
        """Submit what can run side by side; each case looks at its own."""
        return cls.submit_all(there)

    # What only a kind can know

    def kill_runner(self, there: Place, job: JobHandle) -> None:
        """Kill what makes an attempt, as a machine would that goes down."""
        info = protocol.read_runner(there.folder(job))
        assert info is not None
        os.kill(info.pid, signal.SIGKILL)

    def find_leftovers(self, kind: Kind, folder: Path) -> list[str]:
        """Name what is left of an attempt at its place after `Kind.clean`."""
        return []

    # The jobs

    @classmethod
    def submit_all(cls, there: Place) -> dict[str, JobHandle]:
        """Submit the jobs that need nothing but to be waited for."""
        (there.work / "beside").mkdir()
        (there.work / "beside/helper.py").write_text("def word():\n    return 'helped'\n")
        (there.work / "beside/data.txt").write_text("data")
        files = "import helper\nprint(helper.word(), open('data.txt').read())\n"
        sent = {
            "files": there.script("beside/files.py", files),
            "notebook": there.notebook(
                "n.ipynb", "depth = 1", "print('depth is', depth * 2)", parameters={"depth": 21}
            ),
            "failing cell": there.notebook("f.ipynb", "x = 1", "x / 0", "print('never')"),
            "failing script": there.script("f.py", "raise ValueError('so it goes')\n"),
            "exit code": there.script("e.py", "import sys; print('bye'); sys.exit(7)\n"),
            "timeout": there.script("t.py", "import time; time.sleep(600)\n", timeout_s=2),
            "environment": there.script(
                "v.py", "import os; print(os.environ['COLOUR'])\n", env={"COLOUR": "blue"}
            ),
            "inputs": there.script(
                "beside/inputs.py", INPUTS, files=[], inputs={"in/a.csv": "data.txt", "all": "."}
            ),
            "outputs": there.script("o.py", OUTPUTS, parameters={"times": BINARY_BYTES // 256}),
            "function": there.function(pow, 2, 10),
            "cell": there.cell(
                "total = sum(numbers)\nword = label.upper()",
                carries={"numbers": [1, 2, 3], "label": "hey"},
                assigns=("total", "word"),
            ),
            "log": there.script(
                "l.py", f"for n in range({LOG_LINES}):\n    print('line', n, 'ö')\n"
            ),
        }
        for name in ("a", "b"):
            sent[f"apart {name}"] = there.script(f"{name}.py", APART, parameters={"name": name})
        if cls.has_mlflow:
            code = "import mlflow; mlflow.log_metric('accuracy', 0.5)"
            sent["metrics"] = there.notebook("m.ipynb", code)
        if _r_is_here() if cls.has_r is None else cls.has_r:
            sent["r"] = there.notebook("r.ipynb", "cat('six is', 2 * 3)", kernel="ir")
        return sent

    # What it is

    def test_it_tells_what_it_has(self, there: Place) -> None:
        with opened(there) as kind:
            capacity = kind.capacity()
            looked = kind.resources()
        assert capacity.cpus > 0
        assert capacity.memory_bytes > 0
        assert looked.cpus > 0
        assert 0 < looked.memory_used_bytes <= looked.memory_bytes
        assert looked.cpu_percent >= 0

    def test_its_test_says_what_was_tried(self, there: Place) -> None:
        report = there.studio.computes.test(there.name)
        assert report.ok, report
        assert report.checks
        assert all(each.message for each in report.checks)

    # What runs

    def test_a_script_is_followed_live(self, there: Place, sent: dict[str, JobHandle]) -> None:
        """It goes on until it is interrupted: what is seen of it before came while it ran."""
        job = there.script("live.py", LIVE, priority=50)
        there.await_log(job, "one\n")
        job.stop()
        assert self.ended(there, job) is JobState.stopped, there.describe(job)
        assert said(job) == "one\ntwo\n"

    def test_a_notebook_takes_parameters(self, there: Place, sent: dict[str, JobHandle]) -> None:
        job = self.succeeded(there, sent["notebook"])
        assert "depth is 42" in job.logs()
        left = there.studio.jobs.notebook(job.id)
        texts = [
            "".join(output.get("text", ""))
            for cell in left["cells"]
            for output in cell.get("outputs", [])
        ]
        assert "depth is 42\n" in texts

    def test_a_failing_notebook_names_its_cell(
        self, there: Place, sent: dict[str, JobHandle]
    ) -> None:
        job = sent["failing cell"]
        assert self.ended(there, job) is JobState.failed, there.describe(job)
        error = there.studio.jobs.detail(job.id).error_detail
        assert error is not None
        assert error.type == "ZeroDivisionError"
        assert error.cell is not None
        source = there.studio.jobs.notebook(job.id)["cells"][error.cell]["source"]
        assert "".join(source) == "x / 0"
        assert "division by zero" in (error.traceback or "")
        assert "never" not in job.logs()

    def test_a_failing_script_gives_its_traceback(
        self, there: Place, sent: dict[str, JobHandle]
    ) -> None:
        job = sent["failing script"]
        assert self.ended(there, job) is JobState.failed, there.describe(job)
        error = there.studio.jobs.detail(job.id).error_detail
        assert error is not None
        assert (error.type, error.message) == ("ValueError", "so it goes")
        assert "f.py" in (error.traceback or "")

    def test_an_exit_code_is_kept(self, there: Place, sent: dict[str, JobHandle]) -> None:
        job = sent["exit code"]
        assert self.ended(there, job) is JobState.failed, there.describe(job)
        assert there.studio.jobs.detail(job.id).attempts[0].exit_code == 7
        assert "bye" in job.logs()

    def test_a_time_limit_is_kept(self, there: Place, sent: dict[str, JobHandle]) -> None:
        job = sent["timeout"]
        assert self.ended(there, job) is JobState.failed, there.describe(job)
        error = there.studio.jobs.detail(job.id).error_detail
        assert error is not None
        assert error.type == "Timeout"

    def test_environment_variables_arrive(self, there: Place, sent: dict[str, JobHandle]) -> None:
        assert said(self.succeeded(there, sent["environment"])) == "blue\n"

    def test_files_beside_it_arrive(self, there: Place, sent: dict[str, JobHandle]) -> None:
        job = self.succeeded(there, sent["files"])
        assert said(job) == "helped data\n"
        assert there.studio.jobs.detail(job.id).attempts[0].exit_code == 0

    def test_declared_inputs_arrive_to_be_read(
        self, there: Place, sent: dict[str, JobHandle]
    ) -> None:
        job = self.succeeded(there, sent["inputs"])
        assert said(job) == "data True\n0o0\n"
        assert [
            each for each in there.studio.jobs.files(job.id).items if each.role == "output"
        ] == []

    def test_a_function_returns(self, there: Place, sent: dict[str, JobHandle]) -> None:
        assert self.succeeded(there, sent["function"]).result() == 1024

    def test_a_cell_takes_names_and_gives_names(
        self, there: Place, sent: dict[str, JobHandle]
    ) -> None:
        assert self.succeeded(there, sent["cell"]).result() == {"total": 6, "word": "HEY"}

    def test_r_notebooks_run(self, there: Place, sent: dict[str, JobHandle]) -> None:
        if "r" not in sent:
            pytest.skip("IRkernel is not there (Debian: r-cran-irkernel)")
        assert "six is 6" in self.succeeded(there, sent["r"]).logs()

    # What comes back

    def test_outputs_come_back(self, there: Place, sent: dict[str, JobHandle]) -> None:
        job = self.succeeded(there, sent["outputs"])
        files = {each.name: each for each in there.studio.jobs.files(job.id).items}
        names = ("deep/er/metrics.json", "größe ß 数据.txt", "model.bin")
        assert set(names) <= set(files)
        found = {
            name: there.studio.jobs.file_path(job.id, files[name].path).read_bytes()
            for name in names
        }
        assert found["deep/er/metrics.json"] == b"{}"
        assert found["größe ß 数据.txt"] == b"unicode"
        assert found["model.bin"] == bytes(range(256)) * (BINARY_BYTES // 256)

    def test_a_big_log_is_whole_and_in_order(
        self, there: Place, sent: dict[str, JobHandle]
    ) -> None:
        job = self.succeeded(there, sent["log"])
        assert said(job) == "".join(f"line {n} ö\n" for n in range(LOG_LINES))

    def test_metrics_reach_the_run(self, there: Place, sent: dict[str, JobHandle]) -> None:
        if not self.has_mlflow:
            pytest.skip("MLflow is not installed there")
        job = self.succeeded(there, sent["metrics"])
        logged = there.studio.jobs.metrics(job.id).metrics
        assert [point.value for point in logged["accuracy"]] == [0.5]

    # Apart, once, and to the end

    def test_two_jobs_do_not_see_each_others_files(
        self, there: Place, sent: dict[str, JobHandle]
    ) -> None:
        for name in ("a", "b"):
            job = self.succeeded(there, sent[f"apart {name}"])
            assert said(job) == f"['mine-{name}']\n"

    def test_a_stop_takes_five_seconds_at_most(self, there: Place) -> None:
        job = there.script("deaf.py", DEAF)
        there.await_log(job, "ready")
        began = time.monotonic()
        job.stop()
        assert self.ended(there, job) is JobState.stopped, there.describe(job)
        assert time.monotonic() - began < STOP_S

    def test_who_is_given_notice_saves_and_goes_on(self, there: Place) -> None:
        with there.preemptible():
            job = there.script("saves.py", SAVES)
            there.await_log(job, "ready")
            there.studio.computes.drain(there.name, draining=True, now=True)
            try:
                eventually(lambda: job.refresh().state == "queued", lambda: there.describe(job))
            finally:
                there.studio.computes.drain(there.name, draining=False)
            self.succeeded(there, job)
        assert said(job) == "found what was done\n"
        assert there.studio.jobs.get(job.id).preemptions == 1

    def test_a_daemon_that_was_killed_is_replaced_and_goes_on(self, there: Place) -> None:
        job = there.script("ticks.py", TICKS, parameters={"ticks": 40})
        there.await_log(job, "tick 2\n")
        there.kill_daemon()
        there.start_daemon()
        assert self.ended(there, job) is JobState.succeeded, there.describe(job)
        assert said(job) == "".join(f"tick {n}\n" for n in range(40))
        assert len(there.studio.jobs.detail(job.id).attempts) == 1

    def test_a_killed_runner_is_noticed(self, there: Place) -> None:
        job = there.script("lost.py", TICKS, parameters={"ticks": 6000})
        there.await_log(job, "tick 1\n")
        self.kill_runner(there, job)
        assert self.ended(there, job) is JobState.interrupted, there.describe(job)
        assert job.error

    def test_launching_twice_runs_once_and_cleaning_leaves_nothing(self, there: Place) -> None:
        code = "import time\nprint('ran', flush=True)\ntime.sleep(1)\n"
        folder, spec = there.attempt(code)
        order = Order(folder, spec, need=spec.need)
        with opened(there) as kind:
            assert not kind.attach(folder)
            for _ in range(2):
                kind.prepare(order)
                kind.launch(order)
            eventually(lambda: _heard(kind, folder), "the runner does not come")
            kind.launch(order)
            eventually(lambda: _over(kind, folder), "the attempt does not end")
            kind.collect(folder)
            result = protocol.read_result(folder)
            assert result is not None
            assert result.outcome == "succeeded", result
            assert (folder / protocol.LOG).read_text() == "ran\n"
            for _ in range(2):
                kind.clean(folder)
            assert self.find_leftovers(kind, folder) == []
        shutil.rmtree(folder)

    def test_what_is_stopped_as_it_is_launched_is_stopped(self, there: Place) -> None:
        folder, spec = there.attempt("import time\ntime.sleep(600)\n")
        with opened(there) as kind:
            order = Order(folder, spec, need=spec.need)
            kind.prepare(order)
            kind.launch(order)

            def stopped() -> bool:
                kind.signal(folder, Signal.stop)  # As a worker presses it.
                return _over(kind, folder)

            eventually(stopped, "the attempt does not end")
            kind.signal(folder, Signal.kill)
            kind.clean(folder)
        result = protocol.read_result(folder)
        # One that had not begun may leave none: the engine then records that it was stopped.
        assert result is None or result.outcome == "stopped", result

    # Shared

    def ended(self, there: Place, job: JobHandle) -> JobState:
        """Wait for a job's end; return how it ended."""
        try:
            return job.wait(WAIT_S).state
        except TimeoutError:
            raise AssertionError(there.describe(job)) from None

    def succeeded(self, there: Place, job: JobHandle) -> JobHandle:
        """Wait for a job's success."""
        assert self.ended(there, job) is JobState.succeeded, there.describe(job)
        return job


def said(job: JobHandle) -> str:
    """Return a job's log without the studio's own lines."""
    lines = job.logs().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("[labstudio] "))


def _heard(kind: Kind, folder: Path) -> bool:
    return kind.stream(folder) is not Presence.coming


def _over(kind: Kind, folder: Path) -> bool:
    gone = kind.stream(folder) is Presence.gone
    return gone or protocol.read_result(folder) is not None


@cache
def _r_is_here() -> bool:
    from jupyter_client.kernelspec import KernelSpecManager

    if "ir" not in KernelSpecManager().find_kernel_specs():
        return False
    rscript = shutil.which("Rscript")
    asked = [rscript or "Rscript", "-e", "library(IRkernel)"]
    return bool(rscript) and subprocess.run(asked, capture_output=True, check=False).returncode == 0
