//! How calendars are read.

use std::collections::BTreeMap;

use jiff::{
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::{
    calendar::{Calendar, MINUTES_A_DAY, Span, holidays::HOLIDAYS},
    document::{Node, Value},
    problem::Problem,
    read::{self, Fields},
};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads `calendars:`. One with problems is there under its name and never open, so that teams which use it are not
/// reported on top.
pub(crate) fn read_calendars(node: &Node, problems: &mut Vec<Problem>) -> Vec<Calendar> {
    let zones = TimeZoneDatabase::bundled();
    let entries = read::entries(node, "'calendars'", problems);
    let mut calendars = Vec::with_capacity(entries.len());
    for entry in entries {
        let calendar = read_calendar(&entry.key, &entry.value, &zones, problems);
        calendars.push(calendar.unwrap_or_else(|| Calendar {
            name: entry.key.clone(),
            zone: TimeZone::UTC,
            week: <[Vec<Span>; 7]>::default(),
            holidays: Vec::new(),
            closed: Vec::new(),
            special: BTreeMap::new(),
        }));
    }
    calendars
}

fn read_calendar(
    name: &str,
    node: &Node,
    zones: &TimeZoneDatabase,
    problems: &mut Vec<Problem>,
) -> Option<Calendar> {
    let what = format!("calendar '{name}'");
    let mut fields = Fields::of(node, what.as_str(), problems)?;
    let zone = fields.require("zone", problems).and_then(|node| read_zone(node, &what, zones, problems));
    let week = fields.require("hours", problems).map(|node| read_week(node, &what, problems));
    let holidays = fields.take("holidays").map_or_else(Vec::new, |node| read_holidays(node, &what, problems));
    let closed = fields.take("closed").map_or_else(Vec::new, |node| {
        let label = format!("'closed' of {what}");
        let items = read::one_or_list(node, &label, problems);
        items.iter().filter_map(|item| read_closure(item, &label, problems)).collect()
    });
    let special = fields.take("open").map_or_else(BTreeMap::new, |node| read_special(node, &what, problems));
    fields.finish(problems);
    Some(Calendar { name: name.to_owned(), zone: zone?, week: week?, holidays, closed, special })
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
    let (from, to) = text.split_once('-')?;
    let span = Span { from: minutes(from)?, to: minutes(to)? };
    (span.from < span.to).then_some(span)
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

fn read_holidays(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Vec<&'static [u32]> {
    let label = format!("'holidays' of {what}");
    let mut found = Vec::new();
    for item in read::one_or_list(node, &label, problems) {
        let Some(country) = read::text(item, &label, problems) else { continue };
        match HOLIDAYS.iter().find(|(known, _)| *known == country) {
            Some((_, days)) => found.push(*days),
            None => problems.push(
                Problem::at(item.at, format!("the holidays of '{country}' in {label} are not known")).hint(
                    format!(
                        "known are {}; name other days under 'closed'",
                        HOLIDAYS.map(|(name, _)| name).join(", ")
                    ),
                ),
            ),
        }
    }
    found
}

fn read_closure(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<(Date, Date)> {
    if !matches!(node.value, Value::Map(_)) {
        let day = read_date(node, what, problems)?;
        return Some((day, day));
    }
    let mut fields = Fields::of(node, what, problems)?;
    let from = fields.require("from", problems).and_then(|node| read_date(node, what, problems));
    let to = fields.require("to", problems).and_then(|node| read_date(node, what, problems));
    fields.finish(problems);
    let (from, to) = (from?, to?);
    if from > to {
        problems.push(Problem::at(node.at, format!("{what} ends before it begins: {from} to {to}")));
        return None;
    }
    Some((from, to))
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

fn read_date(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Date> {
    let text = read::text(node, what, problems)?;
    let date = text.parse().ok();
    if date.is_none() {
        problems.push(no_date(node.at, text, what));
    }
    date
}

fn no_date(at: crate::Location, text: &str, what: &str) -> Problem {
    Problem::at(at, format!("'{text}' in {what} is not a day")).hint("write it as 2026-12-24")
}
