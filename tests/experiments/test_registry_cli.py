"""``labstudio model`` and ``labstudio card``, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio.cli import cli, failure, model
from tests.model_maker import Made, make


@pytest.fixture
def made(tracked: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """A model, and a shell whose studio it is in; its tracking server runs without a daemon."""
    monkeypatch.setattr(model, "opened", lambda: tracked)
    monkeypatch.setattr(tracked.keeper, "ensure", lambda **_: None)
    monkeypatch.chdir(tmp_path)
    return make(tracked, tmp_path, f"shell {tmp_path.name}")


def typed(capsys: Any, *words: str) -> tuple[int, str]:
    """Type a command; return its exit code and what it said."""
    capsys.readouterr()
    arguments = list(words)
    code = failure.guarded(
        lambda: cli.main(arguments, "labstudio", standalone_mode=False), arguments
    )
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_model_is_promoted_and_its_card_written(made: Made, capsys: Any, tmp_path: Path) -> None:
    name = made.name
    assert name in typed(capsys, "model", "list", name)[1]
    code, said = typed(capsys, "model", "show", name, "1", "--json")
    assert (code, json.loads(said)["run_id"]) == (0, made.run_id)
    assert "age: double" in typed(capsys, "model", "show", name, "1")[1]
    code, said = typed(capsys, "model", "register", made.run_id, name, "--json")
    assert (code, json.loads(said)["version"]) == (0, 2)
    assert (
        "is candidate now"
        in typed(capsys, "model", "promote", name, "2", "--alias", "candidate")[1]
    )
    assert "labstudio model approve" in typed(capsys, "model", "promote", name, "candidate")[1]
    assert typed(capsys, "model", "promote", name, "2")[0] == 2
    assert typed(capsys, "model", "approve", name) == (0, f"{name}/2 is champion now.\n")
    assert typed(capsys, "model", "reject", name)[0] == 2
    assert typed(capsys, "card", name, "champion", "--format", "json", "-o", "card.json")[0] == 0
    content = json.loads((tmp_path / "card.json").read_text())
    assert content["model_overview"]["model_version"] == 2
    assert typed(capsys, "card", name, "champion", "--format", "pdf")[0] == 0
    assert (tmp_path / f"{name}-2-card.pdf").read_bytes().startswith(b"%PDF-")
    assert typed(capsys, "card", name, "nobody") == (
        2, f"Error: No version of {name!r} is 'nobody'.\n"
    )  # fmt: skip
