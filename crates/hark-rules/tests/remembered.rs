//! What is decided by what is remembered: who owns a thread, and whom the gate lets through.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use hark_rules::{Decision, Facts, Known, Memory, Owner, Router, Routing, gate};
use hark_schema::v1::{self, Mention, RawPost, Visibility, Voice};

const CONFIG: &str = "
calendars:
  office: {zone: Europe/Stockholm, hours: {mon-fri: 09:00-16:00}}
people: {anna: {}, olle: {absences: 2026-03-02}}
teams:
  sales: {pitches: true, members: [anna, olle]}
  support: {members: [anna, olle]}
  office: {calendar: office, deputies: duty}
  duty: {}
  triage: {}
  old: {moved_to: support}
gate: {pitch_cooldown: 10d, opt_out: ['@No.Offers']}
rules:
  - {name: buys, when: {intent: purchase}, to: sales, priority: 1}
  - {name: angry, when: {intent: complaint}, to: support, assign: members}
  - {name: at work, when: {intent: churn}, to: office}
  - {name: goes on, when: {intent: question}, to: thread, priority: 2}
  - {name: told, when: {intent: suggestion}, to: triage, copy_to: sales}
default: {to: triage, tags: [nobody]}
";

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Monday the 2nd of March 2026, eleven o'clock in Stockholm.
const NOW_S: i64 = 1_772_445_600;
const NOW_MS: i64 = NOW_S * 1000;

fn router() -> Router {
    Router::new(&Routing::from_yaml(CONFIG).unwrap(), &Known::default()).unwrap()
}

fn said(intents: &[&str]) -> (Mention, RawPost) {
    let intent = |name: &&str| v1::Intent { name: (*name).to_owned(), confidence: 0.9, evidence: Vec::new() };
    let mention = Mention {
        intents: intents.iter().map(intent).collect(),
        voice: Voice::Customer.into(),
        ..Mention::default()
    };
    let observed_at = Some(prost_types::Timestamp { seconds: NOW_S, nanos: 0 });
    (mention, RawPost { observed_at, ..RawPost::default() })
}

fn decided<'r>(router: &'r Router, intents: &[&str], memory: &Memory) -> Decision<'r> {
    let (mention, post) = said(intents);
    router.decide(&Facts::new(&mention, &post).remembering(memory))
}

fn owned(team: &str, person: &str) -> Memory {
    Memory { owner: Some(Owner { team: team.into(), person: person.into() }), ..Memory::default() }
}

#[test]
fn a_thread_whose_team_is_gone_says_that_nobody_has_it() {
    let router = router();
    let gone = decided(&router, &[], &owned("gone", ""));
    assert_eq!(gone.team, Some("triage"));
    assert_eq!(
        gone.trace.notes,
        [
            "the thread was with gone, which is not in 'teams': nobody has it now; give it a line with 'moved_to'"
        ]
    );
    assert_eq!(decided(&router, &[], &owned("old", "")).trace.notes.len(), 1, "somebody took over");
}

#[test]
fn a_thread_stays_with_whoever_began_it() {
    let router = router();
    for (intents, owner, team, next_owner, rule) in [
        // Nobody has it yet.
        (&[][..], "", "triage", "triage", "default"),
        (&["question"], "", "triage", "triage", "default"),
        // Only the default holds: the owner replaces it.
        (&[], "support", "support", "support", "default"),
        (&["spam"], "support", "support", "support", "default"),
        // A rule's own team wins and is the new owner.
        (&["complaint"], "triage", "support", "support", "angry"),
        (&["complaint"], "sales", "support", "support", "angry"),
        // A rule may ask for the owner.
        (&["question"], "support", "support", "support", "goes on"),
        // Teams that are no more own nothing, or their successor does.
        (&[], "gone", "triage", "triage", "default"),
        (&[], "old", "support", "support", "default"),
        // The owner is the team that was meant, whoever stands in for it.
        (&["churn"], "triage", "office", "office", "at work"),
    ] {
        let memory = if owner.is_empty() { Memory::default() } else { owned(owner, "") };
        let decision = decided(&router, intents, &memory);
        let got = (decision.team.unwrap(), decision.owner.unwrap(), decision.trace.rule.as_str());
        assert_eq!(got, (team, next_owner, rule), "{intents:?} in a thread of '{owner}'");
    }
    let decision = decided(&router, &[], &owned("support", ""));
    assert_eq!(decision.trace.notes, ["the thread is with support: it stays there, in place of triage"]);
    assert_eq!(decision.tags, ["nobody"], "the default's effects are kept");
}

#[test]
fn while_a_team_is_closed_its_deputy_stands_in_and_it_stays_the_owner() {
    let router = router();
    let (mention, mut post) = said(&[]);
    post.observed_at = Some(prost_types::Timestamp { seconds: NOW_S + 12 * 3600, nanos: 0 });
    let memory = owned("office", "");
    let decision = router.decide(&Facts::new(&mention, &post).remembering(&memory));
    assert_eq!((decision.team, decision.owner), (Some("duty"), Some("office")));
}

#[test]
fn a_person_keeps_a_thread_while_the_team_is_the_same_and_they_are_on_duty() {
    let router = router();
    for (intents, owner, person) in [
        (&["complaint"][..], owned("support", "anna"), Some("anna")),
        // Olle is away on that day: the rule's members share it out, and only Anna is there.
        (&["complaint"], owned("support", "olle"), Some("anna")),
        // Another team had it.
        (&["complaint"], owned("triage", "olle"), Some("anna")),
        (&[], owned("support", "anna"), Some("anna")),
        // Away, and nobody stands in or leads: the team decides.
        (&[], owned("support", "olle"), None),
        // No longer in the configuration.
        (&[], owned("support", "rita"), None),
    ] {
        let decision = decided(&router, intents, &owner);
        assert_eq!(decision.person.as_deref(), person, "{intents:?} of {owner:?}");
    }
    let decision = decided(&router, &["complaint"], &owned("support", "anna"));
    assert_eq!(decision.trace.notes, ["anna has the thread"]);
}

#[test]
fn the_gate_lets_through_who_asked_in_public_and_was_left_in_peace() {
    type Change = fn(&mut Mention, &mut RawPost, &mut Memory);
    let router = router();
    let cases: [(&[&str], Change, &[&str]); 18] = [
        (&["purchase"], |_, _, _| (), &[]),
        (&["purchase"], |mention, _, _| mention.voice = Voice::Own.into(), &["own_voice"]),
        (&["purchase"], |mention, _, _| mention.voice = Voice::Staff.into(), &["staff_voice"]),
        (&["purchase"], |mention, _, _| mention.voice = Voice::Competitor.into(), &["competitor_voice"]),
        (
            &["purchase"],
            |_, post, _| post.author = Some(v1::Author { bot: Some(true), ..Default::default() }),
            &["bot"],
        ),
        (&["purchase"], |_, post, _| post.visibility = Visibility::Public.into(), &[]),
        (&["purchase"], |_, post, _| post.visibility = Visibility::Unlisted.into(), &["not_public"]),
        (&["purchase"], |_, post, _| post.visibility = Visibility::Direct.into(), &["not_public"]),
        (&["purchase", "complaint"], |_, _, _| (), &["complains"]),
        (&["purchase", "outrage"], |_, _, _| (), &["complains"]),
        (
            &["purchase"],
            |_, post, _| post.author = Some(v1::Author { handle: "no.offers".into(), ..Default::default() }),
            &["opted_out"],
        ),
        (
            &["purchase"],
            |_, _, memory| memory.thread_pitched_ms = Some(NOW_MS - DAY_MS),
            &["pitched_in_thread"],
        ),
        (
            &["purchase"],
            |_, _, memory| memory.author_pitched_ms = Some(NOW_MS - 9 * DAY_MS),
            &["pitched_lately"],
        ),
        // The cooldown of ten days is over to the day.
        (&["purchase"], |_, _, memory| memory.author_pitched_ms = Some(NOW_MS - 10 * DAY_MS), &[]),
        // Another worker's clock may be ahead.
        (&["purchase"], |_, _, memory| memory.author_pitched_ms = Some(NOW_MS + DAY_MS), &["pitched_lately"]),
        // An edit stays where it was.
        (
            &["purchase"],
            |_, _, memory| {
                memory.author_pitched_ms = Some(NOW_MS - DAY_MS);
                memory.thread_pitched_ms = Some(NOW_MS - DAY_MS);
                memory.pitched_itself = true;
            },
            &[],
        ),
        // Without a time of hearing, route's own clock counts.
        (
            &["purchase"],
            |_, post, memory| {
                post.observed_at = None;
                memory.now_ms = Some(NOW_MS);
                memory.author_pitched_ms = Some(NOW_MS - DAY_MS);
            },
            &["pitched_lately"],
        ),
        (
            &["purchase", "complaint"],
            |mention, post, memory| {
                mention.voice = Voice::Staff.into();
                post.visibility = Visibility::Followers.into();
                memory.author_pitched_ms = Some(NOW_MS);
            },
            &["staff_voice", "not_public", "complains", "pitched_lately"],
        ),
    ];
    for (intents, change, reasons) in cases {
        let (mut mention, mut post) = said(intents);
        let mut memory = Memory::default();
        change(&mut mention, &mut post, &mut memory);
        let facts = Facts::new(&mention, &post).remembering(&memory);
        let decision = router.decide(&facts);
        assert_eq!(decision.refused, reasons, "{intents:?} {post:?} {memory:?}");
        assert!(decision.refused.iter().all(|reason| gate::REFUSALS.contains(reason)));
        let gate = &decision.gate;
        if reasons.is_empty() {
            assert_eq!((decision.team, gate.may_reply, gate.may_pitch), (Some("sales"), true, true));
            assert_eq!(gate.reasons, Vec::<String>::new());
        } else {
            assert_ne!(decision.team, Some("sales"), "{reasons:?}");
            assert!(!gate.may_pitch);
            assert!(gate.reasons.contains(&gate::NOT_A_PITCHING_TEAM.to_owned()));
            assert!(
                decision.trace.notes[0].starts_with("buys: nothing may be offered: "),
                "{:?}",
                decision.trace
            );
            let verdict = &router.explain(&facts)[0];
            assert_eq!(verdict.failure.as_ref().unwrap().seen, reasons.join(", "));
        }
    }
}

#[test]
fn what_stays_with_the_threads_owner_is_not_gated_and_may_not_be_pitched() {
    let router = router();
    let pitched = Memory { thread_pitched_ms: Some(NOW_MS), ..owned("sales", "") };
    for (intents, rule) in [(&["purchase"][..], "buys"), (&["question"], "goes on"), (&[], "default")] {
        let decision = decided(&router, intents, &pitched);
        assert_eq!((decision.team, decision.trace.rule.as_str()), (Some("sales"), rule));
        assert_eq!((decision.gate.may_reply, decision.gate.may_pitch), (true, false));
        assert_eq!(decision.gate.reasons, [gate::STAYS_WITH_OWNER]);
        assert_eq!(decision.refused, Vec::<&str>::new());
    }
}

#[test]
fn a_copy_to_a_team_that_pitches_is_gated_too() {
    let router = router();
    let decision = decided(&router, &["suggestion"], &Memory::default());
    assert_eq!((decision.team, decision.copies.len()), (Some("triage"), 0));
    assert_eq!(decision.refused, ["not_asked"]);
    assert_eq!(decision.trace.notes, ["no copy to sales, which pitches: not_asked"]);
}

#[test]
fn conditions_may_ask_for_the_thread() {
    let yaml = "
teams: {a: {}, b: {}, old: {moved_to: b}}
default: {to: b}
rules: [{name: r, when: {thread: CONDITION}, to: a}]
";
    let open = Memory { other_open_item: true, ..Memory::default() };
    for (condition, memory, holds) in [
        ("{open_item: true}", open, true),
        ("{open_item: true}", Memory::default(), false),
        ("{open_item: false}", Memory::default(), true),
        ("{team: b}", owned("b", ""), true),
        ("{team: [a, b]}", owned("b", ""), true),
        ("{team: a}", owned("b", ""), false),
        ("{team: a}", Memory::default(), false),
        // Its successor has the threads of a team that is no more.
        ("{team: b}", owned("old", ""), true),
        ("{reply: false}", Memory::default(), true),
        ("{reply: true}", Memory::default(), false),
        ("{team: b, open_item: true}", owned("b", ""), false),
    ] {
        let yaml = yaml.replace("CONDITION", condition);
        let router = Router::new(&Routing::from_yaml(&yaml).unwrap(), &Known::default()).unwrap();
        let decision = decided(&router, &[], &memory);
        assert_eq!(decision.trace.rule == "r", holds, "{condition} with {memory:?}");
    }
}
