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

#[test]
fn the_attitude_toward_each_subject_is_told_by_words_of_its_own() {
    let matcher = Matcher::new(&[subject("Norvia"), subject("Teldra")]).unwrap();
    let (analyzer, mut scratch, mut matches) = (Analyzer::shipped().unwrap(), Scratch::default(), Vec::new());
    for (text, norvia, teldra) in [
        ("Norvia was brilliant, but Teldra is a scam.", "brilliant", "scam"),
        ("Switched from Teldra to Norvia last month", "Switched", "Switched"),
        ("Norvia is so much better than Teldra", "better", "better"),
        ("Norvia, thank you, great service!", "thank", ""),
    ] {
        matcher.find(text, &mut scratch, &mut matches);
        let analysis = analyzer.analyze(&Input { text, matches: &matches, ..Input::default() }, &mut scratch);
        for (hit, toward) in matches.iter().zip(&analysis.toward) {
            let evidence = &toward.as_ref().unwrap().evidence;
            let spans: Vec<&str> = evidence.iter().map(|span| &text[span.clone()]).collect();
            let word = [norvia, teldra][hit.subject];
            assert!(spans.iter().any(|span| span.contains(word)), "{text}: {word} is not in {spans:?}");
            if matches.len() == 1 {
                assert_eq!(evidence, &analysis.sentiment.evidence);
            }
        }
    }
}
