//! People, numbers, addresses and money in posts to firms, as a careful reader would mark them: `cases/LANG.entities.txt`, a post a line, with
//! `{{kind:text}}`. What Hark does not yet mark as it should begins with `!`.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use hark_text::{Analyzer, Input, Scratch};

/// Kind and byte range.
type Marks = Vec<(String, usize, usize)>;

fn read(marked: &str) -> (String, Marks) {
    let (mut text, mut marks) = (String::new(), Vec::new());
    for part in marked.split("{{") {
        match part.split_once("}}") {
            None => text.push_str(part),
            Some((entity, rest)) => {
                let (kind, name) = entity.split_once(':').unwrap();
                marks.push((kind.to_owned(), text.len(), text.len() + name.len()));
                text.push_str(name);
                text.push_str(rest);
            }
        }
    }
    (text, marks)
}

#[track_caller]
fn check(language: &str) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(format!("{language}.entities.txt"));
    let analyzer = Analyzer::shipped().unwrap();
    let mut scratch = Scratch::default();
    let (mut report, mut counts) = (String::new(), BTreeMap::<String, [usize; 3]>::new());
    for line in fs::read_to_string(path).unwrap().lines() {
        let (fails, marked) = line.strip_prefix("! ").map_or((false, line), |marked| (true, marked));
        let (text, marks) = read(marked);
        let analysis = analyzer.analyze(&Input { text: &text, ..Input::default() }, &mut scratch);
        let found: Marks = analysis
            .entities
            .iter()
            .map(|entity| (entity.kind.to_owned(), entity.range.start, entity.range.end))
            .collect();
        for mark in &marks {
            let [marked, right, _] = counts.entry(mark.0.clone()).or_default();
            *marked += 1;
            *right += usize::from(found.contains(mark));
        }
        for mark in found.iter().filter(|mark| !marks.contains(mark)) {
            counts.entry(mark.0.clone()).or_default()[2] += 1;
        }
        match (found == marks, fails) {
            (false, false) => {
                let names = |marks: &Marks| -> Vec<String> {
                    marks.iter().map(|(kind, from, to)| format!("{kind} {:?}", &text[*from..*to])).collect()
                };
                writeln!(report, "{text}\n  marked {:?}, found {:?}", names(&marks), names(&found)).unwrap();
            }
            (true, true) => {
                writeln!(report, "{text}\n  is marked as it should be, so take away the `!`").unwrap();
            }
            _ => {}
        }
    }
    for (kind, [marked, right, wrong]) in counts {
        println!("{language} {kind}: {right} of {marked} found, {wrong} in error");
    }
    assert!(report.is_empty(), "{language}:\n{report}");
}

#[test]
fn polish_posts_name_whom_a_reader_would_mark() {
    check("pl");
}

#[test]
fn swedish_posts_name_whom_a_reader_would_mark() {
    check("sv");
}

#[test]
fn italian_posts_name_whom_a_reader_would_mark() {
    check("it");
}

#[test]
fn romanian_posts_name_whom_a_reader_would_mark() {
    check("ro");
}

#[test]
fn english_posts_name_whom_a_reader_would_mark() {
    check("en");
}
