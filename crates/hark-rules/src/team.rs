//! Teams: who gets work, when they are at work, and who stands in for them.

use crate::{
    document::Node,
    names::Names,
    people::{self, Shares, read_members},
    problem::{Location, Problem},
    read::{self, Fields, words},
    routing::Routing,
    target::THREAD,
    timing::{WhenClosed, read_when_closed},
};

/// A team that items can go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its name, a slug: part of its topic's name.
    pub name: String,
    /// What people call it; the name where nothing else was written.
    pub label: String,
    /// Where it stands in the file.
    pub at: Location,
    /// Number of its calendar; without one it is always at work.
    pub(crate) calendar: Option<usize>,
    /// Numbers of the teams that stand in while it is closed, in their order.
    pub(crate) deputies: Vec<usize>,
    pub(crate) when_closed: Option<WhenClosed>,
    /// It offers something to people, so that the gate guards every outcome that leads to it.
    pub pitches: bool,
    pub(crate) members: Shares,
    /// Number of the person who takes what nobody else is there for.
    pub(crate) lead: Option<usize>,
}

pub(crate) fn read_teams(routing: &Routing, names: &Names, problems: &mut Vec<Problem>) -> Vec<Team> {
    let Some(node) = &routing.teams else {
        problems.push(
            Problem::nowhere("the key 'teams' is missing")
                .hint("name at least one team: teams: {triage: {}}"),
        );
        return Vec::new();
    };
    let mut teams = Vec::new();
    let mut second_pass = Vec::new();
    for entry in read::entries(node, "'teams'", problems) {
        if is_moved(&entry.value) {
            continue;
        }
        let what = format!("team '{}'", entry.key);
        read::slug(&entry.key, entry.at, &format!("the name of {what}"), problems);
        if entry.key == THREAD {
            let problem = Problem::at(entry.at, "a team cannot be named 'thread'");
            problems.push(problem.hint("'to: thread' is the team that owns the thread"));
        }
        let Some(mut fields) = Fields::of_optional(&entry.value, what.as_str(), problems) else { continue };
        let label = fields
            .take("label")
            .and_then(|node| words(node, &format!("'label' of {what}"), problems))
            .unwrap_or_else(|| entry.key.clone());
        let calendar_node = fields.take("calendar");
        let calendar = calendar_node.and_then(|node| read_calendar_name(node, &what, names, problems));
        let (deputies, when_closed) = (fields.take("deputies"), fields.take("when_closed"));
        for (key, node) in [("deputies", deputies), ("when_closed", when_closed)] {
            if let Some(node) = node
                && calendar_node.is_none()
            {
                let message = format!("'{key}' of {what} would never matter: the team has no calendar");
                let problem = Problem::at(node.at, message);
                problems.push(problem.hint(format!("give it a 'calendar', or leave '{key}' out")));
            }
        }
        second_pass.push((teams.len(), deputies, when_closed));
        let pitches = fields
            .take("pitches")
            .and_then(|node| read::boolean(node, &format!("'pitches' of {what}"), problems))
            .unwrap_or(false);
        let members = fields.take("members").map_or_else(Vec::new, |node| {
            read_members(node, &format!("'members' of {what}"), names, problems)
        });
        let lead = fields.take("lead").and_then(|node| {
            let known: Vec<&str> = names.person_names().collect();
            people::find(node, &format!("'lead' of {what}"), &known, problems)
        });
        fields.finish(problems);
        teams.push(Team {
            name: entry.key.clone(),
            label,
            at: entry.at,
            calendar,
            deputies: Vec::new(),
            when_closed: None,
            pitches,
            members,
            lead,
        });
    }
    if teams.is_empty() && problems.is_empty() {
        problems.push(
            Problem::at(node.at, "'teams' names no team").hint("name at least one: teams: {triage: {}}"),
        );
    }
    // A deputy may stand below its team.
    for (team, deputies, when_closed) in second_pass {
        if let Some(node) = deputies {
            read_deputies(team, node, &mut teams, names, problems);
        }
        if let Some(node) = when_closed {
            let what = format!("'when_closed' of team '{}'", teams[team].name);
            teams[team].when_closed = read_when_closed(node, &what, Some(team), &teams, names, problems);
        }
    }
    teams
}

/// A team that is no more, written as `sales-old: {moved_to: sales}`.
pub(crate) fn is_moved(node: &Node) -> bool {
    node.get("moved_to").is_some()
}

/// The teams that are no more, each with the number of the team that took over.
pub(crate) fn read_moved(
    routing: &Routing,
    teams: &[Team],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Vec<(String, usize)> {
    let Some(node) = &routing.teams else { return Vec::new() };
    let mut moved = Vec::new();
    for entry in read::entries(node, "'teams'", &mut Vec::new()) {
        if !is_moved(&entry.value) {
            continue;
        }
        let what = format!("team '{}' with 'moved_to'", entry.key);
        let Some(mut fields) = Fields::of(&entry.value, what, problems) else { continue };
        let to = fields.require("moved_to", problems);
        fields.finish(problems);
        let what = format!("'moved_to' of team '{}'", entry.key);
        moved.extend(
            to.and_then(|node| find_team(node, &what, teams, names, problems))
                .map(|to| (entry.key.clone(), to)),
        );
    }
    moved
}

pub(crate) fn read_calendar_name(
    node: &Node,
    what: &str,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let name = read::text(node, &format!("'calendar' of {what}"), problems)?;
    let found = names.calendar_names().position(|known| known == name);
    if found.is_none() {
        let problem =
            Problem::at(node.at, format!("{what} names the calendar '{name}', which is not in 'calendars'"));
        problems.push(problem.suggest(name, names.calendar_names()));
    }
    found
}

fn read_deputies(team: usize, node: &Node, teams: &mut [Team], names: &Names, problems: &mut Vec<Problem>) {
    let what = format!("'deputies' of team '{}'", teams[team].name);
    for item in read::one_or_list(node, &what, problems) {
        let Some(deputy) = find_team(item, &what, teams, names, problems) else { continue };
        if deputy == team || stands_in(deputy, team, teams) {
            let message =
                format!("{what} go round in a circle: '{}' is a deputy of its own", teams[team].name);
            problems.push(Problem::at(item.at, message));
            continue;
        }
        refuse_pitching(item, &what, deputy, teams, problems);
        teams[team].deputies.push(deputy);
    }
}

/// Whether `deputy` stands in for `team`, itself or by others.
fn stands_in(team: usize, deputy: usize, teams: &[Team]) -> bool {
    teams[team].deputies.iter().any(|next| *next == deputy || stands_in(*next, deputy, teams))
}

pub(crate) fn find_team(
    node: &Node,
    what: &str,
    teams: &[Team],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let name = read::text(node, what, problems)?;
    let found = teams.iter().position(|team| team.name == name);
    if found.is_none() {
        problems.push(no_team(node, what, name, names));
    }
    found
}

/// As [`find_team`], before the teams are read.
pub(crate) fn find_team_name(
    node: &Node,
    what: &str,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let name = read::text(node, what, problems)?;
    let found = names.team_names().position(|team| team == name);
    if found.is_none() {
        problems.push(no_team(node, what, name, names));
    }
    found
}

fn no_team(node: &Node, what: &str, name: &str, names: &Names) -> Problem {
    let to = names.team_now(name);
    if to != name {
        let problem = Problem::at(node.at, format!("{what} names the team '{name}', which is no more"));
        return problem.hint(format!("name '{to}', which took over"));
    }
    Problem::at(node.at, format!("{what} names the team '{name}', which is not in 'teams'"))
        .suggest(name, names.team_names())
}

/// Nobody asks the gate about a deputy.
pub(crate) fn refuse_pitching(
    node: &Node,
    what: &str,
    team: usize,
    teams: &[Team],
    problems: &mut Vec<Problem>,
) {
    if teams[team].pitches {
        let message = format!("{what} leads to '{}', which pitches, past the gate", teams[team].name);
        problems.push(Problem::at(node.at, message).hint("name a team without 'pitches: true'"));
    }
}
