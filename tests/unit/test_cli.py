"""The command: what it says, in which shape, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio._version import __version__
from labstudio.cli import COMMANDS, demo, failure, main
from labstudio.errors import Conflict, InvalidInput, JobFailed, Unavailable
from labstudio.jobs.models import CreateJob

TRAIN = ("depth = 3  # How deep", ["parameters"])


@dataclass
class Said:
    """What a call printed."""

    stdout: str
    stderr: str


class Shell:
    """Calls the command as a shell does, but in this process: each start would cost a second."""

    def __init__(self, studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = str(studio.home.path)
        self.capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> Said:
        given = [str(argument) for argument in arguments]
        self.capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LABSTUDIO_HOME", self.home)
            with pytest.raises(SystemExit) as left:
                main(given)
        said = Said(*self.capsys.readouterr())
        assert left.value.code == code, said
        return said

    def json(self, *arguments: object, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)


@pytest.fixture
def shell(live_studio: Studio, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(live_studio, capsys)


@pytest.fixture
def lone(studio: Studio, capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command on a studio without a daemon."""
    return Shell(studio, capsys)


@pytest.fixture
def train(write_notebook: Callable[..., Path]) -> Path:
    return write_notebook(
        tuple(TRAIN),
        "print('depth is', depth)\nassert depth < 100, 'too deep'",
        name="train it 名.ipynb",
    )


# Without a process ---------------------------------------------------------------------------


def test_show_names_outputs_as_the_code_does(
    lone: Shell, studio: Studio, write_notebook: Any
) -> None:
    job = studio.jobs.create(CreateJob(path=str(write_notebook("1"))))
    assert "\noutputs" not in lone("job", "show", job.id).stdout
    studio.jobs.store.begin_attempt(job.id, 1, "test")
    work = studio.home.attempt(job.id, 1) / "work"
    (work / "models").mkdir(parents=True)
    listed = {"path": "models/a b.txt", "size_bytes": 1, "modified_at": "2030-01-01T00:00:00Z"}
    (work / "models" / "a b.txt").write_text("x")
    (work.parent / "outputs.json").write_text(json.dumps({"items": [listed]}))
    lines = lone("job", "show", job.id).stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("outputs")] == [
        "models/a b.txt"
    ]


def test_cli_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom labstudio.cli import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pydantic", "sqlalchemy", "mlflow", "pandas", "IPython", "papermill", "psutil", "yaml"}
    assert not heavy & set(done.stderr.split())
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_cli_every_command_has_help(name):
    from click.testing import CliRunner

    from labstudio.cli import cli

    if name == "lab":
        return  # Its options are JupyterLab's own.
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert COMMANDS[name][1].split()[0] in result.output


def fail(error: BaseException):
    def call():
        raise error

    return call


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("x must be y.", field="x"), 2),
        (Conflict("It has ended."), 2),
        (Unavailable("No disk."), 1),
        (JobFailed("It failed."), 1),
        (TimeoutError("Too long."), 1),
        (KeyboardInterrupt(), 1),
    ],
)
def test_cli_exit_codes(error, code, capsys):
    assert failure.guarded(fail(error), []) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert str(error) in told.err
    assert told.err.count("\n") == 1


def test_cli_error_as_json(capsys):
    failure.guarded(fail(InvalidInput("x must be y.", field="x")), ["--json"])
    assert json.loads(capsys.readouterr().err) == {
        "message": "x must be y.",
        "reason": "InvalidInput",
        "code": "invalid_input",
        "details": {"field": "x"},
    }


# Without a daemon ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nope"], "No such command"),
        (["job", "submit"], "Missing argument"),
        (["job", "submit", "nope.ipynb"], "does not exist"),
        (["job", "show", "nope"], "There is no job 'nope'."),
        (["job", "list", "--state", "odd"], "Invalid value"),
        (["schedule", "add", "x.ipynb"], "Missing option '--cron'"),
        (["schedule", "show", "nope"], "There is no schedule 'nope'."),
        (["daemon", "--stop", "--status"], "exclude"),
    ],
)
def test_cli_wrong_calls(lone, arguments, says):
    done = lone(*arguments, code=2)
    assert done.stdout == ""
    assert says in done.stderr


def test_cli_wrong_call_as_json(lone):
    told = json.loads(lone("job", "show", "nope", "--json", code=2).stderr)
    assert told["code"] == "not_found"
    assert json.loads(lone("job", "nope", "--json", code=2).stderr)["code"] == "invalid_input"


def test_cli_empty_studio(lone):
    shell = lone
    assert shell("job", "list").stdout == "There are no jobs.\n"
    assert shell.json("job", "list") == []
    assert shell.json("schedule", "list") == []
    assert shell("--version").stdout == f"labstudio {__version__}\n"
    assert shell.json("daemon", "--status", code=1)["state"] == "stopped"
    (local,) = shell.json("compute", "list")
    assert local["name"] == "local"
    assert "local" in shell("compute", "list").stdout


@pytest.mark.slow
def test_cli_doctor(studio, capsys, monkeypatch):
    monkeypatch.setenv("LABSTUDIO_HOME", str(studio.home.path))
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert left.value.code == (0 if report["ok"] else 1)
    found = {check["name"]: check for check in report["checks"]}
    assert report["ok"] == all(check["state"] != "error" for check in report["checks"])
    assert found["python"]["state"] == found["home"]["state"] == found["database"]["state"] == "ok"
    assert found["daemon"]["state"] == "warning"
    assert "labstudio daemon" in found["daemon"]["mend"]
    assert {"git", "uv", "R", "docker", "labextension", "server extension"} <= found.keys()
    assert all(check["mend"] for check in report["checks"] if check["state"] != "ok")


def test_cli_doctor_speaks_when_all_is_broken(tmp_path):
    from labstudio.doctor import examine

    (tmp_path / "file").write_text("")
    report = examine(Studio(tmp_path / "file" / "home"))
    assert not report.ok
    assert {"home", "database"} <= {c.name for c in report.checks if c.state == "error"}


def test_cli_demo_finds_its_notebook():
    assert demo.quickstart().is_file()


# With the daemon -----------------------------------------------------------------------------


@pytest.mark.slow
def test_cli_submit_and_wait(shell, train):
    done = shell("job", "submit", train, "-p", "depth=5", "--wait")
    assert "depth is 5\n" in done.stdout
    assert "succeeded after" in done.stdout
    failed = shell("job", "submit", train, "-p", "depth=500", "--wait", code=1)
    assert "AssertionError: too deep" in failed.stdout
    assert "\x1b" not in failed.stdout


@pytest.mark.slow
def test_cli_json_of_a_job(shell, train):
    job = shell.json(
        "job", "submit", train, "-p", "depth=7", "-p", "extra=[1, a]", "--wait", "--retries", 1
    )
    assert {
        "id",
        "name",
        "kind",
        "state",
        "compute",
        "created_at",
        "started_at",
        "ended_at",
    } <= job.keys()
    assert {"parameters", "run_id", "error", "attempt"} <= job.keys()
    assert (job["state"], job["kind"], job["attempt"]) == ("succeeded", "notebook", 1)
    assert job["parameters"] == {"depth": 7, "extra": [1, "a"]}
    shown = shell.json("job", "show", job["id"][-6:])
    assert shown["id"] == job["id"]
    assert shown["snapshot"]["files"][0]["path"] == train.name
    assert job["id"] in [each["id"] for each in shell.json("job", "list", "--state", "succeeded")]
    assert "depth is 7" in shell("job", "logs", job["id"]).stdout
    table = shell("job", "list").stdout.splitlines()
    assert table[0].split() == ["ID", "NAME", "STATE", "SUBMITTED", "TOOK"]
    assert any(job["id"] in line and train.name in line for line in table)
    again = shell.json("job", "rerun", job["id"], "-p", "depth=9", "--wait")
    assert again["rerun_of"] == job["id"]
    assert again["parameters"]["depth"] == 9
    shell("job", "delete", job["id"], again["id"])
    shell("job", "show", job["id"], code=2)


@pytest.mark.slow
def test_rerun_reads_parameters_as_submit_does(shell: Shell, write_notebook: Any) -> None:
    path = write_notebook(
        ("code: str = '1'\nrate = 0.5\nlayers = [1]", ["parameters"]), "print(code)"
    )
    given = ("-p", "code=007", "-p", "rate=3", "-p", "layers=[2, 3]", "-p", "extra=007")
    first = shell.json("job", "submit", path, *given)
    again = shell.json("job", "rerun", first["id"], *given)
    assert first["parameters"] == {"code": "007", "rate": 3.0, "layers": [2, 3], "extra": 7}
    assert again["parameters"] == first["parameters"]
    assert isinstance(again["parameters"]["rate"], float)
    refused = shell("job", "rerun", first["id"], "-p", "rate=fast", code=2)
    assert "rate must be a float, not 'fast'." in refused.stderr


@pytest.mark.slow
def test_cli_submit_refuses(shell, train):
    wrong = [
        (["-p", "depth=abc"], "depth must be an int, not 'abc'."),
        (["-p", "depth"], "parameters must be NAME=VALUE, not 'depth'."),
        (["--retries", "1000"], "retries should be less than or equal to 100, not 1000."),
        (["--timeout", "-1"], "timeout_s should be greater than 0"),
        (["--compute", "moon"], "compute 'moon' is not known"),
        (["--files", "../*"], "leads out of the source's folder"),
        (["--kernel", "nope"], "kernel_name 'nope' is no kernel here"),
        (["--memory", "4 gigs"], "need.memory should be a size such as 4GiB, not '4 gigs'"),
        (["--env", "missing.txt"], "cannot be read"),
        (["--sweep", "depth=1,x"], "depth must be an int, not 'x'."),
    ]
    for arguments, says in wrong:
        assert says in shell("job", "submit", train, *arguments, code=2).stderr


@pytest.mark.slow
def test_cli_sweep(shell, train):
    jobs = shell.json(
        "job", "submit", train, "--sweep", "depth=1,2", "--sweep", "rate=0.5", "--wait"
    )
    assert [job["parameters"] for job in jobs] == [
        {"depth": 1, "rate": 0.5},
        {"depth": 2, "rate": 0.5},
    ]
    assert all(job["state"] == "succeeded" for job in jobs)
    assert len({job["sweep_id"] for job in jobs}) == 1
    assert "Submitted 2 jobs." in shell("job", "submit", train, "--sweep", "depth=1,2").stdout


@pytest.mark.slow
def test_cli_stop(shell, tmp_path):
    script = tmp_path / "sleep.sh"
    script.write_text("echo started; sleep 60")
    job = shell.json("job", "submit", script)
    follower = subprocess.Popen(
        [sys.executable, "-m", "labstudio", "job", "logs", "--follow", job["id"]],
        env={
            **os.environ,
            "LABSTUDIO_HOME": shell.home,
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    # Where the tracking server still starts, the log says first that it is waited for.
    assert "started\n" in iter(follower.stdout.readline, "")
    assert "Stopping sleep.sh" in shell("job", "stop", job["id"]).stdout
    assert follower.wait(60) == 0
    assert shell.json("job", "show", job["id"])["state"] == "stopped"
    shell("job", "stop", job["id"], code=2)


@pytest.mark.slow
def test_cli_schedule(shell, train):
    made = shell.json(
        "schedule",
        "add",
        train,
        "-p",
        "depth=4",
        "--cron",
        "0 6 * * *",
        "--tz",
        "Europe/Berlin",
        "--name",
        "daily",
    )
    assert made["timezone"] == "Europe/Berlin"
    assert len(made["next_runs"]) == 5
    assert "daily" in shell("schedule", "list").stdout
    shell("schedule", "pause", "daily")
    assert shell.json("schedule", "show", made["id"])["paused"]
    shell("schedule", "resume", made["id"][-6:])
    job = shell.json("schedule", "run", "daily")
    assert job["schedule_id"] == made["id"]
    assert job["parameters"] == {"depth": 4}
    assert job["id"] in shell("schedule", "show", "daily").stdout
    shell("schedule", "delete", "daily")
    shell("schedule", "show", "daily", code=2)
    assert "never fires" in shell("schedule", "add", train, "--cron", "0 0 31 2 *", code=2).stderr


@pytest.mark.slow
def test_cli_quickstart_runs_as_a_job(shell):
    job = shell.json("demo")
    assert job["state"] == "succeeded", job["error"]
    assert job["run_id"]
