//! Deadlines and deputies, as items show them.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use hark_rules::{Facts, Known, Router, Routing};
use hark_schema::v1::{self, Mention, RawPost};

const CONFIG: &str = "
calendars:
  office: {zone: Europe/Stockholm, hours: {mon-fri: 09:00-16:00}, holidays: SE}
  evening: {zone: Europe/Stockholm, hours: {mon-fri: 16:00-21:00}}
teams:
  sales: {calendar: office}
  support: {calendar: office, deputies: [evening, duty]}
  evening: {calendar: evening}
  duty: {}
  triage: {}
rules:
  - {name: outrage, when: {intent: outrage}, to: support, respond_within: 1h, when_closed: ignore}
  - {name: complaint, when: {intent: complaint}, to: support, respond_within: 30m}
  - {name: churn, when: {intent: churn}, to: support, respond_within: 30m, when_closed: hold}
  - {name: suggestion, when: {intent: suggestion}, to: sales, when_closed: {deputy: evening}}
  - {name: purchase, when: {intent: purchase}, to: sales, respond_within: 30m}
  - {name: praise, when: {intent: praise}, to: support, respond_within: 2h, when_closed: {deputy: evening}}
  - {name: question at work, when: {intent: question, within: office}, to: sales, respond_within: {time: 24h, clock: wall}}
default: {to: triage, respond_within: 8h}
";

struct Heard {
    team: String,
    due: Option<String>,
    notes: Vec<String>,
}

fn routed(intent: &str, at: Option<&str>, backfill: bool) -> Heard {
    let router = Router::new(&Routing::from_yaml(CONFIG).unwrap(), &Known::default()).unwrap();
    let mention = Mention {
        intents: vec![v1::Intent { name: intent.into(), confidence: 0.9, evidence: vec![] }],
        ..Mention::default()
    };
    let observed_at = at.map(|at| {
        let at: jiff::Timestamp = at.parse().unwrap();
        prost_types::Timestamp { seconds: at.as_second(), nanos: 0 }
    });
    let provenance = Some(v1::Provenance { backfill, ..Default::default() });
    let post = RawPost { observed_at, provenance, ..RawPost::default() };
    let decision = router.decide(&Facts::new(&mention, &post));
    let due = decision.respond_by_ms.map(|ms| jiff::Timestamp::from_millisecond(ms).unwrap().to_string());
    Heard { team: decision.team.unwrap().to_owned(), due, notes: decision.trace.notes }
}

#[test]
fn who_gets_an_item_and_when_it_is_due() {
    // Stockholm is an hour ahead of UTC in winter. The 27th of February 2026 is a Friday.
    for (intent, at, team, due) in [
        ("purchase", "2026-02-27T14:50:00Z", "sales", Some("2026-03-02T08:20:00Z")),
        ("purchase", "2026-02-28T11:00:00Z", "sales", Some("2026-03-02T08:30:00Z")),
        // Outrage does not wait for office hours, and its team keeps it.
        ("outrage", "2026-02-28T11:00:00Z", "support", Some("2026-02-28T12:00:00Z")),
        // The first deputy that is at work takes it, and its own hours count.
        ("complaint", "2026-02-27T14:00:00Z", "support", Some("2026-02-27T14:30:00Z")),
        ("complaint", "2026-02-27T16:00:00Z", "evening", Some("2026-02-27T16:30:00Z")),
        ("complaint", "2026-02-27T23:00:00Z", "duty", Some("2026-02-27T23:30:00Z")),
        ("churn", "2026-02-27T23:00:00Z", "support", Some("2026-03-02T08:30:00Z")),
        ("suggestion", "2026-02-27T16:00:00Z", "evening", None),
        // A deputy's hours are over before the answer is due: the team itself is back sooner than the deputy.
        ("praise", "2026-02-27T19:30:00Z", "evening", Some("2026-03-02T10:00:00Z")),
        // The deputy is not at work either and has nobody: the item stays.
        ("suggestion", "2026-02-27T23:00:00Z", "sales", None),
        ("question", "2026-02-27T14:00:00Z", "sales", Some("2026-02-28T14:00:00Z")),
        ("question", "2026-02-27T15:00:00Z", "triage", Some("2026-02-27T23:00:00Z")),
        // Epiphany.
        ("purchase", "2026-01-05T15:30:00Z", "sales", Some("2026-01-07T08:30:00Z")),
    ] {
        let heard = routed(intent, Some(at), false);
        assert_eq!((heard.team.as_str(), heard.due.as_deref()), (team, due), "{intent} at {at}");
    }
}

#[test]
fn the_trace_shows_how_a_deadline_was_counted_and_who_stands_in() {
    assert_eq!(
        routed("purchase", Some("2026-02-27T14:50:00Z"), false).notes,
        [
            "due Monday 2026-03-02T09:20:00+01:00: 30m of working time by 'office' from Friday 2026-02-27T15:50:00+01:00"
        ]
    );
    assert_eq!(
        routed("complaint", Some("2026-02-27T16:00:00Z"), false).notes,
        [
            "support is closed by 'office' on Friday 2026-02-27T17:00:00+01:00: evening stands in",
            "due Friday 2026-02-27T17:30:00+01:00: 30m of working time by 'evening' from Friday 2026-02-27T17:00:00+01:00",
        ]
    );
    assert_eq!(
        routed("churn", Some("2026-02-27T16:00:00Z"), false).notes,
        [
            "support is closed by 'office' on Friday 2026-02-27T17:00:00+01:00: it waits until Monday 2026-03-02T09:00:00+01:00",
            "due Monday 2026-03-02T09:30:00+01:00: 30m of working time by 'office' from Friday 2026-02-27T17:00:00+01:00",
        ]
    );
    assert_eq!(
        routed("nothing", Some("2026-02-27T16:00:00Z"), false).notes,
        ["due 2026-02-28T00:00:00Z: 8h by the clock from 2026-02-27T16:00:00Z"]
    );
}

#[test]
fn what_an_archive_tells_has_no_deadline_and_no_deputy() {
    let heard = routed("complaint", Some("2026-02-27T23:00:00Z"), true);
    assert_eq!((heard.team.as_str(), heard.due), ("support", None));
    assert_eq!(heard.notes, ["no deadline: the post was read from an archive"]);
}

#[test]
fn without_a_time_of_hearing_there_is_no_deadline() {
    let heard = routed("complaint", None, false);
    assert_eq!((heard.team.as_str(), heard.due), ("support", None));
    assert_eq!(heard.notes, ["no deadline: it is not known when the post was heard"]);
}
