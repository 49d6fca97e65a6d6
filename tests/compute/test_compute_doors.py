"""The shell's and the notebook's doors to computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from labstudio._studio import Studio
from labstudio.cli import cli
from labstudio.compute.request import create_compute
from labstudio.errors import InvalidInput, StudioError
from labstudio.home import Home
from labstudio.widgets.compute import bundle

pytestmark = pytest.mark.usefixtures("shed")


@pytest.fixture
def shell(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("LABSTUDIO_HOME", str(home.path))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["compute", *arguments], standalone_mode=False)

    return run


def told(result: Result) -> Any:
    assert result.exception is None, result.output
    return json.loads(result.stdout)


def test_a_compute_is_added_shown_tested_drained_and_removed(shell: Any) -> None:
    added = told(
        shell("add", "box", "--type", "shed", "host=h", "port=23", "env={A: '1'}", "--json")
    )
    assert (added["name"], added["type"], added["state"]) == ("box", "shed", "ready")
    assert [each["name"] for each in told(shell("list", "--json"))] == ["local", "box"]
    shown = told(shell("show", "box", "--json"))
    assert (shown["settings"]["port"], shown["settings"]["env"]) == (23, {"A": "•••"})
    report = told(shell("test", "box", "--json"))
    assert report["ok"]
    assert told(shell("drain", "box", "--json"))["state"] == "draining"
    assert told(shell("drain", "box", "--off", "--json"))["state"] == "ready"
    assert "box" in shell("list").stdout
    assert "named in" in shell("show", "box").stdout
    assert shell("remove", "box").stdout == "Removed box.\n"
    assert len(told(shell("list", "--json"))) == 1


def test_a_file_in_the_shells_folder_is_found(shell: Any, tmp_path: Path) -> None:
    (tmp_path / "compute.toml").write_text('[near]\ntype = "shed"\nhost = "h"\n')
    assert [each["name"] for each in told(shell("list", "--json"))] == ["local", "near"]


def test_what_is_wrong_is_one_sentence(shell: Any) -> None:
    for arguments, sentence in (
        (("add", "box", "--type", "cloud"), "type 'cloud' is no kind of compute here"),
        (("add", "box", "--type", "shed"), "compute 'box': host is missing."),
        (("add", "box", "--type", "shed", "host"), "settings must be KEY=VALUE, not 'host'."),
        (("add", "The Box", "--type", "shed", "host=h"), "name should be"),
        (("test", "box"), "compute 'box' is not known"),
        (("drain", "local", "--now"), "compute 'local' is not preemptible"),
        (("drain", "local", "--now", "--off"), "now: a compute that takes new work is not drained"),
    ):
        error = shell(*arguments).exception
        assert isinstance(error, StudioError), arguments
        assert sentence in error.message


def test_values_are_read_as_their_settings_ask() -> None:
    texts = ["host=007", "port=22", "tools=[a, b]", "preemptible=true", "memory=4GiB"]
    assert create_compute("box", "shed", texts).settings == {
        "host": "007",
        "port": 22,
        "tools": ["a", "b"],
        "preemptible": True,
        "memory": "4GiB",
    }
    with pytest.raises(InvalidInput, match="port cannot be read"):
        create_compute("box", "shed", ["port={"])


def test_the_magics_table_is_whole_and_escaped(studio: Studio) -> None:
    studio.computes.add(create_compute("box", "shed", ["host=h"]))
    shown = bundle(studio.computes.list())
    assert "box" in shown["text/plain"]
    assert "<td>box</td>" in shown["text/html"]
    report = studio.computes.test("box")
    report.checks[0].message = "<b>"
    assert "<b>" not in bundle(report)["text/html"]
    assert bundle(studio.computes.detail("box"))["text/plain"].startswith("Name")
