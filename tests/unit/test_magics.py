"""The magics, in a real kernel with a real daemon; and what a job looks like without either."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from labstudio._studio import Studio
from labstudio.jobs.models import Job, Progress
from labstudio.widgets import ansi
from labstudio.widgets.job import LOG_LINES, html, plain, table_html

VIEW = "application/vnd.jupyter.widget-view+json"


class Notebook:
    """A kernel, with what a frontend shows of it: outputs that updates replace."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(
            cwd=str(folder),
            env={
                **os.environ,
                "LABSTUDIO_HOME": str(home),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
        )
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.shown: dict[str, list[dict[str, Any]]] = {}
        self.text = ""
        self.run("%load_ext labstudio")

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code: str, status: str = "ok") -> str:
        """Run a cell and return the text that it printed."""
        self.text = ""
        message = self.client.execute(code)
        while True:
            reply = self.client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == message:
                break
        idle = False
        while not idle:
            idle = self._take(self.client.get_iopub_msg(timeout=60), message)
        assert reply["content"]["status"] == status, self.text
        return self.text

    def value(self, expression: str) -> str:
        return self.run(f"print({expression})").strip()

    def wait_shown(self, text: str, timeout_s: float = 60) -> list[dict[str, Any]]:
        """Wait until a display shows text, and return all that it showed over time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for history in self.shown.values():
                if text in history[-1]["text/plain"]:
                    return history
            with contextlib.suppress(queue.Empty):
                self._take(self.client.get_iopub_msg(timeout=0.2), None)
        raise AssertionError(f"{text!r} was not shown: {self.shown}")

    def complete(self, line: str) -> list[str]:
        message = self.client.complete(line, len(line))
        while True:
            reply = self.client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == message:
                return list(reply["content"]["matches"])

    def _take(self, message: dict[str, Any], parent: str | None) -> bool:
        kind, content = message["msg_type"], message["content"]
        if kind in {"display_data", "update_display_data"}:
            name = content["transient"].get("display_id", message["header"]["msg_id"])
            self.shown.setdefault(name, []).append(content["data"])
        elif kind == "stream":
            self.text += content["text"]
        elif kind == "error":
            self.text += "\n".join(content["traceback"])
        own = message["parent_header"].get("msg_id") == parent
        return kind == "status" and own and content["execution_state"] == "idle"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def notebook(live_studio: Studio, folder: Path) -> Iterator[Notebook]:
    opened = Notebook(folder, live_studio.home.path)
    yield opened
    opened.close()


@pytest.mark.slow
def test_magics_job_runs_beside_the_notebook(notebook, folder):
    notebook.run("scale = 3\ndef f(x): return x * scale\nxs = list(range(1000))")
    # The job ends only once a later cell of the notebook has run.
    notebook.run(f"from pathlib import Path\nflag = Path({str(folder / 'flag')!r})")
    notebook.run(
        "%%job fit --assign handle\nimport time\nprint('begins')\n"
        "while not flag.exists():\n    time.sleep(0.1)\n"
        "total = sum(map(f, xs))\nscale = 4\n"
    )
    notebook.wait_shown("fit (")
    notebook.run("flag.touch()")
    history = notebook.wait_shown("fit (")
    first = history[0]
    assert {"text/plain", "text/html", VIEW} == first.keys()
    note = first["text/html"]
    for name in ("f (", "xs (", "gives back time, total, scale"):
        assert name in note
    last = notebook.wait_shown("succeeded")[-1]
    assert VIEW not in last
    assert "begins" in last["text/html"]
    assert notebook.value("'total' in dir()") == "False"
    assert notebook.run("%job_pull") == "Pulled time, total, scale.\n"
    assert notebook.value("total, scale, f(1)") == f"{3 * sum(range(1000))} 4 4"
    assert notebook.value("handle is _job, handle.result()['scale']") == "True 4"
    assert "begins" in notebook.run("%job_logs handle")


@pytest.mark.slow
def test_magics_job_waits_and_pulls(notebook):
    text = notebook.run(
        "%%job 'the name' -p 'a=[1, 2]' --wait\nb = len(a)\nlock = __import__('threading').Lock()"
    )
    assert "Pulled b." in text
    assert "lock did not come back" in text
    assert notebook.value("b") == "2"
    assert notebook.value("_job.record.name") == "the name"
    assert notebook.value("_job.record.parameters") == "{'a': [1, 2]}"


@pytest.mark.slow
def test_magics_job_takes_modules_and_files_beside_along(notebook, folder):
    (folder / "beside_me.py").write_text("class Thing:\n    size = 5\ndef make(): return Thing()\n")
    notebook.run("import beside_me")
    (folder / "words.txt").write_text("some words")
    notebook.run("%%job --wait\nthing = beside_me.make()\nwords = open('words.txt').read()")
    assert notebook.value("words") == "some words"
    assert notebook.value("thing.size, isinstance(thing, beside_me.Thing)") == "5 True"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (
            "%%job\ny = undefined_thing",
            "Cannot carry: undefined_thing is not defined in this notebook.",
        ),
        ("%%job\nguard.acquire()", "Cannot carry: guard is a lock."),
        ("%%job\ny = (", "The cell is not valid Python: line 1"),
        ("%%job --limit 0.0001\nbig", "Cannot carry: big is larger than the limit of 0.0 MB"),
        ("%%job --retries x\n1", "argument --retries: invalid int value: 'x'"),
        ("%%job --nonsense\n1", "unrecognized arguments: --nonsense"),
        ("%%job 'open\n1", "The line cannot be read"),
        ("%%job --retries 1000\n1", "retries should be less than or equal to 100"),
        ("%job_pull nope", "There is no job 'nope'."),
        ("%run_notebook nope.ipynb", "does not exist"),
        ("%jobs --state odd", "state.0 should be"),
    ],
)
def test_magics_say_what_is_wrong_in_a_sentence(notebook, cell, says):
    notebook.run("import threading\nguard = threading.Lock()\nbig = b'x' * 10000")
    text = notebook.run(cell, status="error")
    assert text.startswith("UsageError: ")
    assert says in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_magics_a_failed_job_says_why(notebook):
    text = notebook.run("%%job broken --wait\n1 / 0", status="error")
    assert "division by zero" in text
    assert "Traceback" not in text
    assert "ZeroDivisionError" in notebook.wait_shown("broken (")[-1]["text/html"]


@pytest.mark.slow
def test_magics_job_stop(notebook):
    notebook.run("%%job sleeper\nimport time\ntime.sleep(120)")
    assert notebook.run("%job_pull", status="error").startswith("UsageError: The job is ")
    assert notebook.run("%job_stop") == "Stopping sleeper.\n"
    notebook.wait_shown("stopped")


@pytest.mark.slow
def test_magics_run_notebook(notebook, folder):
    import nbformat

    cells = [nbformat.v4.new_code_cell(source) for source in ("depth = 3", "print('at', depth)")]
    cells[0].metadata["tags"] = ["parameters"]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(made, folder / "train it.ipynb")
    notebook.run("%run_notebook 'train it.ipynb' -p depth=7 --wait")
    assert "at 7" in notebook.run("%job_logs")
    text = notebook.run("%run_notebook 'train it.ipynb' -p depth=x", status="error")
    assert text == "UsageError: depth must be an int, not 'x'.\n"
    notebook.run("%run_notebook 'train it.ipynb' --sweep depth=1,2 --wait --assign many")
    assert notebook.value("[h.record.parameters['depth'] for h in many]") == "[1, 2]"
    assert notebook.value("{str(h.state) for h in many}") == "{'succeeded'}"
    assert notebook.complete("%run_notebook ") == ["'train it.ipynb'", "beside_me.py"]
    assert notebook.complete("%run_notebook 'train it.ipynb' -p ") == ["depth="]


@pytest.mark.slow
def test_magics_jobs_shows_a_table(notebook):
    notebook.shown.clear()
    notebook.run("%%job listed --wait\n1")
    notebook.shown.clear()
    notebook.run("%jobs listed")
    (history,) = notebook.shown.values()
    assert "<table" in history[0]["text/html"]
    assert "listed" in history[0]["text/html"]


@pytest.mark.slow
def test_magics_help_and_completion(notebook):
    assert {"--compute", "--env", "--retries", "--wait"} <= set(notebook.complete("%%job fit --"))
    assert notebook.complete("%%job --compute ") == ["local"]
    assert "running" in notebook.complete("%jobs --state ")
    assert "last" in notebook.complete("%job_stop ")
    for name in ("%job", "run_notebook", "jobs", "job_pull", "job_stop", "job_logs"):
        magic = f"get_ipython().find_{'cell' if name[0] == '%' else 'line'}_magic"
        text = notebook.run(f"print({magic}('{name.lstrip('%')}').__doc__)")
        assert f"%{name}" in text
        assert "::" in text


# What a job looks like -----------------------------------------------------------------------


def job(**fields: Any) -> Job:
    now = datetime.now(UTC)
    known = {
        "id": "01M82EY6H98WQ7YY2Q8KBYM2TX",
        "name": "fit",
        "kind": "cell",
        "state": "running",
        "compute": "local",
        "user": "me",
        "created_at": now,
        "started_at": now - timedelta(seconds=80),
    }
    return Job.model_validate(known | fields)


def test_magics_card_shows_a_running_job():
    shown = html(
        job(progress=Progress(cell=2, cells=8), parameters={"a": 1}), "one\ntwo\n", "carries x"
    )
    for part in (
        "running",
        "fit",
        "1 min 20 s",
        "cell 2 of 8",
        "width:25%",
        "a=1",
        "two",
        "carries x",
    ):
        assert part in shown
    assert "labstudio-jobs:stop" in shown
    assert "labstudio-jobs:rerun" not in shown


def test_magics_card_shows_an_ended_job():
    ended = job(
        state="failed",
        ended_at=datetime.now(UTC),
        error="ValueError: <b>",
        attempt=2,
        attempts_allowed=3,
    )
    shown = html(ended)
    assert "ValueError: &lt;b&gt;" in shown
    assert "attempt 2 of 3" in shown
    assert "labstudio-jobs:rerun" in shown
    assert plain(ended) == "fit (01M82EY6H98WQ7YY2Q8KBYM2TX) failed: ValueError: <b>"


def test_magics_card_escapes_everything():
    evil = "<script>alert(1)</script>"
    shown = html(job(name=evil, error=evil, parameters={"x": evil}), evil, evil)
    assert "<script>" not in shown + table_html([job(name=evil, error=evil)])


def test_magics_card_shows_the_end_of_a_long_log():
    shown = html(job(), "\n".join(f"line {i}" for i in range(LOG_LINES + 1000)))
    assert "1,000 earlier lines" in shown
    assert "line 999\n" not in shown
    assert f"line {LOG_LINES + 999}" in shown


def test_magics_table_may_be_empty():
    assert "There are no jobs." in table_html([])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain <&>", "plain &lt;&amp;&gt;"),
        ("\x1b[31mred\x1b[0m.", '<span style="color:#e75c58">red</span>.'),
        ("\x1b[1;4mx\x1b[22my", '<span style="font-weight:bold;text-decoration:underline">x</span>'
         '<span style="text-decoration:underline">y</span>'),
        ("\x1b[38;5;196mx", '<span style="color:rgb(255,0,0)">x</span>'),
        ("\x1b[48;2;1;2;3mx", '<span style="background:rgb(1,2,3)">x</span>'),
        ("\x1b[38;5;244mx", '<span style="color:rgb(128,128,128)">x</span>'),
        ("\x1b[2K\x1b]0;title\x07x\x1b[38;5m", "x"),
        ("10%\r50%\r100%\nnext\r", "100%\nnext"),
        ("a\r\nb", "a\nb"),
    ],
)  # fmt: skip
def test_magics_log_as_html(text, wanted):
    assert ansi.to_html(text) == wanted
