//! The closed words of the configuration and what they stand for.

use hark_schema::v1::{SentimentLabel, SubjectKind, Visibility, Voice};

/// An intent that the models know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intent(u8);

impl Intent {
    pub const COUNT: usize = INTENTS.len();

    pub fn named(name: &str) -> Option<Self> {
        let index = INTENTS.iter().position(|intent| *intent == name)?;
        u8::try_from(index).ok().map(Self)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    pub fn name(self) -> &'static str {
        INTENTS[self.index()]
    }
}

/// The intents by name, as `docs/labels.md` defines them.
pub const INTENTS: [&str; 8] =
    ["purchase", "complaint", "question", "praise", "suggestion", "churn", "outrage", "spam"];

/// Kinds of subject by their names in the configuration.
pub const SUBJECT_KINDS: [(&str, SubjectKind); 6] = [
    ("own", SubjectKind::Own),
    ("product", SubjectKind::Product),
    ("competitor", SubjectKind::Competitor),
    ("person", SubjectKind::Person),
    ("place", SubjectKind::Place),
    ("topic", SubjectKind::Topic),
];

/// Sentiment labels by name.
pub const SENTIMENTS: [(&str, SentimentLabel); 3] = [
    ("negative", SentimentLabel::Negative),
    ("neutral", SentimentLabel::Neutral),
    ("positive", SentimentLabel::Positive),
];

/// Voices by name.
pub const VOICES: [(&str, Voice); 4] = [
    ("customer", Voice::Customer),
    ("own", Voice::Own),
    ("staff", Voice::Staff),
    ("competitor", Voice::Competitor),
];

/// Visibilities by name.
pub const VISIBILITIES: [(&str, Visibility); 4] = [
    ("public", Visibility::Public),
    ("unlisted", Visibility::Unlisted),
    ("followers", Visibility::Followers),
    ("direct", Visibility::Direct),
];

/// Kinds of things that are found in a text.
pub const ENTITIES: [&str; 7] = ["person", "order_number", "phone", "email", "iban", "card", "money"];

/// The kinds of source that a configuration may have.
pub const SOURCE_KINDS: [&str; 3] = ["feed", "file", "webhook"];

/// What a language is called when it was not recognised.
pub const UNDETERMINED: &str = "und";

/// Languages with a two-letter code (ISO 639-1) and their English names.
pub const LANGUAGES: [(&str, &str); 70] = [
    ("af", "afrikaans"),
    ("ar", "arabic"),
    ("az", "azerbaijani"),
    ("be", "belarusian"),
    ("bg", "bulgarian"),
    ("bn", "bengali"),
    ("bs", "bosnian"),
    ("ca", "catalan"),
    ("cs", "czech"),
    ("cy", "welsh"),
    ("da", "danish"),
    ("de", "german"),
    ("el", "greek"),
    ("en", "english"),
    ("eo", "esperanto"),
    ("es", "spanish"),
    ("et", "estonian"),
    ("eu", "basque"),
    ("fa", "persian"),
    ("fi", "finnish"),
    ("fr", "french"),
    ("ga", "irish"),
    ("gl", "galician"),
    ("he", "hebrew"),
    ("hi", "hindi"),
    ("hr", "croatian"),
    ("hu", "hungarian"),
    ("hy", "armenian"),
    ("id", "indonesian"),
    ("is", "icelandic"),
    ("it", "italian"),
    ("ja", "japanese"),
    ("ka", "georgian"),
    ("kk", "kazakh"),
    ("ko", "korean"),
    ("lb", "luxembourgish"),
    ("lt", "lithuanian"),
    ("lv", "latvian"),
    ("mk", "macedonian"),
    ("mn", "mongolian"),
    ("ms", "malay"),
    ("mt", "maltese"),
    ("nb", "bokmal"),
    ("nl", "dutch"),
    ("nn", "nynorsk"),
    ("no", "norwegian"),
    ("pl", "polish"),
    ("pt", "portuguese"),
    ("ro", "romanian"),
    ("ru", "russian"),
    ("sk", "slovak"),
    ("sl", "slovenian"),
    ("sq", "albanian"),
    ("sr", "serbian"),
    ("sv", "swedish"),
    ("sw", "swahili"),
    ("ta", "tamil"),
    ("te", "telugu"),
    ("th", "thai"),
    ("tl", "tagalog"),
    ("tr", "turkish"),
    ("uk", "ukrainian"),
    ("ur", "urdu"),
    ("uz", "uzbek"),
    ("vi", "vietnamese"),
    ("yi", "yiddish"),
    ("zh", "chinese"),
    ("zu", "zulu"),
    ("ku", "kurdish"),
    (UNDETERMINED, "undetermined"),
];

/// The code that somebody meant who wrote a language's name or its code in capitals.
pub(crate) fn language_meant(written: &str) -> Option<&'static str> {
    let lower = written.to_lowercase();
    LANGUAGES.iter().find(|(code, name)| *name == lower || *code == lower).map(|(code, _)| *code)
}
