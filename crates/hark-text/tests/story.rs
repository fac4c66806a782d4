//! How far apart the fingerprints of copies and of unrelated posts are, measured on the corpus of hark-train.
//!
//! `cargo test -p hark-text --test story -- --nocapture` prints the shares.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::HashSet, fs, path::Path};

use hark_text::{Analyzer, Input, STORY_RADIUS, Scratch, fold};

fn posts() -> Vec<String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hark-train/corpus");
    let mut files: Vec<_> = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let lines = files.iter().flat_map(|file| {
        let text = fs::read_to_string(file).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<String>>()
    });
    let text = |line: String| {
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["text"].as_str().unwrap().to_owned()
    };
    lines.map(text).collect()
}

struct Printer {
    analyzer: Analyzer,
    scratch: Scratch,
}

impl Printer {
    fn print(&mut self, text: &str) -> u64 {
        self.analyzer.analyze(&Input { text, ..Input::default() }, &mut self.scratch).story
    }
}

/// What people do to a post that they copy; `seed` chooses the word.
fn edits(text: &str, seed: usize) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut edits = vec![
        format!("RT @somebody: {text}"),
        format!("{text} https://t.example/abc"),
        format!("@friend {text}!!! 🔥"),
        fold(text),
    ];
    if words.len() < 8 {
        return edits;
    }
    let at = seed % words.len();
    let with = |word: &str| {
        let mut words = words.clone();
        words[at] = word;
        words.join(" ")
    };
    edits.extend([format!("Wow {text}"), format!("{text} polecam")]);
    edits.push(with(""));
    edits.push(with("something"));
    let mut letters: Vec<char> = words[at].chars().collect();
    if letters.len() > 4 {
        letters.swap(1, 2);
        edits.push(with(&String::from_iter(letters)));
    }
    edits
}

#[test]
fn at_least_95_in_100_lightly_edited_copies_are_within_the_radius() {
    let mut printer = Printer { analyzer: Analyzer::shipped().unwrap(), scratch: Scratch::default() };
    let (mut copies, mut near) = (0_u32, 0_u32);
    for (seed, post) in posts().iter().enumerate().step_by(3) {
        let print = printer.print(post);
        for copy in edits(post, seed * 7919) {
            copies += 1;
            near += u32::from((print ^ printer.print(&copy)).count_ones() <= STORY_RADIUS);
        }
    }
    let share = f64::from(near) / f64::from(copies);
    println!("{near} of {copies} copies within {STORY_RADIUS} bits: {share:.4}");
    assert!(share >= 0.95, "{share}");
}

#[test]
fn at_most_1_in_10_million_pairs_of_unrelated_posts_is_within_the_radius() {
    let mut printer = Printer { analyzer: Analyzer::shipped().unwrap(), scratch: Scratch::default() };
    // A post without words, a number or a link alone, has no print.
    let mut posts = posts();
    posts.retain(|post| printer.print(post) != 0);
    let prints: Vec<u64> = posts.iter().map(|post| printer.print(post)).collect();
    let words: Vec<HashSet<String>> =
        posts.iter().map(|post| fold(post).split_whitespace().map(str::to_owned).collect()).collect();
    let (mut pairs, mut near) = (0_u64, 0_u64);
    for (left, print) in prints.iter().enumerate() {
        for right in left + 1..prints.len() {
            pairs += 1;
            if (print ^ prints[right]).count_ones() <= STORY_RADIUS {
                let shared = words[left].intersection(&words[right]).count();
                let less = words[left].len().min(words[right].len());
                // Two invented posts may say the same in the same words.
                let unrelated = shared * 2 < less;
                near += u64::from(unrelated);
            }
        }
    }
    println!("{near} of {pairs} unrelated pairs within {STORY_RADIUS} bits");
    assert!(near * 10_000_000 <= pairs, "{near} of {pairs}");
}
