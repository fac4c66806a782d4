//! Any text, normalised, matched, labelled and masked: nothing panics, and every span lies on character boundaries.
#![no_main]

use std::sync::LazyLock;

use hark_text::{Analyzer, Input, Matcher, Scratch, Subject, SubjectKind, Term, fold, redact, redact_document};
use libfuzzer_sys::fuzz_target;

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::shipped().expect("the shipped models are good"));
static MATCHER: LazyLock<Matcher> = LazyLock::new(|| {
    let terms = ["Aurora Motors", "Łódź", "bil", "verkstad", "@auroramotors", "#aurora", "Z.T.M.", "H&M", "BBC", "日本"];
    let subject = Subject {
        name: "all".into(),
        kind: SubjectKind::Own,
        terms: terms.map(Term::from).to_vec(),
        exclude: vec!["borealis".into()],
        require: vec![],
        languages: vec![],
    };
    Matcher::new(&[subject]).expect("the terms are good")
});

fuzz_target!(|text: &str| {
    let once = fold(text);
    assert_eq!(fold(&once), once);
    let (mut scratch, mut found) = (Scratch::default(), Vec::new());
    MATCHER.find(text, &mut scratch, &mut found);
    for hit in &found {
        assert!(text.get(hit.start..hit.end).is_some_and(|form| !form.is_empty()));
    }
    let analysis = ANALYZER.analyze(&Input { text, matches: &found, ..Input::default() }, &mut scratch);
    for entity in &analysis.entities {
        assert!(text.get(entity.range.clone()).is_some());
    }
    let mut masked = text.as_bytes().to_vec();
    redact(&mut masked);
    assert_eq!(masked.len(), text.len());
    assert!(str::from_utf8(&masked).is_ok());
    let mut document = text.as_bytes().to_vec();
    redact_document(&mut document);
    assert_eq!(document.len(), text.len());
});
