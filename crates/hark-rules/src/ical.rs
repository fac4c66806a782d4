//! iCalendar files (RFC 5545), as calendars of public holidays and of absences are handed around.
//!
//! Read are events with a start and an end or a length, those that repeat by day, week, month or year, exceptions, and
//! cancelled ones. A rule of repetition that goes further is an error that names it: a holiday that is missed in silence
//! would be a wrong deadline.

use std::collections::HashMap;

use jiff::{
    Span, Timestamp, ToSpan as _,
    civil::{Date, DateTime, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::away::Away;

/// Events that repeat without end are known until the end of this year.
const HORIZON_YEAR: i16 = 2040;
/// Larger files are no list of holidays or absences.
const MAX_EVENTS: usize = 20_000;

/// The events of a file, each with the line where it begins. The error says what is wrong, with the line where there is one.
pub(crate) fn read(text: &str) -> Result<Vec<(u32, Away)>, String> {
    let lines = unfold(text);
    if !lines.iter().any(|(_, line)| line.eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return Err("it is no iCalendar file, which begins with BEGIN:VCALENDAR".to_owned());
    }
    let events = collect(&lines)?;
    // An event with a RECURRENCE-ID replaces one coming of the event that repeats.
    let mut replaced: HashMap<&str, Vec<&When>> = HashMap::new();
    for event in &events {
        replaced.entry(&event.uid).or_default().extend(&event.replaces);
    }
    let mut found = Vec::new();
    for event in &events {
        if event.cancelled {
            continue;
        }
        for start in event.starts()? {
            let replaced = replaced.get(event.uid.as_str()).filter(|_| event.replaces.is_none());
            let mut except = event.except.iter().chain(replaced.into_iter().flatten().copied());
            let gone = except.any(|except| except.means(&start));
            if !gone {
                found.extend(event.away(&start).map(|away| (event.line, away)));
            }
            if found.len() > MAX_EVENTS {
                return Err(format!("it has more than {MAX_EVENTS} events"));
            }
        }
    }
    Ok(found)
}

/// A moment as the file writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum When {
    Day(Date),
    /// By the clock of whoever reads.
    Local(DateTime),
    Utc(Timestamp),
    /// By the clock of the zone of this name.
    In(DateTime, String),
}

impl When {
    fn civil(&self) -> DateTime {
        match self {
            Self::Day(day) => day.at(0, 0, 0, 0),
            Self::Local(at) | Self::In(at, _) => *at,
            Self::Utc(at) => at.to_zoned(TimeZone::UTC).datetime(),
        }
    }

    /// Whether an exception that is written so is about this coming: on its day, at its moment, or at its hour by whatever clock.
    fn means(&self, coming: &Self) -> bool {
        match (self, coming) {
            (Self::Day(day), _) => coming.civil().date() == *day,
            _ => match (self.moment(), coming.moment()) {
                (Some(one), Some(other)) => one == other,
                _ => self.civil() == coming.civil(),
            },
        }
    }

    /// The same kind of moment at another time.
    fn at(&self, civil: DateTime) -> Option<Self> {
        Some(match self {
            Self::Day(_) => Self::Day(civil.date()),
            Self::Local(_) => Self::Local(civil),
            Self::Utc(_) => Self::Utc(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()),
            Self::In(_, zone) => Self::In(civil, zone.clone()),
        })
    }

    fn moment(&self) -> Option<Timestamp> {
        match self {
            Self::Utc(at) => Some(*at),
            Self::In(at, zone) => {
                let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
                Some(at.to_zoned(zone).ok()?.timestamp())
            }
            Self::Day(_) | Self::Local(_) => None,
        }
    }
}

#[derive(Debug, Default)]
struct Event {
    line: u32,
    uid: String,
    start: Option<When>,
    end: Option<When>,
    length: Option<Span>,
    repeats: Option<String>,
    except: Vec<When>,
    replaces: Option<When>,
    cancelled: bool,
}

/// Lines with their numbers, those that were folded in one piece.
fn unfold(text: &str) -> Vec<(u32, String)> {
    let mut lines: Vec<(u32, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end_matches('\r');
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

fn collect(lines: &[(u32, String)]) -> Result<Vec<Event>, String> {
    let mut events = Vec::new();
    let mut event: Option<Event> = None;
    // Components within an event, such as alarms, have properties of the same names.
    let mut within = 0_usize;
    for (number, line) in lines {
        let Some((name, parameters, value)) = property(line) else { continue };
        let bad = |why: &str| format!("line {number}, '{line}': {why}");
        match (name.as_str(), &mut event) {
            ("BEGIN", None) if value.eq_ignore_ascii_case("VEVENT") => {
                event = Some(Event { line: *number, ..Event::default() });
            }
            ("BEGIN", Some(_)) => within += 1,
            ("END", Some(_)) if within > 0 => within -= 1,
            ("END", Some(_)) => events.extend(event.take()),
            (_, Some(event)) if within == 0 => {
                let moment = || when(&parameters, value).ok_or_else(|| bad("this is no day and no moment"));
                match name.as_str() {
                    "DTSTART" => event.start = Some(moment()?),
                    "DTEND" => event.end = Some(moment()?),
                    "DURATION" => {
                        event.length = Some(value.parse().map_err(|_| bad("this is no length of time"))?);
                    }
                    "RECURRENCE-ID" => event.replaces = Some(moment()?),
                    "RRULE" => event.repeats = Some(value.to_owned()),
                    "EXDATE" => {
                        for value in value.split(',') {
                            let except = when(&parameters, value);
                            event.except.push(except.ok_or_else(|| bad("this is no day and no moment"))?);
                        }
                    }
                    "RDATE" | "EXRULE" => return Err(bad("Hark does not read this; export single events")),
                    "STATUS" => event.cancelled = value.eq_ignore_ascii_case("CANCELLED"),
                    "UID" => value.clone_into(&mut event.uid),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok(events)
}

/// Names and values.
type Parameters = Vec<(String, String)>;

/// Name, parameters and value of `DTSTART;VALUE=DATE:20261224`; a colon in quotes is part of a parameter.
fn property(line: &str) -> Option<(String, Parameters, &str)> {
    let mut quoted = false;
    let colon = line.find(|character| {
        quoted ^= character == '"';
        character == ':' && !quoted
    })?;
    let mut parts = line[..colon].split(';');
    let name = parts.next()?.trim().to_uppercase();
    let parameters = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.to_uppercase(), value.trim_matches('"').to_owned()))
        .collect();
    Some((name, parameters, line[colon + 1..].trim()))
}

fn when(parameters: &[(String, String)], value: &str) -> Option<When> {
    let value = value.trim();
    if !value.is_ascii() {
        return None;
    }
    let (date, time) = match value.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (value, None),
    };
    let day: Date = (date.len() == 8).then(|| date.parse().ok())??;
    let Some(time) = time else { return Some(When::Day(day)) };
    let (time, utc) = time.strip_suffix('Z').map_or((time, false), |time| (time, true));
    if time.len() != 6 {
        return None;
    }
    let part = |from: usize| time.get(from..from + 2)?.parse::<i8>().ok();
    let at = Date::to_datetime(day, jiff::civil::Time::new(part(0)?, part(2)?, part(4)?, 0).ok()?);
    if utc {
        return Some(When::Utc(at.to_zoned(TimeZone::UTC).ok()?.timestamp()));
    }
    let zone = parameters.iter().find(|(name, _)| name == "TZID").and_then(|(_, zone)| zone_named(zone));
    // A zone by a name of its own, as some programs give it, is nearly always that of whoever is away.
    Some(zone.map_or(When::Local(at), |zone| When::In(at, zone.to_owned())))
}

/// As Outlook names the zones of Hark's first markets, their neighbours and New York (CLDR, windowsZones).
const WINDOWS_ZONES: [(&str, &str); 10] = [
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("E. Europe Standard Time", "Europe/Chisinau"),
    ("Eastern Standard Time", "America/New_York"),
    ("FLE Standard Time", "Europe/Kyiv"),
    ("GMT Standard Time", "Europe/London"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("Romance Standard Time", "Europe/Paris"),
    ("UTC", "Etc/UTC"),
    ("W. Europe Standard Time", "Europe/Berlin"),
];

/// The zone of the tz database that a file means; some programs put a path before its name.
fn zone_named(name: &str) -> Option<&str> {
    let windows =
        WINDOWS_ZONES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, zone)| *zone);
    let behind_a_path = name.rmatch_indices('/').nth(1).map(|(at, _)| &name[at + 1..]);
    let known = |zone: &&str| TimeZoneDatabase::bundled().get(zone).is_ok();
    [windows, Some(name), behind_a_path].into_iter().flatten().find(known)
}

impl Event {
    /// When one coming begins and ends.
    fn away(&self, start: &When) -> Option<Away> {
        let first = self.start.as_ref()?.civil();
        let begin = start.civil();
        let end = match (&self.end, self.length) {
            // The end of the first coming, moved as far as this coming.
            (Some(end), _) => begin.checked_add(first.until(end.civil()).ok()?).ok()?,
            (None, Some(length)) => begin.checked_add(length).ok()?,
            (None, None) if matches!(start, When::Day(_)) => begin.checked_add(1.day()).ok()?,
            (None, None) => return None,
        };
        match start {
            When::Day(day) => {
                let last = end.date().yesterday().ok()?.max(*day);
                Some(Away::Days(*day, last))
            }
            When::Local(_) => Some(Away::Local(begin, end)),
            When::Utc(_) | When::In(..) => Some(Away::Moments(start.moment()?, start.at(end)?.moment()?)),
        }
    }

    /// The beginning of every coming up to the horizon.
    fn starts(&self) -> Result<Vec<When>, String> {
        let Some(start) = &self.start else {
            return Err(format!("the event in line {} has no DTSTART", self.line));
        };
        if self.end.is_none() && self.length.is_none() && !matches!(start, When::Day(_)) {
            return Err(format!(
                "the event in line {} begins at an hour and has no end; give it DTEND or DURATION",
                self.line
            ));
        }
        let Some(rule) = &self.repeats else { return Ok(vec![start.clone()]) };
        let repetition = Repetition::read(rule, start).ok_or_else(|| {
            format!(
                "the event in line {} repeats by a rule that Hark does not read ({rule}); export its single days",
                self.line
            )
        })?;
        Ok(repetition.starts(start))
    }
}

/// How an event repeats.
#[derive(Debug)]
struct Repetition {
    unit: Unit,
    interval: i64,
    count: usize,
    until: Option<DateTime>,
    /// Only of weeks.
    days: Vec<Weekday>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Repetition {
    fn read(rule: &str, start: &When) -> Option<Self> {
        let mut unit = None;
        let mut repetition =
            Self { unit: Unit::Day, interval: 1, count: MAX_EVENTS, until: None, days: Vec::new() };
        let civil = start.civil();
        for part in rule.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            match name.to_uppercase().as_str() {
                "FREQ" => {
                    unit = Some(match value {
                        "DAILY" => Unit::Day,
                        "WEEKLY" => Unit::Week,
                        "MONTHLY" => Unit::Month,
                        "YEARLY" => Unit::Year,
                        _ => return None,
                    });
                }
                "INTERVAL" => repetition.interval = value.parse().ok().filter(|interval| *interval > 0)?,
                "COUNT" => repetition.count = value.parse().ok()?,
                "UNTIL" => {
                    repetition.until = Some(match (when(&[], value)?, start) {
                        (When::Day(day), _) => day.at(23, 59, 59, 0),
                        (When::Utc(at), When::In(_, zone)) => {
                            at.to_zoned(TimeZoneDatabase::bundled().get(zone).ok()?).datetime()
                        }
                        // Midnight by a clock that the file does not name: the nearest one.
                        (When::Utc(at), When::Day(_)) => {
                            let midday =
                                at.to_zoned(TimeZone::UTC).datetime().checked_add(12.hours()).ok()?;
                            midday.date().at(23, 59, 59, 0)
                        }
                        (When::Utc(_), When::Local(_)) => return None,
                        (until, _) => until.civil(),
                    });
                }
                "WKST" if value == "MO" || repetition.interval == 1 => {}
                "BYDAY" => {
                    for day in value.split(',') {
                        repetition.days.push(weekday(day)?);
                    }
                }
                // What the start says already.
                "BYMONTH" if value.parse() == Ok(civil.month()) && unit == Some(Unit::Year) => {}
                "BYMONTHDAY" if value.parse() == Ok(civil.day()) => {}
                _ => return None,
            }
        }
        repetition.unit = unit?;
        (repetition.days.is_empty() || repetition.unit == Unit::Week).then_some(repetition)
    }

    fn starts(&self, start: &When) -> Vec<When> {
        let first = start.civil();
        let mut found = Vec::new();
        for step in 0..i64::try_from(MAX_EVENTS).unwrap_or(i64::MAX) {
            let steps = step.saturating_mul(self.interval);
            let span = match self.unit {
                Unit::Day => Span::new().try_days(steps),
                Unit::Week => Span::new().try_weeks(steps),
                Unit::Month => Span::new().try_months(steps),
                Unit::Year => Span::new().try_years(steps),
            };
            let Some(next) = span.ok().and_then(|span| first.checked_add(span).ok()) else { break };
            if next.year() > HORIZON_YEAR {
                break;
            }
            // The 29th of February is there in leap years only, and is not moved to the 28th.
            if matches!(self.unit, Unit::Month | Unit::Year) && next.day() != first.day() {
                continue;
            }
            for coming in self.in_week(next) {
                if self.until.is_some_and(|until| coming > until) || found.len() >= self.count {
                    return found;
                }
                if coming >= first {
                    found.extend(start.at(coming));
                }
            }
        }
        found
    }

    /// The comings in the week of `at`; itself where no days are named.
    fn in_week(&self, at: DateTime) -> Vec<DateTime> {
        if self.days.is_empty() {
            return vec![at];
        }
        let back = at.weekday().to_monday_zero_offset();
        let Ok(monday) = at.checked_sub(Span::new().days(back)) else { return Vec::new() };
        (0..7)
            .filter_map(|day| monday.checked_add(Span::new().days(day)).ok())
            .filter(|day| self.days.contains(&day.weekday()))
            .collect()
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(events: &[&str]) -> String {
        let events: String =
            events.iter().map(|event| format!("BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n")).collect();
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n")
    }

    fn events(text: &str) -> Result<Vec<Away>, String> {
        Ok(read(text)?.into_iter().map(|(_, away)| away).collect())
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn days(from: &str, to: &str) -> Away {
        Away::Days(day(from), day(to))
    }

    #[test]
    fn events_are_read_as_days_or_hours() {
        for (event, expected) in [
            ("DTSTART;VALUE=DATE:20261224", vec![days("2026-12-24", "2026-12-24")]),
            (
                "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227",
                vec![days("2026-12-24", "2026-12-26")],
            ),
            ("DTSTART;VALUE=DATE:20261224\r\nDURATION:P2D", vec![days("2026-12-24", "2026-12-25")]),
            // Folded, with a colon in a quoted parameter, and an alarm inside.
            (
                "DTSTART;X=\"a:b\";VALUE=DA\r\n TE:20261224\r\nBEGIN:VALARM\r\nDTSTART:20200101\r\nEND:VALARM",
                vec![days("2026-12-24", "2026-12-24")],
            ),
            (
                "DTSTART:20260302T080000Z\r\nDTEND:20260302T120000Z",
                vec![Away::Moments(
                    "2026-03-02T08:00:00Z".parse().unwrap(),
                    "2026-03-02T12:00:00Z".parse().unwrap(),
                )],
            ),
            (
                "DTSTART;TZID=Europe/Warsaw:20260302T080000\r\nDURATION:PT4H",
                vec![Away::Moments(
                    "2026-03-02T07:00:00Z".parse().unwrap(),
                    "2026-03-02T11:00:00Z".parse().unwrap(),
                )],
            ),
            (
                "DTSTART;TZID=Our Own Time:20260302T080000\r\nDTEND:20260302T120000",
                vec![Away::Local(
                    "2026-03-02T08:00:00".parse().unwrap(),
                    "2026-03-02T12:00:00".parse().unwrap(),
                )],
            ),
            ("DTSTART;VALUE=DATE:20261224\r\nSTATUS:CANCELLED", vec![]),
        ] {
            assert_eq!(events(&file(&[event])), Ok(expected), "{event}");
        }
    }

    #[test]
    fn what_repeats_is_followed() {
        for (rule, expected) in [
            ("RRULE:FREQ=DAILY;COUNT=3", vec!["2026-03-02", "2026-03-03", "2026-03-04"]),
            ("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=2", vec!["2026-03-02", "2026-03-16"]),
            (
                "RRULE:FREQ=WEEKLY;BYDAY=MO,FR;UNTIL=20260313",
                vec!["2026-03-02", "2026-03-06", "2026-03-09", "2026-03-13"],
            ),
            ("RRULE:FREQ=MONTHLY;COUNT=2", vec!["2026-03-02", "2026-04-02"]),
            ("RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=2;COUNT=2", vec!["2026-03-02", "2027-03-02"]),
            ("RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE;VALUE=DATE:20260303", vec!["2026-03-02", "2026-03-04"]),
            // Midnight in Warsaw, and in New York.
            ("RRULE:FREQ=DAILY;UNTIL=20260302T230000Z", vec!["2026-03-02", "2026-03-03"]),
            ("RRULE:FREQ=DAILY;UNTIL=20260303T050000Z", vec!["2026-03-02", "2026-03-03"]),
        ] {
            let expected: Vec<Away> = expected.iter().map(|text| days(text, text)).collect();
            let text = file(&[&format!("DTSTART;VALUE=DATE:20260302\r\n{rule}")]);
            assert_eq!(events(&text), Ok(expected), "{rule}");
        }
        let leap =
            events(&file(&["DTSTART;VALUE=DATE:20240229\r\nRRULE:FREQ=YEARLY;UNTIL=20320301"])).unwrap();
        assert_eq!(leap, ["2024-02-29", "2028-02-29", "2032-02-29"].map(|text| days(text, text)));
        let endless = events(&file(&["DTSTART;VALUE=DATE:20240101\r\nRRULE:FREQ=YEARLY"])).unwrap();
        assert_eq!(endless.last(), Some(&days("2040-01-01", "2040-01-01")));
        let moved = events(&file(&[
            "UID:1\r\nDTSTART;VALUE=DATE:20260302\r\nRRULE:FREQ=DAILY;COUNT=2",
            "UID:1\r\nRECURRENCE-ID;VALUE=DATE:20260303\r\nDTSTART;VALUE=DATE:20260310",
        ]));
        assert_eq!(moved, Ok(vec![days("2026-03-02", "2026-03-02"), days("2026-03-10", "2026-03-10")]));
    }

    #[test]
    fn a_series_of_hours_ends_and_is_left_out_by_moments_however_they_are_written() {
        let days_of = |zone: &str, rule: &str| -> Vec<String> {
            let start = format!("DTSTART{zone}:20260302T090000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;{rule}");
            let begin = |away: Away| match away {
                Away::Moments(from, _) => from.to_string(),
                other => format!("{other:?}"),
            };
            events(&file(&[&start])).unwrap().into_iter().map(begin).collect()
        };
        // An hour earlier in UTC from the 29th of March on.
        let all = ["2026-03-16T08:00:00Z", "2026-03-23T08:00:00Z", "2026-03-30T07:00:00Z"];
        for zone in [
            ";TZID=Europe/Warsaw",
            ";TZID=\"Central European Standard Time\"",
            ";TZID=/freeassociation.sourceforge.net/Europe/Warsaw",
        ] {
            let rule = "UNTIL=20260330T070000Z\r\nEXDATE:20260302T080000Z\r\nEXDATE;VALUE=DATE:20260309";
            assert_eq!(days_of(zone, rule), all, "{zone}");
        }
        let moved = events(&file(&[
            "UID:1\r\nDTSTART;TZID=Europe/Warsaw:20260302T090000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;COUNT=2",
            "UID:1\r\nRECURRENCE-ID:20260309T080000Z\r\nDTSTART;VALUE=DATE:20260310",
        ]));
        assert_eq!(
            moved.unwrap()[1..],
            [days("2026-03-10", "2026-03-10")],
            "the second coming is another day"
        );
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_its_line() {
        for (text, expected) in [
            ("hello".to_owned(), "it is no iCalendar file, which begins with BEGIN:VCALENDAR"),
            (file(&["DTSTART:tomorrow"]), "line 4, 'DTSTART:tomorrow': this is no day and no moment"),
            (file(&["SUMMARY:x"]), "the event in line 3 has no DTSTART"),
            (
                file(&["DTSTART;VALUE=DATE:20260302", "DTSTART:20260302T080000"]),
                "the event in line 6 begins at an hour and has no end; give it DTEND or DURATION",
            ),
            (
                file(&[
                    "DTSTART;TZID=Our Own Time:20260302T090000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;UNTIL=20260304T080000Z",
                ]),
                "the event in line 3 repeats by a rule that Hark does not read (FREQ=DAILY;UNTIL=20260304T080000Z); export its single days",
            ),
            (
                file(&["DTSTART:20260302\r\nRRULE:FREQ=MONTHLY;BYDAY=2MO"]),
                "the event in line 3 repeats by a rule that Hark does not read (FREQ=MONTHLY;BYDAY=2MO); export its single days",
            ),
        ] {
            assert_eq!(events(&text), Err(expected.to_owned()));
        }
    }
}
