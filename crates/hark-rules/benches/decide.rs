//! Decisions a second on one core: `cargo bench -p hark-rules`.
//!
//! To reach: 200,000 a second with 20 rules; 1,000 rules that differ in subject, source or intent at most 1.5 times the
//! time of 10.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{hint::black_box, time::Instant};

use hark_rules::{Facts, Known, Router, Routing};
use hark_schema::v1::{self, Mention, RawPost, SubjectKind, Voice};

const SUBJECTS: usize = 1_000;
/// Each measurement takes the best of so many.
const ROUNDS: usize = 15;
const DECISIONS: usize = 50_000;

fn main() {
    let mentions = mentions();
    let counts = [10, 20, 100, 1_000];
    let mut routers: Vec<Router> = counts.into_iter().map(router).collect();
    routers.push(with_people());
    // In turns: whatever else the machine does meanwhile is nobody's disadvantage.
    let mut best = vec![f64::INFINITY; routers.len()];
    for _ in 0..ROUNDS {
        for (best, router) in best.iter_mut().zip(&routers) {
            *best = best.min(nanoseconds(router, &mentions));
        }
    }
    for (rules, each) in counts.iter().zip(&best) {
        println!(
            "{rules:>5} rules: {each:>7.0} ns a decision, {:>9.0} a second, {:.2} of 10 rules",
            1e9 / each,
            each / best[0]
        );
    }
    if let Some(each) = best.last() {
        println!(
            "   20 rules with the gate, people, branches and deadlines: {each:>7.0} ns a decision, {:>9.0} a second",
            1e9 / each
        );
    }
}

/// The same rules where every item is assigned, has a deadline and goes past the gate.
fn with_people() -> Router {
    let around = "
calendars: {office: {zone: Europe/Warsaw, hours: {mon-fri: 09:00-16:00}, holidays: PL}}
people: {anna: {}, olle: {deputies: anna}, rita: {absences: 2026-03-02}}
branches: {gliwice: {places: Gliwice, team: sales}}
teams:
  sales: {pitches: true, members: [anna, olle, rita], calendar: office, lead: anna}
  support: {}
  triage: {}
";
    let yaml = rules(20)
        .replace("teams: {sales: {}, support: {}, triage: {}}\n", around)
        .replace("to: sales,", "to: sales, assign: members, respond_within: 30m,");
    Router::new(&Routing::from_yaml(&yaml).unwrap(), &known()).unwrap()
}

/// Rules as people write them: most ask for a subject and an intent, some for a source, some for one or the other,
/// and one in the middle for neither.
fn router(count: usize) -> Router {
    Router::new(&Routing::from_yaml(&rules(count)).unwrap(), &known()).unwrap()
}

fn known() -> Known {
    let subjects = (0..SUBJECTS).map(|number| (format!("subject-{number}"), SubjectKind::Own)).collect();
    let sources = (0..SUBJECTS).map(|number| format!("source-{number}")).collect();
    Known { subjects, sources, ..Known::default() }
}

fn rules(rules: usize) -> String {
    let mut yaml = "teams: {sales: {}, support: {}, triage: {}}\ndefault: {to: triage}\nrules:\n".to_owned();
    for number in 0..rules {
        let when = match number % 10 {
            4 if number < 10 => "{author_followers: {min: 100000}}".to_owned(),
            3 => format!(
                "{{any: [{{subject: subject-{number}, intent: complaint}}, {{source: source-{number}, intent: question}}]}}"
            ),
            7 => format!("{{source: source-{number}, intent: complaint}}"),
            _ => format!("{{subject: subject-{number}, intent: [purchase, complaint], not: {{voice: own}}}}"),
        };
        yaml.push_str(&format!("  - {{name: rule {number}, when: {when}, to: sales, tags: tag}}\n"));
    }
    yaml
}

/// One or two subjects and one intent each. All are of the ten first rules, so that as many mentions meet a rule
/// whatever the number of rules.
fn mentions() -> Vec<(Mention, RawPost)> {
    let intents = ["purchase", "complaint", "question", "praise"];
    (0..1_000)
        .map(|number: usize| {
            let matches = [number * 7 % 10, number % 10]
                .map(|subject| v1::Match { subject: format!("subject-{subject}"), ..Default::default() });
            let intent = v1::Intent { name: intents[number % 4].into(), confidence: 0.8, evidence: vec![] };
            let mention = Mention {
                matches: matches.into(),
                intents: vec![intent],
                voice: Voice::Customer.into(),
                language: "pl".into(),
                ..Mention::default()
            };
            let reference = v1::PostRef { source: format!("source-{}", number % 50), ..Default::default() };
            let author = v1::Author { followers: Some(200), ..Default::default() };
            // A Monday, at noon in Warsaw.
            let observed_at = Some(prost_types::Timestamp { seconds: 1_772_449_200, nanos: 0 });
            (
                mention,
                RawPost { r#ref: Some(reference), author: Some(author), observed_at, ..RawPost::default() },
            )
        })
        .collect()
}

fn nanoseconds(router: &Router, mentions: &[(Mention, RawPost)]) -> f64 {
    let start = Instant::now();
    for (mention, post) in mentions.iter().cycle().take(DECISIONS) {
        black_box(router.decide(black_box(&Facts::new(mention, post))));
    }
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let each = start.elapsed().as_nanos() as f64 / DECISIONS as f64;
    each
}
