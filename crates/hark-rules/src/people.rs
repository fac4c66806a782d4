//! People: when they are there, who stands in for them, and who of several takes a thread.
//!
//! No clock and no counter of load: who is on duty is judged at the moment when the post was heard, and who of them takes
//! it is computed from the thread, so that two workers and a replay name the same person, and one who joins or leaves
//! moves only their own share of the threads.

use std::collections::HashSet;

use hark_schema::id::Id;
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    away::{Away, read_away},
    calendar::Calendar,
    document::{Node, Value},
    names::Names,
    problem::{Location, Problem},
    read::{self, Fields, is_words},
    team::{Team, read_calendar_name},
};

#[derive(Debug)]
pub(crate) struct Person {
    pub name: String,
    /// Where they stand in the file.
    pub at: Location,
    /// Number of their calendar; without one the hours are those of the team.
    calendar: Option<usize>,
    away: Vec<Away>,
    /// Numbers of the people who stand in, in their order.
    pub deputies: Vec<usize>,
}

/// People with their share of the work.
pub(crate) type Shares = Vec<(usize, u64)>;

/// People among whom the threads are shared out.
#[derive(Debug)]
pub(crate) struct Roster {
    pub name: String,
    /// Where it stands in the file.
    pub at: Location,
    pub members: Shares,
}

/// Words that `assign` knows besides names.
pub(crate) const RESERVED: [&str; 2] = ["members", "thread"];

/// Nobody takes more than so many shares; each costs a hash.
const MAX_SHARE: u64 = 100;

impl Person {
    /// Whether they are at work, for a team and at a moment.
    pub fn is_on_duty(&self, team: &Team, calendars: &[Calendar], at: Timestamp) -> bool {
        let calendar = self.calendar.or(team.calendar).map(|calendar| &calendars[calendar]);
        let local = calendar.map_or_else(|| at.to_zoned(TimeZone::UTC), |calendar| calendar.local(at));
        calendar.is_none_or(|calendar| calendar.is_open(at))
            && !self.away.iter().any(|away| away.covers(&local))
    }
}

/// The one of these who takes a thread: rendezvous hashing. Of each share a hash is computed, and the highest takes it.
pub(crate) fn pick(
    members: &[(usize, u64)],
    people: &[Person],
    thread: &str,
    mut is_on_duty: impl FnMut(usize) -> bool,
) -> Option<usize> {
    let mut best: Option<([u8; 16], usize)> = None;
    for &(person, share) in members {
        if !is_on_duty(person) {
            continue;
        }
        for number in 0..share {
            let name = people[person].name.as_bytes();
            let hash = *Id::of(&[thread.as_bytes(), name, &number.to_le_bytes()]).as_bytes();
            if best.is_none_or(|(highest, _)| hash > highest) {
                best = Some((hash, person));
            }
        }
    }
    best.map(|(_, person)| person)
}

/// The first who stands in for somebody and is on duty, or who stands in for that one, and so on; the configuration has
/// no circles.
pub(crate) fn stand_in(
    person: usize,
    people: &[Person],
    is_on_duty: &mut dyn FnMut(usize) -> bool,
) -> Option<usize> {
    for &deputy in &people[person].deputies {
        if is_on_duty(deputy) {
            return Some(deputy);
        }
        if let Some(found) = stand_in(deputy, people, is_on_duty) {
            return Some(found);
        }
    }
    None
}

/// Reads `people:`.
pub(crate) fn read_people(node: &Node, names: &Names, problems: &mut Vec<Problem>) -> Vec<Person> {
    let mut people = Vec::new();
    let mut deputies = Vec::new();
    for entry in read::entries(node, "'people'", problems) {
        let what = format!("person '{}'", entry.key);
        check_name(&entry.key, entry.at, &what, problems);
        let mut person = Person {
            name: entry.key.clone(),
            at: entry.at,
            calendar: None,
            away: Vec::new(),
            deputies: Vec::new(),
        };
        if let Some(mut fields) = Fields::of_optional(&entry.value, what.as_str(), problems) {
            if let Some(node) = fields.take("calendar") {
                person.calendar = read_calendar_name(node, &what, names, problems);
            }
            if let Some(node) = fields.take("absences") {
                let label = format!("'absences' of {what}");
                // Nobody away yet is written as an empty list.
                if !matches!(&node.value, Value::List(items) if items.is_empty()) {
                    let away = read_away(node, &label, names, problems);
                    person.away = away.into_iter().map(|(_, away)| away).collect();
                }
            }
            if let Some(node) = fields.take("deputies") {
                deputies.push((people.len(), node));
            }
            fields.finish(problems);
        }
        people.push(person);
    }
    // A deputy may stand below whom they stand in for.
    for (person, node) in deputies {
        let what = format!("'deputies' of person '{}'", people[person].name);
        for item in read::one_or_list(node, &what, problems) {
            let known: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
            let Some(deputy) = find(item, &what, &known, problems) else { continue };
            if deputy == person || stands_in(deputy, person, &people) {
                let message = format!(
                    "{what} go round in a circle: '{0}' would stand in for '{0}'",
                    people[person].name
                );
                problems.push(Problem::at(item.at, message));
                continue;
            }
            people[person].deputies.push(deputy);
        }
    }
    people
}

/// Whether `other` stands in for `person`, by others too.
fn stands_in(person: usize, other: usize, people: &[Person]) -> bool {
    people[person].deputies.iter().any(|next| *next == other || stands_in(*next, other, people))
}

/// Reads `rosters:`.
pub(crate) fn read_rosters(node: &Node, names: &Names, problems: &mut Vec<Problem>) -> Vec<Roster> {
    let mut rosters = Vec::new();
    for entry in read::entries(node, "'rosters'", problems) {
        let what = format!("roster '{}'", entry.key);
        check_name(&entry.key, entry.at, &what, problems);
        if names.person_names().any(|person| person == entry.key) {
            let problem = Problem::at(entry.at, format!("{what} has the name of a person"));
            problems.push(problem.hint("'assign' could not tell them apart: give it another name"));
        }
        let members = read_members(&entry.value, &what, names, problems);
        rosters.push(Roster { name: entry.key.clone(), at: entry.at, members });
    }
    rosters
}

/// Reads `[anna, olle]`, or with shares `{anna: 2, olle: 1}`.
pub(crate) fn read_members(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Shares {
    let known: Vec<&str> = names.person_names().collect();
    let mut members = Vec::new();
    let mut named = HashSet::new();
    if let Value::Map(entries) = &node.value {
        for entry in entries {
            let share = read::whole(
                &entry.value,
                &format!("the share of '{}' in {what}", entry.key),
                1,
                MAX_SHARE,
                problems,
            );
            let person = position(&entry.key, entry.at, what, &known, problems);
            members.extend(person.zip(share));
        }
    } else {
        for item in read::one_or_list(node, what, problems) {
            let Some(person) = find(item, what, &known, problems) else { continue };
            if named.insert(person) {
                members.push((person, 1));
            } else {
                problems.push(Problem::at(item.at, format!("{what} names '{}' twice", known[person])));
            }
        }
    }
    members
}

/// The number of a person by name.
pub(crate) fn find(node: &Node, what: &str, known: &[&str], problems: &mut Vec<Problem>) -> Option<usize> {
    position(read::text(node, what, problems)?, node.at, what, known, problems)
}

fn position(
    name: &str,
    at: Location,
    what: &str,
    known: &[&str],
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let found = known.iter().position(|known| *known == name);
    if found.is_none() {
        let problem = Problem::at(at, format!("{what} names '{name}', who is not in 'people'"));
        problems.push(match known {
            [] => problem.hint(format!("add them: people: {{{name}: {{}}}}")),
            known => problem.suggest(name, known.iter().copied()),
        });
    }
    found
}

fn check_name(name: &str, at: Location, what: &str, problems: &mut Vec<Problem>) {
    if RESERVED.contains(&name) {
        let problem = Problem::at(at, format!("{what} has a name that 'assign' uses for something else"));
        problems.push(problem.hint("give it another name"));
    }
    if !is_words(name) {
        problems
            .push(Problem::at(at, format!("the name of {what} must be one line of at most 100 characters")));
    }
}
