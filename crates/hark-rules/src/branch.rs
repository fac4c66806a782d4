//! Branches: the places of a company, and the team of each.

use crate::{
    document::Node,
    facts::Facts,
    fold::folded,
    names::Names,
    problem::Problem,
    read::{self, Fields},
    team::find_team_name,
};

#[derive(Debug)]
pub(crate) struct Branch {
    pub name: String,
    /// As sources name it, [`folded`].
    places: Vec<String>,
    /// Numbers of the subjects that stand for it in a text.
    subjects: Vec<u32>,
    /// Number of its team; a rule may name another.
    pub team: Option<usize>,
}

/// The branch that a post is about: the one that its source names, else the first that its text names.
pub(crate) fn branch_of(branches: &[Branch], facts: &Facts<'_>, subjects: &[u32]) -> Option<usize> {
    if branches.is_empty() {
        return None;
    }
    let place = folded(facts.post.place.trim());
    let by_place = branches.iter().position(|branch| branch.places.contains(&place));
    by_place.or_else(|| {
        subjects
            .iter()
            .find_map(|subject| branches.iter().position(|branch| branch.subjects.contains(subject)))
    })
}

/// Reads `branches:`.
pub(crate) fn read_branches(node: &Node, names: &Names, problems: &mut Vec<Problem>) -> Vec<Branch> {
    let mut branches: Vec<Branch> = Vec::new();
    for entry in read::entries(node, "'branches'", problems) {
        let what = format!("branch '{}'", entry.key);
        let mut branch =
            Branch { name: entry.key.clone(), places: Vec::new(), subjects: Vec::new(), team: None };
        let Some(mut fields) = Fields::of(&entry.value, what.as_str(), problems) else { continue };
        let (places, by_subject) = (fields.take("places"), fields.take("subjects"));
        if let Some(node) = places {
            for item in read::one_or_list(node, &format!("'places' of {what}"), problems) {
                let Some(place) = read::text(item, &format!("'places' of {what}"), problems) else {
                    continue;
                };
                let place = folded(place.trim());
                if let Some(other) = branches.iter().find(|other| other.places.contains(&place)) {
                    problems.push(Problem::at(
                        item.at,
                        format!("{what} and branch '{}' are both at '{place}'", other.name),
                    ));
                }
                branch.places.push(place);
            }
        }
        if let Some(node) = by_subject {
            for item in read::one_or_list(node, &format!("'subjects' of {what}"), problems) {
                let Some(name) = read::text(item, &format!("'subjects' of {what}"), problems) else {
                    continue;
                };
                match names.subject(name) {
                    Some(number) => branch.subjects.push(number),
                    None => problems.push(
                        Problem::at(item.at, format!("unknown subject '{name}' in 'subjects' of {what}"))
                            .suggest(name, names.subjects()),
                    ),
                }
            }
        }
        branch.team = fields
            .take("team")
            .and_then(|node| find_team_name(node, &format!("'team' of {what}"), names, problems));
        let at = fields.at();
        fields.finish(problems);
        if places.is_none() && by_subject.is_none() {
            let problem = Problem::at(at, format!("{what} has neither 'places' nor 'subjects'"));
            problems.push(problem.hint("say how it is recognised: places: [Gliwice]"));
        }
        branches.push(branch);
    }
    branches
}
