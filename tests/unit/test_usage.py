"""The usage ledger: a compute is paid for once, and every entry has its part."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labstudio._studio import Studio
from labstudio.cli import main
from labstudio.compute.models import Capacity, ComputeSettings, Need
from labstudio.errors import InvalidInput
from labstudio.usage import ledger
from labstudio.usage.cost import spans
from labstudio.usage.models import By, Entry, UsageQuery

START = datetime(2026, 3, 25, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(
    name: str, begin: float, end: float | None, share: float = 0.5, **fields: object
) -> Entry:
    values: dict[str, object] = {
        "id": name, "holder": "job", "holder_id": name, "attempt": 1, "name": name,
        "compute": "box", "user": "ann", "cpus": 1.0, "memory_bytes": 0, "gpus": 0,
        "share": share, "price_per_hour": 2.0, "started_at": START + begin * HOUR,
        "ended_at": None if end is None else START + end * HOUR, **fields,
    }  # fmt: skip
    return Entry.model_validate(values)


@dataclass
class Cost:
    """What one entry cost within the time looked at."""

    seconds: float = 0.0
    cost: float = 0.0
    on_demand: float = 0.0


def costs(entries: Sequence[Entry], since: datetime | None, until: datetime) -> dict[str, Cost]:
    """Add up what each entry cost, by its id."""
    found: dict[str, Cost] = defaultdict(Cost)
    for span in spans(entries, since, until):
        cost = found[span.entry.id]
        cost.seconds += span.seconds
        cost.cost += span.cost
        cost.on_demand += span.on_demand
    return dict(found)


def test_a_compute_that_two_hold_is_paid_for_once() -> None:
    found = costs([entry("a", 0, 2), entry("b", 1, 2)], None, START + 5 * HOUR)
    assert found["a"].cost == pytest.approx(2.0 + 1.0)
    assert found["b"].cost == pytest.approx(1.0)
    assert (found["a"].seconds, found["b"].seconds) == (7200, 3600)


def test_who_holds_more_pays_more_and_what_runs_pays_until_now() -> None:
    found = costs([entry("a", 0, None, 0.75), entry("b", 0, None, 0.25)], None, START + HOUR)
    assert found["a"].cost == pytest.approx(1.5)
    assert found["b"].cost == pytest.approx(0.5)


def test_what_a_preemptible_compute_saves_is_the_difference_in_price() -> None:
    one = entry("a", 0, 1, on_demand_price_per_hour=6.0)
    found = costs([one], None, START + HOUR)["a"]
    assert found.on_demand - found.cost == pytest.approx(4.0)


stays = st.lists(
    st.tuples(
        st.sampled_from(["box", "hut"]),
        st.integers(0, 200),
        st.integers(1, 100),
        st.floats(0.01, 1.0),
    ),
    min_size=1,
    max_size=12,
)


@given(stays)
def test_costs_add_up_to_the_price_of_the_time_in_which_it_was_held(
    given_: list[tuple[str, int, int, float]],
) -> None:
    entries = [
        entry(str(at), begin / 10, (begin + length) / 10, share, compute=compute)
        for at, (compute, begin, length, share) in enumerate(given_)
    ]
    found = costs(entries, None, START + 100 * HOUR)
    held = {
        (compute, tick)
        for compute, begin, length, _ in given_
        for tick in range(begin, begin + length)
    }
    assert sum(each.cost for each in found.values()) == pytest.approx(2.0 * len(held) / 10)
    assert set(found) == {each.id for each in entries}


@given(stays, st.integers(0, 300))
def test_the_parts_of_a_time_cost_what_the_whole_does(
    given_: list[tuple[str, int, int, float]], cut: int
) -> None:
    entries = [
        entry(str(at), begin / 10, (begin + length) / 10, share, compute=compute)
        for at, (compute, begin, length, share) in enumerate(given_)
    ]
    end, middle = START + 100 * HOUR, START + cut / 10 * HOUR
    whole, early, late = (
        costs(entries, None, end), costs(entries, None, middle), costs(entries, middle, end)
    )  # fmt: skip
    for each in entries:
        parts = [part[each.id].cost for part in (early, late) if each.id in part]
        assert sum(parts) == pytest.approx(whole[each.id].cost)


def fill(studio: Studio) -> None:
    settings = ComputeSettings(type="local", price_per_hour=3.0, on_demand_price_per_hour=9.0)
    capacity = Capacity(cpus=4, memory_bytes=8 << 30)
    with studio.database.begin() as connection:
        for number, user in enumerate(["ann", "ann", "bob"]):
            stay = ledger.Stay("job", f"j{number}", 1, f"train {number}", "box", user, "team")
            begin = START + number * HOUR
            for _ in range(2):
                ledger.begin(connection, stay, Need(cpus=2), settings, capacity, begin)
            for outcome in ("preempted", "succeeded"):
                ledger.end(
                    connection, "job", f"j{number}", 1,
                    outcome=outcome, at=begin + HOUR, lost_s=600.0 if number == 0 else None,
                )  # fmt: skip


def test_a_line_is_begun_and_ended_once(studio: Studio) -> None:
    fill(studio)
    lines = studio.usage.entries()
    assert [each.holder_id for each in lines] == ["j0", "j1", "j2"]
    assert {each.outcome for each in lines} == {"preempted"}
    assert {each.share for each in lines} == {0.5}


def test_reports_add_up_by_user_and_by_day(studio: Studio) -> None:
    fill(studio)
    report = studio.usage.report(UsageQuery(by=By.user))
    assert [(row.key, row.entries, round(row.cost, 6)) for row in report.rows] == [
        ("ann", 2, 6.0),
        ("bob", 1, 3.0),
    ]
    assert report.rows[0].lost_cost == pytest.approx(0.5)
    assert report.total.saved == pytest.approx(18.0)
    assert report.total.cpu_s == pytest.approx(3 * 3600 * 2)
    assert [(each.day.day, each.seconds) for each in report.days] == [(25, 7200), (26, 3600)]
    assert studio.usage.spent() == {"box": pytest.approx(9.0)}
    only = studio.usage.report(UsageQuery(by=By.compute), users=["bob"])
    assert [(row.key, round(row.cost, 6)) for row in only.rows] == [("box", 3.0)]


def test_a_time_that_ends_before_it_begins_is_refused(studio: Studio) -> None:
    with pytest.raises(InvalidInput, match="until must be later"):
        studio.usage.report(UsageQuery(since=START, until=START))


def test_the_shell_gives_csv(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(studio)
    monkeypatch.setenv("LABSTUDIO_HOME", str(studio.home.path))
    with pytest.raises(SystemExit) as left:
        main(["usage", "--by", "holder", "--csv", "--since", "2026-03-25T23:30:00+00:00"])
    assert left.value.code == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["key"], row["label"]) for row in rows] == [("j2", "train 2"), ("j1", "train 1")]
    assert float(rows[1]["cost"]) == pytest.approx(1.5)
    with pytest.raises(SystemExit) as left:
        main(["usage", "--since", "yesterday"])
    assert left.value.code == 2
    assert "'yesterday' is no time" in capsys.readouterr().err
