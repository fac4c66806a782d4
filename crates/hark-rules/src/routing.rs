//! The sections of `hark.yaml` that route: teams, rules, default.

use std::collections::HashSet;

use hark_schema::v1::SubjectKind;

use crate::{
    condition::Condition,
    document::Node,
    problem::{Location, Problem},
    read::{self, Fields},
    router::Names,
    timing::Timing,
};

/// The sections as written. [`crate::Router::new`] checks them and gives them their meaning, because a rule can only
/// be checked beside the teams, subjects and sources that it names.
#[derive(Debug, Clone, Default)]
pub struct Routing {
    calendars: Option<Node>,
    teams: Option<Node>,
    define: Option<Node>,
    rules: Option<Node>,
    default: Option<Node>,
}

/// What the rest of the configuration names, for rules to refer to.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Subjects by name, with their kinds.
    pub subjects: Vec<(String, SubjectKind)>,
    /// Names of the sources.
    pub sources: Vec<String>,
}

impl Routing {
    /// Takes the sections out of the keys of a whole configuration.
    pub fn take(fields: &mut Fields<'_>) -> Self {
        let routing = Self {
            calendars: fields.take("calendars").cloned(),
            teams: fields.take("teams").cloned(),
            define: fields.take("define").cloned(),
            rules: fields.take("rules").cloned(),
            default: fields.take("default").cloned(),
        };
        fields.later(&["people", "rosters"]);
        routing
    }

    /// The sections alone, from YAML that has no others.
    ///
    /// # Errors
    /// What the YAML or its keys have wrong.
    pub fn from_yaml(yaml: &str) -> Result<Self, Vec<Problem>> {
        let document = Node::parse(yaml)?;
        let mut problems = Vec::new();
        let routing = Fields::of(&document, "the routing", &mut problems).map(|mut fields| {
            let routing = Self::take(&mut fields);
            fields.finish(&mut problems);
            routing
        });
        match routing {
            Some(routing) if problems.is_empty() => Ok(routing),
            _ => Err(problems),
        }
    }

    pub(crate) fn calendars(&self) -> Option<&Node> {
        self.calendars.as_ref()
    }

    pub(crate) fn define(&self) -> Option<&Node> {
        self.define.as_ref()
    }

    /// Nothing about routing was written.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.teams.is_none() && self.rules.is_none() && self.default.is_none()
    }
}

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
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub name: String,
    pub at: Location,
    pub when: Condition,
    pub ending: Ending,
    pub effects: Effects,
    pub timing: Timing,
}

#[derive(Debug)]
pub(crate) enum Ending {
    /// Index of a team.
    To(usize),
    Drop(String),
    Continue,
}

/// What a rule adds to an item, wherever it goes.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub priority: Option<u32>,
    pub tags: Vec<String>,
    /// Indices of teams.
    pub copies: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct LastResort {
    pub to: usize,
    pub effects: Effects,
    pub timing: Timing,
}

/// The name under which the default is reported; no rule may have it.
pub const DEFAULT: &str = "default";

/// Longest name of a rule, tag or reason, in characters: they travel with every item.
const MAX_WORDS: usize = 100;

pub(crate) fn read_teams(routing: &Routing, names: &Names, problems: &mut Vec<Problem>) -> Vec<Team> {
    let Some(node) = &routing.teams else {
        problems.push(
            Problem::nowhere("the key 'teams' is missing")
                .hint("name at least one team: teams: {triage: {}}"),
        );
        return Vec::new();
    };
    let mut teams = Vec::new();
    let mut deputies = Vec::new();
    for entry in read::entries(node, "'teams'", problems) {
        let what = format!("team '{}'", entry.key);
        read::slug(&entry.key, entry.at, &format!("the name of {what}"), problems);
        let Some(mut fields) = Fields::of_optional(&entry.value, what.as_str(), problems) else { continue };
        let label = fields
            .take("label")
            .and_then(|node| words(node, &format!("'label' of {what}"), problems))
            .unwrap_or_else(|| entry.key.clone());
        let calendar_node = fields.take("calendar");
        let calendar = calendar_node.and_then(|node| read_calendar_name(node, &what, names, problems));
        if let Some(node) = fields.take("deputies") {
            if calendar_node.is_none() {
                let message = format!("'deputies' of {what} would never stand in: the team has no calendar");
                let problem = Problem::at(node.at, message);
                problems.push(problem.hint("give it a 'calendar', or leave the deputies out"));
            }
            deputies.push((teams.len(), node));
        }
        fields.later(&["hours", "lead", "members", "moved_to", "pitches", "roster", "when_closed"]);
        fields.finish(problems);
        teams.push(Team { name: entry.key.clone(), label, at: entry.at, calendar, deputies: Vec::new() });
    }
    if teams.is_empty() && problems.is_empty() {
        problems.push(
            Problem::at(node.at, "'teams' names no team").hint("name at least one: teams: {triage: {}}"),
        );
    }
    // A deputy may stand below its team.
    for (team, node) in deputies {
        read_deputies(team, node, &mut teams, problems);
    }
    teams
}

fn read_calendar_name(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Option<usize> {
    let name = read::text(node, &format!("'calendar' of {what}"), problems)?;
    let found = names.calendar_names().position(|known| known == name);
    if found.is_none() {
        let problem =
            Problem::at(node.at, format!("{what} names the calendar '{name}', which is not in 'calendars'"));
        problems.push(problem.suggest(name, names.calendar_names()));
    }
    found
}

fn read_deputies(team: usize, node: &Node, teams: &mut [Team], problems: &mut Vec<Problem>) {
    let what = format!("'deputies' of team '{}'", teams[team].name);
    for item in read::one_or_list(node, &what, problems) {
        let Some(deputy) = find_team(item, &what, teams, problems) else { continue };
        if deputy == team || stands_in(deputy, team, teams) {
            let message =
                format!("{what} go round in a circle: '{}' is a deputy of its own", teams[team].name);
            problems.push(Problem::at(item.at, message));
            continue;
        }
        teams[team].deputies.push(deputy);
    }
}

/// Whether `deputy` stands in for `team`, itself or by others.
fn stands_in(team: usize, deputy: usize, teams: &[Team]) -> bool {
    teams[team].deputies.iter().any(|next| *next == deputy || stands_in(*next, deputy, teams))
}

pub(crate) fn read_rules(
    routing: &Routing,
    teams: &[Team],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Vec<Rule> {
    let Some(node) = &routing.rules else { return Vec::new() };
    let mut rules: Vec<Rule> = Vec::new();
    let mut names_taken = HashSet::new();
    for (index, item) in read::list(node, "'rules'", problems).iter().enumerate() {
        let name = read_name(item, index, problems);
        if let Some((name, at)) = &name
            && !names_taken.insert(name.clone())
        {
            let problem = Problem::at(*at, format!("two rules are named '{name}'"));
            problems.push(problem.hint("give each its own name"));
        }
        rules.extend(read_rule(item, index, name.map(|(name, _)| name), teams, names, problems));
    }
    rules
}

/// The name comes before all else, so that every message about the rule can use it.
fn read_name(node: &Node, index: usize, problems: &mut Vec<Problem>) -> Option<(String, Location)> {
    let node = node.get("name")?;
    let name = words(node, &format!("'name' of rule {}", index + 1), problems)?;
    if name == DEFAULT {
        let problem = Problem::at(node.at, "a rule cannot be named 'default'");
        problems.push(problem.hint("that is the name of the last resort"));
    }
    Some((name, node.at))
}

fn read_rule(
    node: &Node,
    index: usize,
    name: Option<String>,
    teams: &[Team],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    let what = name.as_ref().map_or_else(|| format!("rule {}", index + 1), |name| format!("rule '{name}'"));
    let mut fields = Fields::of(node, what.as_str(), problems)?;
    fields.require("name", problems);
    let continues = fields
        .take("continue")
        .and_then(|node| read::boolean(node, &format!("'continue' of {what}"), problems))
        .unwrap_or(false);
    let when = fields.take("when");
    if when.is_none() && !continues {
        problems.push(
            Problem::at(node.at, format!("{what} lacks the key 'when'"))
                .hint("what holds for every mention belongs into 'default'"),
        );
    }
    let when = when.map_or(Condition::All(Vec::new()), |node| Condition::read(node, &what, names, problems));
    let to = fields.take("to");
    let target = to.and_then(|node| find_team(node, &format!("'to' of {what}"), teams, problems));
    let drop = fields.take("drop");
    let effects = read_effects(&mut fields, &what, target, teams, problems);
    let timing = Timing::read(&mut fields, &what, target, teams, problems);
    if to.is_none() && !timing.is_empty() {
        let problem = Problem::at(node.at, format!("{what} has a deadline and no 'to'"));
        problems.push(problem.hint("'respond_within' and 'when_closed' are for rules that send to a team"));
    }
    fields.later(&["assign"]);
    let ending = match (to, drop, continues) {
        (Some(_), None, false) => target.map(Ending::To),
        (None, Some(node), false) => {
            if effects.priority.is_some() || !effects.tags.is_empty() || !effects.copies.is_empty() {
                let problem =
                    Problem::at(node.at, format!("{what} drops the mention and says what its item is like"));
                problems.push(problem.hint("nothing is left to carry 'priority', 'tags' or 'copy_to'"));
            }
            words(node, &format!("'drop' of {what}"), problems).map(Ending::Drop)
        }
        (None, None, true) => Some(Ending::Continue),
        (Some(node), _, true) | (None, Some(node), true) => {
            let word = if to.is_some() { "to" } else { "drop" };
            let problem = Problem::at(node.at, format!("{what} has 'continue' and '{word}'"));
            problems.push(problem.hint("a rule that continues sets tags, priority and copies only"));
            None
        }
        (Some(_), Some(node), false) => {
            problems.push(
                Problem::at(node.at, format!("{what} has both 'to' and 'drop'")).hint("keep one of them"),
            );
            None
        }
        (None, None, false) => {
            problems.push(
                Problem::at(node.at, format!("{what} does not say what to do"))
                    .hint("add 'to: TEAM', 'drop: REASON' or 'continue: true'"),
            );
            None
        }
    };
    fields.finish(problems);
    Some(Rule { name: name?, at: node.at, when, ending: ending?, effects, timing })
}

pub(crate) fn read_default(
    routing: &Routing,
    teams: &[Team],
    problems: &mut Vec<Problem>,
) -> Option<LastResort> {
    let Some(node) = &routing.default else {
        problems.push(
            Problem::nowhere("the key 'default' is missing")
                .hint("say which team gets what no rule takes: default: {to: triage}"),
        );
        return None;
    };
    let mut fields = Fields::of(node, "'default'", problems)?;
    let to =
        fields.require("to", problems).and_then(|node| find_team(node, "'to' of 'default'", teams, problems));
    let effects = read_effects(&mut fields, "'default'", to, teams, problems);
    let timing = Timing::read(&mut fields, "'default'", to, teams, problems);
    fields.later(&["assign"]);
    fields.finish(problems);
    Some(LastResort { to: to?, effects, timing })
}

fn read_effects(
    fields: &mut Fields<'_>,
    what: &str,
    target: Option<usize>,
    teams: &[Team],
    problems: &mut Vec<Problem>,
) -> Effects {
    let mut effects = Effects::default();
    if let Some(node) = fields.take("priority") {
        effects.priority = read::whole(node, &format!("'priority' of {what}"), 1, 5, problems)
            .and_then(|priority| u32::try_from(priority).ok());
    }
    if let Some(node) = fields.take("tags") {
        for item in read::one_or_list(node, &format!("'tags' of {what}"), problems) {
            effects.tags.extend(words(item, &format!("a tag of {what}"), problems));
        }
    }
    if let Some(node) = fields.take("copy_to") {
        let label = format!("'copy_to' of {what}");
        for item in read::one_or_list(node, &label, problems) {
            let Some(copy) = find_team(item, &label, teams, problems) else { continue };
            if Some(copy) == target {
                let problem = Problem::at(
                    item.at,
                    format!("{what} copies to '{}', which gets the item itself", teams[copy].name),
                );
                problems.push(problem.hint("leave the copy out"));
            } else if effects.copies.contains(&copy) {
                problems.push(Problem::at(item.at, format!("{label} names '{}' twice", teams[copy].name)));
            } else {
                effects.copies.push(copy);
            }
        }
    }
    effects
}

pub(crate) fn find_team(
    node: &Node,
    what: &str,
    teams: &[Team],
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let name = read::text(node, what, problems)?;
    let found = teams.iter().position(|team| team.name == name);
    if found.is_none() {
        problems.push(
            Problem::at(node.at, format!("{what} names the team '{name}', which is not in 'teams'"))
                .suggest(name, teams.iter().map(|team| team.name.as_str())),
        );
    }
    found
}

fn words(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let text = read::text(node, what, problems)?.trim();
    if text.chars().count() > MAX_WORDS || text.chars().any(char::is_control) {
        problems
            .push(Problem::at(node.at, format!("{what} must be one line of at most {MAX_WORDS} characters")));
        return None;
    }
    Some(text.to_owned())
}
