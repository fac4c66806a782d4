//! Office hours: when a team is at work, and when an answer is due.
//!
//! Time zones come from the database inside the program and never from the machine, so that two workers and a replay
//! agree.

mod clock;
mod holidays;
mod read;

use std::{collections::BTreeMap, time::Duration};

use jiff::{
    Timestamp, Zoned,
    civil::Date,
    tz::{AmbiguousOffset, TimeZone},
};

pub(crate) use clock::Clock;
pub(crate) use read::read_calendars;

use crate::problem::Location;

/// When somebody is at work.
#[derive(Debug)]
pub(crate) struct Calendar {
    pub name: String,
    /// Where it stands in the file.
    pub at: Location,
    zone: TimeZone,
    /// Monday first; spans in order, apart from each other.
    week: [Vec<Span>; 7],
    /// Public holidays as year, month and day in one number, in order.
    holidays: Vec<&'static [u32]>,
    /// The first and the last year whose public holidays are known; `None` where none were asked for.
    holidays_known: Option<(i16, i16)>,
    /// Closed from the first to the last of these days; in order, apart from each other.
    closed: Vec<(Date, Date)>,
    /// Days with hours of their own, before all else.
    special: BTreeMap<Date, Vec<Span>>,
}

/// Hours of one day, in minutes from midnight by the clock on the wall; the end, at most 1440, is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    from: u16,
    to: u16,
}

/// When an answer is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub at: Timestamp,
    /// A day was counted that lies beyond the table of holidays.
    pub holidays_unknown: bool,
}

/// A calendar that is closed for longer gives no deadline. More than a year of days off and a year of work.
const MAX_DAYS: usize = 2 * 366;

impl Calendar {
    /// Whether somebody is at work.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let day = self.local(at).date();
        self.hours_on(day)
            .iter()
            .any(|span| self.bounds(day, *span).is_some_and(|(from, to)| from <= at && at < to))
    }

    /// The moment at which so much working time has passed; at the end of a day where it fits exactly. `None` where the
    /// calendar does not open often enough.
    pub fn due(&self, from: Timestamp, length: Duration) -> Option<Due> {
        let mut left = i128::try_from(length.as_nanos()).ok()?;
        let mut day = self.local(from).date();
        let mut holidays_unknown = false;
        for _ in 0..MAX_DAYS {
            holidays_unknown |=
                self.holidays_known.is_some_and(|(first, last)| !(first..=last).contains(&day.year()));
            for span in self.hours_on(day) {
                let Some((begin, end)) = self.bounds(day, *span) else { continue };
                let begin = begin.max(from);
                if begin >= end {
                    continue;
                }
                let room = end.as_nanosecond() - begin.as_nanosecond();
                if left <= room {
                    let at = Timestamp::from_nanosecond(begin.as_nanosecond() + left).ok()?;
                    return Some(Due { at, holidays_unknown });
                }
                left -= room;
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// A moment by the clock on the wall: `Friday 2026-02-27T15:50:00+01:00`.
    pub fn words(&self, at: Timestamp) -> String {
        format!("{} {}", self.local(at).strftime("%A"), self.rfc3339(at))
    }

    /// A moment by this calendar's clock, without fractions of a second: `2026-02-27T15:50:00+01:00`.
    pub fn rfc3339(&self, at: Timestamp) -> String {
        let at = whole_seconds(at);
        at.display_with_offset(self.local(at).offset()).to_string()
    }

    /// The first moment from this one on at which somebody is at work.
    pub fn opens(&self, from: Timestamp) -> Option<Timestamp> {
        self.due(from, Duration::ZERO).map(|due| due.at)
    }

    /// The last year whose public holidays are known, where any were asked for.
    pub fn holidays_until(&self) -> Option<i16> {
        self.holidays_known.map(|(_, last)| last)
    }

    /// A moment by this calendar's clock.
    pub fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    fn hours_on(&self, day: Date) -> &[Span] {
        if let Some(hours) = self.special.get(&day) {
            return hours;
        }
        let before = self.closed.partition_point(|(from, _)| *from <= day);
        let closed = before.checked_sub(1).and_then(|last| self.closed.get(last));
        if closed.is_some_and(|(_, to)| day <= *to) || self.is_holiday(day) {
            return &[];
        }
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        &self.week[weekday]
    }

    fn is_holiday(&self, day: Date) -> bool {
        let number = |part: i16| u32::try_from(part).unwrap_or_default();
        let packed =
            number(day.year()) * 10_000 + number(day.month().into()) * 100 + number(day.day().into());
        self.holidays.iter().any(|days| days.binary_search(&packed).is_ok())
    }

    /// A span as moments. A wall-clock time that a change of clocks skips counts as the end of the gap, so that spans that
    /// do not overlap on the wall do not overlap in time; one that comes twice counts as its first coming.
    fn bounds(&self, day: Date, span: Span) -> Option<(Timestamp, Timestamp)> {
        let moment = |minutes: u16| {
            let (day, minutes) =
                if minutes == MINUTES_A_DAY { (day.tomorrow().ok()?, 0) } else { (day, minutes) };
            let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
            let wall = self.zone.to_ambiguous_timestamp(day.at(hour, minute, 0, 0));
            match wall.offset() {
                AmbiguousOffset::Gap { .. } => {
                    let before_the_gap = wall.earlier().ok()?;
                    Some(self.zone.following(before_the_gap).next()?.timestamp())
                }
                AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => wall.compatible().ok(),
            }
        };
        Some((moment(span.from)?, moment(span.to)?))
    }
}

/// Nobody asks for fractions of a second.
pub(crate) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

const MINUTES_A_DAY: u16 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Node;

    fn calendar(yaml: &str) -> Calendar {
        let mut problems = Vec::new();
        let node = Node::parse(&format!("office: {yaml}")).unwrap();
        let names = crate::names::Names::new(&crate::Known::default());
        let mut calendars = read_calendars(&node, &names, &mut problems);
        assert_eq!(problems, []);
        calendars.remove(0)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hours(count: u64) -> Duration {
        Duration::from_secs(count * 3600)
    }

    #[test]
    fn a_deadline_is_counted_in_working_time() {
        let office = calendar(
            "{zone: Europe/Stockholm, hours: {mon-fri: ['09:00-12:00', '13:00-16:00']}, holidays: SE, \
             closed: [2026-03-05, {from: 2026-07-06, to: 2026-07-31}], open: {2026-03-08: 10:00-11:00}}",
        );
        let minutes = |count: u64| Duration::from_secs(count * 60);
        for (from, length, expected) in [
            // Friday 15:50: ten minutes are left, twenty follow on Monday.
            ("2026-02-27T15:50:00+01:00", minutes(30), "2026-03-02T09:20:00+01:00"),
            // Within the day, and over lunch.
            ("2026-03-02T09:00:00+01:00", minutes(30), "2026-03-02T09:30:00+01:00"),
            ("2026-03-02T11:45:00+01:00", minutes(30), "2026-03-02T13:15:00+01:00"),
            // What fits exactly is due at the end of the day and not on the next morning.
            ("2026-03-02T15:30:00+01:00", minutes(30), "2026-03-02T16:00:00+01:00"),
            // Before and after hours.
            ("2026-03-02T03:00:00+01:00", minutes(30), "2026-03-02T09:30:00+01:00"),
            ("2026-03-02T16:00:00+01:00", minutes(30), "2026-03-03T09:30:00+01:00"),
            // A closure on Thursday.
            ("2026-03-04T15:50:00+01:00", minutes(30), "2026-03-06T09:20:00+01:00"),
            // A Sunday with hours of its own.
            ("2026-03-06T16:30:00+01:00", minutes(30), "2026-03-08T10:30:00+01:00"),
            // Good Friday and Easter Monday.
            ("2026-04-02T15:50:00+02:00", minutes(30), "2026-04-07T09:20:00+02:00"),
            // Four weeks off.
            ("2026-07-03T15:50:00+02:00", minutes(30), "2026-08-03T09:20:00+02:00"),
            // The year's end: Thursday the 31st is a day of work, the 1st is not.
            ("2026-12-31T15:50:00+01:00", minutes(30), "2027-01-04T09:20:00+01:00"),
            // Written in another zone.
            ("2026-03-02T23:00:00-08:00", minutes(30), "2026-03-03T09:30:00+01:00"),
        ] {
            let due = office.due(at(from), length).unwrap();
            assert_eq!(due, Due { at: at(expected), holidays_unknown: false }, "{from} + {length:?}");
        }
        assert_eq!(
            calendar("{zone: Europe/Warsaw, hours: {mon-sun: 00:00-24:00}}")
                .due(at("2028-02-28T12:00:00+01:00"), hours(48))
                .unwrap()
                .at,
            at("2028-03-01T12:00:00+01:00"),
            "a leap day is a day"
        );
    }

    #[test]
    fn working_time_is_real_time_on_the_days_when_the_clocks_change() {
        for zone in ["Europe/Stockholm", "Europe/Warsaw", "Europe/Rome", "Europe/Bucharest"] {
            let day_and_night = calendar(&format!("{{zone: {zone}, hours: {{mon-sun: 00:00-24:00}}}}"));
            for start in ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"] {
                let due = day_and_night.due(at(start), hours(12)).unwrap().at;
                assert_eq!(due.duration_since(at(start)).as_hours(), 12, "{zone} {start}");
            }
            // Hours follow the clock on the wall: nine is nine before and after.
            let office = calendar(&format!("{{zone: {zone}, hours: {{mon-sun: 09:00-17:00}}}}"));
            let before = office.due(at("2026-03-28T00:00:00Z"), hours(1)).unwrap().at;
            let after = office.due(at("2026-03-29T00:00:00Z"), hours(1)).unwrap().at;
            assert_eq!(after.duration_since(before).as_hours(), 23, "{zone}");
            let before = office.due(at("2026-10-24T00:00:00Z"), hours(1)).unwrap().at;
            let after = office.due(at("2026-10-25T00:00:00Z"), hours(1)).unwrap().at;
            assert_eq!(after.duration_since(before).as_hours(), 25, "{zone}");
        }
    }

    #[test]
    fn an_hour_that_the_clocks_skip_or_repeat_is_counted_as_it_passes() {
        let night = calendar("{zone: Europe/Rome, hours: {mon-sun: 01:00-04:00}}");
        // The 29th of March has no time from two to three: two hours pass between one and four.
        assert_eq!(
            night.due(at("2026-03-28T12:00:00Z"), hours(2)).unwrap().at,
            at("2026-03-29T04:00:00+02:00")
        );
        // On the 25th of October two o'clock comes twice: four hours pass.
        assert_eq!(
            night.due(at("2026-10-24T12:00:00Z"), hours(4)).unwrap().at,
            at("2026-10-25T04:00:00+01:00")
        );
    }

    #[test]
    fn spans_that_end_and_begin_where_the_clocks_jump_do_not_overlap() {
        // The 29th of March has no time from two to three: the first span ends when the second begins.
        for zone in ["Europe/Warsaw", "Europe/Rome", "Europe/Stockholm"] {
            let night =
                calendar(&format!("{{zone: {zone}, hours: {{mon-sun: ['01:00-02:30', '03:00-04:00']}}}}"));
            for (minutes, expected) in
                [(60, "03:00"), (75, "03:15"), (90, "03:30"), (105, "03:45"), (120, "04:00")]
            {
                let due = night.due(at("2026-03-29T00:30:00+01:00"), Duration::from_secs(60 * minutes));
                let expected =
                    if minutes == 60 { "02:00:00+01:00".into() } else { format!("{expected}:00+02:00") };
                assert_eq!(due.unwrap().at, at(&format!("2026-03-29T{expected}")), "{zone} {minutes}");
            }
        }
        // A span that lies in the gap does not take place on that day; one that begins in it begins at its end.
        let hour =
            |hours: &str| calendar(&format!("{{zone: Europe/Bucharest, hours: {{mon-sun: {hours}}}}}"));
        assert!(!hour("03:15-03:45").is_open(at("2026-03-29T04:20:00+03:00")));
        assert!(hour("03:30-05:00").is_open(at("2026-03-29T04:00:00+03:00")));
    }

    #[test]
    fn a_calendar_is_open_from_its_first_minute_to_before_its_last() {
        let office = calendar(
            "{zone: Europe/Bucharest, hours: {mon-fri: 09:00-16:00, sat: [08:00-09:00]}, holidays: RO}",
        );
        for (moment, open) in [
            ("2026-03-02T09:00:00+02:00", true),
            ("2026-03-02T08:59:59+02:00", false),
            ("2026-03-02T15:59:59+02:00", true),
            ("2026-03-02T16:00:00+02:00", false),
            ("2026-03-07T08:30:00+02:00", true),
            ("2026-03-08T09:30:00+02:00", false),
            // Orthodox Easter Monday.
            ("2026-04-13T10:00:00+03:00", false),
        ] {
            assert_eq!(office.is_open(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn beyond_the_table_of_holidays_a_deadline_says_so() {
        let office = calendar("{zone: Europe/Stockholm, hours: {mon-fri: 09:00-16:00}, holidays: SE}");
        assert!(office.due(at("2036-03-04T10:00:00Z"), hours(1)).unwrap().holidays_unknown);
        assert!(!office.due(at("2035-03-05T10:00:00Z"), hours(1)).unwrap().holidays_unknown);
    }

    #[test]
    fn the_public_holidays_that_people_would_ask_for_are_there() {
        for (country, day, holiday) in [
            ("PL", "2026-11-11", true),
            ("PL", "2026-12-24", true),
            ("SE", "2026-06-06", true),
            ("SE", "2026-03-08", false),
            ("IT", "2026-04-25", true),
            ("RO", "2026-12-01", true),
            ("GB", "2026-08-31", true),
            ("US", "2026-11-26", true),
            ("DE", "2026-10-03", true),
            ("DE", "2026-11-11", false),
        ] {
            let office =
                calendar(&format!("{{zone: UTC, hours: {{mon-sun: 09:00-16:00}}, holidays: {country}}}"));
            assert_eq!(office.hours_on(day.parse().unwrap()).is_empty(), holiday, "{country} {day}");
        }
    }

    /// The working time between two moments: what [`Calendar::due`] adds, counted back.
    fn worked(calendar: &Calendar, from: Timestamp, to: Timestamp) -> i128 {
        let mut day = calendar.local(from).date();
        let mut sum = 0;
        while day <= calendar.local(to).date() {
            for span in calendar.hours_on(day) {
                let (begin, end) = calendar.bounds(day, *span).unwrap();
                let (begin, end) = (begin.max(from), end.min(to));
                sum += (end.as_nanosecond() - begin.as_nanosecond()).max(0);
            }
            day = day.tomorrow().unwrap();
        }
        sum
    }

    proptest::proptest! {
        #[test]
        fn the_working_time_up_to_a_deadline_is_what_was_given(
            zone in proptest::sample::select(&["SE", "PL", "IT", "RO"][..]),
            start_s in 1_704_067_200_i64..2_000_000_000,
            minutes in 0_u64..20_000,
        ) {
            let name = match zone {
                "SE" => "Europe/Stockholm",
                "PL" => "Europe/Warsaw",
                "IT" => "Europe/Rome",
                _ => "Europe/Bucharest",
            };
            // A night among the hours, so that every change of clocks falls into them.
            let hours = "{mon-fri: ['00:00-04:30', '09:00-12:00', '13:00-16:00'], sat: 10:00-24:00, sun: 00:00-05:00}";
            let office = calendar(&format!("{{zone: {name}, hours: {hours}, holidays: {zone}, closed: [2026-07-03]}}"));
            let start = Timestamp::from_second(start_s).unwrap();
            let length = Duration::from_secs(60 * minutes);
            let due = office.due(start, length).unwrap().at;
            proptest::prop_assert_eq!(worked(&office, start, due), i128::try_from(length.as_nanos()).unwrap());
            // Not a moment earlier would do.
            if minutes > 0 {
                let earlier = due.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
                proptest::prop_assert!(worked(&office, start, earlier) < i128::try_from(length.as_nanos()).unwrap());
            }
        }
    }

    #[test]
    fn adding_working_time_in_parts_is_adding_it_at_once() {
        let office = calendar(
            "{zone: Europe/Warsaw, hours: {mon-fri: ['08:00-12:00', '12:30-16:00'], sat: 10:00-13:00}, holidays: PL}",
        );
        let mut start = at("2026-01-01T00:00:00Z");
        for step in 0..400_u64 {
            start = start.checked_add(jiff::SignedDuration::from_mins(977)).unwrap();
            let (first, second) =
                (Duration::from_secs(60 * (step % 700)), Duration::from_secs(60 * (step * 7 % 900 + 1)));
            let at_once = office.due(start, first + second).unwrap().at;
            let in_parts = office.due(office.due(start, first).unwrap().at, second).unwrap().at;
            assert_eq!(at_once, in_parts, "{start} {first:?} {second:?}");
            assert!(at_once > start);
        }
    }
}
