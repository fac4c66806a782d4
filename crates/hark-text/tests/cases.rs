//! What a careful native reader would mark: `cases/LANG.txt` holds terms and posts with the marks in brackets.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fmt::Write as _, fs, path::Path};

use hark_text::{Matcher, Scratch, Subject, SubjectKind, Term};

/// A post and the byte ranges that are to be marked in it.
struct Case {
    terms: Vec<Term>,
    text: String,
    marks: Vec<(usize, usize)>,
}

fn read(language: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(format!("{language}.txt"));
    let mut lines: Vec<String> = Vec::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        match lines.last_mut() {
            _ if line.is_empty() || line.starts_with("# ") => {}
            Some(last) if !line.contains(" => ") => last.extend(["\n", line]),
            _ => lines.push(line.to_owned()),
        }
    }
    lines.iter().map(|line| case(line)).collect()
}

fn case(line: &str) -> Case {
    let (terms, marked) = line.split_once(" => ").unwrap();
    let (mut text, mut marks, mut open) = (String::new(), Vec::new(), 0);
    for c in marked.chars() {
        match c {
            '[' => open = text.len(),
            ']' => marks.push((open, text.len())),
            _ => text.push(c),
        }
    }
    Case { terms: terms.split(" / ").map(Term::from).collect(), text, marks }
}

fn marks(case: &Case) -> Vec<(usize, usize)> {
    let subject = Subject {
        name: "s".into(),
        kind: SubjectKind::Own,
        terms: case.terms.clone(),
        exclude: vec![],
        require: vec![],
        languages: vec![],
    };
    let mut found = Vec::new();
    Matcher::new(&[subject]).unwrap().find(&case.text, &mut Scratch::default(), &mut found);
    found.iter().map(|hit| (hit.start, hit.end)).collect()
}

#[track_caller]
fn check(language: &str) {
    let (mut expected, mut right, mut wrong) = (0, 0, 0);
    let mut report = String::new();
    for case in read(language) {
        let found = marks(&case);
        let missed: Vec<&str> =
            case.marks.iter().filter(|mark| !found.contains(mark)).map(|m| &case.text[m.0..m.1]).collect();
        let extra: Vec<&str> =
            found.iter().filter(|mark| !case.marks.contains(mark)).map(|m| &case.text[m.0..m.1]).collect();
        expected += case.marks.len();
        right += case.marks.len() - missed.len();
        wrong += extra.len();
        if !missed.is_empty() || !extra.is_empty() {
            let term = &case.terms[0].text;
            writeln!(report, "{term}: missed {missed:?}, marked in error {extra:?}").unwrap();
        }
    }
    assert!(report.is_empty(), "{language}: {right} of {expected} found, {wrong} in error\n{report}");
}

#[test]
fn polish_posts_are_marked_as_a_native_would() {
    check("pl");
}

#[test]
fn swedish_posts_are_marked_as_a_native_would() {
    check("sv");
}

#[test]
fn italian_posts_are_marked_as_a_native_would() {
    check("it");
}

#[test]
fn romanian_posts_are_marked_as_a_native_would() {
    check("ro");
}

#[test]
fn english_posts_are_marked_as_a_native_would() {
    check("en");
}
