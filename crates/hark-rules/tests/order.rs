//! The order of rules matters where two can hold, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use hark_rules::{Facts, Known, Router, Routing};
use hark_schema::v1::{self, Mention, RawPost};
use proptest::prelude::*;

/// No two of these hold for the same mention: each asks for another source, language or number of stars.
fn rules() -> Vec<String> {
    let mut rules = Vec::new();
    for source in ["forum", "reviews"] {
        for language in ["pl", "sv", "it"] {
            for (low, high) in [(1, 2), (3, 4)] {
                let when = format!(
                    "{{source: {source}, language: {language}, rating: {{min: {low}, max: {high}}}, not: {{intent: spam}}}}"
                );
                rules.push(format!(
                    "{{name: {source}-{language}-{low}, when: {when}, to: {}, priority: {low}, tags: [{language}]}}",
                    if low == 1 { "support" } else { "sales" }
                ));
            }
        }
    }
    rules
}

fn router(rules: &[String]) -> Router {
    let yaml = format!(
        "teams: {{sales: {{}}, support: {{}}, triage: {{}}}}\ndefault: {{to: triage}}\nrules: [{}]\n",
        rules.join(", ")
    );
    let known = Known { sources: vec!["forum".into(), "reviews".into()], ..Known::default() };
    Router::new(&Routing::from_yaml(&yaml).unwrap(), &known).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn permuting_rules_that_cannot_both_hold_changes_nothing(
        shuffled in Just(rules()).prop_shuffle(),
        // With few rules all are looked at, with many those that the index names.
        left_out in prop_oneof![Just(0_usize), Just(6)],
        source in prop::sample::select(&["forum", "reviews", "elsewhere"][..]),
        language in prop::sample::select(&["pl", "sv", "it", "ro"][..]),
        intent in prop::sample::select(&["spam", "praise"][..]),
        stars in 1_u8..=5,
    ) {
        let kept = &rules()[left_out..];
        let ordered = router(kept);
        let permuted: Vec<String> = shuffled.into_iter().filter(|rule| kept.contains(rule)).collect();
        let permuted = router(&permuted);
        let mention = Mention {
            language: language.into(),
            intents: vec![v1::Intent { name: intent.into(), confidence: 0.9, evidence: vec![] }],
            ..Mention::default()
        };
        let reference = v1::PostRef { source: source.into(), ..Default::default() };
        let post = RawPost { r#ref: Some(reference), rating: Some(f64::from(stars)), ..RawPost::default() };
        let facts = Facts::new(&mention, &post);
        prop_assert_eq!(ordered.decide(&facts), permuted.decide(&facts));
    }
}
