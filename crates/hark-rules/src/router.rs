//! Rules with their meaning: which team gets a mention, and why.

use std::cell::OnceCell;

use hark_schema::v1::{self, TraceCondition, Voice};

use crate::{
    assign::{self, Assign, Work},
    branch::read_branches,
    calendar::read_calendars,
    condition::{Condition, Failure, read_definitions},
    cover,
    facts::{Facts, View},
    gate::{self, Policy},
    index::Index,
    names::Names,
    people::{read_people, read_rosters},
    problem::{Location, Problem},
    read,
    routing::{DEFAULT, Effects, Ending, Known, LastResort, Routing, Rule, read_default, read_rules},
    target::Target,
    team::{Team, is_moved, read_moved, read_teams},
    theme::Themes,
    timing::Timing,
    unused,
};

/// The rules of one configuration, checked. Cheap to ask, shared by reference; it never changes.
#[derive(Debug)]
pub struct Router {
    names: Names,
    teams: Vec<Team>,
    /// Teams that are no more, and who took over.
    moved: Vec<(String, usize)>,
    rules: Vec<Rule>,
    default: LastResort,
    policy: Policy,
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
    /// The team that owns the thread from now on: the one that was meant, whoever stands in for it. `None` where a rule
    /// drops the mention.
    pub owner: Option<&'r str>,
    /// Whether the author may be addressed.
    pub gate: v1::Gate,
    /// Why the gate refused a rule or a copy to a team that pitches, each reason once; the rules below went on.
    pub refused: Vec<&'static str>,
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

/// How the tag begins that says who is praised.
pub const PRAISED: &str = "praised:";

/// Priority of an item where no rule says.
pub const USUAL_PRIORITY: u32 = 3;

impl Router {
    /// Checks the routing and gives it its meaning.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn new(routing: &Routing, known: &Known) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let names = read_names(routing, known, &mut problems);
        let policy = routing
            .gate
            .as_ref()
            .map_or_else(Policy::default, |node| Policy::read(node, &names, &mut problems));
        let teams = read_teams(routing, &names, &mut problems);
        let moved = read_moved(routing, &teams, &names, &mut problems);
        let rules = read_rules(routing, &teams, &names, &mut problems);
        let default = read_default(routing, &teams, &names, &mut problems);
        problems.sort_by_key(|problem| problem.location);
        match default {
            Some(default) if problems.is_empty() => {
                let index = Index::new(&rules);
                Ok(Self { names, teams, moved, rules, default, policy, index })
            }
            _ => Err(problems),
        }
    }

    /// The teams, in the order of the file.
    pub fn teams(&self) -> impl ExactSizeIterator<Item = &Team> {
        self.teams.iter()
    }

    /// Most copies of an item that its rules can make.
    #[must_use]
    pub fn most_copies(&self) -> usize {
        let rules = self.rules.iter().flat_map(|rule| &rule.effects.copies);
        rules.chain(&self.default.effects.copies).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// The team that took over from one that is no more.
    #[must_use]
    pub fn moved_to(&self, team: &str) -> Option<&str> {
        self.moved.iter().find(|(name, _)| name == team).map(|(_, to)| self.teams[*to].name.as_str())
    }

    /// Whether a team offers something to people.
    #[must_use]
    pub fn pitches(&self, team: &str) -> bool {
        self.teams.iter().any(|known| known.name == team && known.pitches)
    }

    /// A moment, in milliseconds since 1970, by a team's clock, as RFC 3339; by that of UTC where it has no calendar.
    #[must_use]
    pub fn local_time(&self, team: &str, at_ms: i64) -> Option<String> {
        let at = jiff::Timestamp::from_millisecond(at_ms).ok()?;
        let calendar = self.teams.iter().find(|known| known.name == team)?.calendar;
        Some(calendar.map_or_else(|| at.to_string(), |calendar| self.names.calendars[calendar].rfc3339(at)))
    }

    /// The calendars whose public holidays are known up to some year only, with that year.
    pub fn holidays_known_until(&self) -> impl Iterator<Item = (&str, Location, i16)> {
        let calendars = self.names.calendars.iter();
        calendars
            .filter_map(|calendar| Some((calendar.name.as_str(), calendar.at, calendar.holidays_until()?)))
    }

    /// The people whom items may be given to.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.names.person_names()
    }

    /// The reasons for which rules drop mentions.
    pub fn drop_reasons(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| match &rule.ending {
            Ending::Drop(reason) => Some(reason.as_str()),
            Ending::Continue | Ending::To(_) => None,
        })
    }

    /// The tags that items may carry, beside those that begin with [`PRAISED`].
    pub fn tags(&self) -> impl Iterator<Item = String> {
        let effects = self.rules.iter().map(|rule| &rule.effects).chain([&self.default.effects]);
        let written = effects.flat_map(|effects| effects.tags.iter().cloned());
        let branches = self.names.branch_names().map(branch_tag);
        written.chain(branches).chain(self.names.themes.names().map(theme_tag))
    }

    /// For how long whoever was offered something is left in peace.
    #[must_use]
    pub fn pitch_cooldown(&self) -> std::time::Duration {
        self.policy.pitch_cooldown
    }

    /// The names of the rules, in the order of the file, without the default.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The rules by name, and where they stand in the file.
    pub fn rule_places(&self) -> impl ExactSizeIterator<Item = (&str, Location)> {
        self.rules.iter().map(|rule| (rule.name.as_str(), rule.at))
    }

    /// What is allowed and looks like a mistake: teams that get nothing, rules that can never decide, what is named and not used.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut warnings = cover::warnings(&self.teams, &self.rules, &self.default);
        warnings.extend(unused::warnings(&self.names, &self.teams, &self.rules, &self.default));
        warnings.sort_by_key(|problem| problem.location);
        warnings
    }

    /// Where a mention goes: the first rule that holds decides, else the owner of its thread, else the default.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision<'_> {
        let view = View::new(facts, &self.names);
        let gate = Asked::new(&self.policy, &view);
        let owner = self.owner_of(facts);
        let mut sum = Sum::default();
        let mut notes: Vec<String> = self.orphaned(facts, owner).into_iter().collect();
        for rule in self.index.candidates(&view) {
            let rule = &self.rules[rule];
            if !rule.when.holds(&view) {
                continue;
            }
            let end = match &rule.ending {
                Ending::Continue => {
                    sum.add(&rule.effects, &view);
                    sum.continued.push(rule.name.clone());
                    continue;
                }
                Ending::Drop(reason) => Err(reason.as_str()),
                Ending::To(target) => match self.admit(target, &view, owner, &gate) {
                    Ok((team, note)) => {
                        notes.extend(note);
                        Ok(team)
                    }
                    Err(failure) => {
                        notes.push(format!("{}: {}", rule.name, failure.sentence));
                        continue;
                    }
                },
            };
            sum.add(&rule.effects, &view);
            let mut held = Vec::new();
            // It holds, so that nothing can fail here.
            rule.when.examine(&view, &mut held).unwrap_or_default();
            let trace = v1::Trace { notes, ..trace(&rule.name, held) };
            return self.decision(&view, end, (&rule.timing, rule.assign), sum, &gate, trace);
        }
        sum.add(&self.default.effects, &view);
        let to = owner.unwrap_or(self.default.to);
        if to != self.default.to {
            let (owner, default) = (&self.teams[to].name, &self.teams[self.default.to].name);
            notes.push(format!("the thread is with {owner}: it stays there, in place of {default}"));
        }
        let trace = v1::Trace { notes, ..trace(DEFAULT, Vec::new()) };
        let assign = if to == self.default.to { self.default.assign } else { Some(Assign::Thread) };
        self.decision(&view, Ok(to), (&self.default.timing, assign), sum, &gate, trace)
    }

    /// What came of every rule, in the order of the file, the default last.
    #[must_use]
    pub fn explain(&self, facts: &Facts<'_>) -> Vec<Verdict<'_>> {
        let view = View::new(facts, &self.names);
        let gate = Asked::new(&self.policy, &view);
        let owner = self.owner_of(facts);
        let mut decided = false;
        let mut verdicts: Vec<Verdict<'_>> = Vec::with_capacity(self.rules.len() + 1);
        for rule in &self.rules {
            let mut held = Vec::new();
            let mut failure = rule.when.examine(&view, &mut held).err();
            if let Ending::To(target) = &rule.ending
                && failure.is_none()
            {
                failure = self.admit(target, &view, owner, &gate).err();
            }
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

    /// The team that owns the mention's thread.
    fn owner_of(&self, facts: &Facts<'_>) -> Option<usize> {
        let owner = facts.memory.owner.as_ref()?;
        let name = self.names.team_now(&owner.team);
        self.teams.iter().position(|team| team.name == name)
    }

    /// The note about a thread whose team is no more and has left it to nobody.
    fn orphaned(&self, facts: &Facts<'_>, owner: Option<usize>) -> Option<String> {
        let gone = &facts.memory.owner.as_ref().filter(|_| owner.is_none())?.team;
        Some(format!(
            "the thread was with {gone}, which is not in 'teams': nobody has it now; give it a line with 'moved_to'"
        ))
    }

    /// The team that a rule leads to whose conditions hold, with a note; or why the rule does not hold after all.
    fn admit(
        &self,
        target: &Target,
        view: &View<'_>,
        owner: Option<usize>,
        gate: &Asked<'_>,
    ) -> Result<(usize, Option<String>), Failure> {
        let Some((team, note)) = target.resolve(view, owner, &self.teams) else {
            return Err(Failure {
                condition: "to: thread".to_owned(),
                seen: "no owner".to_owned(),
                sentence: "the thread has no owner yet".to_owned(),
            });
        };
        // Whoever goes on with a thread has been let in before.
        if !self.teams[team].pitches || owner == Some(team) {
            return Ok((team, note));
        }
        let refusals = gate.refuse();
        if refusals.is_empty() {
            return Ok((team, note));
        }
        let words: Vec<&str> = refusals.iter().map(|reason| gate::words(reason)).collect();
        Err(Failure {
            condition: format!("the gate of {}", self.teams[team].name),
            seen: refusals.join(", "),
            sentence: format!("nothing may be offered: {}", words.join(", ")),
        })
    }

    fn decision<'r>(
        &'r self,
        view: &View<'_>,
        end: Result<usize, &'r str>,
        (timing, assign): (&Timing, Option<Assign>),
        mut sum: Sum,
        gate: &Asked<'_>,
        mut trace: v1::Trace,
    ) -> Decision<'r> {
        let facts = view.facts;
        let name = |index: usize| self.teams[index].name.as_str();
        let calendars = &self.names.calendars;
        let notes = &mut trace.notes;
        let owner = self.owner_of(facts);
        let meant = end.ok();
        let team = meant.map(|meant| timing.on_duty(meant, &self.teams, calendars, facts, notes));
        let placed = meant.zip(team);
        let respond_by_ms = placed
            .and_then(|(meant, team)| timing.respond_by(meant, team, &self.teams, calendars, facts, notes));
        let person = placed.and_then(|(meant, taker)| {
            let memory = facts.memory.owner.as_ref().filter(|_| owner == Some(meant));
            let keeper = memory.map(|owner| owner.person.as_str()).filter(|person| !person.is_empty());
            let work = Work { meant, taker, keeper, assign };
            assign::person(&work, &self.teams, &self.names, facts, notes)
        });
        let mut copies = if team.is_some() { std::mem::take(&mut sum.copies) } else { Vec::new() };
        copies.retain(|copy| {
            if Some(*copy) == team {
                return false;
            }
            if !self.teams[*copy].pitches || gate.refuse().is_empty() {
                return true;
            }
            notes.push(format!("no copy to {}, which pitches: {}", name(*copy), gate.refuse().join(", ")));
            false
        });
        trace.continued = std::mem::take(&mut sum.continued);
        if team.is_some() {
            self.add_findings(view, &mut sum.tags);
        }
        let pitches = team.is_some_and(|team| self.teams[team].pitches);
        let stays = meant.is_some() && meant == owner;
        Decision {
            team: team.map(name),
            drop_reason: end.err(),
            copies: copies.into_iter().map(name).collect(),
            priority: sum.priority(),
            tags: sum.tags,
            person: person.map(|person| self.names.people[person].name.clone()),
            respond_by_ms,
            owner: meant.map(name),
            gate: gate::of(facts, pitches, stays, || gate.peek()),
            refused: gate.refused(),
            trace,
        }
    }

    /// What every item says in its tags: the branch, the themes of a complaint, who is praised.
    fn add_findings(&self, view: &View<'_>, tags: &mut Vec<String>) {
        let mut add = |tag: String| {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        };
        if let Some(branch) = view.branch {
            add(branch_tag(&self.names.branches[branch].name));
        }
        for theme in &view.themes {
            add(theme_tag(self.names.themes.name(*theme)));
        }
        let facts = view.facts;
        let customer = !matches!(facts.mention.voice(), Voice::Own | Voice::Staff);
        if customer && facts.mention.intents.iter().any(|intent| intent.name == "praise") {
            let named = facts.mention.entities.iter().filter(|entity| entity.kind == "person");
            named.for_each(|entity| add(format!("{PRAISED}{}", entity.text.trim())));
            let people = facts.mention.matches.iter().filter(|found| found.kind() == v1::SubjectKind::Person);
            people.for_each(|found| add(format!("{PRAISED}{}", found.subject)));
        }
    }
}

fn branch_tag(name: &str) -> String {
    format!("branch:{name}")
}

fn theme_tag(name: &str) -> String {
    format!("theme:{name}")
}

/// Everything that rules refer to by name, in the order in which one builds on another.
fn read_names(routing: &Routing, known: &Known, problems: &mut Vec<Problem>) -> Names {
    let mut names = Names::new(known);
    if let Some(teams) = &routing.teams {
        // Reported where the teams are read.
        let entries = read::entries(teams, "'teams'", &mut Vec::new());
        let there = entries.iter().filter(|entry| !is_moved(&entry.value));
        names.teams = there.map(|entry| entry.key.clone()).collect();
        let moved = entries.iter().filter_map(|entry| {
            let to = read::text(entry.value.get("moved_to")?, "", &mut Vec::new())?;
            Some((entry.key.clone(), to.to_owned()))
        });
        names.moved = moved.collect();
    }
    if let Some(calendars) = &routing.calendars {
        names.calendars = read_calendars(calendars, &names, problems);
    }
    if let Some(people) = &routing.people {
        names.people = read_people(people, &names, problems);
    }
    if let Some(rosters) = &routing.rosters {
        names.rosters = read_rosters(rosters, &names, problems);
    }
    if let Some(branches) = &routing.branches {
        names.branches = read_branches(branches, &names, problems);
    }
    names.themes = Themes::read(routing.themes.as_ref(), problems);
    if let Some(define) = &routing.define {
        read_definitions(define, &mut names, problems);
    }
    names
}

/// The gate's answer about one mention: asked for once, and not at all where no team pitches.
struct Asked<'a> {
    policy: &'a Policy,
    view: &'a View<'a>,
    refusals: OnceCell<Vec<&'static str>>,
    /// Something was refused.
    used: std::cell::Cell<bool>,
}

impl<'a> Asked<'a> {
    fn new(policy: &'a Policy, view: &'a View<'a>) -> Self {
        Self { policy, view, refusals: OnceCell::new(), used: std::cell::Cell::new(false) }
    }

    fn get(&self) -> &[&'static str] {
        self.refusals.get_or_init(|| self.policy.refusals(self.view))
    }

    /// Why an outcome is refused; empty where it is not.
    fn refuse(&self) -> &[&'static str] {
        self.used.set(true);
        self.get()
    }

    fn peek(&self) -> Vec<&'static str> {
        self.get().to_vec()
    }

    /// The reasons for which an outcome was refused.
    fn refused(&self) -> Vec<&'static str> {
        if self.used.get() { self.peek() } else { Vec::new() }
    }
}

fn trace(rule: &str, held: Vec<TraceCondition>) -> v1::Trace {
    v1::Trace { rule: rule.to_owned(), held, ..v1::Trace::default() }
}

/// What the rules that held have added so far. The last one to set a priority wins; what raises or lowers it adds up.
#[derive(Debug, Default)]
struct Sum {
    base: Option<u32>,
    steps: i32,
    tags: Vec<String>,
    copies: Vec<usize>,
    continued: Vec<String>,
}

impl Sum {
    fn add(&mut self, effects: &Effects, view: &View<'_>) {
        self.base = effects.priority.or(self.base);
        let held = |conditions: &[Condition]| {
            i32::try_from(conditions.iter().filter(|condition| condition.holds(view)).count())
                .unwrap_or(i32::MAX)
        };
        self.steps += held(&effects.lower) - held(&effects.raise);
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

    /// 1 (first) to 5.
    fn priority(&self) -> u32 {
        self.base.unwrap_or(USUAL_PRIORITY).saturating_add_signed(self.steps).clamp(1, 5)
    }
}
