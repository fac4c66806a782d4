//! The attitude toward each of two subjects in one post: `cases/toward.txt`, posts by other hands, a line each, of language, the one subject, the
//! attitude toward it, the other one, the attitude toward that, and the text.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use hark_text::{Analyzer, Input, Matcher, Scratch, SentimentLabel, Subject, SubjectKind, Term};

/// Right in so many of a hundred, at least; see docs/models.md.
const LEAST_IN_A_HUNDRED: usize = 72;

fn subject(term: &str) -> Subject {
    Subject {
        name: term.into(),
        kind: SubjectKind::Own,
        terms: vec![Term::from(term)],
        exclude: vec![],
        require: vec![],
        languages: vec![],
    }
}

#[test]
fn of_two_subjects_each_is_judged_by_what_is_said_of_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/toward.txt");
    let analyzer = Analyzer::shipped().unwrap();
    let mut scratch = Scratch::default();
    let (mut judged, mut right, mut reversed) = (0, 0, 0);
    for line in fs::read_to_string(path).unwrap().lines() {
        let fields: Vec<&str> = line.splitn(6, '|').collect();
        let [language, one, of_one, other, of_other, text] = *fields else { panic!("malformed: {line}") };
        let matcher = Matcher::new(&[subject(one), subject(other)]).unwrap();
        let mut matches = Vec::new();
        matcher.find(text, &mut scratch, &mut matches);
        let input = Input { text, lang_hint: Some(language), matches: &matches, ..Input::default() };
        let analysis = analyzer.analyze(&input, &mut scratch);
        for (number, marked) in [of_one, of_other].into_iter().enumerate() {
            judged += 1;
            let hit = matches.iter().position(|hit| hit.subject == number);
            let label = hit.and_then(|hit| analysis.toward[hit].as_ref()).map(|sentiment| sentiment.label);
            right += usize::from(match marked {
                "pos" => label == Some(SentimentLabel::Positive),
                "neg" => label == Some(SentimentLabel::Negative),
                _ => label == Some(SentimentLabel::Neutral),
            });
            reversed += usize::from(match marked {
                "pos" => label == Some(SentimentLabel::Negative),
                "neg" => label == Some(SentimentLabel::Positive),
                _ => false,
            });
        }
    }
    println!("toward: {right} of {judged} right, {reversed} the other way round");
    assert!(right * 100 >= judged * LEAST_IN_A_HUNDRED, "toward: {right} of {judged} right");
}
