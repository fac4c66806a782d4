//! Training of the tag model: sentiment and intents over the same features.

use hark_text::{
    FIRST_INTENT, IntentName, SentimentLabel, TAGS,
    features::{FEATURES_VERSION, Size, Table, features},
    lexicon::Lexicon,
    model::Model,
    tokens::Tokens,
};

use crate::{
    calibrate::{self, Scored},
    data::{Attitude, CLAUSE, CORPUS, EXTRA, TagExample},
    linear::{Features, Linear, Settings},
};

/// How training goes.
pub const SETTINGS: Settings =
    Settings { bits: &[19, 16, 12], kept: &[229_376, 57_344, 4096], epochs: 8, rate: 0.08 };

/// One in this many posts of the corpus is held out to fit calibration and thresholds.
const HELD_OUT: usize = 5;

/// Intents are rare: a text that has one counts this much more, by the order of the intents.
const RARE: [f32; 8] = [2.0, 1.5, 1.5, 2.0, 3.0, 4.0, 3.0, 2.5];

/// Posts of the corpus are seen this many times an epoch: AdaGrad takes little notice of weights.
const REPEATS: usize = 3;

/// Trains three times: without the held-out posts, to see which rows tell most; so again with these rows, for calibration; then on
/// everything.
pub fn train(examples: &[TagExample], dev: &[TagExample]) -> Vec<u8> {
    let lexicon = Lexicon::shipped();
    let mut all = Features::default();
    let mut tokens = Tokens::default();
    for example in examples {
        tokens.read("", &example.text);
        add(&mut all, &tokens, &lexicon);
    }
    let held_out = |index: usize| {
        let example = &examples[index];
        let hash = blake3::hash(example.text.as_bytes()).as_bytes()[0];
        (example.corpus || example.set == "purchase") && usize::from(hash) % HELD_OUT == 0
    };
    let fit = |all: &Features, order: &mut [u32]| {
        let mut model = Linear::<TAGS>::new(SETTINGS, &Table::ALL.map(Table::factor), PACES, FIRST_INTENT);
        model.train(all, order, |index, scores| gradient(&examples[index], scores));
        model
    };
    let mut order: Vec<u32> = (0..).take(all.len()).collect();
    for (index, example) in (0..).zip(examples) {
        order.extend(std::iter::repeat_n(index, repeats(example) - 1));
    }
    let (mut held, mut rest): (Vec<u32>, Vec<u32>) =
        order.iter().partition(|index| held_out(**index as usize));
    held.sort_unstable();
    held.dedup();
    eprintln!("tags: {} examples, {} held out", order.len(), held.len());
    // The held-out posts have no say in it, or calibration would take the model for better than it is.
    let kept = fit(&all, &mut rest).heaviest(&all, &rest);
    all.retain(&kept);
    let model = fit(&all, &mut rest);
    let (scored, public): (Vec<Scored<'_>>, Vec<Scored<'_>>) = held
        .iter()
        .map(|index| (&examples[*index as usize], model.scores(&all, *index as usize)))
        .partition(|(example, _)| example.corpus);
    // With all their rows: those that are not kept weigh nothing.
    let mut dev_features = Features::default();
    for example in dev {
        tokens.read("", &example.text);
        add(&mut dev_features, &tokens, &lexicon);
    }
    let scored_dev =
        dev.iter().enumerate().map(|(index, example)| (example, model.scores(&dev_features, index)));
    let dev: Vec<_> = scored_dev.chain(public).collect();
    let mut names = SentimentLabel::ALL.map(SentimentLabel::name).to_vec();
    names.extend(IntentName::ALL.map(IntentName::name));
    let (mut held_outputs, _, _) = model.quantise(&names);
    let shifts = calibrate::tags(&scored, &dev, &mut held_outputs);
    let model = fit(&all, &mut order);
    let (mut outputs, tables, weights) = model.quantise(&names);
    for (output, held) in outputs.iter_mut().zip(held_outputs) {
        (output.slope, output.offset, output.threshold) = (held.slope, held.offset, held.threshold);
    }
    Model::write(FEATURES_VERSION, &outputs, &tables, &shifts, &weights)
}

/// How far the teacher is believed where a label says something else.
const TAUGHT: f32 = 0.7;

/// How much a clause counts.
const CLAUSE_WEIGHT: f32 = 0.5;

/// How often an example is seen in an epoch.
fn repeats(example: &TagExample) -> usize {
    match example.set.as_str() {
        CORPUS => REPEATS,
        EXTRA => 2 * REPEATS,
        _ => 1,
    }
}

/// Sentiment has much data and learns slowly; intents have little.
const PACES: [f32; TAGS] = [0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];

fn add(all: &mut Features, tokens: &Tokens, lexicon: &Lexicon) {
    let mut size = Size::default();
    features(tokens, lexicon, |table, hash, _| {
        all.push(table as usize, hash, SETTINGS.bits);
        size.add(table);
    });
    all.end(size.norms());
}

fn gradient(example: &TagExample, scores: &[f32; TAGS]) -> [f32; TAGS] {
    let mut slopes = [0.0; TAGS];
    let mut weight = example.weight;
    match (example.attitude, example.taught) {
        (Attitude::Is(label), taught) => {
            let label = is(label);
            let target = taught.map_or(label, |taught| {
                std::array::from_fn(|at| TAUGHT * taught[at] + (1.0 - TAUGHT) * label[at])
            });
            soft(scores, &[0, 1, 2], target, &mut slopes);
        }
        (Attitude::Leans(_) | Attitude::Unknown, Some(taught)) => {
            soft(scores, &[0, 1, 2], taught, &mut slopes);
            weight = if example.set == CLAUSE { CLAUSE_WEIGHT } else { 1.0 };
        }
        (Attitude::Leans(label), None) => soft(scores, &[0, 2], is(label), &mut slopes),
        (Attitude::Unknown, None) => {}
    }
    for (at, known) in (FIRST_INTENT..).zip(example.intents) {
        let Some(holds) = known else { continue };
        let p = 1.0 / (1.0 + (-scores[at]).exp());
        slopes[at] = if holds { (p - 1.0) * RARE[at - FIRST_INTENT] } else { p };
    }
    for (at, slope) in slopes.iter_mut().enumerate() {
        *slope *= if at < FIRST_INTENT { weight } else { example.intent_weight };
    }
    slopes
}

/// All of it one label.
fn is(label: usize) -> [f32; 3] {
    std::array::from_fn(|at| f32::from(u8::from(at == label)))
}

/// Softmax over some of the labels, against how likely each should be.
fn soft(scores: &[f32; TAGS], among: &[usize], target: [f32; 3], slopes: &mut [f32; TAGS]) {
    let highest = among.iter().map(|at| scores[*at]).fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = among.iter().map(|at| (scores[*at] - highest).exp()).sum();
    for &at in among {
        slopes[at] = (scores[at] - highest).exp() / total - target[at];
    }
}
