//! How many posts of 140 characters one core matches and judges in a second.
//!
//! `cargo bench -p hark-text` prints posts a second; a bare loop that hashes every word of the same posts is the measure of the
//! machine. `cargo bench -p hark-text -- PART` runs the benches alone whose name holds PART. The posts are those of the corpus, all
//! different, because most of the time goes into waiting for weights that the last post had no use for.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::{fs, hint::black_box, path::Path, time::Instant};

use hark_text::{Analyzer, Input, Matcher, Scratch, Subject, SubjectKind, Term, language::Letters};

const CHARACTERS: usize = 140;
const ROUNDS: usize = 40_000;

fn main() {
    let bench =
        Bench { posts: posts(), part: std::env::args().skip(1).find(|argument| !argument.starts_with("--")) };
    let words: usize = bench.rate("bare loop, a hash a word", |text, sum| {
        for word in text.split_ascii_whitespace() {
            *sum ^=
                word.bytes().fold(*sum, |hash, byte| (hash ^ usize::from(byte)).wrapping_mul(0x0100_0193));
        }
    });
    black_box(words);
    for terms in [10, 10_000].into_iter().filter(|_| bench.holds("matching")) {
        let started = Instant::now();
        let matcher = matcher(terms);
        println!(
            "{:<40} {:>12.0} ms",
            format!("reading {terms} terms"),
            started.elapsed().as_secs_f64() * 1e3
        );
        let mut scratch = Scratch::default();
        let mut found = Vec::new();
        bench.rate(&format!("matching, {terms} terms, none found"), |text, sum| {
            matcher.find(text, &mut scratch, &mut found);
            *sum += found.len();
        });
    }
    let started = Instant::now();
    let analyzer = Analyzer::shipped().unwrap();
    println!("{:<40} {:>12.1} ms", "reading the models", started.elapsed().as_secs_f64() * 1e3);
    let mut scratch = Scratch::default();
    let mut letters = Letters::default();
    bench.rate("language alone", |text, sum| {
        *sum += analyzer.identifier().identify(text, None, &mut letters).0.len();
    });
    bench.rate("scores of the tags alone", |text, sum| {
        *sum += usize::from(analyzer.scores("", text, &mut scratch)[0] > 0.0);
    });
    bench.rate("full analysis", |text, sum| {
        let analysis = analyzer.analyze(&Input { text, ..Input::default() }, &mut scratch);
        *sum += analysis.intents.len();
    });
}

struct Bench {
    posts: Vec<String>,
    part: Option<String>,
}

impl Bench {
    fn holds(&self, name: &str) -> bool {
        self.part.as_ref().is_none_or(|part| name.contains(part))
    }

    fn rate(&self, name: &str, mut each: impl FnMut(&str, &mut usize)) -> usize {
        let mut sum = 0;
        if !self.holds(name) {
            return sum;
        }
        let started = Instant::now();
        for post in self.posts.iter().cycle().take(ROUNDS) {
            each(black_box(post), &mut sum);
        }
        println!("{name:<40} {:>12.0} posts/s", ROUNDS as f64 / started.elapsed().as_secs_f64());
        sum
    }
}

/// The corpus in all five languages in turn, cut and joined to posts of one length.
fn posts() -> Vec<String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hark-train/corpus");
    let files = ["pl", "sv", "it", "ro", "en"].map(|language| {
        let text = fs::read_to_string(corpus.join(format!("{language}.test.jsonl"))).unwrap();
        let texts = text.lines().map(|line| {
            let post: serde_json::Value = serde_json::from_str(line).unwrap();
            post["text"].as_str().unwrap().to_owned()
        });
        let joined = texts.collect::<Vec<_>>().join(" ");
        let letters: Vec<char> = joined.chars().collect();
        letters.chunks_exact(CHARACTERS).map(|letters| letters.iter().collect()).collect::<Vec<String>>()
    });
    let most = files.iter().map(Vec::len).max().unwrap();
    (0..most).flat_map(|index| files.iter().filter_map(move |file| file.get(index).cloned())).collect()
}

/// Invented names of two to four syllables.
fn matcher(count: usize) -> Matcher {
    const SYLLABLES: [&str; 16] = [
        "bre", "van", "tor", "mil", "zex", "quo", "dra", "pel", "nux", "kor", "fyl", "gam", "wex", "rud",
        "lin", "sov",
    ];
    let name = |number: usize| {
        let syllable = |shift: usize| SYLLABLES[number >> shift & 15];
        format!("{}{}{}{}", syllable(0).to_uppercase(), syllable(4), syllable(8), syllable(12))
    };
    let subject = Subject {
        name: "names".into(),
        kind: SubjectKind::Competitor,
        terms: (0..count).map(|number| Term::from(name(number * 5).as_str())).collect(),
        exclude: vec![],
        require: vec![],
        languages: vec![],
    };
    Matcher::new(&[subject]).unwrap()
}
