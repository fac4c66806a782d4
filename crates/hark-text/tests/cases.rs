//! What a careful native reader would mark: `cases/LANG.txt` holds terms and posts with the marks in brackets, `cases/LANG.posts.txt` posts
//! by other hands, with the kind of the term in parentheses where it is no brand. What Hark does not yet mark as it should begins with `!`.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fmt::Write as _, fs, path::Path};

use hark_text::{Matcher, Scratch, Subject, SubjectKind, Term};

/// A post and the byte ranges that are to be marked in it.
#[derive(Clone)]
struct Case {
    /// Hark is known to fail here.
    fails: bool,
    kind: SubjectKind,
    terms: Vec<Term>,
    text: String,
    marks: Vec<(usize, usize)>,
}

fn read(name: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(format!("{name}.txt"));
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
    let (fails, terms) = terms.strip_prefix("! ").map_or((false, terms), |terms| (true, terms));
    let kinds = [
        (" (product)", SubjectKind::Product),
        (" (competitor)", SubjectKind::Competitor),
        (" (person)", SubjectKind::Person),
        (" (place)", SubjectKind::Place),
        (" (topic)", SubjectKind::Topic),
    ];
    let (kind, terms) = kinds
        .iter()
        .find_map(|(name, kind)| Some((*kind, terms.strip_suffix(name)?)))
        .unwrap_or((SubjectKind::Own, terms));
    let (mut text, mut marks, mut open) = (String::new(), Vec::new(), 0);
    for c in marked.chars() {
        match c {
            '[' => open = text.len(),
            ']' => marks.push((open, text.len())),
            _ => text.push(c),
        }
    }
    Case { fails, kind, terms: terms.split(" / ").map(Term::from).collect(), text, marks }
}

fn marks(case: &Case) -> Vec<(usize, usize)> {
    let subject = Subject {
        name: "s".into(),
        kind: case.kind,
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
    let (mut expected, mut found, mut wrong) = (0, 0, 0);
    let mut report = String::new();
    let cases = [read(language), read(&format!("{language}.posts"))].concat();
    for case in &cases {
        let marked = marks(case);
        let text = |marks: Vec<&(usize, usize)>| -> Vec<&str> {
            marks.into_iter().map(|mark| &case.text[mark.0..mark.1]).collect()
        };
        let missed = text(case.marks.iter().filter(|mark| !marked.contains(mark)).collect());
        let extra = text(marked.iter().filter(|mark| !case.marks.contains(mark)).collect());
        expected += case.marks.len();
        found += case.marks.len() - missed.len();
        wrong += extra.len();
        let (term, post) = (&case.terms[0].text, &case.text);
        match (missed.is_empty() && extra.is_empty(), case.fails) {
            (false, false) => {
                writeln!(report, "{term}: missed {missed:?}, marked in error {extra:?}: {post}")
            }
            (true, true) => {
                writeln!(report, "{term}: is marked as it should be, so take away the `!`: {post}")
            }
            _ => Ok(()),
        }
        .unwrap();
    }
    println!("{language}: {found} of {expected} found, {wrong} in error, in {} posts", cases.len());
    assert!(report.is_empty(), "{language}:\n{report}");
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
