#!/usr/bin/env python3
"""Writes crates/hark-rules/src/calendar/holidays.rs: the public holidays that calendars know.

Needs the package `holidays` from PyPI (MIT), of the version below:
    pip install holidays==0.109
    python3 scripts/public-holidays.py
"""

import pathlib

import holidays

VERSION = "0.109"
YEARS = range(2024, 2036)
# England stands for GB, whose other nations have days of their own; DE and US are the days of the whole country.
COUNTRIES = {"DE": {}, "GB": {"subdiv": "ENG"}, "IT": {}, "PL": {}, "RO": {}, "SE": {}, "US": {}}

HEAD = f"""//! Public holidays, written by `scripts/public-holidays.py` from the PyPI package `holidays` {VERSION} (MIT); do not edit.

/// The first and the last year that the table covers.
pub(super) const YEARS: (i16, i16) = ({YEARS.start}, {YEARS.stop - 1});

/// By country: the days as year, month and day in one number, in order. GB is England; DE and US are the days of the
/// whole country.
#[rustfmt::skip]
pub(super) const HOLIDAYS: [(&str, &[u32]); {len(COUNTRIES)}] = [
"""


def main():
    if holidays.__version__ != VERSION:
        raise SystemExit(f"holidays is {holidays.__version__}, not {VERSION}: pip install holidays=={VERSION}")
    lines = [HEAD]
    for country, options in sorted(COUNTRIES.items()):
        lines.append(f'    ("{country}", &[\n')
        for year in YEARS:
            days = sorted(holidays.country_holidays(country, years=year, **options))
            numbers = ", ".join(str(day.year * 10000 + day.month * 100 + day.day) for day in days if day.year == year)
            lines.append(f"        {numbers},\n")
        lines.append("    ]),\n")
    lines.append("];\n")
    target = pathlib.Path(__file__).parent.parent / "crates/hark-rules/src/calendar/holidays.rs"
    target.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
