//! What is allowed and looks like a mistake: rules that can never decide, teams that get nothing.
//!
//! One condition implies or excludes another here only where that can be seen from their structure; a rule that is not
//! reported may still be unreachable.

use crate::{
    condition::Condition,
    leaf::Test,
    problem::Problem,
    routing::{Ending, LastResort, Rule},
    target::Target,
    team::Team,
    timing::WhenClosed,
};

pub(crate) fn warnings(teams: &[Team], rules: &[Rule], default: &LastResort) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, team) in teams.iter().enumerate() {
        let gets = |rule: &Rule| {
            matches!(&rule.ending, Ending::To(to) if to.leads_to(index))
                || rule.effects.copies.contains(&index)
        };
        let stands_in = teams.iter().any(|team| team.deputies.contains(&index))
            || teams.iter().any(|team| team.when_closed.and_then(WhenClosed::deputy) == Some(index))
            || rules.iter().any(|rule| rule.timing.deputy() == Some(index))
            || default.timing.deputy() == Some(index);
        if !stands_in
            && default.to != index
            && !default.effects.copies.contains(&index)
            && !rules.iter().any(gets)
        {
            problems
                .push(Problem::at(team.at, format!("no rule sends anything to the team '{}'", team.name)));
        }
    }
    for (index, rule) in rules.iter().enumerate() {
        if let Some((one, other)) = contradiction(&rule.when) {
            let message = format!(
                "the rule '{}' can never hold: '{}' and '{}' exclude each other",
                rule.name,
                one.written(),
                other.written()
            );
            problems.push(Problem::at(rule.at, message));
            continue;
        }
        if matches!(rule.ending, Ending::Continue) {
            continue;
        }
        let earlier = rules[..index]
            .iter()
            .find(|earlier| is_final(&earlier.ending, teams) && implies(&rule.when, &earlier.when));
        if let Some(earlier) = earlier {
            let message = format!(
                "the rule '{}' can never decide: whatever it takes is taken by '{}' before it",
                rule.name, earlier.name
            );
            problems.push(Problem::at(rule.at, message));
        }
    }
    problems
}

/// Whether a rule whose conditions hold decides whatever else is so: it does not continue, needs no owner of the thread,
/// and no gate may refuse it.
fn is_final(ending: &Ending, teams: &[Team]) -> bool {
    match ending {
        Ending::Continue | Ending::To(Target::Thread) => false,
        Ending::Drop(_) => true,
        Ending::To(target) => {
            !teams.iter().enumerate().any(|(team, known)| known.pitches && target.leads_to(team))
        }
    }
}

/// Wherever `narrow` holds, `wide` holds too.
fn implies(narrow: &Condition, wide: &Condition) -> bool {
    match (narrow, wide) {
        (_, Condition::Named(_, wide)) => implies(narrow, &wide.condition),
        (Condition::Named(_, narrow), _) => implies(&narrow.condition, wide),
        (_, Condition::All(parts)) => parts.iter().all(|part| implies(narrow, part)),
        (Condition::Any(parts), _) => parts.iter().all(|part| implies(part, wide)),
        (_, Condition::Any(parts)) if parts.iter().any(|part| implies(narrow, part)) => true,
        (Condition::All(parts), _) => parts.iter().any(|part| implies(part, wide)),
        (Condition::Not(narrow), Condition::Not(wide)) => implies(wide, narrow),
        (Condition::Leaf(narrow), Condition::Leaf(wide)) => tests_imply(&narrow.test, &wide.test),
        _ => false,
    }
}

/// Two parts of a condition of which never both hold, so that it does not hold either.
fn contradiction(condition: &Condition) -> Option<(&Condition, &Condition)> {
    match condition {
        Condition::Named(_, definition) => contradiction(&definition.condition),
        Condition::All(parts) => parts.iter().find_map(contradiction).or_else(|| {
            let mut pairs = parts
                .iter()
                .enumerate()
                .flat_map(|(at, one)| parts[at + 1..].iter().map(move |other| (one, other)));
            pairs.find(|(one, other)| exclude(one, other))
        }),
        Condition::Any(parts) => {
            let mut found = parts.iter().map(contradiction);
            let first = found.next()??;
            found.all(|found| found.is_some()).then_some(first)
        }
        Condition::Not(_) | Condition::Leaf(_) => None,
    }
}

/// Never both hold.
fn exclude(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::Named(_, one), other) | (other, Condition::Named(_, one)) => {
            exclude(&one.condition, other)
        }
        (Condition::Any(parts), other) | (other, Condition::Any(parts)) => {
            parts.iter().all(|part| exclude(part, other))
        }
        (Condition::Not(not), other) | (other, Condition::Not(not)) if implies(other, not) => true,
        (Condition::All(parts), other) | (other, Condition::All(parts)) => {
            parts.iter().any(|part| exclude(part, other))
        }
        (Condition::Leaf(one), Condition::Leaf(other)) => tests_exclude(&one.test, &other.test),
        _ => false,
    }
}

/// Of what a mention has one of only, two tests want different ones.
fn tests_exclude(one: &Test, other: &Test) -> bool {
    fn apart<T: PartialEq>(one: &[T], other: &[T]) -> bool {
        !one.iter().any(|value| other.contains(value))
    }
    match (one, other) {
        (Test::Language(one), Test::Language(other))
        | (Test::Source(one), Test::Source(other))
        | (Test::SourceKind(one), Test::SourceKind(other))
        | (Test::Place(one), Test::Place(other))
        | (Test::ThreadTeam(one), Test::ThreadTeam(other))
        | (Test::AuthorHandle(one), Test::AuthorHandle(other)) => apart(one, other),
        (Test::Voice(one), Test::Voice(other)) => apart(one, other),
        (Test::Visibility(one), Test::Visibility(other)) => apart(one, other),
        (Test::Branch(one), Test::Branch(other)) => apart(one, other),
        (Test::Range(one, low), Test::Range(other, high)) => one == other && low.apart(*high),
        (Test::Flag(one, first), Test::Flag(other, second)) => one == other && first != second,
        (
            Test::Sentiment { labels: one, score: first, toward },
            Test::Sentiment { labels: other, score: second, toward: other_toward },
        ) if toward.is_empty() && other_toward.is_empty() => {
            (!one.is_empty() && !other.is_empty() && apart(one, other)) || first.apart(*second)
        }
        _ => false,
    }
}

fn tests_imply(narrow: &Test, wide: &Test) -> bool {
    fn within<T: PartialEq>(narrow: &[T], wide: &[T]) -> bool {
        narrow.iter().all(|value| wide.contains(value))
    }
    match (narrow, wide) {
        (Test::Subject(narrow), Test::Subject(wide)) => within(narrow, wide),
        (Test::SubjectKind(narrow), Test::SubjectKind(wide)) => within(narrow, wide),
        (Test::Language(narrow), Test::Language(wide))
        | (Test::Source(narrow), Test::Source(wide))
        | (Test::SourceKind(narrow), Test::SourceKind(wide)) => within(narrow, wide),
        (Test::Voice(narrow), Test::Voice(wide)) => within(narrow, wide),
        (Test::Intent(narrow), Test::Intent(wide)) => narrow
            .iter()
            .all(|narrow| wide.iter().any(|wide| wide.intent == narrow.intent && wide.min <= narrow.min)),
        (Test::Visibility(narrow), Test::Visibility(wide)) => within(narrow, wide),
        (Test::Place(narrow), Test::Place(wide))
        | (Test::AuthorHandle(narrow), Test::AuthorHandle(wide))
        | (Test::Entities(narrow), Test::Entities(wide)) => within(narrow, wide),
        (Test::Text(narrow), Test::Text(wide)) => {
            narrow.iter().all(|narrow| wide.iter().any(|wide| wide.as_str() == narrow.as_str()))
        }
        (Test::Within(narrow), Test::Within(wide))
        | (Test::Branch(narrow), Test::Branch(wide))
        | (Test::Theme(narrow), Test::Theme(wide)) => within(narrow, wide),
        (Test::ThreadTeam(narrow), Test::ThreadTeam(wide)) => within(narrow, wide),
        (Test::Range(narrow, low), Test::Range(wide, high)) => narrow == wide && low.within(*high),
        (Test::Flag(narrow, low), Test::Flag(wide, high)) => narrow == wide && low == high,
        (
            Test::Sentiment { labels: narrow, score: narrow_score, toward: narrow_toward },
            Test::Sentiment { labels: wide, score: wide_score, toward: wide_toward },
        ) => {
            let labels = wide.is_empty() || (!narrow.is_empty() && within(narrow, wide));
            labels && narrow_score.within(*wide_score) && narrow_toward == wide_toward
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Known, Router, Routing};

    fn warned(rules: &str) -> bool {
        let yaml = format!("teams: {{a: {{}}}}\ndefault: {{to: a}}\nrules: [{rules}]\n");
        let known = Known {
            subjects: vec![
                ("x".into(), hark_schema::v1::SubjectKind::Own),
                ("y".into(), hark_schema::v1::SubjectKind::Own),
            ],
            sources: vec![],
            ..Known::default()
        };
        let router = Router::new(&Routing::from_yaml(&yaml).unwrap(), &known).unwrap();
        !router.warnings().is_empty()
    }

    #[test]
    fn a_rule_behind_a_wider_one_is_reported_and_no_other() {
        for (earlier, later, never) in [
            ("{subject: x}", "{subject: x}", true),
            ("{subject: [x, y]}", "{subject: x, intent: spam}", true),
            ("{subject: x}", "{subject: [x, y]}", false),
            ("{intent: spam}", "{intent: {name: spam, min: 0.8}}", true),
            ("{intent: {name: spam, min: 0.8}}", "{intent: spam}", false),
            ("{author_followers: {min: 10}}", "{author_followers: {min: 20, max: 30}}", true),
            ("{author_followers: {max: 10}}", "{author_followers: {min: 5}}", false),
            ("{any: [{subject: x}, {intent: spam}]}", "{intent: spam, language: pl}", true),
            ("{any: [{subject: x}, {intent: spam}]}", "{any: [{intent: spam}, {subject: x}]}", true),
            ("{any: [{subject: x}, {intent: spam}]}", "{any: [{intent: spam}, {subject: y}]}", false),
            ("{not: {intent: spam}}", "{not: {intent: [spam, praise]}}", true),
            ("{not: {intent: [spam, praise]}}", "{not: {intent: spam}}", false),
            ("{sentiment: negative}", "{sentiment: {label: negative, score: {max: -0.5}}}", true),
            ("{sentiment: {score: {max: -0.5}}}", "{sentiment: negative}", false),
            ("{sentiment: {label: negative, toward: x}}", "{sentiment: negative}", false),
            ("{subject: x}", "{language: pl}", false),
        ] {
            let rules =
                format!("{{name: earlier, when: {earlier}, to: a}}, {{name: later, when: {later}, to: a}}");
            assert_eq!(warned(&rules), never, "{earlier} before {later}");
        }
    }

    #[test]
    fn a_rule_whose_conditions_exclude_each_other_is_reported_and_no_other() {
        for (when, never) in [
            ("{all: [{language: pl}, {language: sv}]}", true),
            ("{all: [{language: [pl, en]}, {language: [en, sv]}]}", false),
            ("{language: pl, not: {language: [pl, sv]}}", true),
            ("{language: pl, not: {language: sv}}", false),
            ("{intent: spam, not: {intent: [spam, praise]}}", true),
            ("{all: [{intent: spam}, {intent: praise}]}", false),
            ("{all: [{subject: x}, {subject: y}]}", false),
            ("{author_followers: {min: 10}, not: {author_followers: {min: 5}}}", true),
            ("{all: [{author_followers: {min: 10}}, {author_followers: {max: 9}}]}", true),
            ("{all: [{author_followers: {min: 10}}, {author_followers: {max: 10}}]}", false),
            ("{all: [{sentiment: negative}, {sentiment: [neutral, positive]}]}", true),
            ("{all: [{sentiment: negative}, {sentiment: {label: positive, toward: x}}]}", false),
            ("{language: pl, any: [{language: sv}, {all: [{language: en}, {intent: spam}]}]}", true),
            ("{language: pl, any: [{language: sv}, {intent: spam}]}", false),
            ("{any: [{language: pl, not: {language: pl}}, {subject: x, not: {subject: [x, y]}}]}", true),
            ("{any: [{language: pl, not: {language: pl}}, {subject: x}]}", false),
        ] {
            assert_eq!(warned(&format!("{{name: rule, when: {when}, to: a}}")), never, "{when}");
        }
    }

    #[test]
    fn a_rule_that_continues_hides_nothing() {
        assert!(!warned(
            "{name: tag, when: {subject: x}, continue: true, tags: t}, {name: later, when: {subject: x}, to: a}"
        ));
    }
}
