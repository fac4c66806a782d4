//! `to:`: the team that a rule sends to, named or found out.

use crate::{
    document::{Node, Value},
    facts::View,
    names::Names,
    problem::Problem,
    read::{self, Fields},
    team::{Team, find_team, find_team_name},
};

#[derive(Debug)]
pub(crate) enum Target {
    /// Number of a team.
    Team(usize),
    /// The team of the branch that the post is about.
    Branch {
        /// By the number of the branch.
        teams: Vec<Option<usize>>,
        /// Where it is about none of them.
        fallback: usize,
    },
    /// The team that owns the thread.
    Thread,
}

/// The word for [`Target::Thread`]; no team may have it for its name.
pub(crate) const THREAD: &str = "thread";

impl Target {
    /// The team, and a note where it was found out; `None` where the thread has no owner.
    pub fn resolve(
        &self,
        view: &View<'_>,
        owner: Option<usize>,
        teams: &[Team],
    ) -> Option<(usize, Option<String>)> {
        match self {
            Self::Team(team) => Some((*team, None)),
            Self::Branch { teams: of_branches, fallback } => {
                let branch = view.branch.and_then(|branch| Some((branch, (*of_branches.get(branch)?)?)));
                Some(match branch {
                    Some((branch, team)) => {
                        let (branch, team_name) = (&view.names.branches[branch].name, &teams[team].name);
                        (team, Some(format!("the branch is {branch}: {team_name}")))
                    }
                    None => {
                        let place = &view.facts.post.place;
                        let seen = if place.is_empty() { "no place" } else { place };
                        (*fallback, Some(format!("{seen} is no branch: {}", teams[*fallback].name)))
                    }
                })
            }
            Self::Thread => Some((owner?, None)),
        }
    }

    /// The one team that is named, if it is one.
    pub fn named(&self) -> Option<usize> {
        match self {
            Self::Team(team) => Some(*team),
            Self::Branch { .. } | Self::Thread => None,
        }
    }

    /// Whether this leads to a team in some case.
    pub fn leads_to(&self, team: usize) -> bool {
        match self {
            Self::Team(to) => *to == team,
            Self::Branch { teams, fallback } => teams.contains(&Some(team)) || *fallback == team,
            Self::Thread => false,
        }
    }

    /// Reads `sales`, `thread`, or `{branch_of: place, teams: {gliwice: sales-gliwice}, fallback: sales}`.
    pub fn read(
        node: &Node,
        what: &str,
        teams: &[Team],
        names: &Names,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            if matches!(&node.value, Value::Scalar(scalar) if scalar.text == THREAD) {
                return Some(Self::Thread);
            }
            return find_team(node, what, teams, names, problems).map(Self::Team);
        }
        let mut fields = Fields::of(node, what, problems)?;
        if let Some(node) = fields.require("branch_of", problems)
            && let Some(of) = read::text(node, &format!("'branch_of' of {what}"), problems)
            && of != "place"
        {
            let problem = Problem::at(node.at, format!("unknown word '{of}' for 'branch_of' of {what}"));
            problems.push(problem.hint("write 'place'"));
        }
        let mut of_branches: Vec<Option<usize>> = names.branches.iter().map(|branch| branch.team).collect();
        if let Some(node) = fields.take("teams") {
            let what = format!("'teams' of {what}");
            for entry in read::entries(node, &what, problems) {
                let Some(branch) = names.branch_names().position(|name| name == entry.key) else {
                    let problem = Problem::at(entry.at, format!("unknown branch '{}' in {what}", entry.key));
                    problems.push(problem.suggest(&entry.key, names.branch_names()));
                    continue;
                };
                of_branches[branch] = find_team_name(&entry.value, &what, names, problems);
            }
        }
        let fallback = fields.require("fallback", problems);
        let at = fields.at();
        fields.finish(problems);
        if of_branches.iter().all(Option::is_none) && problems.is_empty() {
            let problem = Problem::at(at, format!("{what} knows the team of no branch"));
            problems.push(
                problem.hint("add them: branches: {gliwice: {places: [Gliwice], team: sales-gliwice}}"),
            );
        }
        let fallback = find_team(fallback?, &format!("'fallback' of {what}"), teams, names, problems)?;
        Some(Self::Branch { teams: of_branches, fallback })
    }
}
