//! `hark label`: tags for texts on standard input, a line of JSON each, in their order.

mod evaluate;
mod line;

use std::{
    borrow::Cow,
    io::{BufRead, BufReader, Read, Write, stdin, stdout},
    ops::Range,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    thread,
};

use anyhow::Context as _;
use hark_text::{Analysis, Analyzer, Input, Match, Matcher, Scratch, Sentiment};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{cli::Context, config::Config, failure::written};

use line::Kind;

/// Lines that are read before they are judged, all threads together: a bound on memory that still keeps threads busy.
const BATCH_LINES: usize = 4096;
/// Bytes that are read before they are judged.
const BATCH_BYTES: usize = 4 << 20;
/// A longer line is refused unread.
const MAX_LINE_BYTES: usize = 1 << 20;
/// As at the sources.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Bytes read at once; what is there is judged and written before more is waited for.
const READ_BYTES: usize = 1 << 20;

/// Arguments of `hark label`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Threads that judge
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS))]
    threads: u16,
    /// Form of input and output: JSON Lines
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    format: Format,
    /// Score the tags on labelled texts, JSON Lines of {"text", "language", "sentiment", "intents"}, in place of tagging
    #[arg(long, value_name = "FILE")]
    evaluate: Option<PathBuf>,
}

/// More than any machine has, so a slip of the finger.
const MAX_THREADS: i64 = 1024;

/// Forms of input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
}

/// Labels standard input; without `--config` there are no subjects and nothing matches.
///
/// # Errors
/// The configuration cannot be used, input cannot be read or output cannot be written.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    if let Some(path) = &args.evaluate {
        return evaluate::run(path, &Analyzer::shipped()?);
    }
    let Format::Jsonl = args.format;
    let matcher = match &context.config {
        Some(path) => Config::load(path)?.matcher()?,
        None => Arc::new(Matcher::new(&[])?),
    };
    label(usize::from(args.threads), &matcher, stdin().lock(), stdout().lock(), &context.shutdown)
}

/// Reads `{"text", "language", "id"}` lines and writes one object for each, in order; a line that is no such object
/// yields `{"id": ..., "error": ...}` in its place and exit code 1 at the end. Other keys are ignored.
fn label(
    threads: usize,
    matcher: &Matcher,
    input: impl Read,
    mut output: impl Write,
    shutdown: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let judge = Judge { matcher, analyzer: Analyzer::shipped()? };
    let mut workers: Vec<Worker> = (0..threads).map(|_| Worker::default()).collect();
    let mut input = BufReader::with_capacity(READ_BYTES, input);
    let mut batch = Batch::default();
    let mut errors = 0_u64;
    while !shutdown.is_cancelled() && batch.fill(&mut input).context("cannot read the input")? {
        let share = batch.lines.len().div_ceil(workers.len());
        if workers.len() == 1 || batch.lines.len() < workers.len() {
            workers[0].label(&judge, &batch, 0..batch.lines.len());
        } else {
            thread::scope(|scope| {
                for (number, worker) in workers.iter_mut().enumerate() {
                    let from = (number * share).min(batch.lines.len());
                    let to = (from + share).min(batch.lines.len());
                    let (judge, batch) = (&judge, &batch);
                    scope.spawn(move || worker.label(judge, batch, from..to));
                }
            });
        }
        for worker in &mut workers {
            written(output.write_all(&worker.output))?;
            errors += std::mem::take(&mut worker.errors);
            worker.output.clear();
        }
        written(output.flush())?;
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Judge<'a> {
    matcher: &'a Matcher,
    analyzer: Analyzer,
}

/// Lines that are judged together.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// `None`: the line was too long.
    lines: Vec<Option<Range<usize>>>,
    /// Lines of the batches before.
    before: u64,
}

impl Batch {
    /// Reads on, as far as whole lines are there without waiting; false at the end of the input.
    fn fill(&mut self, input: &mut BufReader<impl Read>) -> std::io::Result<bool> {
        self.bytes.clear();
        self.before += self.lines.len() as u64;
        self.lines.clear();
        while self.lines.len() < BATCH_LINES && self.bytes.len() < BATCH_BYTES {
            if !self.lines.is_empty() && !input.buffer().contains(&b'\n') {
                break;
            }
            let from = self.bytes.len();
            let read = input.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut self.bytes)?;
            if read == 0 {
                break;
            }
            if self.bytes.ends_with(b"\n") || read < MAX_LINE_BYTES {
                self.lines.push(Some(from..self.bytes.len()));
            } else {
                self.bytes.truncate(from);
                skip_line(input)?;
                self.lines.push(None);
            }
        }
        Ok(!self.lines.is_empty())
    }
}

fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let length = bytes.len();
        input.consume(end.map_or(length, |end| end + 1));
        if end.is_some() {
            return Ok(());
        }
    }
}

/// What one thread needs and makes.
#[derive(Default)]
struct Worker {
    scratch: Scratch,
    found: Vec<Match>,
    output: Vec<u8>,
    errors: u64,
}

/// Borrowed from the input as far as it needs no unescaping.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    language: Option<String>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

const KEYS: &line::Keys = &[("text", Kind::NeededString), ("language", Kind::String), ("id", Kind::Any)];

/// Stands where the labels of a line would.
#[derive(Serialize)]
struct Refused<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    error: String,
}

impl Worker {
    fn label(&mut self, judge: &Judge<'_>, batch: &Batch, range: Range<usize>) {
        for (number, line) in (batch.before + 1 + range.start as u64..).zip(&batch.lines[range]) {
            let line = line.clone().map(|line| line::without_mark(number, &batch.bytes[line]));
            if let Err(why) = parse(line).and_then(|line| self.judge(judge, &line)) {
                self.errors += 1;
                let refused = Refused { id: line.and_then(line::id), error: format!("line {number}: {why}") };
                // Neither can writing to memory fail, nor has it a key that is none.
                serde_json::to_writer(&mut self.output, &refused).unwrap_or_default();
            }
            self.output.push(b'\n');
        }
    }

    fn judge(&mut self, judge: &Judge<'_>, line: &Line<'_>) -> Result<(), String> {
        let text = &*line.text;
        judge.matcher.find(text, &mut self.scratch, &mut self.found);
        let input =
            Input { text, lang_hint: line.language.as_deref(), matches: &self.found, ..Input::default() };
        let mut analysis = judge.analyzer.analyze(&input, &mut self.scratch);
        judge.matcher.add_places(&self.found, &mut analysis.entities);
        let labels = labels(judge.matcher, line, &self.found, &analysis);
        serde_json::to_writer(&mut self.output, &labels).map_err(|error| error.to_string())
    }
}

fn parse(line: Option<&[u8]>) -> Result<Line<'_>, String> {
    let line = line.ok_or_else(|| format!("it is longer than {MAX_LINE_BYTES} bytes: shorten it"))?;
    let line: Line<'_> = line::read(line, KEYS)?;
    if line.text.len() > MAX_TEXT_BYTES {
        let bytes = line.text.len();
        return Err(format!("\"text\" has {bytes} bytes: shorten it to {MAX_TEXT_BYTES} at most"));
    }
    Ok(line)
}

#[derive(Serialize)]
struct Labels<'a> {
    id: Option<&'a RawValue>,
    language: &'a str,
    #[serde(serialize_with = "short")]
    language_confidence: f32,
    sentiment: Attitude<'a>,
    intents: Vec<Intent<'a>>,
    matches: Vec<Hit<'a>>,
    entities: Vec<Entity<'a>>,
    story: u64,
}

#[derive(Serialize)]
struct Attitude<'a> {
    label: &'static str,
    #[serde(serialize_with = "short")]
    score: f32,
    #[serde(serialize_with = "short")]
    confidence: f32,
    evidence: Spans<'a>,
}

#[derive(Serialize)]
struct Intent<'a> {
    name: &'static str,
    #[serde(serialize_with = "short")]
    confidence: f32,
    evidence: Spans<'a>,
}

#[derive(Serialize)]
struct Hit<'a> {
    subject: &'a str,
    kind: &'static str,
    start: usize,
    end: usize,
    form: &'a str,
    term: &'a str,
    sentiment: Option<Attitude<'a>>,
}

#[derive(Serialize)]
struct Entity<'a> {
    kind: &'static str,
    start: usize,
    end: usize,
    text: &'a str,
}

/// `[[start, end], ...]`
struct Spans<'a>(&'a [Range<usize>]);

impl Serialize for Spans<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|span| [span.start, span.end]))
    }
}

/// Four decimals: more would be noise.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn short<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((f64::from(*value) * 1e4).round() / 1e4)
}

fn attitude(sentiment: &Sentiment) -> Attitude<'_> {
    Attitude {
        label: sentiment.label.name(),
        score: sentiment.score,
        confidence: sentiment.confidence,
        evidence: Spans(&sentiment.evidence),
    }
}

fn labels<'a>(
    matcher: &'a Matcher,
    line: &'a Line<'_>,
    found: &[Match],
    analysis: &'a Analysis,
) -> Labels<'a> {
    let hit = |(hit, toward): (&Match, &'a Option<Sentiment>)| {
        let subject = matcher.subject(hit.subject);
        Hit {
            subject: &subject.name,
            kind: subject.kind.name(),
            start: hit.start,
            end: hit.end,
            form: &line.text[hit.start..hit.end],
            term: &matcher.term(hit).text,
            sentiment: toward.as_ref().map(attitude),
        }
    };
    let entity = |entity: &'a hark_text::Entity| Entity {
        kind: entity.kind,
        start: entity.range.start,
        end: entity.range.end,
        text: &line.text[entity.range.clone()],
    };
    let intent = |intent: &'a hark_text::Intent| Intent {
        name: intent.name.name(),
        confidence: intent.confidence,
        evidence: Spans(&intent.evidence),
    };
    Labels {
        id: line.id,
        language: analysis.language,
        language_confidence: analysis.language_confidence,
        sentiment: attitude(&analysis.sentiment),
        intents: analysis.intents.iter().map(intent).collect(),
        matches: found.iter().zip(&analysis.toward).map(hit).collect(),
        entities: analysis.entities.iter().map(entity).collect(),
        story: analysis.story,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn labels_of(threads: usize, input: &str) -> (Vec<Value>, ExitCode) {
        let subject = json!({"name": "aurora", "kind": "own", "terms": ["Aurora Motors"]});
        let matcher = Matcher::new(&[serde_json::from_value(subject).unwrap()]).unwrap();
        let mut output = Vec::new();
        let code =
            label(threads, &matcher, input.as_bytes(), &mut output, &CancellationToken::new()).unwrap();
        let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        (lines.map(|line| serde_json::from_slice(line).unwrap()).collect(), code)
    }

    #[test]
    fn each_line_gets_an_object_with_every_key() {
        let (lines, code) =
            labels_of(1, "{\"id\": 7, \"text\": \"Thank you Aurora Motors, great service!\"}\n");
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
        let line = &lines[0];
        assert_eq!(line["id"], 7);
        assert_eq!(line["language"], "en");
        assert_eq!(line["sentiment"]["label"], "positive");
        assert_eq!(line["intents"][0]["name"], "praise");
        let hit = &line["matches"][0];
        assert_eq!(
            (&hit["form"], &hit["start"], &hit["end"]),
            (&"Aurora Motors".into(), &10.into(), &23.into())
        );
        assert_eq!(
            (&hit["subject"], &hit["kind"], &hit["term"]),
            (&"aurora".into(), &"own".into(), &"Aurora Motors".into())
        );
        for key in ["language_confidence", "entities", "story"] {
            assert!(!line[key].is_null(), "{key}");
        }
    }

    #[test]
    fn a_bad_line_yields_what_is_wrong_with_it_in_its_place() {
        const WANTED: &str = r#"write one object a line, {"text": ..., "language": ..., "id": ...}"#;
        for (line, id, error) in [
            (r#"{"text": "one"}"#, Value::Null, String::new()),
            (r#"{"txt": 1, "id": "a7"}"#, "a7".into(), format!("\"text\" is missing: {WANTED}")),
            (r#"["one"]"#, Value::Null, format!("a list in place of an object: {WANTED}")),
            ("not json", Value::Null, format!("it is not JSON from column 2 on: {WANTED}")),
            (r#"{"text": "on"#, Value::Null, format!("it breaks off before its JSON ends: {WANTED}")),
            (r#"{"id": 7, "text": 5}"#, 7.into(), "\"text\" is a number: write a string".to_owned()),
            (
                r#"{"text": "one", "language": ["en"], "id": {"of": 7}}"#,
                json!({"of": 7}),
                "\"language\" is a list: write a string".to_owned(),
            ),
            (
                r#"{"text": "one", "text": "two", "id": 8}"#,
                8.into(),
                "a key stands there more than once: leave one of them".to_owned(),
            ),
            ("", Value::Null, "it is empty: leave it out".to_owned()),
        ] {
            let (lines, code) = labels_of(1, &format!("{{\"text\": \"before\"}}\n{line}\n"));
            let said = lines[1]["error"].as_str().unwrap_or_default();
            assert_eq!(said.trim_start_matches("line 2: "), error, "{line}");
            assert_eq!(said.starts_with("line 2: "), !error.is_empty(), "{line}");
            assert_eq!(lines[1]["id"], id, "{line}");
            let expected = if error.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            assert_eq!(format!("{code:?}"), format!("{expected:?}"), "{line}");
        }
    }

    #[test]
    fn a_byte_order_mark_before_the_first_line_is_no_error() {
        let (lines, code) = labels_of(1, "\u{feff}{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
        assert!(lines.iter().all(|line| line["error"].is_null()), "{lines:?}");
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    }

    #[test]
    fn a_line_or_text_beyond_its_bound_is_refused_and_the_next_one_is_judged() {
        let input = format!(
            "{{\"text\": \"{}\"}}\n{{\"text\": \"{}\"}}\n{{\"text\": \"ok\"}}\n",
            "a".repeat(MAX_LINE_BYTES),
            "b".repeat(MAX_TEXT_BYTES + 1)
        );
        let (lines, _) = labels_of(1, &input);
        let errors: Vec<bool> = lines.iter().map(|line| line["error"].is_string()).collect();
        assert_eq!(errors, [true, true, false]);
    }

    #[test]
    fn threads_change_neither_order_nor_labels() {
        let line = |id| match id % 1000 {
            500 => format!("{{\"id\": {id}}}\n"),
            _ => format!("{{\"id\": {id}, \"text\": \"post {id} is good\"}}\n"),
        };
        let input: String = (0..10_000).map(line).collect();
        let (one, _) = labels_of(1, &input);
        let (four, _) = labels_of(4, &input);
        assert_eq!(one.len(), 10_000);
        assert!(one == four, "labels differ");
        assert!(one[9_500]["error"].as_str().unwrap().starts_with("line 9501: "), "{}", one[9_500]);
    }
}
