"""Dates: what weekday one is, how many days lie between two, and which date lies so many days on."""

import re
from datetime import date, timedelta

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
SHIFTED = re.compile(r"(\d{4}-\d{2}-\d{2})\s*([+-])\s*(\d{1,6})\s*(days?|weeks?)?")
USE = "write 2026-03-01, 2026-03-01 + 90 days, or 2026-03-01 to 2026-05-30"


def reckon(text: str) -> str:
    """An answer about one date, a date and days, or two dates. Raises ValueError in words."""
    text = text.strip()
    try:
        if shifted := SHIFTED.fullmatch(text):
            return _shown(_shift(*shifted.groups()))
        found = [date.fromisoformat(day) for day in DATE.findall(text)]
    except (ValueError, OverflowError):
        raise ValueError("there is no such date") from None
    if len(found) == 1:
        return _shown(found[0])
    if len(found) == 2:
        days = (found[1] - found[0]).days
        return f"{days} days from {found[0]} to {found[1]}"
    raise ValueError(USE)


def _shift(day: str, sign: str, count: str, unit: str | None) -> date:
    days = int(count) * (7 if (unit or "").startswith("week") else 1)
    return date.fromisoformat(day) + timedelta(days=days if sign == "+" else -days)


def _shown(day: date) -> str:
    return f"{day} is a {day:%A}, day {day.timetuple().tm_yday} of the year"
