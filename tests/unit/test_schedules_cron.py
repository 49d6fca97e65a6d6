"""Cron lines: what is refused and how, and when lines fire around changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labstudio.errors import InvalidInput
from labstudio.schedules.cron import CronLine, parse, parse_zone

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # clocks change by half an hour
    "Asia/Kolkata",  # UTC+5:30
    "America/St_Johns",  # UTC-3:30, with changes
    "Asia/Kathmandu",  # UTC+5:45
]


def berlin(cron: str, after: datetime, count: int) -> list[str]:
    return local(parse(cron, "Europe/Berlin"), after, count)


def local(line: CronLine, after: datetime, count: int) -> list[str]:
    return [run.strftime("%d %H:%M%z") for run in line.next_runs(count, after)]


@pytest.mark.parametrize(
    ("cron", "part"),
    [
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 2,4,6 *", "never fires"),
        ("0 0 0 * *", "day-of-month '0'"),
        ("61 * * * *", "minute '61'"),
        ("* 24 * * *", "hour '24'"),
        ("0 0 * FOO *", "month 'FOO'"),
        ("0 0 * * 8", "day-of-week '8'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("0 0 * * L/2", "day-of-week 'L/2'"),
        ("* * * * * *", "six fields"),
        ("0 0 0 1 1 ? 2030", "7 fields"),
        ("every day", "2 fields"),
        ("nonsense", "1 field;"),
        ("", "0 fields"),
        ("@reboot", "@daily"),
        ("a b c d e", "minute 'a'"),
    ],
)
def test_refused_lines_say_what_is_wrong(cron: str, part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(cron)
    assert caught.value.details["field"] == "cron"
    assert part in caught.value.message


@pytest.mark.parametrize(
    ("timezone", "part"),
    [
        ("Berlin", "did you mean 'Europe/Berlin'"),
        ("new york", "did you mean 'America/New_York'"),
        ("Europe", "not known"),
        ("../../etc/passwd", "not known"),
        ("/etc/passwd", "not known"),
        ("\0", "not known"),
        ("", "not known"),
        ("x" * 10_000, "not known"),
    ],
)
def test_refused_zones_say_what_is_wrong(timezone: str, part: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("0 6 * * *", timezone)
    assert caught.value.details["field"] == "timezone"
    assert part in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 6 * * *", "At 06:00 every day"),
        ("@daily", "At 00:00 every day"),
        ("0 0 */2 * MON", "At 00:00 on every second day of month if it's on Monday"),
        ("30 8 * * MON-FRI", "At 08:30 on Monday through Friday"),
    ],
)
def test_words(cron: str, words: str) -> None:
    assert parse(cron).words == words


def test_spring_gap_in_berlin() -> None:
    # 2024-03-31: 02:00 becomes 03:00.
    after = datetime(2024, 3, 30, 12, tzinfo=BERLIN)
    assert berlin("30 2 * * *", after, 2) == [
        "31 03:00+0200",
        "01 02:30+0200",
    ]
    quarter = berlin("*/30 * * * *", datetime(2024, 3, 31, 1, tzinfo=BERLIN), 3)
    assert quarter == ["31 01:30+0100", "31 03:00+0200", "31 03:30+0200"]
    every_two = berlin("0 */2 * * *", datetime(2024, 3, 31, 0, tzinfo=BERLIN), 2)
    assert every_two == ["31 04:00+0200", "31 06:00+0200"]


def test_autumn_repeat_in_berlin() -> None:
    # 2024-10-27: 03:00 becomes 02:00.
    after = datetime(2024, 10, 26, 12, tzinfo=BERLIN)
    assert berlin("30 2 * * *", after, 2) == [
        "27 02:30+0200",
        "28 02:30+0100",
    ]
    hourly = berlin("0 * * * *", datetime(2024, 10, 27, 1, tzinfo=BERLIN), 3)
    assert hourly == ["27 02:00+0200", "27 02:00+0100", "27 03:00+0100"]


def test_a_fixed_line_does_not_fire_again_in_the_repeated_hour() -> None:
    repeated = datetime(2024, 10, 27, 2, 10, tzinfo=BERLIN, fold=1)
    assert berlin("30 2 * * *", repeated, 1) == ["28 02:30+0100"]


def test_both_changes_in_new_york() -> None:
    # 2024-03-10: 02:00 becomes 03:00. 2024-11-03: 02:00 becomes 01:00.
    line = parse("15 2 * * *", "America/New_York")
    spring = datetime(2024, 3, 9, 12, tzinfo=NEW_YORK)
    assert local(line, spring, 2) == ["10 03:00-0400", "11 02:15-0400"]
    line = parse("45 1 * * *", "America/New_York")
    autumn = datetime(2024, 11, 2, 12, tzinfo=NEW_YORK)
    assert local(line, autumn, 2) == ["03 01:45-0400", "04 01:45-0500"]


def test_half_hour_change_on_lord_howe() -> None:
    # 2024-10-06: 02:00 becomes 02:30. 2024-04-07: 02:00 becomes 01:30.
    spring = datetime(2024, 10, 5, 12, tzinfo=LORD_HOWE)
    line = parse("15 2 * * *", "Australia/Lord_Howe")
    assert local(line, spring, 2) == ["06 02:30+1100", "07 02:15+1100"]
    autumn = datetime(2024, 4, 6, 12, tzinfo=LORD_HOWE)
    line = parse("45 1 * * *", "Australia/Lord_Howe")
    assert local(line, autumn, 2) == ["07 01:45+1100", "08 01:45+1030"]
    line = parse("*/15 * * * *", "Australia/Lord_Howe")
    runs = line.next_runs(8, datetime(2024, 4, 7, 1, tzinfo=LORD_HOWE))
    gaps = {later.astimezone(UTC) - earlier.astimezone(UTC) for earlier, later in pairwise(runs)}
    assert gaps == {timedelta(minutes=15)}


def test_due_between_is_bounded_and_keeps_the_newest() -> None:
    line = parse("* * * * *")
    end = datetime(2030, 1, 1, tzinfo=UTC)
    due = line.due_between(datetime(2010, 1, 1, tzinfo=UTC), end, limit=100)
    assert due == [end - timedelta(minutes=n) for n in reversed(range(100))]
    assert line.due_between(end, end - timedelta(days=1), limit=5) == []
    assert line.due_between(end, end, limit=5) == []
    rare = parse("0 0 29 2 *").due_between(datetime(2001, 1, 1, tzinfo=UTC), end, limit=100)
    assert [run.date() for run in rare] == [date(year, 2, 29) for year in range(2004, 2029, 4)]


minutes = st.integers(0, 59)
hours = st.integers(0, 23)
field = st.sampled_from
lines = st.builds(
    "{} {} {} {} {}".format,
    st.one_of(minutes, field(["*", "*/7", "*/30", "0,45", "10-20"])),
    st.one_of(hours, field(["*", "*/2", "1,2,3", "0-4"])),
    field(["*", "1", "15", "*/2", "L", "29"]),
    field(["*", "3", "10", "2-4", "*/5"]),
    field(["*", "0", "7", "MON-FRI", "FRI#2", "0L"]),
)
# The weeks around every change of the clocks of 2024 in the zones above, and others.
moments = st.datetimes(datetime(2024, 1, 1), datetime(2025, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


@settings(deadline=None, max_examples=150)
@given(cron=lines, timezone=field(ZONES), after=moments)
def test_runs_increase_are_aware_and_match_the_fields(
    cron: str, timezone: str, after: datetime
) -> None:
    line = parse(cron, timezone)
    runs = line.next_runs(20, after)
    instants = [run.astimezone(UTC) for run in runs]
    assert instants == sorted(set(instants))
    assert instants[0] > after
    zone = parse_zone(timezone)
    for run in runs:
        assert run.tzinfo is not None
        assert run.second == run.microsecond == 0
        assert matches(cron, run) or follows_gap(run, zone)


@settings(deadline=None, max_examples=100)
@given(cron=lines, timezone=field(ZONES), after=moments, skip=st.floats(0, 1))
def test_runs_do_not_depend_on_where_one_begins(
    cron: str, timezone: str, after: datetime, skip: float
) -> None:
    line = parse(cron, timezone)
    runs = line.next_runs(12, after)
    middle = after + (runs[8].astimezone(UTC) - after) * skip
    rest = [run for run in runs if run.astimezone(UTC) > middle]
    assert line.next_runs(len(rest), middle) == rest


@settings(deadline=None, max_examples=60)
@given(cron=lines, timezone=field(ZONES), after=moments, limit=st.integers(1, 8))
def test_due_between_is_the_tail_of_the_runs(
    cron: str, timezone: str, after: datetime, limit: int
) -> None:
    line = parse(cron, timezone)
    runs = line.next_runs(12, after)
    assert line.due_between(after, runs[-1], limit) == runs[-limit:]


def matches(cron: str, run: datetime) -> bool:
    """Whether a local time matches the fields, by an independent reading of the strategies."""
    minute, hour, day, month, weekday = cron.split()
    return (
        run.minute in numbers(minute, 0, 59)
        and run.hour in numbers(hour, 0, 23)
        and run.month in numbers(month, 1, 12)
        and day_matches(day, weekday, run)
    )


def numbers(part: str, low: int, high: int) -> set[int]:
    if part == "*":
        return set(range(low, high + 1))
    if part.startswith("*/"):
        return set(range(low, high + 1, int(part[2:])))
    if "-" in part:
        first, last = part.split("-")
        return set(range(int(first), int(last) + 1))
    return {int(one) for one in part.split(",")}


def day_matches(day: str, weekday: str, run: datetime) -> bool:
    last = (run + timedelta(days=1)).month != run.month
    in_month = last if day == "L" else run.day in numbers(day, 1, 31)
    if weekday == "MON-FRI":
        in_week = run.weekday() < 5
    elif weekday == "FRI#2":
        in_week = run.weekday() == 4 and 8 <= run.day <= 14
    elif weekday == "0L":
        in_week = run.weekday() == 6 and (run + timedelta(days=7)).month != run.month
    else:
        in_week = weekday == "*" or run.weekday() == 6
    both = day.startswith("*") or weekday.startswith("*")
    return in_month and in_week if both else in_month or in_week


def follows_gap(run: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks went forward right before this local time."""
    before = (run.astimezone(UTC) - timedelta(minutes=1)).astimezone(zone)
    return before.utcoffset() < run.utcoffset()
