"""What counts as the same: metrics within a tolerance, outputs without what is new each time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labstudio.capture.models import Capsule, DataPrint, GitPrint, Hardware, PythonPrint
from labstudio.capture.surroundings import CREDENTIALS, lock_of, read_lock, seeds
from labstudio.reproduce import compare

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(NUMBERS, NUMBERS)
def test_agreeing_is_mutual_and_a_value_agrees_with_itself(one: float, other: float) -> None:
    assert compare.close(one, one, 1e-6)
    assert compare.close(one, other, 1e-6) == compare.close(other, one, 1e-6)


def test_a_metric_that_is_missing_does_not_agree() -> None:
    checks = compare.metrics({"a": 1.0, "b": 2.0, "system/cpu": 3.0}, {"b": 2.0 + 1e-9})
    assert [(each.key, each.agrees) for each in checks] == [("a", False), ("b", True)]
    assert checks[0].difference is None
    assert checks[1].difference == pytest.approx(1e-9, rel=1e-3)


def cell(source: str, text: str, name: str = "stdout") -> dict[str, Any]:
    output = {"output_type": "stream", "name": name, "text": text}
    return {"cell_type": "code", "source": source, "outputs": [output], "metadata": {}}


def test_what_is_new_each_time_is_no_change() -> None:
    then = [
        cell("model", "<Model at 0x7f3a>\n"),
        cell("run.id", "a" * 32),
        cell("w", "1", "stderr"),
    ]
    now = [cell("model", "<Model at 0x9bcd>\n"), cell("run.id", "b" * 32), cell("w", "2", "stderr")]
    assert all(each.agrees for each in compare.cells(then, now))


def test_a_cell_that_changed_or_did_not_run_is_named() -> None:
    then = [cell("a", "1"), cell("b", "2"), cell("c", "3")]
    checks = compare.cells(then, [cell("a", "1"), cell("b", "9")])
    assert [each.agrees for each in checks] == [True, False, False]
    assert (checks[1].then, checks[1].now) == ("2", "9")
    assert checks[2].now is None


def test_cells_that_were_run_twice_are_compared_in_their_order() -> None:
    then = [cell("x", "1"), cell("x", "2")]
    assert all(each.agrees for each in compare.cells(then, then))
    assert [each.agrees for each in compare.cells(then, [cell("x", "1"), cell("x", "3")])] == [
        True,
        False,
    ]


def capsule(**changes: Any) -> Capsule:
    made = Capsule(
        kind="notebook",
        started_at=datetime.now(UTC),
        python=PythonPrint(version="3.11.7"),
        git=GitPrint(commit="a" * 40),
        hardware=Hardware(cpu="one", cores=2),
        code_sha256="0",
        lock_sha256="0",
    )
    return made.model_copy(update=changes)


def test_reasons_name_what_is_other_than_it_was() -> None:
    now = capsule(
        python=PythonPrint(version="3.12.1"),
        hardware=Hardware(cpu="two", cores=2),
        git=GitPrint(commit="b" * 40),
    )
    found = compare.reasons(capsule(), now, ({"numpy": "1.0"}, {"numpy": "2.0", "new": "1"}))
    told = {(each.kind, each.message) for each in found}
    assert ("package", "numpy was 1.0, and is 2.0.") in told
    assert ("package", "new was not installed, and is 1.") in told
    assert ("python", "Python was CPython 3.11.7, and is CPython 3.12.1.") in told
    assert ("hardware", "The machine's cpu was one, and is two.") in told
    assert {each.kind for each in found} == {"package", "python", "hardware", "code"}
    assert compare.reasons(capsule(), capsule(), ({}, {})) == []


def test_data_that_was_not_read_again_is_looked_at() -> None:
    then = [DataPrint(name="a.csv", path="/a.csv", sha256="1"), DataPrint(name="b", sha256="2")]
    now = [DataPrint(name="b", sha256="2")]
    checks = compare.data(then, now, lambda each: None)
    assert [(each.name, each.now, each.agrees) for each in checks] == [
        ("a.csv", None, False),
        ("b", "2", True),
    ]


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), st.just("1.0")))
def test_a_lock_is_read_as_it_was_written(packages: dict[str, str]) -> None:
    assert read_lock(lock_of(packages)) == packages


def test_seeds_are_found_in_code_that_is_not_all_python() -> None:
    source = "%load_ext labstudio\nimport numpy as np\nrng = np.random.default_rng(5)\nseed = 3"
    assert seeds([source, "model(random_state=1)", "not python ((", "f(seed=None)"]) == {
        "np.random.default_rng": 5,
        "seed": 3,
        "model(random_state)": 1,
    }


def test_credentials_leave_addresses() -> None:
    assert CREDENTIALS.sub("", "https://ann:pw@host/x.git") == "https://host/x.git"
    assert CREDENTIALS.sub("", "git@host:x.git") == "git@host:x.git"
