//! A part of the day or of the week by a calendar's clock, whatever its hours: `{calendar: office, between: 22:00-06:00}`.

use jiff::{Timestamp, civil::Weekday};

use crate::{
    calendar::{
        Calendar,
        read::{ends, weekdays},
    },
    document::Node,
    names::Names,
    problem::Problem,
    read::{self, Fields},
};

#[derive(Debug)]
pub(crate) struct Clock {
    /// Number of the calendar.
    calendar: usize,
    /// Minutes from midnight, the end outside; from a later to an earlier one it is a night.
    between: Option<(u16, u16)>,
    /// Empty for all.
    days: Vec<Weekday>,
    /// As written: `22:00-06:00 mon, tue by 'office'`.
    pub words: String,
}

impl Clock {
    pub fn read(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, what, problems)?;
        let calendar = fields.require("calendar", problems).and_then(|node| {
            let name = read::text(node, &format!("'calendar' of {what}"), problems)?;
            let found = names.calendar_names().position(|known| known == name);
            if found.is_none() {
                let problem = Problem::at(node.at, format!("unknown calendar '{name}' in {what}"));
                problems.push(problem.suggest(name, names.calendar_names()));
            }
            Some((found?, name))
        });
        let mut words = Vec::new();
        let mut between = None;
        if let Some(node) = fields.take("between") {
            let text = read::text(node, &format!("'between' of {what}"), problems)?;
            between = ends(text).filter(|(from, to)| from != to);
            if between.is_none() {
                let problem = Problem::at(node.at, format!("'{text}' in {what} is not a span of hours"));
                problems.push(problem.hint("write it as 18:00-22:00; a night is 22:00-06:00"));
            }
            words.push(text.to_owned());
        }
        let mut days = Vec::new();
        if let Some(node) = fields.take("days") {
            for item in read::one_or_list(node, &format!("'days' of {what}"), problems) {
                let text = read::text(item, &format!("'days' of {what}"), problems)?;
                match weekdays(text) {
                    Some(found) => days.extend(found),
                    None => problems.push(
                        Problem::at(item.at, format!("'{text}' in 'days' of {what} is no day of the week"))
                            .hint("write mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri"),
                    ),
                }
                words.push(text.to_owned());
            }
        }
        let at = fields.at();
        fields.finish(problems);
        if words.is_empty() {
            problems.push(Problem::at(at, format!("{what} has neither 'between' nor 'days'")));
        }
        let (calendar, name) = calendar?;
        Some(Self { calendar, between, days, words: format!("{} by '{name}'", words.join(" ")) })
    }

    /// Whether a moment lies in it. A night belongs to the day on which it begins.
    pub fn covers(&self, at: Timestamp, calendars: &[Calendar]) -> bool {
        let local = calendars[self.calendar].local(at);
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let mut day = local.weekday();
        let inside = match self.between {
            None => true,
            Some((from, to)) if from < to => (from..to).contains(&minute),
            Some((from, _)) if minute >= from => true,
            Some((_, to)) => {
                day = day.previous();
                minute < to
            }
        };
        inside && (self.days.is_empty() || self.days.contains(&day))
    }

    /// The moment by this clock.
    pub fn seen(&self, at: Timestamp, calendars: &[Calendar]) -> String {
        calendars[self.calendar].words(at)
    }
}
