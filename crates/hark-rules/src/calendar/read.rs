//! How calendars are read.

use std::collections::BTreeMap;

use jiff::{
    civil::{Date, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::{
    away::{Away, no_date, read_away, read_ical},
    calendar::{
        Calendar, MINUTES_A_DAY, Span,
        holidays::{self, HOLIDAYS},
    },
    document::{Entry, Node},
    names::Names,
    problem::Problem,
    read::{self, Fields},
};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads `calendars:`. One with problems is there under its name and never open, so that teams which use it are not
/// reported on top.
pub(crate) fn read_calendars(node: &Node, names: &Names, problems: &mut Vec<Problem>) -> Vec<Calendar> {
    let zones = TimeZoneDatabase::bundled();
    let entries = read::entries(node, "'calendars'", problems);
    let mut calendars = Vec::with_capacity(entries.len());
    for entry in entries {
        let calendar = read_calendar(entry, &zones, names, problems);
        calendars.push(calendar.unwrap_or_else(|| Calendar {
            name: entry.key.clone(),
            at: entry.at,
            zone: TimeZone::UTC,
            week: <[Vec<Span>; 7]>::default(),
            holidays: Vec::new(),
            holidays_known: None,
            closed: Vec::new(),
            special: BTreeMap::new(),
        }));
    }
    calendars
}

fn read_calendar(
    entry: &Entry,
    zones: &TimeZoneDatabase,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<Calendar> {
    let what = format!("calendar '{}'", entry.key);
    let mut fields = Fields::of(&entry.value, what.as_str(), problems)?;
    let zone = fields.require("zone", problems).and_then(|node| read_zone(node, &what, zones, problems));
    let week = fields.require("hours", problems).map(|node| read_week(node, &what, problems));
    let holidays = fields
        .take("holidays")
        .map_or_else(Holidays::default, |node| read_holidays(node, &what, names, problems));
    let mut closed = holidays.from_files;
    if let Some(node) = fields.take("closed") {
        let label = format!("'closed' of {what}");
        let away = read_away(node, &label, names, problems);
        closed.extend(whole_days(node, &label, away, problems));
    }
    let special = fields.take("open").map_or_else(BTreeMap::new, |node| read_special(node, &what, problems));
    fields.finish(problems);
    Some(Calendar {
        name: entry.key.clone(),
        at: entry.at,
        zone: zone?,
        week: week?,
        holidays: holidays.tables,
        holidays_known: holidays.known,
        closed: merged(closed),
        special,
    })
}

fn read_zone(
    node: &Node,
    what: &str,
    zones: &TimeZoneDatabase,
    problems: &mut Vec<Problem>,
) -> Option<TimeZone> {
    let name = read::text(node, &format!("'zone' of {what}"), problems)?;
    match zones.get(name) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let known: Vec<String> = zones.available().map(|name| name.to_string()).collect();
            let problem = Problem::at(node.at, format!("unknown time zone '{name}' in {what}"));
            problems.push(
                match crate::problem::nearest(name, &known.iter().map(String::as_str).collect::<Vec<_>>()) {
                    Some(near) => problem.hint(format!("did you mean '{near}'?")),
                    None => problem.hint("write a name of the IANA database such as Europe/Warsaw"),
                },
            );
            None
        }
    }
}

/// `{mon-fri: ["09:00-12:00", "13:00-16:00"], sat: 10:00-12:00}`.
fn read_week(node: &Node, what: &str, problems: &mut Vec<Problem>) -> [Vec<Span>; 7] {
    let mut week: [Vec<Span>; 7] = Default::default();
    let before = problems.len();
    let label = format!("'hours' of {what}");
    for entry in read::entries(node, &label, problems) {
        let Some(days) = days(&entry.key) else {
            problems.push(
                Problem::at(entry.at, format!("'{}' in {label} is no day of the week", entry.key))
                    .hint("write mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri"),
            );
            continue;
        };
        let spans = read_spans(&entry.value, &label, problems);
        for day in days {
            if week[day].is_empty() {
                week[day].clone_from(&spans);
            } else {
                problems.push(Problem::at(entry.at, format!("{label} names {} twice", DAYS[day])));
            }
        }
    }
    if week.iter().all(Vec::is_empty) && problems.len() == before {
        problems.push(Problem::at(node.at, format!("{what} is never open")));
    }
    week
}

fn days(key: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let day = |name: &str| DAYS.iter().position(|known| *known == name.trim().to_lowercase());
    match key.split_once('-') {
        Some((from, to)) => {
            let (from, to) = (day(from)?, day(to)?);
            (from <= to).then_some(from..=to)
        }
        None => day(key).map(|day| day..=day),
    }
}

fn read_spans(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        let Some(text) = read::text(item, what, problems) else { continue };
        let Some(span) = span(text) else {
            problems.push(Problem::at(item.at, format!("'{text}' in {what} is not a span of hours")).hint(
                "write it as 09:00-16:00; a night is two spans, 22:00-24:00 and on the next day 00:00-06:00",
            ));
            continue;
        };
        if spans.iter().any(|other| span.from < other.to && other.from < span.to) {
            problems
                .push(Problem::at(item.at, format!("'{text}' in {what} overlaps another span of the day")));
            continue;
        }
        spans.push(span);
    }
    spans.sort_unstable();
    spans
}

fn span(text: &str) -> Option<Span> {
    let (from, to) = ends(text)?;
    (from < to).then_some(Span { from, to })
}

/// Minutes of `22:00-06:00`, whichever comes first.
pub(super) fn ends(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    Some((minutes(from)?, minutes(to)?))
}

/// The days of `mon` or `mon-fri`.
pub(super) fn weekdays(key: &str) -> Option<Vec<Weekday>> {
    days(key)?.map(|day| Weekday::from_monday_zero_offset(i8::try_from(day).ok()?).ok()).collect()
}

/// `09:00` to `24:00`.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    if minute.len() != 2 || hour.is_empty() || hour.len() > 2 {
        return None;
    }
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= MINUTES_A_DAY).then_some(minutes)
}

#[derive(Default)]
struct Holidays {
    tables: Vec<&'static [u32]>,
    from_files: Vec<(Date, Date)>,
    /// The years that all of them know.
    known: Option<(i16, i16)>,
}

fn read_holidays(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Holidays {
    let label = format!("'holidays' of {what}");
    let mut found = Holidays::default();
    let mut knows = |first: i16, last: i16| {
        let (from, to) = found.known.unwrap_or((i16::MIN, i16::MAX));
        found.known = Some((from.max(first), to.min(last)));
    };
    for item in read::one_or_list(node, &label, problems) {
        if item.get("ical").is_some() {
            let away = read_ical(item, &label, names, problems);
            let days = whole_days(item, &label, away, problems);
            if let (Some(first), Some(last)) =
                (days.iter().map(|(from, _)| from.year()).min(), days.iter().map(|(_, to)| to.year()).max())
            {
                knows(first, last);
            }
            found.from_files.extend(days);
            continue;
        }
        let Some(country) = read::text(item, &label, problems) else { continue };
        match HOLIDAYS.iter().find(|(known, _)| *known == country) {
            Some((_, days)) => {
                knows(holidays::YEARS.0, holidays::YEARS.1);
                found.tables.push(*days);
            }
            None => problems.push(
                Problem::at(item.at, format!("the holidays of '{country}' in {label} are not known")).hint(
                    format!(
                        "known are {}; others come from a file: {{ical: holidays.ics}}",
                        HOLIDAYS.map(|(name, _)| name).join(", ")
                    ),
                ),
            ),
        }
    }
    found
}

/// Only whole days close a calendar.
fn whole_days(
    node: &Node,
    what: &str,
    events: Vec<(u32, Away)>,
    problems: &mut Vec<Problem>,
) -> Vec<(Date, Date)> {
    let (mut days, mut of_hours) = (Vec::with_capacity(events.len()), None);
    for (line, away) in events {
        match away {
            Away::Days(from, to) => days.push((from, to)),
            Away::Local(..) | Away::Moments(..) => _ = of_hours.get_or_insert(line),
        }
    }
    if let Some(line) = of_hours {
        let message = format!("the file of {what} has events of hours, the first in line {line}");
        let problem = Problem::at(node.at, message);
        problems.push(problem.hint("only whole days close a calendar: leave the others out"));
    }
    days
}

/// In order, those that touch each other in one.
fn merged(mut days: Vec<(Date, Date)>) -> Vec<(Date, Date)> {
    days.sort_unstable();
    let mut merged: Vec<(Date, Date)> = Vec::with_capacity(days.len());
    for (from, to) in days {
        match merged.last_mut() {
            Some((_, last)) if from <= *last => *last = to.max(*last),
            _ => merged.push((from, to)),
        }
    }
    merged
}

fn read_special(node: &Node, what: &str, problems: &mut Vec<Problem>) -> BTreeMap<Date, Vec<Span>> {
    let label = format!("'open' of {what}");
    let mut special = BTreeMap::new();
    for entry in read::entries(node, &label, problems) {
        match entry.key.parse::<Date>() {
            Ok(day) => {
                special.insert(day, read_spans(&entry.value, &label, problems));
            }
            Err(_) => problems.push(no_date(entry.at, &entry.key, &label)),
        }
    }
    special
}
