//! Who is on duty, and when an answer is due.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    calendar::{Calendar, whole_seconds},
    document::{Node, Value},
    facts::Facts,
    names::Names,
    problem::Problem,
    read::{self, Fields, duration_words},
    team::{Team, find_team, refuse_pitching},
};

/// What a rule says about time.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    respond_within: Option<Within>,
    when_closed: Option<WhenClosed>,
}

#[derive(Debug, Clone, Copy)]
struct Within {
    length: Duration,
    /// By the clock on the wall, whatever the team's hours.
    wall: bool,
}

/// What becomes of an item that comes while its team is not at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenClosed {
    /// It waits, and its deadline is counted in working time.
    Hold,
    /// It does not wait: its deadline is counted by the clock on the wall.
    Ignore,
    /// This team takes it.
    Deputy(usize),
}

/// Longer than a year is a mistake.
const MAX_LENGTH: Duration = Duration::from_secs(366 * 24 * 3600);

impl Timing {
    pub fn read(
        fields: &mut Fields<'_>,
        what: &str,
        target: Option<usize>,
        teams: &[Team],
        names: &Names,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let respond_within = fields
            .take("respond_within")
            .and_then(|node| read_within(node, &format!("'respond_within' of {what}"), problems));
        let when_closed = fields.take("when_closed").and_then(|node| {
            read_when_closed(node, &format!("'when_closed' of {what}"), target, teams, names, problems)
        });
        Self { respond_within, when_closed }
    }

    pub fn is_empty(&self) -> bool {
        self.respond_within.is_none() && self.when_closed.is_none()
    }

    /// The team that this rule names as deputy.
    pub fn deputy(&self) -> Option<usize> {
        self.when_closed.and_then(WhenClosed::deputy)
    }

    /// What a rule does not say, its team may.
    fn when_closed(&self, team: usize, teams: &[Team]) -> Option<WhenClosed> {
        self.when_closed.or(teams[team].when_closed)
    }

    /// The team that takes the item: the one that was meant, or whoever stands in for it. Adds a note where that is
    /// another.
    pub fn on_duty(
        &self,
        team: usize,
        teams: &[Team],
        calendars: &[Calendar],
        facts: &Facts<'_>,
        notes: &mut Vec<String>,
    ) -> usize {
        let Some(at) = facts.heard() else { return team };
        // What an archive tells is not news: nobody has to stand in for it.
        if facts.is_backfill() || is_open(team, teams, calendars, at) {
            return team;
        }
        let when_closed = self.when_closed(team, teams);
        let deputy = match when_closed {
            Some(WhenClosed::Hold | WhenClosed::Ignore) => None,
            Some(WhenClosed::Deputy(deputy)) if is_open(deputy, teams, calendars, at) => Some(deputy),
            Some(WhenClosed::Deputy(deputy)) => open_deputy(deputy, teams, calendars, at),
            None => open_deputy(team, teams, calendars, at),
        };
        if let Some(calendar) = teams[team].calendar.map(|calendar| &calendars[calendar]) {
            let until = || calendar.opens(at).map(|opens| format!(" until {}", calendar.words(opens)));
            let next = match deputy {
                Some(deputy) => format!("{} stands in", teams[deputy].name),
                None if when_closed == Some(WhenClosed::Ignore) => "it waits for no hours".to_owned(),
                None => format!("it waits{}", until().unwrap_or_default()),
            };
            let closed = &teams[team].name;
            notes.push(format!(
                "{closed} is closed by '{}' on {}: {next}",
                calendar.name,
                calendar.words(at)
            ));
        }
        deputy.unwrap_or(team)
    }

    /// When the team has to have answered that takes what `meant` was to have, in milliseconds since 1970: by its own hours, or
    /// by those of `meant` where these end sooner, since a deputy makes nobody wait longer. Notes how that was counted.
    pub fn respond_by(
        &self,
        meant: usize,
        team: usize,
        teams: &[Team],
        calendars: &[Calendar],
        facts: &Facts<'_>,
        notes: &mut Vec<String>,
    ) -> Option<i64> {
        let within = self.respond_within?;
        if facts.is_backfill() {
            notes.push("no deadline: the post was read from an archive".to_owned());
            return None;
        }
        let Some(at) = facts.heard() else {
            notes.push("no deadline: it is not known when the post was heard".to_owned());
            return None;
        };
        let length = duration_words(within.length.as_secs_f64());
        let wall = within.wall || self.when_closed(meant, teams) == Some(WhenClosed::Ignore);
        let calendar_of = |team: usize| teams[team].calendar.map(|calendar| &calendars[calendar]);
        let calendar = calendar_of(team);
        let due = match calendar {
            Some(calendar) if !wall => {
                let meant = calendar_of(meant).filter(|_| meant != team);
                let dues = [Some(calendar), meant].into_iter().flatten();
                let dues = dues.filter_map(|calendar| Some((calendar, calendar.due(at, within.length)?)));
                let Some((calendar, due)) = dues.min_by_key(|(_, due)| due.at) else {
                    notes.push(format!("no deadline: '{}' is not open for so long", calendar.name));
                    return None;
                };
                notes.push(format!(
                    "due {}: {length} of working time by '{}' from {}",
                    calendar.words(due.at),
                    calendar.name,
                    calendar.words(at)
                ));
                if let Some(last) = calendar.holidays_until().filter(|_| due.holidays_unknown) {
                    notes.push(format!("public holidays are known until {last} only"));
                }
                due.at
            }
            calendar => {
                let due = at.checked_add(within.length).ok()?;
                let words = |at: Timestamp| {
                    calendar.map_or_else(|| whole_seconds(at).to_string(), |calendar| calendar.words(at))
                };
                notes.push(format!("due {}: {length} by the clock from {}", words(due), words(at)));
                due
            }
        };
        Some(due.as_millisecond())
    }
}

/// A team without a calendar is always at work.
fn is_open(team: usize, teams: &[Team], calendars: &[Calendar], at: Timestamp) -> bool {
    teams[team].calendar.is_none_or(|calendar| calendars[calendar].is_open(at))
}

impl WhenClosed {
    pub fn deputy(self) -> Option<usize> {
        match self {
            Self::Deputy(deputy) => Some(deputy),
            Self::Hold | Self::Ignore => None,
        }
    }
}

/// The first deputy that is at work, or that one's deputy, and so on; the configuration has no circles.
fn open_deputy(team: usize, teams: &[Team], calendars: &[Calendar], at: Timestamp) -> Option<usize> {
    teams[team].deputies.iter().find_map(|deputy| {
        if is_open(*deputy, teams, calendars, at) {
            return Some(*deputy);
        }
        open_deputy(*deputy, teams, calendars, at)
    })
}

/// `30m`, or `{time: 30m, clock: wall}`.
fn read_within(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Within> {
    let (length, wall) = match &node.value {
        Value::Map(_) => {
            let mut fields = Fields::of(node, what, problems)?;
            let length = fields.require("time", problems);
            let clock = fields.take("clock").and_then(|node| {
                let clock = read::text(node, &format!("'clock' of {what}"), problems)?;
                if !matches!(clock, "working" | "wall") {
                    let problem = Problem::at(node.at, format!("unknown clock '{clock}' in {what}"));
                    problems.push(problem.suggest(clock, ["working", "wall"]));
                }
                Some(clock)
            });
            fields.finish(problems);
            (length?, clock == Some("wall"))
        }
        _ => (node, false),
    };
    let at = length.at;
    let length = read::duration(length, what, problems)?;
    if length > MAX_LENGTH {
        problems.push(Problem::at(at, format!("{what} is longer than a year")));
        return None;
    }
    Some(Within { length, wall })
}

/// `hold`, `ignore` or `{deputy: duty}`.
pub(crate) fn read_when_closed(
    node: &Node,
    what: &str,
    target: Option<usize>,
    teams: &[Team],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<WhenClosed> {
    if matches!(node.value, Value::Map(_)) {
        let mut fields = Fields::of(node, what, problems)?;
        let deputy = fields.require("deputy", problems);
        fields.finish(problems);
        let node = deputy?;
        let deputy = find_team(node, what, teams, names, problems)?;
        if Some(deputy) == target {
            problems.push(Problem::at(node.at, format!("{what} names the team itself")));
            return None;
        }
        refuse_pitching(node, what, deputy, teams, problems);
        return Some(WhenClosed::Deputy(deputy));
    }
    match read::text(node, what, problems)? {
        "hold" => Some(WhenClosed::Hold),
        "ignore" => Some(WhenClosed::Ignore),
        other => {
            problems.push(
                Problem::at(node.at, format!("unknown word '{other}' in {what}"))
                    .hint("write hold, ignore or {deputy: TEAM}"),
            );
            None
        }
    }
}
