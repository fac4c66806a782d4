//! Rules with their meaning: which team gets a mention, and why.

use std::{collections::HashMap, sync::Arc};

use hark_schema::v1::{self, TraceCondition};

use crate::{
    calendar::{Calendar, read_calendars},
    condition::{Definition, Failure, read_definitions},
    cover,
    facts::{Facts, View},
    gate,
    index::Index,
    problem::{Location, Problem},
    routing::{
        DEFAULT, Effects, Ending, Known, LastResort, Routing, Rule, Team, read_default, read_rules,
        read_teams,
    },
    timing::Timing,
};

/// The rules of one configuration, checked. Cheap to ask, shared by reference; it never changes.
#[derive(Debug)]
pub struct Router {
    names: Names,
    teams: Vec<Team>,
    rules: Vec<Rule>,
    default: LastResort,
    index: Index,
}

/// Where a mention goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision<'r> {
    /// The team whose queue gets the item; `None` where a rule drops the mention.
    pub team: Option<&'r str>,
    /// Why it was dropped, as written in the rule; `None` where it was not.
    pub drop_reason: Option<&'r str>,
    /// Teams that get a copy, in the order in which rules named them; never `team`, none twice.
    pub copies: Vec<&'r str>,
    /// 1 (first) to 5.
    pub priority: u32,
    /// In the order in which rules added them, none twice.
    pub tags: Vec<String>,
    /// Who is to take it; `None` where the team decides.
    pub person: Option<String>,
    /// When an answer is due, in milliseconds since 1970; `None` where no rule says.
    pub respond_by_ms: Option<i64>,
    /// Whether the author may be addressed.
    pub gate: v1::Gate,
    /// Which rule decided and what it saw.
    pub trace: v1::Trace,
}

/// What came of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<'r> {
    /// The rule's name; `default` for the default, which is always last.
    pub rule: &'r str,
    /// The conditions that held; all of them where `failure` is `None`.
    pub held: Vec<TraceCondition>,
    /// The first condition that did not hold.
    pub failure: Option<Failure>,
    /// It held, and adds tags, priority or copies only.
    pub continues: bool,
    /// It is the rule that decided. A later rule that holds too has no effect.
    pub decided: bool,
}

/// Priority of an item where no rule says.
pub const USUAL_PRIORITY: u32 = 3;

impl Router {
    /// Checks the routing and gives it its meaning.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn new(routing: &Routing, known: &Known) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut names = Names::new(known);
        if let Some(calendars) = routing.calendars() {
            names.calendars = read_calendars(calendars, &mut problems);
        }
        if let Some(define) = routing.define() {
            read_definitions(define, &mut names, &mut problems);
        }
        let teams = read_teams(routing, &names, &mut problems);
        let rules = read_rules(routing, &teams, &names, &mut problems);
        let default = read_default(routing, &teams, &mut problems);
        problems.sort_by_key(|problem| problem.location);
        match default {
            Some(default) if problems.is_empty() => {
                let index = Index::new(&rules);
                Ok(Self { names, teams, rules, default, index })
            }
            _ => Err(problems),
        }
    }

    /// The teams, in the order of the file.
    pub fn teams(&self) -> impl ExactSizeIterator<Item = &Team> {
        self.teams.iter()
    }

    /// The names of the rules, in the order of the file, without the default.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The rules by name, and where they stand in the file.
    pub fn rule_places(&self) -> impl ExactSizeIterator<Item = (&str, Location)> {
        self.rules.iter().map(|rule| (rule.name.as_str(), rule.at))
    }

    /// What is allowed and looks like a mistake: teams that get nothing, rules that can never decide.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        cover::warnings(&self.teams, &self.rules, &self.default)
    }

    /// Where a mention goes: the first rule that holds decides, else the default.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision<'_> {
        let view = View::new(facts, &self.names);
        let mut sum = Sum::default();
        for rule in self.index.candidates(&view) {
            let rule = &self.rules[rule];
            if !rule.when.holds(&view) {
                continue;
            }
            sum.add(&rule.effects);
            let end = match &rule.ending {
                Ending::Continue => {
                    sum.continued.push(rule.name.clone());
                    continue;
                }
                Ending::To(team) => Ok(*team),
                Ending::Drop(reason) => Err(reason.as_str()),
            };
            let mut held = Vec::new();
            // It holds, so that nothing can fail here.
            rule.when.examine(&view, &mut held).unwrap_or_default();
            return self.decision(facts, end, &rule.timing, sum, trace(&rule.name, held));
        }
        sum.add(&self.default.effects);
        self.decision(facts, Ok(self.default.to), &self.default.timing, sum, trace(DEFAULT, Vec::new()))
    }

    /// What came of every rule, in the order of the file, the default last.
    #[must_use]
    pub fn explain(&self, facts: &Facts<'_>) -> Vec<Verdict<'_>> {
        let view = View::new(facts, &self.names);
        let mut decided = false;
        let mut verdicts: Vec<Verdict<'_>> = Vec::with_capacity(self.rules.len() + 1);
        for rule in &self.rules {
            let mut held = Vec::new();
            let failure = rule.when.examine(&view, &mut held).err();
            let continues = matches!(rule.ending, Ending::Continue);
            let decides = failure.is_none() && !continues && !decided;
            decided |= decides;
            verdicts.push(Verdict { rule: &rule.name, held, failure, continues, decided: decides });
        }
        verdicts.push(Verdict {
            rule: DEFAULT,
            held: Vec::new(),
            failure: None,
            continues: false,
            decided: !decided,
        });
        verdicts
    }

    fn decision<'r>(
        &'r self,
        facts: &Facts<'_>,
        end: Result<usize, &'r str>,
        timing: &Timing,
        sum: Sum,
        mut trace: v1::Trace,
    ) -> Decision<'r> {
        let name = |index: usize| self.teams[index].name.as_str();
        let calendars = self.names.calendars();
        let team = end.ok().map(|team| timing.on_duty(team, &self.teams, calendars, facts, &mut trace.notes));
        let respond_by_ms =
            team.and_then(|team| timing.respond_by(team, &self.teams, calendars, facts, &mut trace.notes));
        let copies = if team.is_some() { sum.copies } else { Vec::new() };
        trace.continued = sum.continued;
        Decision {
            team: team.map(name),
            drop_reason: end.err(),
            copies: copies.into_iter().filter(|copy| Some(*copy) != team).map(name).collect(),
            priority: sum.priority.unwrap_or(USUAL_PRIORITY),
            tags: sum.tags,
            person: None,
            respond_by_ms,
            gate: gate::of(facts),
            trace,
        }
    }
}

fn trace(rule: &str, held: Vec<TraceCondition>) -> v1::Trace {
    v1::Trace { rule: rule.to_owned(), held, ..v1::Trace::default() }
}

/// What the rules that held have added so far. The last one to set a priority wins.
#[derive(Debug, Default)]
struct Sum {
    priority: Option<u32>,
    tags: Vec<String>,
    copies: Vec<usize>,
    continued: Vec<String>,
}

impl Sum {
    fn add(&mut self, effects: &Effects) {
        self.priority = effects.priority.or(self.priority);
        for tag in &effects.tags {
            if !self.tags.contains(tag) {
                self.tags.push(tag.clone());
            }
        }
        for copy in &effects.copies {
            if !self.copies.contains(copy) {
                self.copies.push(*copy);
            }
        }
    }
}

/// The names that conditions refer to; a subject's number is its place in the configuration.
#[derive(Debug)]
pub(crate) struct Names {
    subjects: Vec<String>,
    numbers: HashMap<String, u32>,
    sources: Vec<String>,
    definitions: Vec<(String, Arc<Definition>)>,
    calendars: Vec<Calendar>,
}

impl Names {
    fn new(known: &Known) -> Self {
        let subjects: Vec<String> = known.subjects.iter().map(|(name, _)| name.clone()).collect();
        let numbers = subjects.iter().cloned().zip(0..).collect();
        Self {
            subjects,
            numbers,
            sources: known.sources.clone(),
            definitions: Vec::new(),
            calendars: Vec::new(),
        }
    }

    pub fn subject(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// A condition of `define:`.
    pub fn defined(&self, name: &str) -> Option<Arc<Definition>> {
        self.definitions.iter().find(|(known, _)| known == name).map(|(_, definition)| Arc::clone(definition))
    }

    pub fn define(&mut self, name: String, definition: Definition) {
        self.definitions.push((name, Arc::new(definition)));
    }

    pub fn definitions(&self) -> impl Iterator<Item = &str> {
        self.definitions.iter().map(|(name, _)| name.as_str())
    }

    pub fn calendars(&self) -> &[Calendar] {
        &self.calendars
    }

    pub fn calendar_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.calendars.iter().map(|calendar| calendar.name.as_str())
    }

    pub fn subjects(&self) -> impl Iterator<Item = &str> + Clone {
        self.subjects.iter().map(String::as_str)
    }

    pub fn sources(&self) -> impl Iterator<Item = &str> + Clone {
        self.sources.iter().map(String::as_str)
    }
}
