//! The sections of `hark.yaml` that route: teams, rules, default.

use std::collections::{BTreeMap, HashSet};

use hark_schema::v1::SubjectKind;

use crate::{
    assign::Assign,
    condition::Condition,
    document::{Node, Value},
    names::Names,
    problem::{Location, Problem},
    read::{self, Fields, words},
    target::Target,
    team::{Team, find_team, refuse_pitching},
    timing::Timing,
};

/// The sections as written. [`crate::Router::new`] checks them and gives them their meaning, because a rule can only
/// be checked beside the teams, subjects and sources that it names.
#[derive(Debug, Clone, Default)]
pub struct Routing {
    pub(crate) calendars: Option<Node>,
    pub(crate) people: Option<Node>,
    pub(crate) rosters: Option<Node>,
    pub(crate) teams: Option<Node>,
    pub(crate) branches: Option<Node>,
    pub(crate) themes: Option<Node>,
    pub(crate) gate: Option<Node>,
    pub(crate) define: Option<Node>,
    pub(crate) rules: Option<Node>,
    pub(crate) default: Option<Node>,
}

/// What the rest of the configuration names, for rules to refer to.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Subjects by name, with their kinds.
    pub subjects: Vec<(String, SubjectKind)>,
    /// Names of the sources.
    pub sources: Vec<String>,
    /// Kinds of the sources.
    pub source_kinds: Vec<String>,
    /// What stands in the files of [`Routing::files`], or why one cannot be read.
    pub files: BTreeMap<String, Result<String, String>>,
}

impl Routing {
    /// Takes the sections out of the keys of a whole configuration.
    pub fn take(fields: &mut Fields<'_>) -> Self {
        Self {
            calendars: fields.take("calendars").cloned(),
            people: fields.take("people").cloned(),
            rosters: fields.take("rosters").cloned(),
            teams: fields.take("teams").cloned(),
            branches: fields.take("branches").cloned(),
            themes: fields.take("themes").cloned(),
            gate: fields.take("gate").cloned(),
            define: fields.take("define").cloned(),
            rules: fields.take("rules").cloned(),
            default: fields.take("default").cloned(),
        }
    }

    /// The files that the sections name, as written, each once: iCalendar files and lists of handles. What stands in
    /// them decides too, so that whoever asks whether a configuration changed has to look at them.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (section, key) in [(&self.calendars, "ical"), (&self.people, "ical"), (&self.gate, "file")] {
            if let Some(section) = section {
                files_under(section, key, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
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

    /// Nothing about routing was written.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.teams.is_none() && self.rules.is_none() && self.default.is_none()
    }
}

fn files_under(node: &Node, key: &str, found: &mut Vec<String>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                match &entry.value.value {
                    Value::Scalar(path) if entry.key == key => found.push(path.text.clone()),
                    _ => files_under(&entry.value, key, found),
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| files_under(item, key, found)),
        Value::Scalar(_) | Value::Null => {}
    }
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub name: String,
    pub at: Location,
    pub when: Condition,
    pub ending: Ending,
    pub effects: Effects,
    pub timing: Timing,
    pub assign: Option<Assign>,
}

#[derive(Debug)]
pub(crate) enum Ending {
    To(Target),
    Drop(String),
    Continue,
}

/// What a rule adds to an item, wherever it goes.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub priority: Option<u32>,
    /// Each that holds brings the item one step nearer to priority 1.
    pub raise: Vec<Condition>,
    /// Each that holds takes it one step further away.
    pub lower: Vec<Condition>,
    pub tags: Vec<String>,
    /// Indices of teams.
    pub copies: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct LastResort {
    pub to: usize,
    pub effects: Effects,
    pub timing: Timing,
    pub assign: Option<Assign>,
}

/// The name under which the default is reported; no rule may have it.
pub const DEFAULT: &str = "default";

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
    let target = to.and_then(|node| Target::read(node, &format!("'to' of {what}"), teams, names, problems));
    let named = target.as_ref().and_then(Target::named);
    let drop = fields.take("drop");
    let effects = read_effects(&mut fields, &what, named, teams, names, problems);
    let timing = Timing::read(&mut fields, &what, named, teams, names, problems);
    if to.is_none() && !timing.is_empty() {
        let problem = Problem::at(node.at, format!("{what} has a deadline and no 'to'"));
        problems.push(problem.hint("'respond_within' and 'when_closed' are for rules that send to a team"));
    }
    let assign_node = fields.take("assign");
    let assign =
        assign_node.and_then(|node| Assign::read(node, &what, target.as_ref(), teams, names, problems));
    if let Some(node) = assign_node
        && to.is_none()
    {
        let problem = Problem::at(node.at, format!("{what} has 'assign' and no 'to'"));
        problems.push(problem.hint("a person is assigned by the rule that sends to a team"));
    }
    let ending = match (to, drop, continues) {
        (Some(_), None, false) => target.map(Ending::To),
        (None, Some(node), false) => {
            if effects.says_priority() || !effects.tags.is_empty() || !effects.copies.is_empty() {
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
    Some(Rule { name: name?, at: node.at, when, ending: ending?, effects, timing, assign })
}

pub(crate) fn read_default(
    routing: &Routing,
    teams: &[Team],
    names: &Names,
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
    let to = fields.require("to", problems).and_then(|node| {
        let to = find_team(node, "'to' of 'default'", teams, names, problems)?;
        refuse_pitching(node, "'to' of 'default'", to, teams, problems);
        Some(to)
    });
    if let Some(node) = node.get("copy_to") {
        for item in read::one_or_list(node, "'copy_to' of 'default'", &mut Vec::new()) {
            if let Some(copy) = find_team(item, "", teams, names, &mut Vec::new()) {
                refuse_pitching(item, "'copy_to' of 'default'", copy, teams, problems);
            }
        }
    }
    let effects = read_effects(&mut fields, "'default'", to, teams, names, problems);
    let timing = Timing::read(&mut fields, "'default'", to, teams, names, problems);
    let target = to.map(Target::Team);
    let assign = fields
        .take("assign")
        .and_then(|node| Assign::read(node, "'default'", target.as_ref(), teams, names, problems));
    fields.finish(problems);
    Some(LastResort { to: to?, effects, timing, assign })
}

fn read_effects(
    fields: &mut Fields<'_>,
    what: &str,
    target: Option<usize>,
    teams: &[Team],
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Effects {
    let mut effects = Effects::default();
    if let Some(node) = fields.take("priority") {
        read_priority(node, &format!("'priority' of {what}"), &mut effects, names, problems);
    }
    if let Some(node) = fields.take("tags") {
        for item in read::one_or_list(node, &format!("'tags' of {what}"), problems) {
            effects.tags.extend(words(item, &format!("a tag of {what}"), problems));
        }
    }
    if let Some(node) = fields.take("copy_to") {
        let label = format!("'copy_to' of {what}");
        for item in read::one_or_list(node, &label, problems) {
            let Some(copy) = find_team(item, &label, teams, names, problems) else { continue };
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

/// Reads `2`, or `{base: 3, raise: CONDITION, lower: CONDITION}`, each of which may be a list.
fn read_priority(node: &Node, what: &str, effects: &mut Effects, names: &Names, problems: &mut Vec<Problem>) {
    let priority = |node: &Node, what: &str, problems: &mut Vec<Problem>| {
        read::whole(node, what, 1, 5, problems).and_then(|priority| u32::try_from(priority).ok())
    };
    if !matches!(node.value, Value::Map(_)) {
        effects.priority = priority(node, what, problems);
        return;
    }
    let Some(mut fields) = Fields::of(node, what, problems) else { return };
    effects.priority =
        fields.take("base").and_then(|node| priority(node, &format!("'base' of {what}"), problems));
    let mut conditions = |key: &'static str, problems: &mut Vec<Problem>| -> Vec<Condition> {
        let Some(node) = fields.take(key) else { return Vec::new() };
        let what = format!("'{key}' of {what}");
        let items = read::one_or_list(node, &what, problems);
        items.iter().map(|item| Condition::read(item, &what, names, problems)).collect()
    };
    effects.raise = conditions("raise", problems);
    effects.lower = conditions("lower", problems);
    let at = fields.at();
    fields.finish(problems);
    if !effects.says_priority() && problems.is_empty() {
        problems.push(Problem::at(at, format!("{what} says nothing")).hint("write base, raise or lower"));
    }
}

impl Effects {
    fn says_priority(&self) -> bool {
        self.priority.is_some() || !self.raise.is_empty() || !self.lower.is_empty()
    }
}
