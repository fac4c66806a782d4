//! Probabilities that mean what they say, and thresholds at which an intent holds.

use std::borrow::Cow;

use hark_text::{
    FIRST_INTENT, TAGS,
    model::{Model, Output},
};

use crate::data::{Attitude, TagExample};

/// Slope and offset of Platt scaling, and threshold, for each output.
pub type Calibration = [(f32, f32, f32); TAGS];

/// Fits calibration to scores of texts that were not trained on.
pub fn tags(scored: &[(&TagExample, [f32; TAGS])]) -> Calibration {
    let mut calibration = [(1.0, 0.0, 0.5); TAGS];
    let temperature = temperature(scored);
    for output in &mut calibration[..FIRST_INTENT] {
        output.0 = temperature;
    }
    for at in FIRST_INTENT..FIRST_INTENT + 8 {
        let points: Vec<(f32, bool)> = scored
            .iter()
            .filter_map(|(example, scores)| Some((scores[at], example.intents[at - FIRST_INTENT]?)))
            .collect();
        let (slope, offset) = platt(&points);
        let threshold = threshold(&points, slope, offset);
        eprintln!("calibration {at}: slope {slope:.2} offset {offset:.2} threshold {threshold:.2}");
        calibration[at] = (slope, offset, threshold);
    }
    calibration
}

/// The factor of the scores at which the held-out labels are likeliest, among a grid.
fn temperature(scored: &[(&TagExample, [f32; TAGS])]) -> f32 {
    let loss = |factor: f32| -> f32 {
        scored
            .iter()
            .filter_map(|(example, scores)| {
                let Attitude::Is(label) = example.attitude else { return None };
                let odds = [0, 1, 2].map(|at| (factor * scores[at]).exp());
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
const THRESHOLDS: (f32, f32) = (0.3, 0.85);
/// Precision counts more than recall: a wrong tag costs somebody's time.
const BETA: f32 = 0.7;

/// The threshold of the best F-beta.
fn threshold(points: &[(f32, bool)], slope: f32, offset: f32) -> f32 {
    let mut best = (0.0, 0.5);
    let mut at = THRESHOLDS.0;
    while at <= THRESHOLDS.1 {
        let (mut right, mut wrong, mut missed) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (score, holds) in points {
            let named = 1.0 / (1.0 + (-(slope * score + offset)).exp()) >= at;
            match (named, holds) {
                (true, true) => right += 1.0,
                (true, false) => wrong += 1.0,
                (false, true) => missed += 1.0,
                (false, false) => {}
            }
        }
        let square = BETA * BETA;
        let f = (1.0 + square) * right / ((1.0 + square) * right + square * missed + wrong).max(1.0);
        if f > best.0 {
            best = (f, at);
        }
        at += 0.01;
    }
    best.1
}

/// Writes a model again with other calibration.
pub fn set_thresholds<const N: usize>(
    features: u32,
    bytes: Vec<u8>,
    set: impl Fn(usize, &mut Output),
) -> Vec<u8> {
    let Ok(model) = Model::<N>::parse("new", features, Cow::Owned(bytes)) else { return Vec::new() };
    let mut outputs = model.outputs().to_vec();
    for (index, output) in outputs.iter_mut().enumerate() {
        set(index, output);
    }
    Model::<N>::write(features, model.bits(), &outputs, &model.weights())
}
