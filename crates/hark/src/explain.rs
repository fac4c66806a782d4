//! `hark explain TEXT`: what Hark finds in a text, which rule decides and why the others do not.

use std::{fmt::Write as _, process::ExitCode, time::Duration};

use anstyle::{AnsiColor, Style};
use hark_rules::{DEFAULT, Decision, Facts, Memory, Owner, Router, Verdict, read::parse_duration};
use hark_schema::v1::{Mention, Sentiment, SentimentLabel, Span, SubjectKind, TraceCondition, Voice};
use jiff::Timestamp;
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::{
    cli::Context,
    config::{Config, NO_MATCH, Spoken, author},
    failure::{Failure, print},
    judge::{Judge, Working, is_owned, spoken_post},
    terminal::{self, hanging},
};

/// Arguments of `hark explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is said; quotes keep the shell from reading it
    #[arg(required_unless_present = "forms", value_name = "TEXT")]
    text: Vec<String>,
    /// List the forms under which a term is sought, by language; needs no configuration
    #[arg(long, value_name = "TERM", conflicts_with_all = ["text", "source", "author", "author_followers", "at"])]
    forms: Option<String>,
    /// As if it came from this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// As if its author had so many followers
    #[arg(long, value_name = "N")]
    author_followers: Option<u64>,
    /// As if this account had written it
    #[arg(long, value_name = "@HANDLE")]
    author: Option<String>,
    /// The language that the source claims, such as pl
    #[arg(long, value_name = "CODE")]
    lang: Option<String>,
    /// As if it were heard then, such as 2026-12-24T15:50:00+01:00 [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<Timestamp>,
    /// As if the source named this place
    #[arg(long, value_name = "NAME")]
    place: Option<String>,
    /// As if its author gave so many stars
    #[arg(long, value_name = "N", value_parser = stars)]
    rating: Option<f64>,
    #[command(flatten)]
    context: Remembered,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What is remembered of the thread and the author.
#[derive(Debug, Default, clap::Args)]
struct Remembered {
    /// As if this team had the thread
    #[arg(long, value_name = "TEAM")]
    thread_team: Option<String>,
    /// As if this person of the team had the thread
    #[arg(long, value_name = "NAME", requires = "thread_team")]
    thread_person: Option<String>,
    /// As if another post of the thread had an open item
    #[arg(long)]
    thread_open_item: bool,
    /// As if something had been offered in the thread so long ago, such as 5d
    #[arg(long, value_name = "AGE", value_parser = age)]
    thread_pitched: Option<Duration>,
    /// As if something had been offered to the author so long ago, such as 5d
    #[arg(long, value_name = "AGE", value_parser = age)]
    author_pitched: Option<Duration>,
}

fn age(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write it as 30m, 2h or 5d".to_owned())
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let why = "write day, time and offset from UTC, such as 2026-12-24T15:50:00+01:00";
    text.parse().map_err(|_| why.to_owned())
}

fn stars(text: &str) -> Result<f64, String> {
    let stars = text.parse().ok().filter(|stars| (1.0..=5.0).contains(stars));
    stars.ok_or_else(|| "write a number from 1 to 5".to_owned())
}

impl Remembered {
    fn memory(&self, at: Timestamp) -> Memory {
        let ago = |age: Option<Duration>| {
            age.map(|age| {
                at.as_millisecond().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
            })
        };
        let owner = self
            .thread_team
            .clone()
            .map(|team| Owner { team, person: self.thread_person.clone().unwrap_or_default() });
        Memory {
            owner,
            other_open_item: self.thread_open_item,
            thread_pitched_ms: ago(self.thread_pitched),
            author_pitched_ms: ago(self.author_pitched),
            now_ms: Some(at.as_millisecond()),
            ..Memory::default()
        }
    }
}

const HEAD: Style = Style::new().bold();
const FIRED: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();
const MARK: Style = AnsiColor::Cyan.on_default();

/// Explains.
///
/// # Errors
/// The configuration cannot be used, or has no source or team of the given name.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    if let Some(term) = &args.forms {
        print(&forms(term, args.lang.as_deref(), args.json)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::load(context.config_path())?;
    let known = |what: &str, whats: &str, asked: Option<&str>, names: Vec<&str>| match asked {
        Some(name) if !names.contains(&name) => {
            let failure = Failure::bad_input(format!("{} has no {what} '{name}'", config.path().display()));
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Err(failure.next(format!("its {whats} are: {names}")))
        }
        _ => Ok(()),
    };
    let sources = config.sources.iter().map(|source| source.name.as_str()).collect();
    known("source", "sources", args.source.as_deref(), sources)?;
    if let Ok(router) = config.router() {
        let teams = router.teams().map(|team| team.name.as_str()).collect();
        known("team", "teams", args.context.thread_team.as_deref(), teams)?;
        known("person", "people", args.context.thread_person.as_deref(), router.people().collect())?;
    }
    let mut spoken = Spoken::of(args.text.join(" "));
    if spoken.post.text.trim().is_empty() {
        return Err(Failure::bad_input("there is no text to explain").next("hark explain \"A TEXT\"").into());
    }
    spoken.source = args.source.unwrap_or_default();
    // Nobody asks for fractions of a second.
    let now = || Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let at = args.at.unwrap_or_else(now);
    spoken.at = Some(at);
    spoken.post.place = args.place.unwrap_or_default();
    spoken.post.rating = args.rating;
    let memory = args.context.memory(at);
    spoken.post.lang = args.lang.unwrap_or_default();
    spoken.post.author = author(args.author.unwrap_or_default(), args.author_followers);
    if args.json {
        print(&format!("{}\n", explain(&config, &spoken, &memory, |found| found.json(&spoken))?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = terminal::width();
    print(&explain(&config, &spoken, &memory, |found| found.page(&spoken, width))?)?;
    Ok(ExitCode::SUCCESS)
}

/// The forms of a term, a line for each language and word.
fn forms(term: &str, language: Option<&str>, json: bool) -> Result<String, Failure> {
    let mut forms = hark_text::forms(term, &[]);
    if let Some(wanted) = language {
        let known: Vec<&str> = forms.iter().map(|(code, _)| *code).collect();
        if !known.contains(&wanted) {
            let failure = Failure::bad_input(format!("no forms are known in the language '{wanted}'"));
            return Err(failure.next(format!("choose one of: {}", known.join(", "))));
        }
        forms.retain(|(code, _)| *code == wanted);
    }
    if json {
        let languages: serde_json::Map<String, Value> =
            forms.into_iter().map(|(language, words)| (language.to_owned(), json!(words))).collect();
        return Ok(format!("{}\n", Value::Object(languages)));
    }
    let mut page = String::new();
    for (language, words) in &forms {
        for (number, forms) in words.iter().enumerate() {
            let label = if number == 0 { language } else { "" };
            page.push_str(&format!("{HEAD}{label:<2}{HEAD:#}  {}\n", forms.join(" ")));
        }
    }
    Ok(page)
}

/// What was found and decided.
struct Explanation<'a> {
    mention: &'a Mention,
    /// The post concerns the company: it names a subject, or its source keeps everything.
    kept: bool,
    /// `None` where the configuration routes nothing.
    routed: Option<Routed<'a>>,
}

struct Routed<'a> {
    router: &'a Router,
    decision: Decision<'a>,
    verdicts: Vec<Verdict<'a>>,
}

fn explain<T>(
    config: &Config,
    spoken: &Spoken,
    memory: &Memory,
    show: impl FnOnce(&Explanation<'_>) -> T,
) -> anyhow::Result<T> {
    let judge = Judge::new(config)?;
    let mut working = Working::default();
    let post = spoken_post(config, spoken);
    let matched = judge.find(&post.title, &post.text, &mut working);
    let mention = judge.mention(&post, &mut working);
    let kept = matched || is_owned(config, spoken);
    let router = config.router().ok();
    let facts = Facts::new(&mention, &post).remembering(memory);
    let routed = router.as_deref().map(|router| Routed {
        router,
        decision: router.decide(&facts),
        verdicts: router.explain(&facts),
    });
    Ok(show(&Explanation { mention: &mention, kept, routed }))
}

impl Explanation<'_> {
    fn page(&self, spoken: &Spoken, width: usize) -> String {
        let mention = self.mention;
        let mut page = String::new();
        let text = Line::new(&spoken.post.text);
        // Marks under a text that the terminal breaks would stand under the wrong words.
        let marks = text.columns < width;
        let mut line = |text: &str| {
            page.push_str(text.trim_end());
            page.push('\n');
        };
        line(&format!("{HEAD}{}{HEAD:#}", text.text));
        let mut rows: Vec<(String, Vec<Span>)> = Vec::new();
        for found in mention.matches.iter().filter(|found| !found.in_title) {
            let subject = format!("{} ({})", found.subject, kind_name(found.kind()));
            rows.push((subject, found.span.into_iter().collect()));
        }
        for entity in &mention.entities {
            rows.push((entity.kind.clone(), entity.span.into_iter().collect()));
        }
        for intent in mention.intents.iter().filter(|intent| !intent.evidence.is_empty()) {
            rows.push((intent.name.clone(), intent.evidence.clone()));
        }
        if let Some(sentiment) = mention.sentiment.as_ref().filter(|sentiment| !sentiment.evidence.is_empty())
        {
            rows.push((label_name(sentiment).to_owned(), sentiment.evidence.clone()));
        }
        for (label, spans) in &rows {
            if marks {
                line(&format!("{MARK}{}{MARK:#}", text.marks(spans, label)));
            } else {
                line(&format!("  {MARK}{label}{MARK:#}: {}", quoted(&spoken.post.text, spans)));
            }
        }
        line("");
        line(&format!("language   {} ({:.2})", mention.language, mention.language_confidence));
        let several = mention.matches.iter().any(|found| found.subject != mention.matches[0].subject);
        let subjects: Vec<String> = mention
            .matches
            .iter()
            .map(|found| {
                // Of one subject the attitude is that of the text.
                let toward = found.sentiment.as_ref().filter(|_| several);
                let toward = toward.map_or_else(String::new, |toward| format!(" {}", label_name(toward)));
                let form = Line::new(&found.form).text;
                format!("{} ({}) as \"{form}\"{toward}", found.subject, kind_name(found.kind()))
            })
            .collect();
        line(&hanging("subjects   ", 11, or_none(&subjects).split(' '), width));
        let sentiment = mention.sentiment.as_ref().map_or_else(
            || "not judged".to_owned(),
            |sentiment| {
                format!("{} {:.2} ({:.2})", label_name(sentiment), sentiment.score, sentiment.confidence)
            },
        );
        line(&format!("sentiment  {sentiment}"));
        let intents: Vec<String> = mention
            .intents
            .iter()
            .map(|intent| format!("{} {:.2}", intent.name, intent.confidence))
            .collect();
        line(&format!("intents    {}", or_none(&intents)));
        if mention.voice() != Voice::Customer {
            line(&format!("voice      {}", voice_name(mention.voice())));
        }
        line("");
        match &self.routed {
            _ if !self.kept => {
                line(&format!(
                    "{HEAD}dropped{HEAD:#}: it names no subject ({NO_MATCH}), so that no rule is asked"
                ));
                line("           add a term under 'subjects:', or mark the source with 'scope: owned'");
            }
            None => line("the configuration has no teams, so that nothing is routed"),
            Some(routed) => routed.show(width, &mut line),
        }
        page
    }

    fn json(&self, spoken: &Spoken) -> Value {
        let mention = self.mention;
        let matches: Vec<Value> = mention
            .matches
            .iter()
            .map(|found| {
                json!({
                    "subject": found.subject, "kind": kind_name(found.kind()), "form": found.form, "term": found.term,
                    "span": found.span.map(|span| [span.start, span.end]),
                    "sentiment": found.sentiment.as_ref().map(sentiment_json),
                })
            })
            .collect();
        let intents: Vec<Value> = mention
            .intents
            .iter()
            .map(|intent| {
                json!({"name": intent.name, "confidence": rounded(intent.confidence), "evidence": spans(&intent.evidence)})
            })
            .collect();
        let entities: Vec<Value> = mention
            .entities
            .iter()
            .map(|entity| {
                json!({"kind": entity.kind, "text": entity.text, "span": entity.span.map(|span| [span.start, span.end])})
            })
            .collect();
        let routed = self.routed.as_ref().filter(|_| self.kept);
        json!({
            "text": spoken.post.text,
            "language": {"code": mention.language, "confidence": rounded(mention.language_confidence)},
            "matches": matches,
            "sentiment": mention.sentiment.as_ref().map(sentiment_json),
            "intents": intents,
            "entities": entities,
            "voice": voice_name(mention.voice()),
            "dropped": if self.kept { routed.and_then(|routed| routed.decision.drop_reason) } else { Some(NO_MATCH) },
            "item": routed.filter(|routed| routed.decision.team.is_some()).map(Routed::item_json),
            "rule": routed.map(|routed| &routed.decision.trace.rule),
            "rules": routed.map(|routed| routed.verdicts.iter().map(verdict_json).collect::<Vec<Value>>()),
        })
    }
}

impl Routed<'_> {
    /// When an answer is due, by the clock of the team that gives it.
    fn due(&self) -> Option<String> {
        self.router.local_time(self.decision.team?, self.decision.respond_by_ms?)
    }

    fn item_json(&self) -> Value {
        let decision = &self.decision;
        json!({
            "team": decision.team, "person": decision.person, "priority": decision.priority,
            "tags": decision.tags, "copies": decision.copies, "owner": decision.owner,
            "may_reply": decision.gate.may_reply, "may_pitch": decision.gate.may_pitch,
            "reasons": decision.gate.reasons, "refused": decision.refused,
            "continued": decision.trace.continued, "notes": decision.trace.notes,
            "respond_by": self.due(),
        })
    }

    fn show(&self, width: usize, line: &mut dyn FnMut(&str)) {
        let decision = &self.decision;
        let rule = &decision.trace.rule;
        match decision.team {
            Some(team) => {
                line(&format!(
                    "{FIRED}-> {team}{FIRED:#}, priority {}, by the rule \"{rule}\"",
                    decision.priority
                ));
                if let Some(person) = &decision.person {
                    line(&format!("   for {person}"));
                }
                if let Some(due) = self.due() {
                    line(&format!("   due {due}"));
                }
            }
            None => {
                let reason = decision.drop_reason.unwrap_or_default();
                line(&format!("{HEAD}dropped{HEAD:#}: {reason}, by the rule \"{rule}\""));
            }
        }
        if !decision.copies.is_empty() {
            line(&format!("   copies to {}", decision.copies.join(", ")));
        }
        if !decision.tags.is_empty() {
            line(&hanging("   tags ", 8, decision.tags.join(", ").split(' '), width));
        }
        let yes = |allowed: bool| if allowed { "yes" } else { "no" };
        let reasons = match decision.gate.reasons.is_empty() {
            true => String::new(),
            false => format!(" ({})", decision.gate.reasons.join(", ")),
        };
        let (reply, pitch) = (yes(decision.gate.may_reply), yes(decision.gate.may_pitch));
        let gate = format!("may be answered: {reply}; may be offered something: {pitch}{reasons}");
        for remark in std::iter::once(&gate).chain(&decision.trace.notes) {
            line(&hanging("   ", 3, remark.split(' '), width));
        }
        line("");
        line("rules, in their order");
        let names =
            self.verdicts.iter().map(|verdict| verdict.rule.width()).max().unwrap_or_default().min(40);
        let mut decided = false;
        for verdict in &self.verdicts {
            let name = format!("{}{}", verdict.rule, " ".repeat(names.saturating_sub(verdict.rule.width())));
            let (mark, style, remark) = match (&verdict.failure, verdict.decided) {
                (_, true) => (">", FIRED, decides(verdict)),
                (Some(failure), _) => ("-", DIM, failure.sentence.clone()),
                (None, _) if verdict.continues && !decided => {
                    ("+", FIRED, format!("adds to what follows: {}", held(&verdict.held)))
                }
                (None, _) => ("-", DIM, "not asked: an earlier rule has decided".to_owned()),
            };
            decided |= verdict.decided;
            // A name that is too long pushes only its own first line to the right.
            let (head, indent) = (format!("  {style}{mark} {name}  "), names + 6);
            // What is dim is dim to its end; of the others the rule stands out.
            let head = if style == DIM { head } else { format!("{head}{style:#}") };
            let row = hanging(&head, indent, remark.split(' '), width);
            line(&if style == DIM { format!("{row}{style:#}") } else { row });
        }
    }
}

fn decides(verdict: &Verdict<'_>) -> String {
    if verdict.rule == DEFAULT {
        "decides: no rule took it".to_owned()
    } else {
        format!("decides: {}", held(&verdict.held))
    }
}

fn held(conditions: &[TraceCondition]) -> String {
    if conditions.is_empty() {
        return "it holds for every mention".to_owned();
    }
    conditions.iter().map(|held| format!("{} ({})", held.condition, held.seen)).collect::<Vec<_>>().join(", ")
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn quoted(text: &str, spans: &[Span]) -> String {
    let piece =
        |span: &Span| text.get(span.start as usize..span.end as usize).map(|piece| format!("\"{piece}\""));
    spans.iter().filter_map(piece).collect::<Vec<_>>().join(", ")
}

/// A text on one line that knows in which column each byte is shown.
struct Line {
    text: String,
    columns: usize,
    /// Byte offset in the original and the column where its character begins.
    starts: Vec<(usize, usize)>,
}

impl Line {
    fn new(original: &str) -> Self {
        let mut line = Self { text: String::new(), columns: 0, starts: Vec::new() };
        for (at, cluster) in original.grapheme_indices(true) {
            line.starts.push((at, line.columns));
            let cluster =
                if cluster.chars().all(|c| c.is_whitespace() || c.is_control()) { " " } else { cluster };
            line.text.push_str(cluster);
            line.columns += cluster.width();
        }
        line.starts.push((original.len(), line.columns));
        line
    }

    fn column(&self, byte: u32) -> usize {
        let byte = byte as usize;
        let index =
            self.starts.partition_point(|(at, _)| *at < byte).min(self.starts.len().saturating_sub(1));
        self.starts.get(index).map_or(0, |(_, column)| *column)
    }

    /// `^^^^^` under each span, and the label behind the last one.
    fn marks(&self, spans: &[Span], label: &str) -> String {
        let mut row: Vec<char> = Vec::new();
        for span in spans {
            let (from, to) = (self.column(span.start), self.column(span.end));
            if row.len() < to {
                row.resize(to, ' ');
            }
            for mark in row.iter_mut().take(to).skip(from) {
                *mark = '^';
            }
        }
        let mut row: String = row.into_iter().collect();
        // Writing to a String cannot fail.
        write!(row, " {label}").unwrap_or_default();
        row
    }
}

fn label_name(sentiment: &Sentiment) -> &'static str {
    match sentiment.label() {
        SentimentLabel::Negative => "negative",
        SentimentLabel::Neutral => "neutral",
        SentimentLabel::Positive => "positive",
        SentimentLabel::Unspecified => "unknown",
    }
}

fn kind_name(kind: SubjectKind) -> &'static str {
    hark_rules::vocabulary::SUBJECT_KINDS
        .iter()
        .find(|(_, known)| *known == kind)
        .map_or("unknown", |(name, _)| name)
}

fn voice_name(voice: Voice) -> &'static str {
    hark_rules::vocabulary::VOICES
        .iter()
        .find(|(_, known)| *known == voice)
        .map_or("unknown", |(name, _)| name)
}

/// Confidences as people read them; the noise of f32 is of no use to anybody.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}

fn spans(spans: &[Span]) -> Vec<[u32; 2]> {
    spans.iter().map(|span| [span.start, span.end]).collect()
}

fn sentiment_json(sentiment: &Sentiment) -> Value {
    json!({
        "label": label_name(sentiment), "score": rounded(sentiment.score),
        "confidence": rounded(sentiment.confidence), "evidence": spans(&sentiment.evidence),
    })
}

fn verdict_json(verdict: &Verdict<'_>) -> Value {
    let held: Vec<Value> =
        verdict.held.iter().map(|held| json!({"condition": held.condition, "seen": held.seen})).collect();
    let failed = verdict.failure.as_ref().map(
        |failure| json!({"condition": failure.condition, "seen": failure.seen, "sentence": failure.sentence}),
    );
    json!({
        "rule": verdict.rule, "decided": verdict.decided, "continues": verdict.continues, "held": held, "failed": failed,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const CONFIG: &str = "
sources: [{name: inbox, kind: webhook, open: true, scope: owned}, {name: forum, kind: webhook, open: true}]
subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}, {name: teldra, kind: competitor, terms: [Teldra]}]
teams: {press: {}, support: {}, triage: {}}
rules:
  - {name: loud, when: {author_followers: {min: 1000}}, continue: true, tags: loud}
  - {name: from the forum, when: {source: forum}, to: support}
  - {name: known, when: {author_followers: {min: 5000}}, to: press, priority: 1, copy_to: triage}
  - {name: ours, when: {voice: own}, drop: our own post}
default: {to: triage}
voices: {own: ['@aurora']}
";

    fn config() -> Config {
        Config::from_yaml(Path::new("hark.yaml"), CONFIG).expect("it loads")
    }

    fn page(spoken: &Spoken) -> String {
        let page = explain(&config(), spoken, &Memory::default(), |found| found.page(spoken, 100))
            .expect("it explains");
        anstream::adapter::strip_str(&page).to_string()
    }

    fn said(text: &str) -> Spoken {
        Spoken::of(text)
    }

    #[test]
    fn the_page_shows_where_the_subject_stands_and_why_each_rule_did_or_did_not_hold() {
        let mut spoken = said("Zażółć: Aurora\nMotors 頑張れ Aurora Motors");
        spoken.post.author = author(String::new(), Some(9000));
        let page = page(&spoken);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[0], "Zażółć: Aurora Motors 頑張れ Aurora Motors");
        assert_eq!(lines[1], "        ^^^^^^^^^^^^^ aurora (own)");
        assert_eq!(lines[2], "                             ^^^^^^^^^^^^^ aurora (own)");
        for expected in [
            "-> press, priority 1, by the rule \"known\"",
            "   copies to triage",
            "   tags loud",
            "  + loud            adds to what follows: author_followers: 1000 or more (9000)",
            "  - from the forum  source was none, not forum",
            "  > known           decides: author_followers: 5000 or more (9000)",
            "  - ours            voice was customer, not own",
            "  - default         not asked: an earlier rule has decided",
        ] {
            assert!(lines.contains(&expected), "wanted {expected:?} in\n{page}");
        }
    }

    #[test]
    fn of_several_subjects_the_page_shows_the_attitude_toward_each() {
        let page = page(&said("Switched from Teldra to Aurora Motors"));
        let expected = "subjects   teldra (competitor) as \"Teldra\" negative, aurora (own) as \"Aurora Motors\" positive";
        assert!(page.contains(expected), "{page}");
    }

    #[test]
    fn the_page_shows_the_numbers_addresses_and_people_of_a_text() {
        let text =
            "Aurora Motors, order no. 4711234: call +48 601 234 567 or jan@norvia.example, thanks to Anna";
        let page = page(&said(text));
        for (kind, named) in [
            ("order_number", "4711234"),
            ("phone", "+48 601 234 567"),
            ("email", "jan@norvia.example"),
            ("person", "Anna"),
        ] {
            let at = text.find(named).expect("the text has it");
            let row = format!("{}{} {kind}", " ".repeat(at), "^".repeat(named.len()));
            assert!(page.lines().any(|line| line == row), "wanted {row:?} in\n{page}");
        }
    }

    #[test]
    fn a_text_wider_than_the_terminal_quotes_the_words() {
        let spoken = said(&format!("{} Aurora Motors", "word ".repeat(40)));
        assert!(page(&spoken).contains("  aurora (own): \"Aurora Motors\""), "{}", page(&spoken));
    }

    #[test]
    fn a_text_that_names_no_subject_is_dropped_unless_its_source_is_owned() {
        let spoken = said("nothing of interest");
        assert!(page(&spoken).contains("dropped: it names no subject (no_match)"), "{}", page(&spoken));
        let owned = Spoken { source: "inbox".into(), ..said("nothing of interest") };
        assert!(page(&owned).contains("-> triage, priority 3, by the rule \"default\""), "{}", page(&owned));
    }

    #[test]
    fn what_a_rule_drops_says_why() {
        let mut spoken = said("Aurora Motors opens on Monday");
        spoken.post.author = author("Aurora".to_owned(), None);
        let page = page(&spoken);
        assert!(page.contains("dropped: our own post, by the rule \"ours\""), "{page}");
        assert!(page.contains("voice      own"), "{page}");
    }

    #[test]
    fn json_has_the_decision_and_a_verdict_for_every_rule() {
        let spoken = Spoken { source: "forum".into(), ..said("Aurora Motors") };
        let json = explain(&config(), &spoken, &Memory::default(), |found| found.json(&spoken))
            .expect("it explains");
        assert_eq!(json["item"]["team"], "support");
        assert_eq!(json["rule"], "from the forum");
        assert_eq!(json["matches"][0]["span"], json!([0, 13]));
        assert_eq!(json["rules"].as_array().map(Vec::len), Some(5));
        assert_eq!(json["rules"][0]["failed"]["sentence"], "author_followers was unknown, not 1000 or more");
        let spoken = said("nobody");
        let json = explain(&config(), &spoken, &Memory::default(), |found| found.json(&spoken))
            .expect("it explains");
        assert_eq!((json["dropped"].as_str(), &json["rules"]), (Some("no_match"), &Value::Null));
    }

    const TEAMS: &str = "
subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}]
calendars: {office: {zone: Europe/Stockholm, hours: {mon-fri: 09:00-16:00}, holidays: SE}}
people: {anna: {}}
teams: {support: {calendar: office, members: [anna]}, sales: {pitches: true}, triage: {}}
rules:
  - {name: loud, when: {author_followers: {min: 5000}}, to: support, respond_within: 30m, assign: anna}
  - {name: goes on, when: {thread: {open_item: true}}, to: thread}
  - {name: offers, when: {subject: aurora}, to: sales}
default: {to: triage}
";

    fn teams() -> Config {
        Config::from_yaml(Path::new("hark.yaml"), TEAMS).expect("the configuration loads")
    }

    #[test]
    fn the_deadline_is_told_by_the_clock_of_the_team() {
        let mut spoken = said("Aurora Motors");
        spoken.at = "2026-12-24T15:50:00+01:00".parse().ok();
        spoken.post.author = author(String::new(), Some(9_000));
        let json =
            explain(&teams(), &spoken, &Memory::default(), |found| found.json(&spoken)).expect("it explains");
        // Ten minutes on the eve; Christmas is a holiday, and a weekend follows.
        assert_eq!(json["item"]["respond_by"], "2026-12-28T09:20:00+01:00");
        assert_eq!(
            (json["item"]["team"].as_str(), json["item"]["person"].as_str()),
            (Some("support"), Some("anna"))
        );
        let page = explain(&teams(), &spoken, &Memory::default(), |found| found.page(&spoken, 100))
            .expect("it explains");
        assert!(page.contains("   due 2026-12-28T09:20:00+01:00\n"), "{page}");
        assert!(page.contains("   for anna\n"), "{page}");
    }

    #[test]
    fn what_is_remembered_of_the_thread_can_be_told() {
        let spoken = said("Aurora Motors");
        let context = Remembered {
            thread_team: Some("support".to_owned()),
            thread_person: Some("anna".to_owned()),
            thread_open_item: true,
            thread_pitched: Some(Duration::from_secs(60)),
            author_pitched: None,
        };
        let memory = context.memory(Timestamp::now());
        let json = explain(&teams(), &spoken, &memory, |found| found.json(&spoken)).expect("it explains");
        assert_eq!(
            (json["rule"].as_str(), json["item"]["owner"].as_str()),
            (Some("goes on"), Some("support"))
        );
        // The first condition that failed stands beside every rule that did not decide, the gate's refusal too.
        assert_eq!(json["rules"][0]["failed"]["condition"], "author_followers: 5000 or more");
        assert_eq!(json["rules"][2]["failed"]["condition"], "the gate of sales");
        let seen = json["rules"][2]["failed"]["seen"].as_str().unwrap_or_default();
        assert!(seen.contains("pitched_in_thread"), "{seen}");
    }
}
