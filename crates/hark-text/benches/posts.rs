//! How many posts of about 140 characters one core matches and judges in a second.
//!
//! `cargo bench -p hark-text` prints posts a second; a bare loop that hashes every word is the measure of the machine.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use std::{hint::black_box, time::Instant};

use hark_text::{Analyzer, Input, Matcher, Scratch, Subject, SubjectKind, Term};

const POSTS: [&str; 5] = [
    "Wczoraj po pracy poszliśmy nad rzekę, pies był szczęśliwy, a ja pierwszy raz od dawna odpoczęłam i nie myślałam o niczym innym.",
    "Idag har det regnat hela dagen så vi stannade hemma, bakade bullar och såg på gamla filmer tills barnen somnade i soffan.",
    "Stamattina ho perso il treno per colpa della sveglia, ma almeno ho fatto colazione con calma e ho letto il giornale al sole.",
    "Azi am fost cu copiii la munte, a fost frig dar frumos, am mancat placinte si ne-am intors acasa obositi si fericiti de drum.",
    "Nothing beats a quiet Sunday morning with coffee, the radio on and no plans at all until somebody rings about the weather again",
];
const ROUNDS: usize = 40_000;

fn main() {
    let words: usize = rate("bare loop, a hash a word", |text, sum| {
        for word in text.split_ascii_whitespace() {
            *sum ^=
                word.bytes().fold(*sum, |hash, byte| (hash ^ usize::from(byte)).wrapping_mul(0x0100_0193));
        }
    });
    black_box(words);
    for terms in [10, 10_000] {
        let started = Instant::now();
        let matcher = matcher(terms);
        println!(
            "{:<40} {:>12.0} ms",
            format!("reading {terms} terms"),
            started.elapsed().as_secs_f64() * 1e3
        );
        let mut scratch = Scratch::default();
        let mut found = Vec::new();
        rate(&format!("matching, {terms} terms, none found"), |text, sum| {
            matcher.find(text, &mut scratch, &mut found);
            *sum += found.len();
        });
    }
    let started = Instant::now();
    let analyzer = Analyzer::shipped().unwrap();
    println!("{:<40} {:>12.1} ms", "reading the models", started.elapsed().as_secs_f64() * 1e3);
    let mut scratch = Scratch::default();
    let mut letters = Vec::new();
    rate("language alone", |text, sum| {
        hark_text::language::letters(text, &mut letters);
        *sum += analyzer.identifier().identify(&letters, None).0.len();
    });
    rate("scores of the tags alone", |text, sum| {
        *sum += usize::from(analyzer.scores("", text, &mut scratch)[0] > 0.0);
    });
    rate("full analysis", |text, sum| {
        let analysis = analyzer.analyze(&Input { text, ..Input::default() }, &mut scratch);
        *sum += analysis.intents.len();
    });
}

fn rate(name: &str, mut each: impl FnMut(&str, &mut usize)) -> usize {
    let mut sum = 0;
    let started = Instant::now();
    for round in 0..ROUNDS {
        each(black_box(POSTS[round % POSTS.len()]), &mut sum);
    }
    println!("{name:<40} {:>12.0} posts/s", ROUNDS as f64 / started.elapsed().as_secs_f64());
    sum
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
