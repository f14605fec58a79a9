#!/usr/bin/env python3
"""Due times of a year, found by trying every second or minute: what `schedule.rs` is compared with. Writes year.txt.

For each schedule: how many are due in each month, and all of them within two days of a change of the clock.
"""

import datetime
import pathlib
import zoneinfo

UTC = datetime.timezone.utc
YEAR = 2027

# Expression, zone, whether it names an hour, and which moments on the wall match.
SCHEDULES = [
    ("0 30 2 * * *", "Europe/Berlin", True, lambda t: (t.hour, t.minute) == (2, 30)),
    ("0 0,30 2 * * *", "America/New_York", True, lambda t: t.hour == 2 and t.minute in (0, 30)),
    ("30 1 * * *", "America/New_York", True, lambda t: (t.hour, t.minute) == (1, 30)),
    ("0 */20 * * * *", "Europe/Berlin", False, lambda t: t.minute % 20 == 0),
    ("0 15 */6 * * sun", "Europe/Berlin", False, lambda t: t.minute == 15 and t.hour % 6 == 0 and t.isoweekday() == 7),
    ("0 0 3 29 2 *", "Europe/Berlin", True, lambda t: (t.month, t.day, t.hour, t.minute) == (2, 29, 3, 0)),
    ("0 0 12 13 * fri", "America/New_York", True, lambda t: (t.hour, t.minute) == (12, 0) and (t.day == 13 or t.isoweekday() == 5)),
    ("0 5-10/2 22 1-7 mar,oct mon-wed", "Australia/Lord_Howe", True, lambda t: t.hour == 22 and t.minute in (5, 7, 9) and (t.day <= 7 or t.isoweekday() in (1, 2, 3)) and t.month in (3, 10)),
    ("0 10 2 * * *", "Australia/Lord_Howe", True, lambda t: (t.hour, t.minute) == (2, 10)),
    ("@daily", "Africa/Casablanca", True, lambda t: (t.hour, t.minute) == (0, 0)),
    ("@hourly", "Asia/Kathmandu", False, lambda t: t.minute == 0),
]


def changes(zone):
    """The instants at which the offset of the zone changes."""
    found = []
    at = datetime.datetime(YEAR, 1, 1, tzinfo=UTC)
    end = datetime.datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    step = datetime.timedelta(minutes=1)
    before = at.astimezone(zone).utcoffset()
    while at < end:
        offset = at.astimezone(zone).utcoffset()
        if offset != before:
            found.append(at)
            before = offset
        at += step
    return found


def due(zone, names_hour, matches, moved):
    at = datetime.datetime(YEAR, 1, 1, tzinfo=UTC)
    end = datetime.datetime(YEAR + 1, 1, 1, tzinfo=UTC)
    step = datetime.timedelta(minutes=1)
    found = set()
    seen = set()
    while at < end:
        wall = at.astimezone(zone).replace(tzinfo=None)
        if matches(wall) and not (names_hour and wall in seen):
            found.add(at)
        seen.add(wall)
        at += step
    if names_hour:
        for change in moved:
            before = (change - step).astimezone(zone).replace(tzinfo=None) + step
            after = change.astimezone(zone).replace(tzinfo=None)
            while before < after:
                if matches(before):
                    found.add(change)
                before += step
    return sorted(found)


lines = []
for expression, name, names_hour, matches in SCHEDULES:
    zone = zoneinfo.ZoneInfo(name)
    moved = changes(zone)
    times = due(zone, names_hour, matches, moved)
    months = [sum(1 for at in times if at.month == month) for month in range(1, 13)]
    lines.append(f"{expression} | {name}")
    lines.append("  months " + " ".join(map(str, months)))
    near = [at for at in times if any(abs(at - change) <= datetime.timedelta(days=2) for change in moved)]
    near = [at for at in near if not (expression.startswith("0 */20") and any(abs(at - change) > datetime.timedelta(hours=3) for change in moved if abs(at - change) < datetime.timedelta(days=3)))]
    for at in near:
        lines.append("  " + at.strftime("%Y-%m-%dT%H:%M:%SZ"))
pathlib.Path(__file__).with_name("year.txt").write_text("\n".join(lines) + "\n")
