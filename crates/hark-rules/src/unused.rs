//! What is allowed and looks forgotten: what is named and nothing uses, and kinds of source that none has.

use std::collections::HashSet;

use crate::{
    assign::Assign,
    condition::Condition,
    leaf::Test,
    names::Names,
    problem::{Location, Problem},
    routing::{DEFAULT, Effects, LastResort, Rule},
    team::Team,
};

pub(crate) fn warnings(names: &Names, teams: &[Team], rules: &[Rule], default: &LastResort) -> Vec<Problem> {
    let of_rules = rules.iter().flat_map(|rule| [&rule.when].into_iter().chain(of(&rule.effects)));
    let mut used = HashSet::new();
    of_rules.chain(of(&default.effects)).for_each(|condition| note_used(condition, &mut used));
    let mut problems = Vec::new();
    for (name, definition) in names.defined_all() {
        if !used.contains(name) {
            problems.push(Problem::at(definition.at, format!("no rule uses the definition '{name}'")));
        }
    }
    let assigned: Vec<Assign> = rules.iter().filter_map(|rule| rule.assign).chain(default.assign).collect();
    for (index, roster) in names.rosters.iter().enumerate() {
        if !assigned.iter().any(|assign| matches!(assign, Assign::Roster(roster) if *roster == index)) {
            problems.push(Problem::at(roster.at, format!("no rule assigns the roster '{}'", roster.name)));
        }
    }
    for (index, person) in names.people.iter().enumerate() {
        let shares = names.rosters.iter().map(|roster| &roster.members);
        let is_named = shares
            .chain(teams.iter().map(|team| &team.members))
            .any(|members| members.iter().any(|(member, _)| *member == index))
            || teams.iter().any(|team| team.lead == Some(index))
            || names.people.iter().any(|person| person.deputies.contains(&index))
            || assigned.iter().any(|assign| matches!(assign, Assign::Person(person) if *person == index));
        if !is_named {
            let message = format!(
                "nothing gives work to the person '{}': no team, roster, rule or 'deputies' names them",
                person.name
            );
            problems.push(Problem::at(person.at, message));
        }
    }
    problems.extend(foreign_kinds(names, rules, default));
    problems
}

/// Conditions on a kind of source that no source has. Where none is configured, as for a worker that only routes, nothing is known of them.
fn foreign_kinds(names: &Names, rules: &[Rule], default: &LastResort) -> Vec<Problem> {
    if names.source_kinds.is_empty() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut look = |what: &str, at: Option<Location>, condition: &Condition| {
        each_part(condition, &mut |part| {
            let Condition::Leaf(leaf) = part else { return };
            let Test::SourceKind(wanted) = &leaf.test else { return };
            for kind in wanted.iter().filter(|kind| !names.source_kinds.contains(kind)) {
                let message = format!("{what} asks for sources of the kind '{kind}', and there is none");
                problems.push(Problem { message, location: at, hint: None });
            }
        });
    };
    for (name, definition) in names.defined_all() {
        look(&format!("the definition '{name}'"), Some(definition.at), &definition.condition);
    }
    for rule in rules {
        for condition in [&rule.when].into_iter().chain(of(&rule.effects)) {
            look(&format!("the rule '{}'", rule.name), Some(rule.at), condition);
        }
    }
    for condition in of(&default.effects) {
        look(&format!("'{DEFAULT}'"), None, condition);
    }
    problems
}

fn of(effects: &Effects) -> impl Iterator<Item = &Condition> {
    effects.raise.iter().chain(&effects.lower)
}

/// The definitions that a condition uses, by others too.
fn note_used<'c>(condition: &'c Condition, used: &mut HashSet<&'c str>) {
    each_part(condition, &mut |part| {
        if let Condition::Named(name, definition) = part
            && used.insert(name)
        {
            note_used(&definition.condition, used);
        }
    });
}

/// A condition and what it consists of, down to the names of definitions.
fn each_part<'c>(condition: &'c Condition, each: &mut dyn FnMut(&'c Condition)) {
    each(condition);
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().for_each(|part| each_part(part, each));
        }
        Condition::Not(part) => each_part(part, each),
        Condition::Leaf(_) | Condition::Named(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::{Known, Router, Routing};

    fn warned(yaml: &str, source_kinds: &[&str]) -> Vec<String> {
        let source_kinds = source_kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let known = Known { source_kinds, ..Known::default() };
        let router = Router::new(&Routing::from_yaml(yaml).unwrap(), &known).unwrap();
        router.warnings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_nothing_uses_is_reported_and_what_is_used_anywhere_is_not() {
        let yaml = "people:
  lead: {}
  member: {deputies: deputy}
  deputy: {}
  rostered: {}
  assigned: {}
  idle: {}
rosters:
  night: [rostered]
  day: [rostered]
teams: {a: {lead: lead, members: [member, rostered, assigned]}}
define:
  inner: {intent: spam}
  outer: {not: {is: inner}}
  nearer: {intent: churn}
  further: {intent: praise}
  forgotten: {intent: question}
  forgotten too: {is: forgotten}
rules:
  - {name: one, when: {any: [{intent: outrage}, {is: outer}]}, to: a, assign: assigned, priority: {raise: {is: nearer}}}
default: {to: a, assign: night, priority: {lower: {is: further}}}
";
        assert_eq!(
            warned(yaml, &[]),
            [
                "7:3: nothing gives work to the person 'idle': no team, roster, rule or 'deputies' names them",
                "10:3: no rule assigns the roster 'day'",
                "17:3: no rule uses the definition 'forgotten'",
                "18:3: no rule uses the definition 'forgotten too'",
            ]
        );
    }

    #[test]
    fn a_kind_that_no_source_has_is_reported_where_there_are_sources() {
        let yaml = "teams: {a: {}}
define:
  read: {source_kind: [feed, file]}
rules:
  - {name: one, when: {is: read}, to: a}
  - {name: two, when: {not: {source_kind: webhook}}, to: a}
default: {to: a, priority: {raise: {source_kind: webhook}}}
";
        let no_webhook = [
            "'default' asks for sources of the kind 'webhook', and there is none",
            "6:5: the rule 'two' asks for sources of the kind 'webhook', and there is none",
        ];
        assert_eq!(warned(yaml, &["feed", "file", "feed"]), no_webhook);
        assert_eq!(
            warned(yaml, &["feed", "webhook"]),
            ["3:3: the definition 'read' asks for sources of the kind 'file', and there is none"]
        );
        assert!(warned(yaml, &[]).is_empty());
    }
}
