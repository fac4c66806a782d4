//! Training of the tag model: sentiment and intents over the same features.

use std::{collections::HashSet, panic::resume_unwind, thread};

use hark_text::{
    ABOUT_FIRM, FIRM, FIRST_INTENT, IntentName, SentimentLabel, TAGS,
    features::{FEATURES_VERSION, Table, features, norms},
    lexicon::Lexicon,
    model::Model,
    tokens::Tokens,
};

use crate::{
    calibrate::{self, Scored},
    clauses::CLAUSE,
    data::{Attitude, CORPUS, EXTRA, TagExample},
    linear::{Features, Linear, Settings},
    mixed::MIXED,
};

/// How training goes.
pub const SETTINGS: Settings =
    Settings { bits: &[19, 16, 12], kept: &[229_376, 57_344, 4096], epochs: 8, rate: 0.08 };

/// One in this many posts of the corpus is held out to fit calibration and thresholds.
pub const HELD_OUT: u32 = 5;

/// The order of the examples makes scores as much as a hundredth better or worse: the mean of several does without luck.
const SEEDS: [u64; 4] = [0x5eed_cafe, 0x5eed_1dea, 0x5eed_f00d, 0x5eed_bea7];

/// Intents are rare: a text that has one counts this much more, by the order of the intents.
const RARE: [f32; 8] = [2.0, 1.5, 1.5, 2.0, 3.0, 4.0, 3.0, 2.5];

/// Posts of the corpus are seen this many times an epoch: AdaGrad takes little notice of weights.
const REPEATS: usize = 3;

/// Trains three times: without the held-out posts, to see which rows tell most; so again with these rows, for calibration; and on
/// everything, which is what ships.
pub fn train(examples: &[TagExample], dev: &[TagExample]) -> Vec<u8> {
    let lexicon = Lexicon::shipped();
    let mut all = Features::default();
    let mut tokens = Tokens::default();
    for example in examples {
        tokens.read("", &example.text);
        add(&mut all, &tokens, &lexicon);
    }
    let mut order: Vec<u32> = (0..).take(all.len()).collect();
    for (index, example) in (0..).zip(examples) {
        order.extend(std::iter::repeat_n(index, repeats(example) - 1));
    }
    let (held, rest) = held_out(examples, &order);
    eprintln!("tags: {} examples, {} held out", order.len(), held.len());
    let fit = |all: &Features, order: &[u32], seeds: &[u64]| {
        let train = |seed: u64| {
            let mut model =
                Linear::<TAGS>::new(SETTINGS, &Table::ALL.map(Table::factor), PACES, FIRST_INTENT);
            model.train(all, order, seed, |index, scores| gradient(&examples[index], scores));
            model
        };
        Linear::mean(thread::scope(|scope| {
            let runs: Vec<_> = seeds.iter().map(|seed| scope.spawn(|| train(*seed))).collect();
            runs.into_iter().map(|run| run.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        }))
    };
    // The held-out posts have no say in it, or calibration would take the model for better than it is. Neither have mixed posts: their
    // pairs of words are nobody's.
    let real: Vec<u32> =
        rest.iter().copied().filter(|index| examples[*index as usize].set != MIXED).collect();
    let kept = fit(&all, &rest, &SEEDS[..1]).heaviest(&all, &real);
    all.retain(&kept);
    let (trial, model) = (fit(&all, &rest, &SEEDS), fit(&all, &order, &SEEDS));
    let (scored, public): (Vec<Scored<'_>>, Vec<Scored<'_>>) = held
        .iter()
        .map(|index| (&examples[*index as usize], trial.scores(&all, *index as usize)))
        .partition(|(example, _)| example.corpus);
    // With all their rows: those that are not kept weigh nothing.
    let mut dev_features = Features::default();
    for example in dev {
        tokens.read("", &example.text);
        add(&mut dev_features, &tokens, &lexicon);
    }
    // These are never trained on, so the model itself may be asked.
    let scored_dev = (0..).zip(dev).map(|(index, example)| (example, model.scores(&dev_features, index)));
    let dev: Vec<_> = scored_dev.chain(public).collect();
    let mut names = SentimentLabel::ALL.map(SentimentLabel::name).to_vec();
    names.extend(["negative to a firm", "neutral to a firm", "positive to a firm"]);
    names.extend(IntentName::ALL.map(IntentName::name));
    names.push("firm");
    let (mut outputs, tables, weights) = model.quantise(&names);
    let shifts = calibrate::tags(&scored, &dev, &mut outputs);
    Model::write(FEATURES_VERSION, &outputs, &tables, &shifts, &weights)
}

/// The posts that calibration is fitted to, and of `order` what has nothing to do with them: no clause of theirs either.
fn held_out(examples: &[TagExample], order: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let is_held = |example: &TagExample| {
        (example.corpus || example.set == "purchase") && example.origin.is_multiple_of(HELD_OUT)
    };
    let held: Vec<u32> =
        (0..).zip(examples).filter(|(_, example)| is_held(example)).map(|(index, _)| index).collect();
    let origin = |index: &u32| examples[*index as usize].origin;
    let origins: HashSet<u32> = held.iter().map(origin).collect();
    let rest = order.iter().copied().filter(|index| !origins.contains(&origin(index))).collect();
    (held, rest)
}

/// How far the teacher is believed where a label says something else.
const TAUGHT: f32 = 0.7;

/// How much the attitude of a clause counts.
const CLAUSE_WEIGHT: f32 = 0.5;

/// And that of a mixed post.
const MIXED_WEIGHT: f32 = 0.3;

/// How much the intents count that the teacher tells.
const TAUGHT_INTENT_WEIGHT: f32 = 0.3;

/// How often an example is seen in an epoch.
fn repeats(example: &TagExample) -> usize {
    match example.set.as_str() {
        CORPUS => REPEATS,
        EXTRA => 2 * REPEATS,
        _ => 1,
    }
}

/// Sentiment has much data and learns slowly; intents have little.
const PACES: [f32; TAGS] = [0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0];

fn add(all: &mut Features, tokens: &Tokens, lexicon: &Lexicon) {
    let mut counts = [0; Table::ALL.len()];
    features(tokens, lexicon, |table, hash, _| {
        all.push(table as usize, hash, SETTINGS.bits);
        counts[table as usize] += 1;
    });
    all.end(norms(counts));
}

fn gradient(example: &TagExample, scores: &[f32; TAGS]) -> [f32; TAGS] {
    let mut slopes = [0.0; TAGS];
    // Posts about firms would drown what attitudes are like elsewhere, but not the other way round.
    for first in if example.of_firms() { [FIRM].as_slice() } else { &[0, FIRM] } {
        let own = attitude(example, std::array::from_fn(|at| scores[first + at]));
        slopes[*first..first + own.len()].copy_from_slice(&own);
    }
    for (intent, slope) in slopes[FIRST_INTENT..ABOUT_FIRM].iter_mut().enumerate() {
        let (truth, weight) = match (example.intents[intent], &example.taught_intents) {
            (Some(holds), _) => (f32::from(u8::from(holds)), example.intent_weight),
            // What a wish is to developers, it knows less of than the lexicon does.
            (None, Some(_)) if example.set == CLAUSE && intent == IntentName::Suggestion as usize => continue,
            (None, Some(taught)) => (taught[intent], TAUGHT_INTENT_WEIGHT),
            (None, None) => continue,
        };
        let weight = weight * (1.0 + (RARE[intent] - 1.0) * truth);
        *slope = logistic(scores[FIRST_INTENT + intent], truth) * weight;
    }
    if let Some(holds) = example.firm {
        slopes[ABOUT_FIRM] = logistic(scores[ABOUT_FIRM], f32::from(u8::from(holds)));
    }
    slopes
}

/// By the label and by the teacher, as far as each says something.
fn attitude(example: &TagExample, scores: [f32; 3]) -> [f32; 3] {
    let (among, target, weight): (&[usize], _, _) = match (example.attitude, example.taught) {
        (Attitude::Is(label), taught) => {
            let label = is(label);
            let target = taught.map_or(label, |taught| {
                std::array::from_fn(|at| TAUGHT * taught[at] + (1.0 - TAUGHT) * label[at])
            });
            (&[0, 1, 2], target, example.weight)
        }
        (Attitude::Leans(_) | Attitude::Unknown, Some(taught)) => {
            let weight = match example.set.as_str() {
                CLAUSE => CLAUSE_WEIGHT,
                MIXED => MIXED_WEIGHT,
                _ => 1.0,
            };
            (&[0, 1, 2], taught, weight)
        }
        (Attitude::Leans(label), None) => (&[0, 2], is(label), example.weight),
        (Attitude::Unknown, None) => return [0.0; 3],
    };
    soft(scores, among, target).map(|slope| slope * weight)
}

/// All of it one label.
fn is(label: usize) -> [f32; 3] {
    std::array::from_fn(|at| f32::from(u8::from(at == label)))
}

/// Softmax over some of the labels, against how likely each should be.
fn soft(scores: [f32; 3], among: &[usize], target: [f32; 3]) -> [f32; 3] {
    let highest = among.iter().map(|at| scores[*at]).fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = among.iter().map(|at| (scores[*at] - highest).exp()).sum();
    let mut slopes = [0.0; 3];
    for &at in among {
        slopes[at] = (scores[at] - highest).exp() / total - target[at];
    }
    slopes
}

/// Of a score, against how likely it should be.
fn logistic(score: f32, truth: f32) -> f32 {
    1.0 / (1.0 + (-score).exp()) - truth
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f32; TAGS] = [0.0; TAGS];

    fn sums(slopes: &[f32]) -> f32 {
        slopes.iter().map(|slope| slope.abs()).sum()
    }

    #[test]
    fn posts_about_firms_leave_the_attitudes_of_others_alone() {
        let other = TagExample {
            attitude: Attitude::Is(0),
            weight: 1.0,
            ..TagExample::unlabelled("redv1", "ro", "vai")
        };
        let firm = TagExample { corpus: true, ..other.clone() };
        for (example, heard) in [(other, true), (firm, false)] {
            let slopes = gradient(&example, &SCORES);
            assert_eq!(sums(&slopes[..FIRM]) > 0.0, heard, "{}", example.corpus);
            assert!(slopes[FIRM] < 0.0 && slopes[FIRM + 1] > 0.0, "negative is what it should become");
            assert_eq!(sums(&slopes[FIRST_INTENT..]), 0.0, "of intents nothing is known");
        }
    }

    #[test]
    fn label_and_teacher_are_believed_in_proportion() {
        let third = 1.0 / 3.0;
        let example = TagExample::unlabelled("redv1", "ro", "vai");
        let taught = Some([0.0, 1.0, 0.0]);
        let both = TagExample { attitude: Attitude::Is(0), weight: 1.0, taught, ..example.clone() };
        let near = |slopes: [f32; 3], expected: [f32; 3]| {
            slopes.iter().zip(expected).all(|(slope, expected)| (slope - expected).abs() < 1e-6)
        };
        assert!(near(attitude(&both, [0.0; 3]), [third - 0.3, third - 0.7, third]));
        let leans = TagExample { attitude: Attitude::Leans(0), weight: 1.0, ..example.clone() };
        assert!(near(attitude(&leans, [0.0; 3]), [-0.5, 0.0, 0.5]), "neutral is neither right nor wrong");
        assert_eq!(attitude(&example, [0.0; 3]), [0.0; 3]);
        let clause = TagExample { set: CLAUSE.into(), taught, ..example };
        assert!(near(attitude(&clause, [0.0; 3]), [third, third - 1.0, third].map(|slope| slope / 2.0)));
    }
    #[test]
    fn with_a_post_that_is_held_out_go_its_clauses() {
        let example = |set: &str, origin| TagExample {
            corpus: set == CORPUS,
            origin,
            ..TagExample::unlabelled(set, "en", "text")
        };
        let examples = [(CORPUS, 5), (CLAUSE, 5), (CORPUS, 6), (CLAUSE, 6), ("redv1", 10)]
            .map(|(set, origin)| example(set, origin));
        assert_eq!(held_out(&examples, &[4, 3, 2, 2, 1, 0]), (vec![0], vec![4, 3, 2, 2]));
    }
}
