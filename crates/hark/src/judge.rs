//! What a post says, as a `Mention`: the part of enrich that needs no log, so that `explain`, `test` and the stage judge
//! alike.

use std::{borrow::Cow, collections::HashMap, ops::Range, sync::Arc};

use hark_schema::{
    splice::{self, Malformed, POST_PAYLOAD, POST_TEXT, POST_TITLE},
    v1::{self, Mention, RawPost, Span, Voice},
};
use hark_sources::raw_post;
use hark_text::{Analyzer, Input, Match, Matcher, Scratch};

use crate::config::{Config, ConfigError, Spoken, Voices};

/// Judges posts; shared by reference between threads.
#[derive(Debug, Clone)]
pub struct Judge {
    matcher: Arc<Matcher>,
    analyzer: Arc<Analyzer>,
    voices: Accounts,
    config_revision: String,
    redact: bool,
}

/// Space that is used again for each post, one for each thread.
#[derive(Debug, Default)]
pub struct Working {
    scratch: Scratch,
    in_text: Vec<Match>,
    in_title: Vec<Match>,
}

/// Why there is no judge.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The configuration names nothing to listen for.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A model is damaged.
    #[error(transparent)]
    Model(#[from] hark_text::ModelError),
}

impl Judge {
    /// The judge of a configuration, with the models that are built in.
    ///
    /// # Errors
    /// There are no subjects, or a model is damaged.
    pub fn new(config: &Config) -> Result<Self, JudgeError> {
        Ok(Self {
            matcher: config.matcher()?,
            analyzer: Arc::new(Analyzer::shipped()?),
            voices: Accounts::new(&config.voices),
            config_revision: config.revision.clone(),
            redact: config.redact,
        })
    }

    /// The bytes of a `RawPost` as they are passed on: as they came, or with personal data masked where the configuration
    /// says `redact: true`.
    ///
    /// # Errors
    /// The bytes are no message.
    pub fn passed_on<'a>(&self, post: &'a [u8]) -> Result<Cow<'a, [u8]>, Malformed> {
        if !self.redact {
            return Ok(Cow::Borrowed(post));
        }
        let mut masked = post.to_vec();
        splice::write_over(&mut masked, POST_TEXT, hark_text::redact)?;
        splice::write_over(&mut masked, POST_TITLE, hark_text::redact)?;
        splice::write_over(&mut masked, POST_PAYLOAD, hark_text::redact_document)?;
        Ok(Cow::Owned(masked))
    }

    /// Looks for the subjects; whether any is named. [`Judge::mention`] uses what this found.
    pub fn find(&self, title: &str, text: &str, working: &mut Working) -> bool {
        let Working { scratch, in_text, in_title } = working;
        in_text.clear();
        in_title.clear();
        if !title.is_empty() {
            self.matcher.find(title, scratch, in_title);
        }
        self.matcher.find(text, scratch, in_text);
        !in_text.is_empty() || !in_title.is_empty()
    }

    /// What a post says, after [`Judge::find`] has looked at it. Ids, op and the post itself are left to the caller.
    pub fn mention(&self, post: &RawPost, working: &mut Working) -> Mention {
        let Working { scratch, in_text, in_title } = working;
        let input = Input {
            text: &post.text,
            title: &post.title,
            lang_hint: (!post.lang.is_empty()).then_some(&*post.lang),
            rating: post.rating,
            matches: in_text,
        };
        let mut analysis = self.analyzer.analyze(&input, scratch);
        self.matcher.add_places(in_text, &mut analysis.entities);
        let titled = in_title.iter().map(|found| self.wire_match(found, &post.title, None, true));
        let toward = analysis.toward.into_iter().chain(std::iter::repeat(None));
        let texted = in_text
            .iter()
            .zip(toward)
            .map(|(found, toward)| self.wire_match(found, &post.text, toward, false));
        let author = post.author.as_ref();
        let views = post.engagement.as_ref().and_then(|engagement| engagement.views);
        let intents = analysis.intents.into_iter().map(|intent| v1::Intent {
            name: intent.name.name().to_owned(),
            confidence: intent.confidence,
            evidence: intent.evidence.into_iter().map(span).collect(),
        });
        let entities = analysis.entities.into_iter().map(|entity| v1::Entity {
            kind: entity.kind.to_owned(),
            text: match self.redact && hark_text::PERSONAL.contains(&entity.kind) {
                true => String::new(),
                false => post.text.get(entity.range.clone()).unwrap_or_default().to_owned(),
            },
            span: Some(span(entity.range)),
        });
        Mention {
            matches: titled.chain(texted).collect(),
            language: analysis.language.to_owned(),
            language_confidence: analysis.language_confidence,
            sentiment: Some(wire_sentiment(analysis.sentiment)),
            intents: intents.collect(),
            entities: entities.collect(),
            reach: author.and_then(|author| author.followers).max(views),
            voice: self.voices.of(author).into(),
            story: analysis.story,
            model_revision: self.analyzer.revision().to_owned(),
            config_revision: self.config_revision.clone(),
            ..Mention::default()
        }
    }

    /// Looks for the subjects and the voice in a mention that was judged by another configuration; whether any subject is
    /// named. What the models found stays, the sentiment toward a subject where its name is the same.
    pub fn listen_anew(&self, mention: &mut Mention, post: &RawPost, working: &mut Working) -> bool {
        let found = self.find(&post.title, &post.text, working);
        let Working { in_text, in_title, .. } = working;
        let toward = |found: &Match| {
            let name = &self.matcher.subject(found.subject).name;
            mention.matches.iter().find(|known| known.subject == *name)?.sentiment.clone()
        };
        let anew = |found: &Match, text, in_title| {
            let mut anew = self.wire_match(found, text, None, in_title);
            anew.sentiment = toward(found);
            anew
        };
        let titled = in_title.iter().map(|found| anew(found, &post.title, true));
        let matches = titled.chain(in_text.iter().map(|found| anew(found, &post.text, false))).collect();
        mention.matches = matches;
        mention.voice = self.voices.of(post.author.as_ref()).into();
        found
    }

    fn wire_match(
        &self,
        found: &Match,
        text: &str,
        toward: Option<hark_text::Sentiment>,
        in_title: bool,
    ) -> v1::Match {
        let subject = self.matcher.subject(found.subject);
        v1::Match {
            subject: subject.name.clone(),
            kind: wire_kind(subject.kind).into(),
            span: Some(span(found.start..found.end)),
            form: text.get(found.start..found.end).unwrap_or_default().to_owned(),
            term: self.matcher.term(found).text.clone(),
            sentiment: toward.map(wire_sentiment),
            in_title,
        }
    }
}

/// Accounts that are no customers, by their folded handle.
#[derive(Debug, Clone, Default)]
struct Accounts(HashMap<String, Voice>);

impl Accounts {
    fn new(voices: &Voices) -> Self {
        let sides = [
            (&voices.own, Voice::Own),
            (&voices.staff, Voice::Staff),
            (&voices.competitor, Voice::Competitor),
        ];
        let accounts =
            sides.into_iter().flat_map(|(handles, voice)| handles.iter().map(move |handle| (handle, voice)));
        Self(accounts.map(|(handle, voice)| (fold_handle(handle), voice)).collect())
    }

    fn of(&self, author: Option<&v1::Author>) -> Voice {
        let handle = author.map(|author| fold_handle(&author.handle)).filter(|handle| !handle.is_empty());
        handle.and_then(|handle| self.0.get(&handle).copied()).unwrap_or(Voice::Customer)
    }
}

/// A handle as it is compared: without `@`, letter case and diacritics.
pub fn fold_handle(handle: &str) -> String {
    hark_text::fold(handle.trim().trim_start_matches('@'))
}

fn wire_kind(kind: hark_text::SubjectKind) -> v1::SubjectKind {
    match kind {
        hark_text::SubjectKind::Own => v1::SubjectKind::Own,
        hark_text::SubjectKind::Product => v1::SubjectKind::Product,
        hark_text::SubjectKind::Competitor => v1::SubjectKind::Competitor,
        hark_text::SubjectKind::Person => v1::SubjectKind::Person,
        hark_text::SubjectKind::Place => v1::SubjectKind::Place,
        hark_text::SubjectKind::Topic => v1::SubjectKind::Topic,
    }
}

fn wire_sentiment(sentiment: hark_text::Sentiment) -> v1::Sentiment {
    let label = match sentiment.label {
        hark_text::SentimentLabel::Negative => v1::SentimentLabel::Negative,
        hark_text::SentimentLabel::Neutral => v1::SentimentLabel::Neutral,
        hark_text::SentimentLabel::Positive => v1::SentimentLabel::Positive,
    };
    v1::Sentiment {
        label: label.into(),
        score: sentiment.score,
        confidence: sentiment.confidence,
        evidence: sentiment.evidence.into_iter().map(span).collect(),
    }
}

fn span(range: Range<usize>) -> Span {
    // A text has at most 64 KiB.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: offset(range.start), end: offset(range.end) }
}

/// A post that nobody wrote, of a test or of `hark explain`, as its source would have handed it over.
pub fn spoken_post(config: &Config, spoken: &Spoken) -> RawPost {
    let reference = v1::PostRef {
        tenant: config.tenant().unwrap_or_default().to_owned(),
        source: spoken.source.clone(),
        instance: spoken.post.instance.clone(),
        native_id: spoken.post.id.clone(),
    };
    let source = config.source(&spoken.source);
    let provenance = v1::Provenance {
        connector: source.map_or("", |source| source.kind_name()).to_owned(),
        backfill: source.is_some_and(|source| source.backfill),
        ..v1::Provenance::default()
    };
    raw_post(spoken.post.clone(), reference, provenance, spoken.at)
}

/// Whether a post that names no subject is kept, because everything said at its source concerns the company.
pub fn is_owned(config: &Config, spoken: &Spoken) -> bool {
    config.source(&spoken.source).is_some_and(|source| source.owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hark_schema::Message as _;

    use super::*;

    fn judge(yaml: &str) -> Judge {
        Judge::new(&Config::from_yaml(Path::new("hark.yaml"), yaml).unwrap()).unwrap()
    }

    #[test]
    fn what_is_said_at_a_source_of_an_archive_is_marked_as_from_there() {
        let config = "sources: [{name: old, kind: file, path: old.jsonl, backfill: true}, {name: new, kind: file, path: new.jsonl}]";
        let config = Config::from_yaml(Path::new("hark.yaml"), config).unwrap();
        for (source, backfill) in [("old", true), ("new", false), ("", false)] {
            let spoken = Spoken { source: source.to_owned(), ..Spoken::of("words") };
            assert_eq!(spoken_post(&config, &spoken).provenance.unwrap().backfill, backfill, "{source}");
        }
    }

    #[test]
    fn personal_data_are_masked_in_what_is_passed_on_and_only_there() {
        const SUBJECTS: &str = "subjects: [{name: aurora, kind: own, terms: [Aurora]}]\n";
        let post = RawPost {
            text: "Aurora, dzwoń: 601 234 567".to_owned(),
            title: "jan@aurora.example".to_owned(),
            payload: br#"{"tel": "601 234 567", "id": 601234567}"#.to_vec(),
            ..RawPost::default()
        };
        let bytes = post.encode_to_vec();
        assert_eq!(judge(SUBJECTS).passed_on(&bytes).unwrap(), bytes, "without the key");
        let judge = judge(&format!("{SUBJECTS}redact: true\n"));
        let passed = RawPost::decode(&*judge.passed_on(&bytes).unwrap()).unwrap();
        assert_eq!(passed.text, "Aurora, dzwoń: *** *** ***");
        assert_eq!(passed.title, "******************");
        assert_eq!(passed.payload, br#"{"tel": "*** *** ***", "id": 601234567}"#);
        let mut working = Working::default();
        assert!(judge.find(&post.title, &post.text, &mut working));
        let mention = judge.mention(&post, &mut working);
        let phone = mention.entities.iter().find(|entity| entity.kind == "phone").unwrap();
        assert_eq!((phone.text.as_str(), &post.text[16..27]), ("", "601 234 567"));
    }
}
