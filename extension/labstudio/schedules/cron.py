"""Cron lines: read, explained in words, and turned into the instants at which they fire.

The meaning is that of Debian's cron, through ``cronsim``, daylight saving included:

- A line whose minute and hour are both fixed (neither starts with ``*``) fires once a day whatever
  the clocks do. A time that the spring change leaves out fires at the first minute after the gap;
  a time that the autumn change repeats fires the first time only.
- Any other line (``*/15 * * * *``, ``0 * * * *``) follows elapsed time: it fires in every hour that
  really passes, so in both of the repeated ones and in none that is left out.
- When day-of-month and day-of-week are both restricted, either is enough; when one of them starts
  with ``*`` (as in ``*/2``), both must hold.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

FIELD_COUNT = 5

# Any day will do to learn whether a line ever fires: cronsim looks fifty years ahead.
PROBE = datetime(2024, 1, 1, tzinfo=UTC)

# Windows for searching backwards, see `due_between`.
FIRST_WINDOW = timedelta(hours=1)
WINDOW_GROWTH = 8


@dataclass(frozen=True)
class CronLine:
    """A cron line in a time zone, known to be valid and to fire.

    Parameters
    ----------
    cron
        Five fields, with aliases such as ``@daily`` already replaced.
    zone
        The zone whose wall clock the fields speak of.
    """

    cron: str
    zone: ZoneInfo

    @property
    def words(self) -> str:
        """The line in English, such as ``At 06:00 every day``."""
        # cronsim's own words, since they know which of its rules (and, or) joins the day fields.
        from cronsim.explain import explain

        return str(explain(self.cron))

    def runs(self, after: datetime) -> Iterator[datetime]:
        """Yield every instant later than `after` at which the line fires, in the line's zone.

        The instants do not depend on `after`, but for where they begin: starting anywhere
        gives the same ones.
        """
        from cronsim import CronSim

        latest = after.astimezone(UTC)
        # Local times repeat in autumn, and cronsim knows only one of the two for fixed lines:
        # begin well before such an hour and drop what is not later than what was seen.
        start = (latest - timedelta(hours=4)).astimezone(self.zone)
        for run in CronSim(self.cron, start):
            instant = run.astimezone(UTC)
            if instant > latest:
                latest = instant
                yield instant.astimezone(self.zone)

    def next_runs(self, count: int, after: datetime) -> list[datetime]:
        """Return the first `count` instants later than `after`, in the line's zone's offset."""
        return list(islice(self.runs(after), count))

    def due_between(self, start: datetime, end: datetime, limit: int) -> list[datetime]:
        """Return the newest `limit` instants with ``start < instant <= end``, oldest first, in UTC.

        Looking back over years of a line that fires each minute costs no more than the
        instants given back: windows that end at `end` are tried, each wider than the one before.
        """
        width = FIRST_WINDOW
        while True:
            begin = max(start, end - width)
            found: deque[datetime] = deque(maxlen=limit)
            for run in self.runs(begin):
                if run > end:
                    break
                found.append(run.astimezone(UTC))
            if begin == start or len(found) == limit:
                return list(found)
            width *= WINDOW_GROWTH


@lru_cache(maxsize=1024)
def parse(cron: str, timezone: str = "UTC") -> CronLine:
    """Read a cron line and the name of a time zone.

    Parameters
    ----------
    cron
        Five fields (minute, hour, day of month, month, day of week) as in crontab(5), or an
        alias such as ``@daily``. ``L`` and ``LW`` as days of the month, ``5L`` and
        ``FRI#2`` as days of the week, work too.
    timezone
        An IANA name.

    Raises
    ------
    InvalidInput
        Field ``cron`` or ``timezone``: it cannot be read, or the line never fires.
    """
    zone = parse_zone(timezone)
    line = expand(cron)
    check_fires(cron, line)
    return CronLine(line, zone)


def parse_zone(timezone: str) -> ZoneInfo:
    """Return the zone of an IANA name.

    Raises
    ------
    InvalidInput
        Field ``timezone``, with the nearest name that exists.
    """
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        # ZoneInfo opens a file of that name: a folder, a path outside or an overlong name each
        # raise something else.
        message = f"timezone {timezone[:64]!r} is not known{nearest_zone(timezone[:64])}"
        raise InvalidInput(message, field="timezone") from None


def nearest_zone(timezone: str) -> str:
    """Return a hint with the zone whose name is nearest, or what a name looks like."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    names = {name.casefold(): name for name in sorted(available_timezones())}
    names |= {name.rpartition("/")[2]: full for name, full in names.items() if "/" in name}
    near = get_close_matches(timezone.casefold().replace(" ", "_"), names, n=1)
    return f"; did you mean {names[near[0]]!r}?" if near else "; give one such as 'Europe/Berlin'."


def expand(cron: str) -> str:
    """Return the five fields that a line stands for.

    Raises
    ------
    InvalidInput
        Field ``cron``: unknown alias, or not five fields.
    """
    text = cron.strip()
    if text.startswith("@"):
        if text.lower() not in ALIASES:
            raise InvalidInput(
                f"cron {cron!r} is not known; the names are {', '.join(ALIASES)}.", field="cron"
            )
        return ALIASES[text.lower()]
    fields = text.split()
    if len(fields) == FIELD_COUNT + 1:
        raise InvalidInput(
            f"cron {cron!r} has six fields; seconds are not supported, give five: "
            "minute, hour, day of month, month, day of week.",
            field="cron",
        )
    if len(fields) != FIELD_COUNT:
        raise InvalidInput(
            f"cron {cron!r} has {len(fields)} field{'' if len(fields) == 1 else 's'}; give five: "
            "minute, hour, day of month, month, day of week.",
            field="cron",
        )
    return " ".join(fields)


def check_fires(cron: str, line: str) -> None:
    """Refuse a line that cannot be read or has no run within fifty years.

    Raises
    ------
    InvalidInput
        Field ``cron``.
    """
    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(line, PROBE))
    except CronSimError as error:
        raise InvalidInput(explain_error(cron, line, str(error)), field="cron") from None
    except StopIteration:
        raise never_fires(cron) from None
    except (ValueError, AssertionError):
        # cronsim checks its grammar by assertions in places ("L/2" as a day of week).
        raise InvalidInput(f"cron {cron!r} cannot be read.", field="cron") from None


def explain_error(cron: str, line: str, reason: str) -> str:
    """Return one sentence about what cronsim refused."""
    from cronsim.cronsim import RANGES
    from cronsim.cronsim import Field as CronField

    name = reason.removeprefix("Bad ")
    for field, part in zip(list(CronField)[1:], line.split(), strict=True):
        if field.msg() != reason:
            continue
        if field is CronField.DAY and days_are_numbers(part):
            return never_fires(cron).message
        low, high = RANGES[field][0], RANGES[field][-1]
        return f"cron {cron!r} cannot be read: {name} {part!r} is not within {low} to {high}."
    return f"cron {cron!r} cannot be read: {name}."


def days_are_numbers(part: str) -> bool:
    """Whether a day-of-month field is itself valid, so that only its months were at fault."""
    from cronsim import CronSim, CronSimError

    try:
        CronSim(f"0 0 {part} * *", PROBE)
    except CronSimError:
        return False
    return True


def never_fires(cron: str) -> InvalidInput:
    """Return the error for a line that no day of the calendar matches."""
    return InvalidInput(
        f"cron {cron!r} never fires: no day of the calendar matches it.", field="cron"
    )
