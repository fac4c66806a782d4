//! `assign:`: the person who is to take an item.

use jiff::Timestamp;

use crate::{
    calendar::Calendar,
    document::Node,
    facts::Facts,
    names::Names,
    people::{Person, RESERVED, pick, stand_in},
    problem::Problem,
    read,
    target::Target,
    team::Team,
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Assign {
    /// Number of a person.
    Person(usize),
    /// Number of a roster.
    Roster(usize),
    /// The members of the team that takes the item.
    Members,
    /// Whoever has the thread.
    Thread,
}

impl Assign {
    /// Reads `anna`, the name of a roster, `members` or `thread`.
    pub fn read(
        node: &Node,
        what: &str,
        target: Option<&Target>,
        teams: &[Team],
        names: &Names,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let label = format!("'assign' of {what}");
        let name = read::text(node, &label, problems)?;
        let named = target.and_then(Target::named).map(|team| &teams[team]);
        let belongs = |person: usize, problems: &mut Vec<Problem>| {
            let Some(team) = named else { return };
            let member =
                team.lead == Some(person) || team.members.iter().any(|(member, _)| *member == person);
            if !member {
                let person = &names.people[person].name;
                let message = format!("{label} names {person}, who is not in the team '{}'", team.name);
                problems.push(Problem::at(node.at, message).hint(format!(
                    "add them to its members: teams: {{{}: {{members: [{person}]}}}}",
                    team.name
                )));
            }
        };
        if name == "thread" {
            return Some(Self::Thread);
        }
        if name == "members" {
            if let Some(team) = named
                && team.members.is_empty()
            {
                let problem =
                    Problem::at(node.at, format!("{label}: the team '{}' has no members", team.name));
                problems.push(problem.hint("name them under 'members' of the team"));
            }
            return Some(Self::Members);
        }
        if let Some(person) = names.people.iter().position(|person| person.name == name) {
            belongs(person, problems);
            return Some(Self::Person(person));
        }
        if let Some(roster) = names.rosters.iter().position(|roster| roster.name == name) {
            for (person, _) in &names.rosters[roster].members {
                belongs(*person, problems);
            }
            return Some(Self::Roster(roster));
        }
        let known: Vec<&str> = names
            .person_names()
            .chain(names.rosters.iter().map(|roster| roster.name.as_str()))
            .chain(RESERVED)
            .collect();
        let problem =
            Problem::at(node.at, format!("{label} names '{name}', which is no person and no roster"));
        problems.push(problem.suggest(name, known));
        None
    }
}

/// Whom an item is for.
pub(crate) struct Work<'a> {
    /// The team that was meant.
    pub meant: usize,
    /// The team that takes it: itself, or a deputy.
    pub taker: usize,
    /// The person who has the thread, where the thread is that team's.
    pub keeper: Option<&'a str>,
    pub assign: Option<Assign>,
}

/// The person who is to take it, if anybody in particular. Notes how that came about.
pub(crate) fn person(
    work: &Work<'_>,
    teams: &[Team],
    names: &Names,
    facts: &Facts<'_>,
    notes: &mut Vec<String>,
) -> Option<usize> {
    if work.assign.is_none() && work.keeper.is_none() {
        return None;
    }
    let team = &teams[work.taker];
    let people = &names.people;
    let at_work = Shift::of(team, &names.calendars, facts);
    let on_duty = |person: usize| at_work.has(&people[person]);
    let name = |person: usize| people[person].name.as_str();
    let substitute = |person: usize, notes: &mut Vec<String>| {
        if let Some(deputy) = stand_in(person, people, &mut |deputy| on_duty(deputy)) {
            notes.push(format!("{} is not on duty: {} stands in", name(person), name(deputy)));
            return Some(deputy);
        }
        let lead = team.lead?;
        notes.push(format!(
            "{} is not on duty, nor whoever stands in: {} leads {}",
            name(person),
            name(lead),
            team.name
        ));
        Some(lead)
    };
    let own = work.meant == work.taker;
    let keeper =
        work.keeper.filter(|_| own).and_then(|keeper| people.iter().position(|person| person.name == keeper));
    if let Some(keeper) = keeper {
        if on_duty(keeper) {
            notes.push(format!("{} has the thread", name(keeper)));
            return Some(keeper);
        }
        if matches!(work.assign, None | Some(Assign::Thread)) {
            return substitute(keeper, notes);
        }
    }
    let belongs = |person: usize| {
        own || team.lead == Some(person) || team.members.iter().any(|(member, _)| *member == person)
    };
    let members = match work.assign? {
        Assign::Thread => return None,
        Assign::Person(person) if !belongs(person) => return None,
        Assign::Person(person) if on_duty(person) => return Some(person),
        Assign::Person(person) => return substitute(person, notes),
        Assign::Roster(roster) => &names.rosters[roster].members,
        Assign::Members => &team.members,
    };
    let thread = &facts.mention.thread_id;
    // Those who are there now come before those who will be when the team opens.
    let found = pick(members, people, thread, |person| belongs(person) && at_work.has_now(&people[person]))
        .or_else(|| pick(members, people, thread, |person| belongs(person) && on_duty(person)));
    if found.is_some() || members.is_empty() {
        return found;
    }
    let lead = team.lead?;
    notes.push(format!("nobody is on duty: {} leads {}", name(lead), team.name));
    Some(lead)
}

/// Who works for a team when a post is heard; for a post that waits until the team opens, when it opens.
struct Shift<'a> {
    team: &'a Team,
    calendars: &'a [Calendar],
    heard: Option<Timestamp>,
    opens: Option<Timestamp>,
}

impl<'a> Shift<'a> {
    fn of(team: &'a Team, calendars: &'a [Calendar], facts: &Facts<'_>) -> Self {
        let heard = facts.heard();
        let calendar = team.calendar.map(|calendar| &calendars[calendar]);
        let opens = heard.zip(calendar).filter(|(heard, calendar)| !calendar.is_open(*heard));
        Self { team, calendars, heard, opens: opens.and_then(|(heard, calendar)| calendar.opens(heard)) }
    }

    /// On duty now; a post that does not say when it was heard says nothing against anybody.
    fn has_now(&self, person: &Person) -> bool {
        self.heard.is_none_or(|at| person.is_on_duty(self.team, self.calendars, at))
    }

    /// On duty now or when the team opens.
    fn has(&self, person: &Person) -> bool {
        self.has_now(person) || self.opens.is_some_and(|at| person.is_on_duty(self.team, self.calendars, at))
    }
}
