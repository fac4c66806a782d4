//! Whatever a text is made of, nothing panics and every span lies on character boundaries.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::LazyLock;

use hark_text::{
    Analyzer, Input, Matcher, Scratch, Subject, SubjectKind, Term, fingerprint, fold, redact, redact_document,
};
use proptest::prelude::*;

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::shipped().unwrap());
static MATCHER: LazyLock<Matcher> = LazyLock::new(|| {
    let terms = [
        "Aurora Motors",
        "Łódź",
        "warsztat samochodowy",
        "@auroramotors",
        "#aurora",
        "Z.T.M.",
        "H&M",
        "日本",
        "bil",
        "BBC",
    ];
    let subject = Subject {
        name: "all".into(),
        kind: SubjectKind::Own,
        terms: terms.map(Term::from).to_vec(),
        exclude: vec!["borealis".into()],
        require: vec![],
        languages: vec![],
    };
    Matcher::new(&[subject]).unwrap()
});

/// Pieces that posts are made of, glued in any order: more of them meet than in random characters.
fn post() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("Aurora".to_owned()),
        Just("Motors".to_owned()),
        Just("#aurora_".to_owned()),
        Just("@auroramotors".to_owned()),
        Just("https://www.".to_owned()),
        Just("auroramotors.pl/".to_owned()),
        Just("Łodzi".to_owned()),
        Just("Ło\u{301}dz\u{301}".to_owned()),
        Just("warsztatu samochodowego".to_owned()),
        Just("z.t.m".to_owned()),
        Just("日本".to_owned()),
        Just("bilverkstad".to_owned()),
        Just("bil-".to_owned()),
        Just("och jag".to_owned()),
        Just("B.B.C.".to_owned()),
        Just("\u{200b}".to_owned()),
        Just("'a".to_owned()),
        Just("\u{2019}".to_owned()),
        Just("-".to_owned()),
        Just("@".to_owned()),
        Just("👍🏽".to_owned()),
        Just("+48 601 234 567".to_owned()),
        Just("order no. 12345".to_owned()),
        Just("thanks to Ania".to_owned()),
        " {0,2}",
        "[\\PC]{0,6}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_span_of_any_text_is_on_character_boundaries(text in post(), title in ".{0,20}") {
        let mut scratch = Scratch::default();
        let mut found = Vec::new();
        MATCHER.find(&text, &mut scratch, &mut found);
        for hit in &found {
            prop_assert!(hit.start < hit.end);
            let form = text.get(hit.start..hit.end);
            prop_assert!(form.is_some());
        }
        let input = Input { text: &text, title: &title, matches: &found, ..Input::default() };
        let analysis = ANALYZER.analyze(&input, &mut scratch);
        prop_assert_eq!(analysis.toward.len(), found.len());
        let spans = analysis.sentiment.evidence.iter()
            .chain(analysis.intents.iter().flat_map(|intent| &intent.evidence))
            .chain(analysis.entities.iter().map(|entity| &entity.range));
        for span in spans {
            prop_assert!(text.get(span.clone()).is_some_and(|form| !form.is_empty()), "{span:?}");
        }
        for share in [analysis.language_confidence, analysis.sentiment.confidence] {
            prop_assert!((0.0..=1.0).contains(&share));
        }
        prop_assert!((-1.0..=1.0).contains(&analysis.sentiment.score));
    }

    #[test]
    fn a_judgement_does_not_depend_on_the_posts_before_it(first in post(), second in post()) {
        let mut scratch = Scratch::default();
        let mut judge = |text: &str| ANALYZER.analyze(&Input { text, ..Input::default() }, &mut scratch);
        let alone = judge(&second);
        judge(&first);
        prop_assert_eq!(judge(&second), alone);
    }

    #[test]
    fn masking_keeps_length_and_utf_8(text in post()) {
        for mask in [redact, redact_document] {
            let mut masked = text.as_bytes().to_vec();
            mask(&mut masked);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert!(str::from_utf8(&masked).is_ok());
        }
    }

    #[test]
    fn folding_twice_is_folding_once_and_fingerprints_are_stable(text in post()) {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once);
        prop_assert_eq!(fingerprint(&[&text]), fingerprint(&[&format!(" {text}\n")]));
    }
}

#[test]
fn the_longest_text_without_a_space_is_judged_in_time() {
    let text = "aurora.".repeat(9000) + &"@".repeat(1000);
    let mut scratch = Scratch::default();
    let mut found = Vec::new();
    MATCHER.find(&text, &mut scratch, &mut found);
    let analysis =
        ANALYZER.analyze(&Input { text: &text, matches: &found, ..Input::default() }, &mut scratch);
    assert!(analysis.intents.len() <= 8);
}
