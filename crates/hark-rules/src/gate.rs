//! Whether the author of a mention may be addressed, and whether something may be offered to them.
//!
//! The gate guards every outcome to a team with `pitches: true`. It is about politeness, not about law: whoever did not
//! ask in public, complains, or was offered something lately is left in peace.

use std::{collections::HashSet, time::Duration};

use hark_schema::v1::{Gate, Visibility, Voice};

use crate::{
    away::read_file,
    document::Node,
    facts::{Facts, View},
    leaf::bare_handle,
    names::Names,
    problem::Problem,
    read::{self, Fields},
    vocabulary::Intent,
};

/// The firm's own account wrote it.
pub const OWN_VOICE: &str = "own_voice";
/// An employee wrote it.
pub const STAFF_VOICE: &str = "staff_voice";
/// A competitor wrote it.
pub const COMPETITOR_VOICE: &str = "competitor_voice";
/// A program wrote it.
pub const BOT: &str = "bot";
/// The author does not look for something to buy.
pub const NOT_ASKED: &str = "not_asked";
/// Not everybody can read it.
pub const NOT_PUBLIC: &str = "not_public";
/// The author complains in the same breath.
pub const COMPLAINS: &str = "complains";
/// The author is on the list of those who want no offers.
pub const OPTED_OUT: &str = "opted_out";
/// Somebody was offered something in this thread lately.
pub const PITCHED_IN_THREAD: &str = "pitched_in_thread";
/// The author was offered something lately.
pub const PITCHED_LATELY: &str = "pitched_lately";
/// The team does not offer anything.
pub const NOT_A_PITCHING_TEAM: &str = "not_a_pitching_team";
/// The post is there because its thread is; nobody asked whether something may be offered.
pub const STAYS_WITH_OWNER: &str = "stays_with_owner";

/// Every reason for which a rule to a pitching team can be refused.
pub const REFUSALS: [&str; 10] = [
    OWN_VOICE,
    STAFF_VOICE,
    COMPETITOR_VOICE,
    BOT,
    NOT_ASKED,
    NOT_PUBLIC,
    COMPLAINS,
    OPTED_OUT,
    PITCHED_IN_THREAD,
    PITCHED_LATELY,
];

/// A month: whoever was offered something is left in peace for so long unless the configuration says otherwise.
pub const USUAL_PITCH_COOLDOWN: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longer than two years is a mistake, and would be kept in memory.
const MAX_PITCH_COOLDOWN: Duration = Duration::from_secs(2 * 366 * 24 * 3600);

/// What the section `gate:` says.
#[derive(Debug)]
pub(crate) struct Policy {
    pub pitch_cooldown: Duration,
    /// Bare handles.
    opt_out: HashSet<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { pitch_cooldown: USUAL_PITCH_COOLDOWN, opt_out: HashSet::new() }
    }
}

impl Policy {
    /// Reads `gate:`.
    pub fn read(node: &Node, names: &Names, problems: &mut Vec<Problem>) -> Self {
        let mut policy = Self::default();
        let Some(mut fields) = Fields::of(node, "'gate'", problems) else { return policy };
        if let Some(node) = fields.take("pitch_cooldown") {
            let what = "'pitch_cooldown' of 'gate'";
            match read::duration(node, what, problems) {
                Some(cooldown) if cooldown > MAX_PITCH_COOLDOWN => {
                    problems.push(Problem::at(node.at, format!("{what} is longer than two years")));
                }
                Some(cooldown) => policy.pitch_cooldown = cooldown,
                None => {}
            }
        }
        if let Some(node) = fields.take("opt_out") {
            let what = "'opt_out' of 'gate'";
            for item in read::one_or_list(node, what, problems) {
                if item.get("file").is_none() {
                    policy.opt_out.extend(read::text(item, what, problems).map(bare_handle));
                    continue;
                }
                let Some(mut fields) = Fields::of(item, what, problems) else { continue };
                let text = fields.take("file").and_then(|node| read_file(node, what, names, problems));
                fields.finish(problems);
                for (number, line) in (1..).zip(text.unwrap_or_default().lines()) {
                    let handle = without_comment(line).trim();
                    if handle.contains(char::is_whitespace) {
                        let problem = Problem::at(
                            item.at,
                            format!("line {number} of the file of {what}: '{handle}' is no handle"),
                        );
                        problems.push(problem.hint("write one a line"));
                    } else if !handle.is_empty() {
                        policy.opt_out.insert(bare_handle(handle));
                    }
                }
            }
        }
        fields.finish(problems);
        policy
    }

    /// Why nothing may be offered to the author; empty where something may.
    pub fn refusals(&self, view: &View<'_>) -> Vec<&'static str> {
        let facts = view.facts;
        let mut reasons = no_customer(facts);
        match facts.mention.voice() {
            Voice::Staff => reasons.push(STAFF_VOICE),
            Voice::Competitor => reasons.push(COMPETITOR_VOICE),
            Voice::Own | Voice::Customer | Voice::Unspecified => {}
        }
        let holds = |name| Intent::named(name).is_some_and(|intent| view.intents[intent.index()].is_some());
        if !holds("purchase") {
            reasons.push(NOT_ASKED);
        }
        if !matches!(facts.post.visibility(), Visibility::Unspecified | Visibility::Public) {
            reasons.push(NOT_PUBLIC);
        }
        if holds("complaint") || holds("outrage") {
            reasons.push(COMPLAINS);
        }
        let handle = facts.post.author.as_ref().map(|author| bare_handle(&author.handle));
        if handle.is_some_and(|handle| self.opt_out.contains(&handle)) {
            reasons.push(OPTED_OUT);
        }
        let memory = facts.memory;
        if !memory.pitched_itself {
            let lately = |pitched_ms: Option<i64>| {
                let cooldown_ms = i64::try_from(self.pitch_cooldown.as_millis()).unwrap_or(i64::MAX);
                pitched_ms
                    .zip(facts.now_ms())
                    .is_some_and(|(then, now)| now.saturating_sub(then) < cooldown_ms)
            };
            if lately(memory.thread_pitched_ms) {
                reasons.push(PITCHED_IN_THREAD);
            }
            if lately(memory.author_pitched_ms) {
                reasons.push(PITCHED_LATELY);
            }
        }
        reasons
    }
}

/// What stands on an item: `refusals` are asked for where its team offers something and does not only go on with its
/// thread.
pub(crate) fn of(
    facts: &Facts<'_>,
    pitches: bool,
    stays: bool,
    refusals: impl FnOnce() -> Vec<&'static str>,
) -> Gate {
    let mut reasons = no_customer(facts);
    let may_reply = reasons.is_empty();
    let mut against = match (pitches, stays) {
        (false, _) => vec![NOT_A_PITCHING_TEAM],
        (true, true) => vec![STAYS_WITH_OWNER],
        (true, false) => refusals(),
    };
    let may_pitch = may_reply && against.is_empty();
    against.retain(|reason| !reasons.contains(reason));
    reasons.append(&mut against);
    Gate { may_reply, may_pitch, reasons: reasons.into_iter().map(str::to_owned).collect() }
}

/// There is nobody to talk to.
fn no_customer(facts: &Facts<'_>) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if facts.mention.voice() == Voice::Own {
        reasons.push(OWN_VOICE);
    }
    if facts.post.author.as_ref().is_some_and(|author| author.bot == Some(true)) {
        reasons.push(BOT);
    }
    reasons
}

/// A reason in words, for traces and `hark explain`.
pub(crate) fn words(reason: &str) -> &'static str {
    match reason {
        OWN_VOICE => "the firm itself speaks",
        STAFF_VOICE => "an employee speaks",
        COMPETITOR_VOICE => "a competitor speaks",
        BOT => "a program speaks",
        NOT_ASKED => "the author does not ask for an offer",
        NOT_PUBLIC => "it was not said in public",
        COMPLAINS => "the author complains",
        OPTED_OUT => "the author wants no offers",
        PITCHED_IN_THREAD => "something was offered in this thread lately",
        PITCHED_LATELY => "something was offered to the author lately",
        _ => "the team offers nothing",
    }
}

/// A line up to a `#` at its begin or behind a space: within a handle it is part of that.
fn without_comment(line: &str) -> &str {
    let begins = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').find(|(at, _)| begins(*at)).map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_ends_a_line_and_a_sign_within_a_handle_does_not() {
        for (line, handle) in [
            ("@beata.z  # asked by mail", "@beata.z"),
            ("# nobody", ""),
            ("  # nobody", ""),
            ("wanda#1234", "wanda#1234"),
            ("wanda#1234\t#2", "wanda#1234"),
            ("", ""),
        ] {
            assert_eq!(without_comment(line).trim(), handle, "{line:?}");
        }
    }
}
