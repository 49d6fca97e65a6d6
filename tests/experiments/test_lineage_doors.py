"""The lineage from the shell, from a notebook's magic, and over REST."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from labstudio._studio import Studio
from labstudio.cli import main
from labstudio.gateway.remote import RemoteStudio
from labstudio.lineage.objects import content_hash


@pytest.fixture
def told(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record that a run read a file and made a model; return the file."""
    monkeypatch.setenv("LABSTUDIO_HOME", str(studio.home.path))
    file = tmp_path / "customers.csv"
    file.write_text("a,b\n1,2\n")
    data = f"data:{content_hash(file)}"
    record = studio.lineage.record
    record("is", data, data, name="customers.csv", rows=1)
    record("held", f"file:{file}", data, path=str(file))
    record("read", data, "run:1", path=str(file))
    record("is", "run:1", "run:1", name="brave-fox", status="FINISHED")
    record("made", "run:1", "model:churn/1")
    return file


@dataclass(frozen=True)
class Answer:
    exit_code: int
    output: str


def call(*arguments: str) -> Answer:
    told = io.StringIO()
    with redirect_stdout(told), pytest.raises(SystemExit) as ended:
        main(["lineage", *arguments])
    return Answer(int(ended.value.code or 0), told.getvalue())


def test_the_shell_draws_a_tree(told: Path) -> None:
    shown = call(str(told)).output.splitlines()
    sha256 = content_hash(told)
    assert shown == [
        f"data customers.csv  {sha256[:12]}",
        "led to",
        "└─ read  run brave-fox  1  FINISHED",
        "   └─ made  model churn v1",
    ]
    assert call("model:churn/1", "--up").output.splitlines()[1:] == [
        "came from",
        "└─ made  run brave-fox  1  FINISHED",
        f"   └─ read  data customers.csv  {sha256[:12]}",
    ]
    assert call("model:churn/1", "--down").output.splitlines() == ["model churn v1"]
    cut = call("model:churn/1", "--depth", "1", "--json")
    graph = json.loads(cut.output)
    assert [node["id"] for node in graph["nodes"]] == ["model:churn/1", "run:1"]
    assert graph["cut"] is True


def test_the_shell_says_what_is_stale(told: Path) -> None:
    fresh = call("stale")
    assert (fresh.exit_code, fresh.output) == (
        0,
        "Nothing is stale: 1 files are as they were recorded.\n",
    )
    told.write_text("a,b\n3,4\n")
    for arguments in ((), (str(told),), ("model:churn/1",)):
        stale = call("stale", *arguments)
        assert stale.exit_code == 1
        assert f"model churn v1: {told} held " in stale.output
    page = json.loads(call("stale", "--json").output)
    assert page["items"][0]["found_sha256"] == content_hash(told)


def test_the_shell_verifies(studio: Studio, told: Path) -> None:
    whole = call("verify", "--json")
    found = json.loads(whole.output)
    assert (whole.exit_code, found["entries"], found["whole"]) == (0, 5, True)
    assert call("verify", "--holds", found["newest"]).exit_code == 0
    with studio.database.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER lineage_no_update"))
        connection.execute(sa.text("UPDATE lineage SET object = 'run:2' WHERE sequence = 3"))
    broken = call("verify")
    assert broken.exit_code == 1
    assert broken.output == "Entry 3 was altered: its content does not give its hash.\n"


@pytest.fixture
def shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    from labstudio.magics.lineage import LineageMagics

    shell = InteractiveShell.instance()
    # The whole extension would begin to record this process.
    shell.register_magics(LineageMagics)
    yield shell
    InteractiveShell.clear_instance()


def test_the_magic_shows_a_tree_of_a_name_a_file_or_a_variable(
    told: Path, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr(
        "IPython.display.display", lambda bundle, raw: shown.append(bundle) if raw else None
    )
    shell.user_ns["table"] = told
    for what in ("model:churn/1 --up", str(told), "table --depth 1", "stale", "verify"):
        shell.run_line_magic("lineage", what)
    model, by_path, near, stale, verified = (each["text/plain"] for each in shown)
    assert model.startswith("model churn v1\ncame from")
    assert by_path.startswith("data customers.csv")
    assert near.endswith("There is more: 2 objects within 1 steps are shown.")
    assert stale.startswith("Nothing is stale")
    assert verified == "All 5 entries are as they were written."
    assert "<b title='run:1'>brave-fox</b>" in shown[0]["text/html"]


def test_a_kernel_elsewhere_is_told_clearly(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.error import UsageError

    monkeypatch.setattr("labstudio.studio", lambda: RemoteStudio("http://x", "t"))
    with pytest.raises(UsageError, match="is not reached from a kernel or job on another compute"):
        shell.run_line_magic("lineage", "model:churn/1")
