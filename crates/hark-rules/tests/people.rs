//! Who takes an item: people, absences, rosters, deputies; branches; priorities that rise and fall; tags that say what
//! was found.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::collections::BTreeMap;

use hark_rules::{Decision, Facts, Known, Router, Routing};
use hark_schema::v1::{self, Mention, RawPost, SubjectKind, Voice};

const CONFIG: &str = "
calendars:
  office: {zone: Europe/Warsaw, hours: {mon-fri: 09:00-17:00}, holidays: [PL, {ical: shut.ics}]}
  early: {zone: Europe/Warsaw, hours: {mon-fri: 06:00-10:00}}
people:
  anna: {absences: [2026-07-06, {from: 2026-07-13, to: 2026-07-17}], deputies: [olle, rita]}
  olle: {absences: {from: 2026-07-13, to: 2026-07-14}, deputies: [rita]}
  rita: {absences: {ical: rita.ics}}
  piotr: {calendar: early}
  boss: {absences: {from: 2026-01-01, to: 2026-12-31}}
rosters:
  front desk: {anna: 3, olle: 1}
teams:
  support: {calendar: office, members: [anna, olle, rita, piotr], lead: boss}
  sales: {}
  gliwice: {}
  gliwice-sales: {}
  lodz: {}
  triage: {}
branches:
  gliwice: {places: [Gliwice, Gliwice Centrum], subjects: [salon gliwice], team: gliwice}
  lodz: {places: [Łódź], team: lodz}
themes: {delivery: [drone]}
rules:
  - {name: anna, when: {intent: churn}, to: support, assign: anna}
  - {name: desk, when: {intent: question}, to: support, assign: front desk}
  - {name: all, when: {intent: complaint}, to: support, assign: members, priority: {base: 3, raise: [{author_followers: {min: 5000}}, {theme: safety}], lower: {rating: {min: 4}}}}
  - {name: offers, when: {intent: purchase}, to: {branch_of: place, teams: {gliwice: gliwice-sales}, fallback: sales}}
  - {name: praise, when: {intent: praise}, to: {branch_of: place, fallback: triage}}
  - {name: lodz speaks, when: {branch: lodz}, to: lodz}
  - {name: night, when: {local_time: {calendar: office, between: 22:00-06:00, days: fri}}, to: triage, tags: [night]}
default: {to: triage}
";

const RITA: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;TZID=Europe/Warsaw:20260714T080000\nDTEND;TZID=Europe/Warsaw:20260714T120000\nEND:VEVENT\nEND:VCALENDAR\n";
const SHUT: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260803\nDTEND;VALUE=DATE:20260805\nEND:VEVENT\nEND:VCALENDAR\n";

fn router() -> Router {
    let routing = Routing::from_yaml(CONFIG).unwrap();
    assert_eq!(routing.files(), ["rita.ics", "shut.ics"]);
    let files = BTreeMap::from([
        ("rita.ics".to_owned(), Ok(RITA.to_owned())),
        ("shut.ics".to_owned(), Ok(SHUT.to_owned())),
    ]);
    let subjects =
        vec![("salon gliwice".to_owned(), SubjectKind::Place), ("krysia".to_owned(), SubjectKind::Person)];
    Router::new(&routing, &Known { subjects, files, ..Known::default() }).unwrap()
}

struct Said {
    mention: Mention,
    post: RawPost,
}

impl Said {
    fn new(intent: &str, at: &str) -> Self {
        let at: jiff::Timestamp = at.parse().unwrap();
        let intents = vec![v1::Intent { name: intent.into(), confidence: 0.9, evidence: vec![] }];
        let mention =
            Mention { intents, voice: Voice::Customer.into(), language: "en".into(), ..Mention::default() };
        let observed_at = Some(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 });
        Self { mention, post: RawPost { observed_at, ..RawPost::default() } }
    }

    fn thread(mut self, id: &str) -> Self {
        self.mention.thread_id = id.to_owned();
        self
    }

    fn place(mut self, place: &str) -> Self {
        self.post.place = place.to_owned();
        self
    }

    fn decided<'r>(&self, router: &'r Router) -> Decision<'r> {
        router.decide(&Facts::new(&self.mention, &self.post))
    }
}

#[test]
fn a_person_away_is_stood_in_for_until_the_chain_ends_with_the_lead() {
    let router = router();
    for (at, person) in [
        ("2026-07-07T10:00:00+02:00", "anna"),
        ("2026-07-06T10:00:00+02:00", "olle"),
        // The day off is one of Warsaw.
        ("2026-07-06T23:30:00Z", "anna"),
        ("2026-07-13T10:00:00+02:00", "rita"),
        ("2026-07-15T10:00:00+02:00", "olle"),
        // All three are away until Rita comes back at noon.
        ("2026-07-14T11:59:00+02:00", "boss"),
        ("2026-07-14T12:00:00+02:00", "rita"),
        // At night the item waits: whoever is there in the morning.
        ("2026-07-05T22:00:00+02:00", "olle"),
        ("2026-07-06T18:00:00+02:00", "anna"),
    ] {
        let decision = Said::new("churn", at).decided(&router);
        assert_eq!(decision.person.as_deref(), Some(person), "{at}");
    }
    let decision = Said::new("churn", "2026-07-14T11:00:00+02:00").decided(&router);
    let expected = "anna is not on duty, nor whoever stands in: boss leads support";
    assert!(decision.trace.notes.contains(&expected.to_owned()), "{:?}", decision.trace.notes);
}

#[test]
fn a_thread_is_shared_out_among_those_on_duty_by_their_shares() {
    let router = router();
    let share = |intent: &str, at: &str| {
        let mut shares: BTreeMap<String, u32> = BTreeMap::new();
        for thread in 0..1_000 {
            let decision = Said::new(intent, at).thread(&format!("{thread:032x}")).decided(&router);
            *shares.entry(decision.person.clone().unwrap()).or_default() += 1;
        }
        shares
    };
    let shares = share("question", "2026-07-07T10:30:00+02:00");
    assert_eq!(shares.keys().collect::<Vec<_>>(), ["anna", "olle"]);
    assert!((700..800).contains(&shares["anna"]), "three shares of four: {shares:?}");
    // Piotr's hours end at ten, Anna's day off takes her share only.
    let four = share("complaint", "2026-07-07T09:30:00+02:00");
    assert_eq!(four.len(), 4);
    assert!(four.values().all(|count| (200..300).contains(count)), "{four:?}");
    let two = share("complaint", "2026-07-06T10:30:00+02:00");
    assert_eq!(two.keys().collect::<Vec<_>>(), ["olle", "rita"]);
    assert_eq!(share("question", "2026-07-14T11:00:00+02:00"), BTreeMap::from([("boss".to_owned(), 1_000)]));
}

#[test]
fn whoever_leaves_moves_only_their_own_threads() {
    let router = router();
    let person = |thread: u32, at: &str| {
        Said::new("complaint", at).thread(&format!("{thread:032x}")).decided(&router).person
    };
    let (with_anna, without) = ("2026-07-07T11:00:00+02:00", "2026-07-06T11:00:00+02:00");
    let mut moved = 0;
    for thread in 0..300 {
        let before = person(thread, with_anna);
        let after = person(thread, without);
        if before.as_deref() == Some("anna") {
            moved += 1;
        } else {
            assert_eq!(before, after);
        }
        assert_eq!(before, person(thread, with_anna), "the same again");
    }
    assert!(moved > 50);
}

#[test]
fn a_branch_is_found_by_the_place_of_the_source_or_by_a_subject() {
    let router = router();
    let at = "2026-07-07T10:00:00+02:00";
    for (said, team, tag) in [
        (Said::new("purchase", at).place("Gliwice"), "gliwice-sales", Some("branch:gliwice")),
        (Said::new("purchase", at).place(" gliwice centrum"), "gliwice-sales", Some("branch:gliwice")),
        (Said::new("purchase", at).place("ŁÓDŹ"), "lodz", Some("branch:lodz")),
        (Said::new("purchase", at).place("Lodz"), "lodz", Some("branch:lodz")),
        (Said::new("purchase", at).place("Gdynia"), "sales", None),
        (Said::new("purchase", at), "sales", None),
        (Said::new("praise", at).place("Gliwice"), "gliwice", Some("branch:gliwice")),
        (Said::new("praise", at).place("Gdynia"), "triage", None),
        (Said::new("spam", at).place("Łódź"), "lodz", Some("branch:lodz")),
    ] {
        let decision = said.decided(&router);
        assert_eq!(decision.team, Some(team), "{}", said.post.place);
        let found = decision.tags.iter().find(|tag| tag.starts_with("branch:"));
        assert_eq!(found.map(String::as_str), tag);
    }
    let mut said = Said::new("purchase", at);
    said.mention.matches = vec![v1::Match { subject: "salon gliwice".into(), ..Default::default() }];
    assert_eq!(said.decided(&router).team, Some("gliwice-sales"));
    assert_eq!(said.decided(&router).trace.notes, ["the branch is gliwice: gliwice-sales"]);
    assert_eq!(
        Said::new("purchase", at).place("Gdynia").decided(&router).trace.notes,
        ["Gdynia is no branch: sales"]
    );
}

#[test]
fn what_holds_raises_and_lowers_a_priority_within_its_bounds() {
    let router = router();
    for (followers, rating, text, priority) in [
        (10, None, "bad", 3),
        (6_000, None, "bad", 2),
        (6_000, None, "bad and unsafe", 1),
        (10, Some(5.0), "bad", 4),
        (6_000, Some(5.0), "bad", 3),
    ] {
        let mut said = Said::new("complaint", "2026-07-07T10:00:00+02:00");
        said.post.author = Some(v1::Author { followers: Some(followers), ..Default::default() });
        said.post.rating = rating;
        said.post.text = text.to_owned();
        assert_eq!(said.decided(&router).priority, priority, "{followers} {rating:?} {text}");
    }
}

#[test]
fn a_complaint_names_its_themes_and_praise_whom_it_is_for() {
    let router = router();
    let at = "2026-07-07T10:00:00+02:00";
    let mut complaint = Said::new("complaint", at);
    complaint.post.text = "The drone dropped a broken vase".to_owned();
    assert_eq!(complaint.decided(&router).tags, ["theme:delivery", "theme:quality"]);
    let mut question = Said::new("question", at);
    question.post.text = complaint.post.text;
    assert_eq!(question.decided(&router).tags, Vec::<String>::new());
    question.mention.sentiment =
        Some(v1::Sentiment { label: v1::SentimentLabel::Negative.into(), ..Default::default() });
    assert_eq!(question.decided(&router).tags, ["theme:delivery", "theme:quality"], "asked in anger");
    let mut praise = Said::new("praise", at).place("Gliwice");
    praise.mention.entities =
        vec![v1::Entity { kind: "person".into(), text: "Anna".into(), ..Default::default() }];
    praise.mention.matches =
        vec![v1::Match { subject: "krysia".into(), kind: SubjectKind::Person.into(), ..Default::default() }];
    assert_eq!(praise.decided(&router).tags, ["branch:gliwice", "praised:Anna", "praised:krysia"]);
    praise.mention.voice = Voice::Staff.into();
    assert_eq!(praise.decided(&router).tags, ["branch:gliwice"], "praise of one's own is none");
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    let router = router();
    // The 10th of July 2026 is a Friday.
    for (at, holds) in [
        ("2026-07-10T21:59:00+02:00", false),
        ("2026-07-10T22:00:00+02:00", true),
        ("2026-07-11T05:59:00+02:00", true),
        ("2026-07-11T06:00:00+02:00", false),
        ("2026-07-11T23:00:00+02:00", false),
        ("2026-07-10T05:00:00+02:00", false),
    ] {
        let decision = Said::new("spam", at).decided(&router);
        assert_eq!(decision.tags == ["night"], holds, "{at}");
    }
}

#[test]
fn days_of_a_file_close_a_calendar() {
    let yaml = CONFIG.replace("default: {to: triage}", "default: {to: support, respond_within: 30m}");
    let files = BTreeMap::from([
        ("rita.ics".to_owned(), Ok(RITA.to_owned())),
        ("shut.ics".to_owned(), Ok(SHUT.to_owned())),
    ]);
    let subjects = vec![("salon gliwice".to_owned(), SubjectKind::Place)];
    let router =
        Router::new(&Routing::from_yaml(&yaml).unwrap(), &Known { subjects, files, ..Known::default() });
    let router = router.unwrap();
    let due = |at: &str| {
        let decision = Said::new("spam", at).decided(&router);
        let due = jiff::Timestamp::from_millisecond(decision.respond_by_ms.unwrap()).unwrap();
        (due.to_string(), decision.trace.notes)
    };
    // Monday and Tuesday are closed by the file.
    let (at, notes) = due("2026-07-31T16:50:00+02:00");
    assert_eq!(at, "2026-08-05T07:20:00Z");
    assert_eq!(notes.len(), 1);
    // The file knows one year only.
    let (_, notes) = due("2027-03-01T10:00:00+01:00");
    assert_eq!(notes[1], "public holidays are known until 2026 only");
}
