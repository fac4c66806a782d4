//! Days and hours at which nobody is there: single days, spans of days, iCalendar files.

use jiff::{Timestamp, Zoned, civil::Date, civil::DateTime};

use crate::{
    document::{Node, Value},
    ical,
    names::Names,
    problem::Problem,
    read::{self, Fields},
};

/// A time without somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Away {
    /// Whole days, the last one too, by the clock of whoever is away.
    Days(Date, Date),
    /// By that clock; the end is outside.
    Local(DateTime, DateTime),
    /// The end is outside.
    Moments(Timestamp, Timestamp),
}

impl Away {
    /// Whether a moment, by the clock of whoever is away, lies in it.
    pub fn covers(self, at: &Zoned) -> bool {
        match self {
            Self::Days(from, to) => (from..=to).contains(&at.date()),
            Self::Local(from, to) => (from..to).contains(&at.datetime()),
            Self::Moments(from, to) => (from..to).contains(&at.timestamp()),
        }
    }
}

/// Reads one or a list of `2026-12-24`, `{from: 2026-07-06, to: 2026-07-31}` and `{ical: FILE}`: each with the line where it
/// begins, of the configuration or of the file.
pub(crate) fn read_away(
    node: &Node,
    what: &str,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Vec<(u32, Away)> {
    let mut found = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        if item.get("ical").is_some() {
            found.extend(read_ical(item, what, names, problems));
        } else {
            found.extend(read_days(item, what, problems).map(|away| (item.at.line, away)));
        }
    }
    found
}

/// Reads `{ical: FILE}`: events with the lines of the file where they begin.
pub(crate) fn read_ical(
    node: &Node,
    what: &str,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Vec<(u32, Away)> {
    let Some(mut fields) = Fields::of(node, what, problems) else { return Vec::new() };
    let file = fields.require("ical", problems);
    fields.finish(problems);
    let Some(text) = file.and_then(|node| read_file(node, what, names, problems)) else { return Vec::new() };
    match ical::read(text) {
        Ok(events) => events,
        Err(why) => {
            problems.push(Problem::at(node.at, format!("the file of {what} cannot be used: {why}")));
            Vec::new()
        }
    }
}

/// The text of a file that the configuration names.
pub(crate) fn read_file<'n>(
    node: &Node,
    what: &str,
    names: &'n Names,
    problems: &mut Vec<Problem>,
) -> Option<&'n str> {
    let path = read::text(node, &format!("the file of {what}"), problems)?;
    match names.file(path) {
        // Some editors begin a file with a byte order mark.
        Some(Ok(text)) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Some(Err(why)) => {
            problems.push(Problem::at(node.at, format!("the file '{path}' of {what} cannot be read: {why}")));
            None
        }
        None => {
            problems.push(Problem::at(node.at, format!("the file '{path}' of {what} is not at hand")));
            None
        }
    }
}

fn read_days(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Away> {
    if !matches!(node.value, Value::Map(_)) {
        let day = read_date(node, what, problems)?;
        return Some(Away::Days(day, day));
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
    Some(Away::Days(from, to))
}

fn read_date(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Date> {
    let text = read::text(node, what, problems)?;
    let date = text.parse().ok();
    if date.is_none() {
        problems.push(no_date(node.at, text, what));
    }
    date
}

/// The problem of a text that is no day.
pub(crate) fn no_date(at: crate::Location, text: &str, what: &str) -> Problem {
    Problem::at(at, format!("'{text}' in {what} is not a day")).hint("write it as 2026-12-24")
}
