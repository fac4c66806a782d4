//! `subjects:` says what is listened for, `voices:` whose accounts are known.

use std::collections::HashMap;

use hark_rules::{
    Location, Problem,
    document::{Node, Value},
    read::{self, Fields},
    vocabulary::{LANGUAGES, SUBJECT_KINDS},
};
use hark_text::{Context, Subject, SubjectKind, Term, fold};

/// Accounts that are not customers, as handles with or without `@`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Voices {
    /// The company's own.
    pub own: Vec<String>,
    /// Employees'.
    pub staff: Vec<String>,
    /// Competitors'.
    pub competitor: Vec<String>,
}

/// Longest name of a subject, in characters: it travels with every match.
const MAX_NAME: usize = 100;

pub(super) fn read_subjects(node: &Node, problems: &mut Vec<Problem>) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    let mut taken: HashMap<String, Location> = HashMap::new();
    for (index, item) in read::list(node, "'subjects'", problems).iter().enumerate() {
        let name = item.get("name").and_then(|name| read_name(name, index, problems));
        if let Some(name) = &name
            && let Some(earlier) = taken.insert(name.clone(), item.at)
        {
            problems.push(
                Problem::at(item.at, format!("two subjects are named '{name}'"))
                    .hint(format!("the other one is on line {}: join their terms", earlier.line)),
            );
        }
        subjects.extend(read_subject(item, index, name, problems));
    }
    if subjects.is_empty() && problems.is_empty() {
        problems.push(
            Problem::at(node.at, "'subjects' is empty").hint("name at least one subject with its terms"),
        );
    }
    subjects
}

fn read_name(node: &Node, index: usize, problems: &mut Vec<Problem>) -> Option<String> {
    let what = format!("'name' of subject {}", index + 1);
    let name = read::text(node, &what, problems)?.trim();
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        problems
            .push(Problem::at(node.at, format!("{what} must be one line of at most {MAX_NAME} characters")));
        return None;
    }
    Some(name.to_owned())
}

fn read_subject(
    node: &Node,
    index: usize,
    name: Option<String>,
    problems: &mut Vec<Problem>,
) -> Option<Subject> {
    let what =
        name.as_ref().map_or_else(|| format!("subject {}", index + 1), |name| format!("subject '{name}'"));
    let mut fields = Fields::of(node, what.as_str(), problems)?;
    fields.require("name", problems);
    let kind = fields.require("kind", problems).and_then(|node| read_kind(node, &what, problems));
    let terms = fields.require("terms", problems).map(|node| {
        let label = format!("'terms' of {what}");
        let items = read::one_or_list(node, &label, problems);
        items.iter().filter_map(|item| read_term(item, &label, problems)).collect()
    });
    let mut contexts = |key: &'static str, problems: &mut Vec<Problem>| -> Vec<Context> {
        let Some(node) = fields.take(key) else { return Vec::new() };
        let label = format!("'{key}' of {what}");
        let items = read::one_or_list(node, &label, problems);
        items.iter().filter_map(|item| read_context(item, &label, problems)).collect()
    };
    let exclude = contexts("exclude", problems);
    let require = contexts("require", problems);
    let languages =
        fields.take("languages").map_or_else(Vec::new, |node| read_languages(node, &what, problems));
    fields.finish(problems);
    Some(Subject { name: name?, kind: kind?, terms: terms?, exclude, require, languages })
}

fn read_kind(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<SubjectKind> {
    let kind = match read::text(node, &format!("'kind' of {what}"), problems)? {
        "own" => SubjectKind::Own,
        "product" => SubjectKind::Product,
        "competitor" => SubjectKind::Competitor,
        "person" => SubjectKind::Person,
        "place" => SubjectKind::Place,
        "topic" => SubjectKind::Topic,
        other => {
            let problem = Problem::at(node.at, format!("unknown kind '{other}' in {what}"));
            problems.push(problem.suggest(other, SUBJECT_KINDS.map(|(name, _)| name)));
            return None;
        }
    };
    Some(kind)
}

fn read_term(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Term> {
    if !matches!(node.value, Value::Map(_)) {
        return read::text(node, what, problems).map(Term::from);
    }
    let mut fields = Fields::of(node, format!("a term in {what}"), problems)?;
    let text = fields.require("text", problems).and_then(|node| read::text(node, what, problems));
    let mut flag = |key: &'static str, problems: &mut Vec<Problem>| {
        let node = fields.take(key)?;
        read::boolean(node, &format!("'{key}' in {what}"), problems)
    };
    let exact = flag("exact", problems).unwrap_or(false);
    let misspellings = flag("misspellings", problems).unwrap_or(false);
    fields.finish(problems);
    Some(Term { text: text?.to_owned(), exact, misspellings })
}

fn read_context(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Context> {
    if !matches!(node.value, Value::Map(_)) {
        return read::text(node, what, problems).map(Context::from);
    }
    let mut fields = Fields::of(node, format!("an entry in {what}"), problems)?;
    let words = fields.require("words", problems).and_then(|node| read::text(node, what, problems));
    let near =
        fields.take("near").map(|node| read::whole(node, &format!("'near' in {what}"), 0, 1_000, problems));
    fields.finish(problems);
    let near = match near {
        Some(near) => Some(u32::try_from(near?).ok()?),
        None => None,
    };
    Some(Context { words: words?.to_owned(), near })
}

fn read_languages(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let label = format!("'languages' of {what}");
    let mut languages = Vec::new();
    for item in read::one_or_list(node, &label, problems) {
        let Some(code) = read::text(item, &label, problems) else { continue };
        if LANGUAGES.iter().any(|(known, _)| *known == code) {
            languages.push(code.to_owned());
            continue;
        }
        let problem = Problem::at(item.at, format!("unknown language '{code}' in {label}"));
        problems.push(problem.hint("write a two-letter code such as pl, sv, it, ro or en"));
    }
    languages
}

pub(super) fn read_voices(node: &Node, problems: &mut Vec<Problem>) -> Option<Voices> {
    let mut fields = Fields::of(node, "'voices'", problems)?;
    let mut taken: HashMap<String, &'static str> = HashMap::new();
    let mut handles = |key: &'static str, problems: &mut Vec<Problem>| -> Vec<String> {
        let Some(node) = fields.take(key) else { return Vec::new() };
        let label = format!("'{key}' of 'voices'");
        let mut handles = Vec::new();
        for item in read::one_or_list(node, &label, problems) {
            let Some(handle) = read::text(item, &label, problems) else { continue };
            let bare = fold(handle.trim().trim_start_matches('@'));
            if bare.is_empty() || bare.chars().any(char::is_whitespace) {
                let problem = Problem::at(item.at, format!("'{handle}' in {label} is not a handle"));
                problems.push(problem.hint("write it as @name"));
                continue;
            }
            if let Some(other) = taken.insert(bare, key)
                && other != key
            {
                let message = format!("'{handle}' is in '{other}' and in '{key}' of 'voices'");
                problems.push(Problem::at(item.at, message).hint("an account speaks for one side"));
                continue;
            }
            handles.push(handle.trim().to_owned());
        }
        handles
    };
    let own = handles("own", problems);
    let staff = handles("staff", problems);
    let competitor = handles("competitor", problems);
    fields.finish(problems);
    Some(Voices { own, staff, competitor })
}
