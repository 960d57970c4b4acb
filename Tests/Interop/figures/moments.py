"""Milliseconds since 1970, and the days of the machine's clock (TZ)."""

import datetime
import os
import time

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
QUARTER = 900_000   # every hour and day begins with one


def end_summer_time(days_ago):
    """Sets a time zone whose summer time ended some days ago: one of the days has 25 hours."""
    def julian(days):
        day = datetime.date.today() - datetime.timedelta(days)
        # J counts as if there never were a 29 February.
        return 59 if (day.month, day.day) == (2, 29) else day.replace(year=2025).timetuple().tm_yday
    os.environ["TZ"] = f"XST-1XDT,J{julian(days_ago + 100)}/2,J{julian(days_ago)}/3"
    time.tzset()


def day_of(milliseconds):
    """The local day, such as 20261124."""
    local = time.localtime(milliseconds // 1000)
    return local.tm_year * 10_000 + local.tm_mon * 100 + local.tm_mday


def start_of(date):
    """When a local day begins."""
    return int(time.mktime((date.year, date.month, date.day, 0, 0, 0, 0, 0, -1))) * 1000


def clock(milliseconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds // 1000)) + f".{milliseconds % 1000:03d}"
