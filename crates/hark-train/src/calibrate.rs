//! Probabilities that mean what they say, and thresholds at which an intent holds.

use hark_text::{
    ABOUT_FIRM, FIRM, FIRST_INTENT, IntentName, TAGS, about_firm, attitude_logits,
    model::{Output, Shift},
};

use crate::{
    corpus::LANGUAGES,
    data::{Attitude, EVERYDAY_SETS, TagExample},
    evaluate::{self, LEAST_TEXTS},
};

/// A text that was not trained on, and its scores.
pub type Scored<'a> = (&'a TagExample, [f32; TAGS]);

/// Fits calibration to held-out posts of the corpus and, for the offsets of a language, to `dev`: texts of public sets that
/// are not trained on, which say something of sentiment or of one intent.
pub fn tags(scored: &[Scored<'_>], dev: &[Scored<'_>], outputs: &mut [Output]) -> Vec<Shift<TAGS>> {
    let mut shifts: Vec<Shift<TAGS>> = LANGUAGES
        .iter()
        .map(|language| Shift { language: (*language).into(), offsets: [0.0; TAGS] })
        .collect();
    for (language, shift) in LANGUAGES.iter().zip(&mut shifts) {
        let offsets = &mut shift.offsets;
        (offsets[FIRM], offsets[FIRM + 2]) =
            lean(&in_language(scored, language), |scores, negative, positive| {
                [scores[FIRM] + negative, scores[FIRM + 1], scores[FIRM + 2] + positive]
            });
        let firms = *offsets;
        let anybodys: Vec<_> = in_language(dev, language)
            .into_iter()
            .filter(|(example, _)| example.firm != Some(true))
            .collect();
        (offsets[0], offsets[2]) = lean(&anybodys, |scores, negative, positive| {
            let mut shift = firms;
            (shift[0], shift[2]) = (negative, positive);
            attitude_logits(outputs, &shift, scores, about_firm(outputs, scores))
        });
        let [negative, _, positive, firm_negative, _, firm_positive, ..] = *offsets;
        eprintln!(
            "{language}: sentiment shifted by {negative:.1} and {positive:.1}, about firms by {firm_negative:.1} and {firm_positive:.1}"
        );
    }
    let temperature = temperature(scored, outputs, &shifts);
    eprintln!("sentiment: slope {temperature:.2}");
    outputs[..FIRST_INTENT].iter_mut().for_each(|output| output.slope = temperature);
    for shift in &mut shifts {
        shift.offsets[..FIRST_INTENT].iter_mut().for_each(|offset| *offset *= temperature);
    }
    for at in FIRST_INTENT..ABOUT_FIRM {
        let known = |scored: &[Scored<'_>], language: Option<&str>| -> Vec<(f32, bool)> {
            scored
                .iter()
                .filter(|(example, _)| language.is_none_or(|language| example.language == language))
                .filter_map(|(example, scores)| Some((scores[at], example.intents[at - FIRST_INTENT]?)))
                .collect()
        };
        let points = |language: Option<&str>| known(scored, language);
        let all = points(None);
        let (slope, offset) = platt(&all);
        for (language, shift) in LANGUAGES.iter().zip(&mut shifts) {
            shift.offsets[at] = own_offset(&points(Some(language)), slope, offset);
        }
        let shifted: Vec<(f32, bool)> = LANGUAGES
            .iter()
            .zip(&shifts)
            .flat_map(|(language, shift)| {
                points(Some(language))
                    .into_iter()
                    .map(|(score, holds)| (score + shift.offsets[at] / slope, holds))
            })
            .collect();
        let threshold = threshold(&shifted, slope, offset);
        for (language, shift) in LANGUAGES.iter().zip(&mut shifts) {
            let public = known(dev, Some(language));
            if !public.is_empty() {
                let own = shift.offsets[at];
                shift.offsets[at] =
                    public_offset(&public, &points(Some(language)), (slope, offset, threshold), own);
                let added = shift.offsets[at];
                eprintln!("{language}: offset {own:.2} by the corpus, {added:.2} with public texts");
            }
        }
        if let Some((_, part)) = QUIET.iter().find(|(intent, _)| *intent as usize == at - FIRST_INTENT) {
            for (language, shift) in LANGUAGES.iter().zip(&mut shifts) {
                let everyday = everyday(dev, language, at);
                let own = shift.offsets[at];
                shift.offsets[at] = quiet_offset(&everyday, *part, (slope, offset, threshold), own);
                eprintln!(
                    "{language}: offset {own:.2}, {:.2} with {} everyday texts",
                    shift.offsets[at],
                    everyday.len()
                );
            }
        }
        let output = &mut outputs[at];
        eprintln!("{}: slope {slope:.2} offset {offset:.2} threshold {threshold:.2}", output.name);
        (output.slope, output.offset, output.threshold) = (slope, offset, threshold);
    }
    shifts
}

/// Intents that hardly any everyday post has, with the part of them that may be said to have it: some do want to buy
/// something.
const QUIET: [(IntentName, f32); 3] =
    [(IntentName::Purchase, 0.005), (IntentName::Churn, 0.002), (IntentName::Outrage, 0.002)];

/// How far an offset is lowered for that at most.
const MOST_LOWERED: f32 = 4.0;

/// Scores of everyday posts of a language.
fn everyday(dev: &[Scored<'_>], language: &str, at: usize) -> Vec<f32> {
    dev.iter()
        .filter(|(example, _)| example.language == language && EVERYDAY_SETS.contains(&example.set.as_str()))
        .map(|(_, scores)| scores[at])
        .collect()
}

/// The offset lowered until few enough everyday posts are said to have the intent.
fn quiet_offset(everyday: &[f32], part: f32, (slope, offset, threshold): (f32, f32, f32), own: f32) -> f32 {
    let mut shift = own;
    let alarms = |shift: f32| {
        let p = |score: &&f32| 1.0 / (1.0 + (-(slope * **score + offset + shift)).exp()) >= threshold;
        everyday.iter().filter(p).count() as f32
    };
    while shift > own - MOST_LOWERED && alarms(shift) > part * everyday.len() as f32 {
        shift -= 0.1;
    }
    shift
}

fn in_language<'a>(scored: &[Scored<'a>], language: &str) -> Vec<Scored<'a>> {
    scored.iter().filter(|(example, _)| example.language == language).copied().collect()
}

/// Offsets of negative and positive at which the sets are told best on average, by the logits that these offsets give.
fn lean(scored: &[Scored<'_>], logits: impl Fn(&[f32; TAGS], f32, f32) -> [f32; 3]) -> (f32, f32) {
    let says = |example: &TagExample| matches!(example.attitude, Attitude::Is(_));
    let mut scored: Vec<_> = scored.iter().filter(|(example, _)| says(example)).collect();
    scored.sort_by_key(|(example, _)| &example.set);
    let sets: Vec<_> = scored
        .chunk_by(|(one, _), (other, _)| one.set == other.set)
        .filter(|set| set.len() >= LEAST_TEXTS)
        .collect();
    let value = |negative: f32, positive: f32| -> f32 {
        let mut sum = 0.0;
        for set in &sets {
            let mut pairs = Vec::new();
            for (example, scores) in *set {
                let Attitude::Is(truth) = example.attitude else { continue };
                let [bad, neutral, good] = logits(scores, negative, positive);
                let said = if neutral >= bad && neutral >= good { 1 } else { 2 * usize::from(good > bad) };
                pairs.push((truth, said));
            }
            let (f1, recall) = evaluate::macro_f1(&pairs);
            // The two ways in which these tasks are measured, by others too.
            sum += (f1 + recall) / 2.0;
        }
        // Far from home the gain must be worth it: the sets are small.
        sum / sets.len().max(1) as f32 - 0.004 * (negative.abs() + positive.abs())
    };
    let grid = || (-12..=16).map(|step| step as f32 * 0.1);
    let mut best = (f32::NEG_INFINITY, 0.0, 0.0);
    for negative in grid() {
        for positive in grid() {
            let here = value(negative, positive);
            if here > best.0 {
                best = (here, negative, positive);
            }
        }
    }
    (best.1, best.2)
}

/// What a language adds to the offset, held back towards nothing as it has few posts.
fn own_offset(points: &[(f32, bool)], slope: f32, offset: f32) -> f32 {
    let mut own = 0.0_f32;
    // Newton's method: any fixed step is too long for a language with many posts.
    for _ in 0..20 {
        let (mut error, mut curve) = (HOLD_BACK * own, HOLD_BACK);
        for (score, holds) in points {
            let p = 1.0 / (1.0 + (-(slope * score + offset + own)).exp());
            error += p - f32::from(u8::from(*holds));
            curve += p * (1.0 - p);
        }
        own = (own - error / curve).clamp(-1.5, 1.5);
    }
    own
}

/// The offset of a language at which public texts and posts of the corpus are told best together.
fn public_offset(
    public: &[(f32, bool)],
    corpus: &[(f32, bool)],
    (slope, offset, threshold): (f32, f32, f32),
    own: f32,
) -> f32 {
    let value = |shift: f32| {
        let p = |score: f32| 1.0 / (1.0 + (-(slope * score + offset + shift)).exp());
        let named = |points: &[(f32, bool)]| {
            f_beta(points.iter().map(|(score, holds)| (p(*score) >= threshold, *holds)))
        };
        named(public) + named(corpus) - 0.01 * (shift - own).abs()
    };
    let grid = (-25..=25).map(|step| step as f32 * 0.1);
    grid.max_by(|one, other| value(*one).total_cmp(&value(*other))).unwrap_or(own)
}

fn f_beta(answers: impl Iterator<Item = (bool, bool)>) -> f32 {
    let (mut right, mut wrong, mut missed) = (0.0_f32, 0.0_f32, 0.0_f32);
    for answer in answers {
        match answer {
            (true, true) => right += 1.0,
            (true, false) => wrong += 1.0,
            (false, true) => missed += 1.0,
            (false, false) => {}
        }
    }
    let square = BETA * BETA;
    (1.0 + square) * right / ((1.0 + square) * right + square * missed + wrong).max(1.0)
}

/// As if so many posts said that a language needs no offset of its own.
const HOLD_BACK: f32 = 12.0;

/// The factor of scores and offsets at which the held-out labels are likeliest, among a grid.
fn temperature(scored: &[Scored<'_>], outputs: &[Output], shifts: &[Shift<TAGS>]) -> f32 {
    let loss = |factor: f32| -> f32 {
        shifts
            .iter()
            .flat_map(|shift| {
                let own = scored.iter().filter(|(example, _)| example.language == shift.language);
                own.map(|scored| (scored, &shift.offsets))
            })
            .filter_map(|((example, scores), shift)| {
                let Attitude::Is(label) = example.attitude else { return None };
                let logits = attitude_logits(outputs, shift, scores, about_firm(outputs, scores));
                let odds = logits.map(|logit| (factor * logit).exp());
                Some(-(odds[label] / odds.iter().sum::<f32>()).max(1e-9).ln())
            })
            .sum()
    };
    let grid = (1..=40).map(|step| step as f32 * 0.05);
    grid.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0)
}

/// Logistic regression of one variable by gradient descent.
fn platt(points: &[(f32, bool)]) -> (f32, f32) {
    let (mut slope, mut offset) = (1.0_f32, 0.0_f32);
    let count = points.len().max(1) as f32;
    for _ in 0..3000 {
        let (mut by_slope, mut by_offset) = (0.0, 0.0);
        for (score, holds) in points {
            let p = 1.0 / (1.0 + (-(slope * score + offset)).exp());
            let error = p - f32::from(u8::from(*holds));
            by_slope += error * score;
            by_offset += error;
        }
        slope -= 0.3 * by_slope / count;
        offset -= 0.3 * by_offset / count;
    }
    (slope.max(0.1), offset)
}

/// Least and greatest threshold that is chosen, whatever the held-out posts say.
const THRESHOLDS: (f32, f32) = (0.35, 0.85);
/// Precision counts more than recall: a wrong tag costs somebody's time.
const BETA: f32 = 0.75;

/// The threshold of the best F-beta.
fn threshold(points: &[(f32, bool)], slope: f32, offset: f32) -> f32 {
    let mut best = (0.0, 0.5);
    let mut at = THRESHOLDS.0;
    while at <= THRESHOLDS.1 {
        let p = |score: f32| 1.0 / (1.0 + (-(slope * score + offset)).exp());
        let f = f_beta(points.iter().map(|(score, holds)| (p(*score) >= at, *holds)));
        if f > best.0 {
            best = (f, at);
        }
        at += 0.01;
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_of_a_language_makes_its_probabilities_true_however_many_posts_it_has() {
        for posts in [1_000_u16, 8_000] {
            // Scores say one in two, and one in four it is.
            let points: Vec<(f32, bool)> = (0..posts).map(|post| (0.0, post % 4 == 0)).collect();
            let own = own_offset(&points, 1.0, 0.0);
            let p = 1.0 / (1.0 + (-own).exp());
            assert!((p - 0.25).abs() < 0.03, "{posts} posts: {p}");
        }
    }
}
