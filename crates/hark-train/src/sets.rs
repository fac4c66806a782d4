//! What the labels of each public data set mean. They are taken only as far as they honestly say what docs/labels.md defines; an
//! intent that a set says nothing about is left open.

use anyhow::{Result, bail};
use hark_text::IntentName;

use crate::data::{Attitude, Line, TagExample};

const PURCHASE: usize = IntentName::Purchase as usize;
const COMPLAINT: usize = IntentName::Complaint as usize;
const QUESTION: usize = IntentName::Question as usize;
const PRAISE: usize = IntentName::Praise as usize;
const SUGGESTION: usize = IntentName::Suggestion as usize;
const CHURN: usize = IntentName::Churn as usize;
const OUTRAGE: usize = IntentName::Outrage as usize;
const SPAM: usize = IntentName::Spam as usize;

/// A line of which nothing is known yet; its attitude will count so much.
pub fn blank(line: &Line, weight: f32) -> TagExample {
    TagExample { weight, ..TagExample::unlabelled(&line.dataset, &line.language, &line.text) }
}

/// A line of `train/sentiment.tsv.gz`.
///
/// # Errors
/// The set or the label is not known.
pub fn of_sentiment(line: &Line) -> Result<TagExample> {
    let label = match line.label.as_str() {
        "neg" => 0,
        "neu" => 1,
        "pos" => 2,
        other => bail!("sentiment `{other}` of {} is not known", line.dataset),
    };
    let dataset = line.dataset.clone();
    Ok(match dataset.as_str() {
        // Film dialogue, projected labels: noisy, and nobody there speaks to a company.
        "xed" => {
            let mut example = blank(line, 0.4);
            example.firm = Some(false);
            example.attitude = Attitude::Leans(label);
            for intent in [PURCHASE, COMPLAINT, PRAISE, SUGGESTION, CHURN, OUTRAGE, SPAM] {
                example.intents[intent] = Some(false);
            }
            example
        }
        // Sentences about doctors: a favourable one commends, an unfavourable one reports a failure.
        "polemo_med" => {
            let mut example = blank(line, 1.0);
            // About doctors; but the first outputs learn from thousands of such sentences what these are like.
            example.firm = Some(false);
            example.intent_weight = 0.3;
            example.attitude = Attitude::Is(label);
            example.intents = [Some(false); 8];
            example.intents[QUESTION] = None;
            example.intents[CHURN] = None;
            example.intents[OUTRAGE] = if label == 0 { None } else { Some(false) };
            example.intents[SUGGESTION] = None;
            example.intents[COMPLAINT] = if label == 1 { Some(false) } else { Some(label == 0) };
            example.intents[PRAISE] = if label == 1 { None } else { Some(label == 2) };
            example
        }
        "redv1" => {
            let mut example = blank(line, 1.0);
            example.firm = Some(false);
            example.attitude = Attitude::Is(label);
            for intent in [PURCHASE, CHURN, SPAM] {
                example.intents[intent] = Some(false);
            }
            if label != 0 {
                example.intents[COMPLAINT] = Some(false);
                example.intents[OUTRAGE] = Some(false);
            }
            if label != 2 {
                example.intents[PRAISE] = Some(false);
            }
            example
        }
        other => bail!("data set `{other}` is not known: say in sets.rs what its labels mean"),
    })
}

/// A line of `train/intents.tsv.gz`.
///
/// # Errors
/// The set is not known.
pub fn of_intents(line: &Line) -> Result<TagExample> {
    let label = line.label.clone();
    let asks = line.text.contains('?');
    Ok(match line.dataset.as_str() {
        "goemotions" => of_emotions(line),
        "banking77" => {
            let mut example = blank(line, 0.5);
            example.intent_weight = 0.15;
            for intent in [PRAISE, SUGGESTION, SPAM, OUTRAGE] {
                example.intents[intent] = Some(false);
            }
            if asks {
                example.intents[QUESTION] = Some(true);
            }
            // The customer reports that something failed.
            let fails = [
                "not_working",
                "declined",
                "charged",
                "wrong_",
                "not_received",
                "not_updated",
                "extra_charge",
                "swallowed",
                "not_recognised",
                "not_showing",
                "failed",
                "reverted",
                "fee_charged",
                "not_arrived",
                "delay",
            ];
            if fails.iter().any(|part| label.contains(part)) {
                example.intents[COMPLAINT] = Some(true);
            }
            let buys = ["getting", "order_", "visa_or", "get_", "apply", "top_up_by", "supported", "spare"];
            if !buys.iter().any(|begin| label.starts_with(begin)) {
                example.intents[PURCHASE] = Some(false);
            }
            example.intents[CHURN] = Some(label == "terminate_account");
            example
        }
        "clinc150" => {
            let mut example = blank(line, 0.5);
            example.intent_weight = 0.15;
            for intent in [PRAISE, SUGGESTION, SPAM, OUTRAGE, CHURN] {
                example.intents[intent] = Some(false);
            }
            let buys =
                ["book_flight", "book_hotel", "restaurant_reservation", "car_rental", "order", "new_card"];
            let near = [
                "suggestion",
                "uber",
                "shopping",
                "insurance",
                "maintenance",
                "reserv",
                "cancel",
                "oos",
                "thank",
            ];
            if buys.contains(&label.as_str()) {
                example.intents[PURCHASE] = Some(true);
            } else if !near.iter().any(|part| label.contains(part)) {
                example.intents[PURCHASE] = Some(false);
            }
            let fails = ["fraud", "damaged", "declined", "oos", "lost", "blocked", "dispute"];
            if !fails.iter().any(|part| label.contains(part)) {
                example.intents[COMPLAINT] = Some(false);
            }
            example
        }
        "purchase" => {
            let mut example = blank(line, 1.0);
            example.intent_weight = 1.0;
            example.intents[PURCHASE] = Some(label == "purchase");
            example
        }
        "sms_spam" => {
            let mut example = blank(line, 0.5);
            example.intent_weight = 0.3;
            example.intents[SPAM] = Some(label == "spam");
            for intent in [OUTRAGE, CHURN, COMPLAINT, SUGGESTION] {
                example.intents[intent] = Some(false);
            }
            if label == "spam" {
                example.attitude = Attitude::Is(1);
                example.intents[PURCHASE] = Some(false);
            }
            example
        }
        // Quarrels about politics, sport and people: not the company's business, however rough.
        "poleval_cyber" | "komentarze" | "ro_offense" => {
            let harsh = !matches!(label.as_str(), "harmless" | "other");
            let mut example = blank(line, 0.0);
            example.firm = Some(false);
            for intent in [PURCHASE, COMPLAINT, CHURN, OUTRAGE, SPAM] {
                example.intents[intent] = Some(false);
            }
            if harsh {
                example.intents[PRAISE] = Some(false);
                example.intents[SUGGESTION] = Some(false);
            }
            example
        }
        other => bail!("data set `{other}` is not known: say in sets.rs what its labels mean"),
    })
}

/// Reddit comments: between people, so that thanks are no praise of a firm; but a fair sample of what is no intent.
fn of_emotions(line: &Line) -> TagExample {
    const GOOD: [&str; 12] = [
        "admiration",
        "amusement",
        "approval",
        "caring",
        "desire",
        "excitement",
        "gratitude",
        "joy",
        "love",
        "optimism",
        "pride",
        "relief",
    ];
    const BAD: [&str; 11] = [
        "anger",
        "annoyance",
        "disappointment",
        "disapproval",
        "disgust",
        "embarrassment",
        "fear",
        "grief",
        "nervousness",
        "remorse",
        "sadness",
    ];
    let emotions: Vec<&str> = line.label.split(',').collect();
    let good = emotions.iter().any(|emotion| GOOD.contains(emotion));
    let bad = emotions.iter().any(|emotion| BAD.contains(emotion));
    let asks = line.text.contains('?');
    let advises = ["should", "could", "would", "wish", "add"].iter().any(|word| line.text.contains(word));
    let mut example = blank(line, 0.6);
    example.firm = Some(false);
    example.attitude = match (good, bad) {
        (true, true) => Attitude::Unknown,
        (true, false) => Attitude::Is(2),
        (false, true) => Attitude::Is(0),
        (false, false) => Attitude::Is(1),
    };
    for intent in [PURCHASE, CHURN, SPAM, OUTRAGE] {
        example.intents[intent] = Some(false);
    }
    if !bad {
        example.intents[COMPLAINT] = Some(false);
    }
    if !good {
        example.intents[PRAISE] = Some(false);
    }
    if !asks {
        example.intents[QUESTION] = Some(false);
    }
    if !advises {
        example.intents[SUGGESTION] = Some(false);
    }
    example
}
