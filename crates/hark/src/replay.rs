//! `hark replay`: routes the mentions of the last days once more, in memory, by the configuration in use and by a new
//! one, and tells what would go elsewhere. Reads the log and writes nothing.

mod report;
mod side;
mod tally;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hark_log::{From, Record};
use hark_rules::read::parse_duration;
use hark_schema::{Message as _, id::Id, v1::Mention};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::Context,
    config::Config,
    failure::{Failure, print},
    log, terminal,
    topics::Topic,
};
use report::Report;
use side::{Read, Side};
use tally::Tally;

/// How long one look at the log may take: it bounds how late Ctrl-C is noticed.
const LOOK: Duration = Duration::from_millis(200);
/// How often somebody at a terminal hears how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Arguments of `hark replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration to try in place of --config
    #[arg(long, value_name = "FILE")]
    new: PathBuf,
    /// How far back: a time ago such as 7d or 12h, or a moment such as 2026-11-18T00:00:00Z
    #[arg(long, value_name = "AGO|TIME", default_value = "7d")]
    since: Since,
    /// Examples of each move that are shown
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=50))]
    examples: u16,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(ago) = parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        let moment = text.parse().map(Self::At);
        moment.map_err(|_| {
            format!(
                "'{text}' is neither a time ago such as 7d or 12h nor a moment such as 2026-11-18T00:00:00Z"
            )
        })
    }
}

impl Since {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

/// Replays and reports.
///
/// # Errors
/// One of the configurations cannot be used, or the log cannot be read.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let old = Config::load(context.config_path())?;
    let new = Config::load(&args.new)?;
    let began = Instant::now();
    let since = args.since.at(Timestamp::now());
    let Some(tally) = replay(&old, &new, since, usize::from(args.examples), &context.shutdown)? else {
        return Err(Failure::runtime("stopped before the end").into());
    };
    let report = Report { old: &old, new: &new, since, tally: &tally, took: began.elapsed() };
    if args.json {
        print(&format!("{}\n", report.json()))?;
    } else {
        print(&report.page(terminal::width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Routes everything since then by both; `None` if Ctrl-C came first.
fn replay(
    old: &Config,
    new: &Config,
    since: Timestamp,
    examples: usize,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Tally>> {
    let mut sides = [Side::of(old)?, Side::trying(new, old)?];
    let mut tally = Tally::new(examples);
    let log = log::open_to_read(old, shutdown)?;
    let topic = Topic::Mentions.name(&old.topic_prefix);
    let mut reader = log
        .reader(&topic, From::Timestamp(since.as_millisecond()))
        .with_context(|| format!("cannot read {topic}"))?;
    let mut progress = Progress::new();
    loop {
        if shutdown.is_cancelled() {
            return Ok(None);
        }
        let at_end = reader
            .read(LOOK, &mut |record| route(record, &mut sides, &mut tally))
            .with_context(|| format!("cannot read on in {topic}"))?;
        if at_end {
            progress.end();
            return Ok(Some(tally));
        }
        progress.tell(tally.records());
    }
}

fn route(record: &Record<'_>, sides: &mut [Side; 2], tally: &mut Tally) {
    let mention = record.value.map(Mention::decode);
    let (Some(Ok(mut mention)), Some(id)) = (mention, record.key.and_then(Id::from_hex)) else {
        // Route would have made a dead letter of it.
        tally.unreadable();
        return;
    };
    let post = mention.post.take().unwrap_or_default();
    let [old, new] = sides;
    let read = Read { id, mention: &mention, post: &post, timestamp_ms: record.timestamp_ms };
    let (before, after) = (old.place(&read), new.place(&read));
    tally.add(id, &mention, &post, before, after);
}

/// A line that is written over and over, on a terminal only.
struct Progress {
    told: Instant,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { told: Instant::now(), shown: false }
    }

    fn tell(&mut self, records: u64) {
        if self.told.elapsed() < PROGRESS_EVERY || !io::stderr().is_terminal() {
            return;
        }
        self.told = Instant::now();
        self.shown = true;
        // Where that fails nobody watches.
        write!(io::stderr(), "\r{} mentions read", report::thousands(records)).unwrap_or_default();
    }

    fn end(&self) {
        if self.shown {
            write!(io::stderr(), "\r\x1b[K").unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hark_log::{
        Log as _, Output,
        embedded::{EmbeddedLog, Options},
    };
    use hark_schema::{
        id::mention_id,
        partition,
        v1::{Author, Intent, Op, PostRef, RawPost},
    };

    use super::*;

    const NOW: &str = "
subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}]
teams: {sales: {}, support: {}, triage: {}}
rules:
  - {name: buys, when: {intent: purchase}, to: sales}
  - {name: angry, when: {intent: complaint}, to: support}
default: {to: triage}
";

    /// Number, operation, text, intent, seconds since 1970.
    type Said = (u32, Op, &'static str, &'static str, i64);

    const LOG: [Said; 8] = [
        (1, Op::Create, "before the time that is asked for", "purchase", 10),
        (2, Op::Create, "Aurora Motors, where can I buy?", "purchase", 100),
        (3, Op::Create, "Aurora Motors broke it", "complaint", 200),
        (4, Op::Create, "Aurora Motors broke it too", "complaint", 300),
        // Only its last version counts.
        (3, Op::Edit, "Aurora Motors, all is well", "", 400),
        (5, Op::Create, "Aurora Motors is gone", "complaint", 500),
        (5, Op::Delete, "", "", 600),
        (6, Op::Create, "Hello to Borealis Cars", "", 700),
    ];

    fn record(&(number, op, text, intent, second): &Said) -> Output {
        let post = RawPost {
            r#ref: Some(PostRef {
                source: "forum".to_owned(),
                native_id: number.to_string(),
                ..PostRef::default()
            }),
            text: text.to_owned(),
            url: format!("https://forum.example/{number}"),
            author: Some(Author { handle: "@rita".to_owned(), ..Author::default() }),
            ..RawPost::default()
        };
        let id = mention_id(post.r#ref.as_ref().unwrap()).to_string();
        let intents = [intent].into_iter().filter(|intent| !intent.is_empty());
        let intents =
            intents.map(|name| Intent { name: name.to_owned(), confidence: 0.9, evidence: Vec::new() });
        let mention = Mention {
            mention_id: id.clone(),
            thread_id: id.clone(),
            op: op.into(),
            post: (op != Op::Delete).then_some(post),
            language: "en".to_owned(),
            intents: intents.collect(),
            ..Mention::default()
        };
        Output {
            topic: "hark.mentions".into(),
            partition: partition::of_key(id.as_bytes(), 3),
            key: id.into_bytes(),
            value: Some(mention.encode_to_vec()),
            headers: Vec::new(),
            timestamp_ms: Some(second * 1000),
        }
    }

    /// The log above, replayed by the rules above and by these.
    fn replayed<T>(new: &str, show: impl FnOnce(&Report<'_>) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(&folder.path().join("data"), Options::default()).unwrap();
        log.create_topics(&[Topic::Mentions.spec("hark", 3, None)]).unwrap();
        let mut outputs: Vec<Output> = LOG.iter().map(record).collect();
        outputs.push(Output { key: b"not an id".to_vec(), ..outputs[2].clone() });
        log.producer("test").unwrap().commit(&outputs).unwrap();
        let config = |name: &str, yaml: &str| {
            Config::from_yaml(
                Path::new(name),
                &format!("log: {{data: {}}}\n{yaml}", folder.path().join("data").display()),
            )
            .unwrap()
        };
        let (old, new) = (config("hark.yaml", NOW), config("new.yaml", new));
        let since = Timestamp::from_second(50).unwrap();
        let tally = replay(&old, &new, since, 2, &CancellationToken::new()).unwrap().unwrap();
        show(&Report { old: &old, new: &new, since, tally: &tally, took: Duration::from_millis(1_250) })
    }

    fn page(new: &str) -> Vec<String> {
        let page = replayed(new, |report| report.page(60));
        let plain = anstream::adapter::strip_str(&page).to_string();
        plain.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_report_says_what_would_move_from_where_to_where_with_examples() {
        let new = NOW
            .replace("to: sales}", "to: sales, priority: 1}")
            .replace("to: support}", "drop: not now}")
            .replace("default: {to: triage}", "default: {to: support}");
        let page = page(&new);
        assert!(
            page[0].starts_with("4 mentions since 1970-01-01 ") && page[0].ends_with("(8 records in 1.2 s)"),
            "{page:#?}"
        );
        for expected in [
            "  1 record is no mention and was left out",
            "3 would move, 75.0 %",
            "triage  -> support            2",
            "support -> dropped (not now)  1",
            "    Aurora Motors broke it too",
            "    Hello to Borealis Cars",
            "of those that stay, these would change: priority of 1",
            "where mentions are        now        new",
            "support                     1          2         +1",
            "triage                      2          0         -2",
            "dropped (not now)           0          1         +1",
        ] {
            assert!(page.iter().any(|line| line == expected), "{expected}\n{page:#?}");
        }
        assert!(
            !page.iter().any(|line| line.contains("Aurora Motors broke it") && !line.contains("too")),
            "{page:#?}"
        );
    }

    #[test]
    fn the_same_rules_move_nothing() {
        let page = page(&format!("# In other words.\n{NOW}"));
        assert!(page.contains(&"none would move".to_owned()), "{page:#?}");
        assert!(!page.iter().any(|line| line.starts_with("where mentions are")), "{page:#?}");
    }

    /// Posts given by number, number of the thread's first post, and intent; a second apart, all by one author.
    fn replayed_thread(new: &str, posts: &[(u32, u32, &'static str)]) -> Tally {
        let configs = [NOW, new].map(|yaml| Config::from_yaml(Path::new("hark.yaml"), yaml).unwrap());
        let mut sides = [Side::of(&configs[0]).unwrap(), Side::trying(&configs[1], &configs[0]).unwrap()];
        let mut tally = Tally::new(1);
        for (second, &(number, thread, intent)) in (100..).zip(posts) {
            let output = record(&(number, Op::Create, "Aurora Motors", intent, second));
            let mut mention = Mention::decode(&*output.value.unwrap()).unwrap();
            let root = record(&(thread, Op::Create, "", "", 0));
            mention.thread_id = String::from_utf8(root.key).unwrap();
            let value = mention.encode_to_vec();
            let record = Record {
                partition: 0,
                offset: 0,
                timestamp_ms: second * 1000,
                key: Some(&output.key),
                value: Some(&value),
                headers: hark_log::HeadersRef::Empty,
            };
            route(&record, &mut sides, &mut tally);
        }
        tally
    }

    #[test]
    fn a_thread_stays_with_its_owner_by_either_configuration() {
        let new = NOW.replace(
            "{name: buys, when: {intent: purchase}, to: sales}",
            "{name: buys, when: {intent: purchase}, to: support}",
        );
        let tally = replayed_thread(&new, &[(1, 1, "purchase"), (2, 1, ""), (3, 3, "")]);
        let moves: Vec<_> = tally
            .moves()
            .iter()
            .map(|found| (tally::name(found.from), tally::name(found.to), found.count))
            .collect();
        // The answer in the thread goes where the thread is.
        assert_eq!(moves, [("sales".to_owned(), "support".to_owned(), 2)]);
    }

    #[test]
    fn whoever_was_offered_something_is_not_asked_again_in_the_replay_either() {
        let new = NOW.replace("sales: {}", "sales: {pitches: true}");
        let tally = replayed_thread(&new, &[(1, 1, "purchase"), (2, 2, "purchase")]);
        let moves: Vec<_> = tally
            .moves()
            .iter()
            .map(|found| (tally::name(found.from), tally::name(found.to), found.count))
            .collect();
        assert_eq!(moves, [("sales".to_owned(), "triage".to_owned(), 1)]);
    }

    #[test]
    fn other_subjects_are_looked_for_anew() {
        let new = NOW
            .replace(
                "name: aurora, kind: own, terms: [Aurora Motors]",
                "name: borealis, kind: competitor, terms: [Borealis Cars]",
            )
            .replace("rules:", "rules:\n  - {name: rivals, when: {subject: borealis}, to: support}");
        let json = replayed(&new, |report| report.json());
        assert_eq!(json["moved"], 4, "{json}");
        let to = |place: &serde_json::Value| {
            let moves = json["moves"].as_array().unwrap();
            moves
                .iter()
                .filter(|found| found["to"] == *place)
                .map(|found| found["mentions"].as_u64().unwrap())
                .sum::<u64>()
        };
        // Whoever named only what is not listened for any more is not heard.
        assert_eq!(to(&serde_json::json!({"dropped": "no_match"})), 3, "{json}");
        assert_eq!(to(&serde_json::json!({"team": "support"})), 1, "{json}");
        assert_eq!(json["notes"].as_array().map(Vec::len), Some(2), "{json}");
    }

    #[test]
    fn a_beginning_is_a_time_ago_or_a_moment() {
        let now = Timestamp::from_second(100_000).unwrap();
        for (text, second) in [
            ("1d", Some(13_600)),
            ("1h30m", Some(94_600)),
            ("1970-01-01T00:00:07Z", Some(7)),
            ("yesterday", None),
            ("7", None),
        ] {
            let since = text.parse::<Since>().ok().map(|since| since.at(now).as_second());
            assert_eq!(since, second, "{text}");
        }
    }
}
