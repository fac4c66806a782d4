//! Training of the language model.

use std::collections::BTreeMap;

use hark_text::{
    fold,
    language::{LANGUAGE_FEATURES_VERSION, LANGUAGES, language_features, letters, norm},
    model::{Model, Shift},
};

use crate::{
    data::LanguageExample,
    linear::{Features, Linear, Settings},
};

/// What is told apart. Bosnian texts count as Croatian and Malay ones as Indonesian; the rest has too few texts.
const CODES: [&str; 30] = [
    "pl", "sv", "it", "ro", "en", "de", "fr", "es", "pt", "nl", "da", "nb", "fi", "cs", "sk", "hu", "bg",
    "ru", "el", "tr", "hr", "sr", "sl", "et", "is", "vi", "id", "he", "ar", "zh",
];

/// How training goes.
pub const SETTINGS: Settings = Settings { bits: &[16], kept: &[32_768], epochs: 4, rate: 0.15 };

/// Of the order of the texts.
const SEED: u64 = 0x5eed_cafe;

/// Least probability at which a language is named.
const THRESHOLD: f32 = 0.4;

pub fn train(examples: &[LanguageExample]) -> Vec<u8> {
    let mut features = Features::default();
    let mut targets = Vec::new();
    let mut counts = BTreeMap::new();
    let mut buffer = Vec::new();
    for example in examples {
        let code = match example.language.as_str() {
            "no" => "nb",
            "bs" => "hr",
            "ms" => "id",
            other => other,
        };
        let Some(target) = CODES.iter().position(|known| *known == code) else { continue };
        *counts.entry(target).or_insert(0_u32) += 1;
        let folded = fold(&example.text);
        // People leave diacritics out, and write in capitals or half a sentence.
        let short = start_of(&example.text);
        for (text, weight) in [(example.text.as_str(), 1.0), (folded.as_str(), 0.4), (short, 0.5)] {
            if text != example.text || weight == 1.0 {
                add(&mut features, text, &mut buffer);
                targets.push((target, example.weight * weight));
            }
        }
    }
    // A language with few texts must not vanish beside English, nor count as much as it.
    let weight = |target: usize| (3000.0 / f64::from(counts[&target])).sqrt().clamp(0.3, 2.0) as f32;
    let order: Vec<u32> = (0..).take(features.len()).collect();
    let fit = |features: &Features| {
        let mut model = Linear::<LANGUAGES>::new(SETTINGS, &[1.0], [1.0; LANGUAGES], LANGUAGES);
        model.train(features, &order, SEED, |index, scores| {
            let (target, own) = targets[index];
            let mut slopes = softmax(scores);
            slopes[target] -= 1.0;
            slopes.map(|slope| slope * own * weight(target))
        });
        model
    };
    let kept = fit(&features).heaviest(&features, &order);
    features.retain(&kept);
    let model = fit(&features);
    let (mut outputs, tables, weights) = model.quantise(&CODES);
    for output in &mut outputs {
        output.threshold = THRESHOLD;
    }
    let shifts: [Shift<LANGUAGES>; 0] = [];
    Model::write(LANGUAGE_FEATURES_VERSION, &outputs, &tables, &shifts, &weights)
}

fn start_of(text: &str) -> &str {
    let words = text.char_indices().filter(|(_, c)| c.is_whitespace()).nth(3);
    words.map_or(text, |(at, _)| &text[..at])
}

fn add(features: &mut Features, text: &str, buffer: &mut Vec<u8>) {
    letters(text, buffer);
    let mut count = 0;
    language_features(buffer, |hash| {
        features.push(0, hash, SETTINGS.bits);
        count += 1;
    });
    features.end(([norm(count); 2], [0.0; 2]));
}

fn softmax(scores: &[f32; LANGUAGES]) -> [f32; LANGUAGES] {
    let mut odds = [0.0; LANGUAGES];
    let known = &scores[..CODES.len()];
    let highest = known.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (odds, score) in odds.iter_mut().zip(known) {
        *odds = (score - highest).exp();
    }
    let total: f32 = odds.iter().sum();
    odds.map(|odds| odds / total)
}
