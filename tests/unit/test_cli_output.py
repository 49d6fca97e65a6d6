"""How the shell shows times, sizes and tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labstudio.cli import output

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (4, "now"),
        (65, "1 min ago"),
        (7300, "2 h ago"),
        (-90_000, "in 1 d"),
        (30, "30 s ago"),
    ],
)
def test_relative_times(seconds, text):
    assert output.ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.44, "0.4 s"),
        (80, "1 min 20 s"),
        (3600, "1 h"),
        (273_600, "3 d 4 h"),
        (59.7, "1 min"),
    ],
)
def test_durations(seconds, text):
    assert output.duration(seconds) == text


def test_table_aligns_wide_characters(capsys):
    output.table(("A", "B"), [("日本", "x"), ("🚀é", "y"), ("plain", "z")])
    lines = capsys.readouterr().out.splitlines()
    assert {
        output.width(line[: line.rindex(end)]) for line, end in zip(lines, "Bxyz", strict=True)
    } == {7}


def test_cut():
    assert output.cut("日本語テキスト", 5) == "日本…"
    assert output.cut("short", 5) == "short"
    assert output.size(999) == "999 B"
    assert output.size(25_300_000_000) == "25.3 GB"
