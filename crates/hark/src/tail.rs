//! `hark tail`: the records of a topic, as they are or as they come.

pub mod show;

use std::io;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use hark_log::{From, Log, Reader};
use jiff::{Span, SpanRelativeTo, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::cli::Context;
use crate::config::Config;
use crate::failure::{self, Failure};
use crate::log;
use crate::topics::Topic;

/// How long one look at the log may take: it bounds how late a shutdown is noticed.
const LOOK: Duration = Duration::from_millis(200);
/// A topic whose name is at least so close to what was written is suggested (Jaro-Winkler, 0 to 1).
const CLOSE: f64 = 0.8;

/// Arguments of `hark tail`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The topic, with or without the prefix: queue.sales
    topic: String,
    /// Where to begin: start, end, an offset in every partition, a time ago such as 2h or 30m, or a moment such as
    /// 2026-05-04T09:30:00Z or 2026-05-04T11:30:00+02:00 [default: end; with --until-end: start]
    #[arg(long, value_name = "start|end|OFFSET|AGO|TIME")]
    from: Option<Begin>,
    /// Stop at the end instead of waiting for more
    #[arg(long)]
    until_end: bool,
    /// How each record is written
    #[arg(long, default_value = "text")]
    format: Format,
}

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line for people.
    Text,
    /// One JSON object a line, the whole record.
    Json,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Begin {
    Start,
    End,
    Offset(i64),
    Ago(Duration),
    /// The first record written then or later.
    Moment(Timestamp),
}

impl FromStr for Begin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mistake = || {
            format!(
                "'{text}' is not start, end, an offset such as 1200, a time ago such as 2h or 30m, or a moment with its offset \
                 from UTC such as 2026-05-04T09:30:00Z"
            )
        };
        match text {
            "start" => return Ok(Self::Start),
            "end" => return Ok(Self::End),
            _ => {}
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return text.parse().map(Self::Offset).map_err(|_| mistake());
        }
        if let Ok(moment) = text.parse() {
            return Ok(Self::Moment(moment));
        }
        ago(text).map(Self::Ago).map_err(|_| mistake())
    }
}

/// A time ago: `2h`, `30m`, `3d`.
pub fn ago(text: &str) -> Result<Duration, String> {
    let mistake = || format!("'{text}' is not a time ago such as 2h, 30m or 3d");
    let span: Span = text.parse().map_err(|_| mistake())?;
    let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| mistake())?;
    Duration::try_from(ago).map_err(|_| mistake())
}

impl Begin {
    fn at(self, now: Timestamp) -> From {
        match self {
            Self::Start => From::Start,
            Self::End => From::End,
            Self::Offset(offset) => From::Offset(offset),
            Self::Ago(ago) => {
                let ago_ms = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
                From::Timestamp(now.as_millisecond().saturating_sub(ago_ms).max(0))
            }
            Self::Moment(moment) => From::Timestamp(moment.as_millisecond().max(0)),
        }
    }
}

/// Prints the records of a topic until its end, Ctrl-C, or until nobody reads on.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    let log = log::open_to_read(&config, &context.shutdown)?;
    let topic = find(&args.topic, &config.topic_prefix, &*log)?;
    let begin = args.from.unwrap_or(if args.until_end { Begin::Start } else { Begin::End });
    let mut reader =
        log.reader(&topic, begin.at(Timestamp::now())).with_context(|| format!("cannot read {topic}"))?;

    let message = Topic::named(&topic, &config.topic_prefix).and_then(|topic| topic.message());
    let printer = show::Printer::new(topic.clone(), message, args.format);
    tracing::info!(topic, "reading");
    let out = io::BufWriter::new(io::stdout().lock());
    follow(&mut *reader, &printer, out, args.until_end, &context.shutdown)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes record after record until shutdown, or the end where that is wanted.
fn follow(
    reader: &mut dyn Reader,
    printer: &show::Printer,
    mut out: impl io::Write,
    until_end: bool,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    while !shutdown.is_cancelled() {
        let mut result = Ok(());
        let at_end = reader
            .read(LOOK, &mut |record| {
                if result.is_ok() {
                    result = out.write_all(printer.line(record).as_bytes());
                }
            })
            .context("cannot read on")?;
        failure::written(result.and_then(|()| out.flush()))?;
        if at_end && until_end {
            break;
        }
    }
    Ok(())
}

/// The whole name of the topic that was meant.
fn find(asked: &str, prefix: &str, log: &dyn Log) -> anyhow::Result<String> {
    let mut names: Vec<_> =
        log.topics().context("cannot list the topics")?.into_iter().map(|topic| topic.name).collect();
    names.sort();
    choose(asked, prefix, &names).map_err(anyhow::Error::from)
}

fn choose(asked: &str, prefix: &str, names: &[String]) -> Result<String, Failure> {
    for whole in [asked.to_owned(), format!("{prefix}.{asked}")] {
        if names.contains(&whole) {
            return Ok(whole);
        }
    }
    let short =
        |name: &str| name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
    let ours: Vec<_> = names.iter().filter_map(|name| short(name)).collect();
    if ours.is_empty() {
        return Err(Failure::bad_input(format!("no topic {asked}: this log has no topics of {prefix} yet"))
            .next(
                "hark up makes them; on Kafka: hark topics create. If they are there, this login may not see them: docs/kafka.md, \
                 logins and rights",
            ));
    }
    let written = short(asked).unwrap_or_else(|| asked.to_owned());
    let likeness = |name: &str| strsim::jaro_winkler(&written, name);
    let closest =
        ours.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|name| likeness(name) >= CLOSE);
    let guess = closest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    Err(Failure::bad_input(format!("no topic {asked}{guess}"))
        .next(format!("choose one of: {}", ours.join(", "))))
}

#[cfg(test)]
mod tests {
    use hark_log::Output;
    use hark_log::embedded::{EmbeddedLog, Options};
    use hark_schema::Message as _;
    use hark_schema::v1::RawPost;

    use super::*;

    #[test]
    fn a_beginning_is_a_word_an_offset_a_time_ago_or_a_moment() {
        for (text, begin) in [
            ("start", Some(Begin::Start)),
            ("end", Some(Begin::End)),
            ("0", Some(Begin::Offset(0))),
            ("1200", Some(Begin::Offset(1200))),
            ("2h", Some(Begin::Ago(Duration::from_secs(7200)))),
            ("90s", Some(Begin::Ago(Duration::from_secs(90)))),
            ("3d", Some(Begin::Ago(Duration::from_secs(3 * 86_400)))),
            ("1h30m", Some(Begin::Ago(Duration::from_secs(5400)))),
            ("1970-01-01T00:00:07Z", Some(Begin::Moment(Timestamp::from_second(7).unwrap()))),
            ("1970-01-01T01:00:07.5+01:00", Some(Begin::Moment(Timestamp::from_millisecond(7500).unwrap()))),
            // Whose clock would that be?
            ("1970-01-01T00:00:07", None),
            ("1970-01-01", None),
            ("1970-13-01T00:00:07Z", None),
            ("-5", None),
            ("yesterday", None),
            ("", None),
            ("99999999999999999999", None),
            ("1month", None),
        ] {
            assert_eq!(text.parse::<Begin>().ok(), begin, "{text}");
        }
    }

    /// An embedded log with `records` posts on its one topic.
    fn log_of(records: usize) -> (tempfile::TempDir, EmbeddedLog) {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path(), Options::default()).unwrap();
        log.create_topics(&[Topic::Posts.spec("hark", 2, None)]).unwrap();
        let posts: Vec<_> = (0..records)
            .map(|n| Output {
                topic: "hark.posts".into(),
                partition: u32::try_from(n % 2).unwrap(),
                key: n.to_string().into_bytes(),
                value: Some(RawPost { text: format!("post {n}"), ..RawPost::default() }.encode_to_vec()),
                headers: Vec::new(),
                timestamp_ms: Some(i64::try_from(n).unwrap() * 1000),
            })
            .collect();
        log.producer("test").unwrap().commit(&posts).unwrap();
        (folder, log)
    }

    fn tail(log: &EmbeddedLog, begin: Begin, out: impl io::Write) -> anyhow::Result<()> {
        let now = Timestamp::from_second(10).unwrap();
        let mut reader = log.reader("hark.posts", begin.at(now)).unwrap();
        let printer = show::Printer::new("hark.posts".to_owned(), Some("RawPost"), Format::Json);
        follow(&mut *reader, &printer, out, true, &CancellationToken::new())
    }

    #[test]
    fn a_tail_shows_every_record_from_its_beginning_to_the_end_and_stops() {
        let (_folder, log) = log_of(10);
        for (begin, expected) in [
            (Begin::Start, vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (Begin::End, vec![]),
            // In each of the two partitions.
            (Begin::Offset(3), vec![6, 7, 8, 9]),
            // Records are a second apart, and it is the tenth second.
            (Begin::Ago(Duration::from_secs(3)), vec![7, 8, 9]),
            (Begin::Moment(Timestamp::from_second(7).unwrap()), vec![7, 8, 9]),
            (Begin::Moment(Timestamp::from_second(11).unwrap()), vec![]),
        ] {
            let mut out = Vec::new();
            tail(&log, begin, &mut out).unwrap();
            let lines = String::from_utf8(out).unwrap();
            let mut seen: Vec<u64> = lines
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
                .map(|record| record["key"].as_str().unwrap().parse().unwrap())
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, expected, "{begin:?}");
        }
    }

    #[test]
    fn a_tail_ends_quietly_when_nobody_reads_on() {
        struct Closed;
        impl io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (_folder, log) = log_of(3);
        let ended = tail(&log, Begin::Start, Closed).unwrap_err();
        assert_eq!(failure::report(&ended), ExitCode::SUCCESS);
    }

    #[test]
    fn a_topic_is_found_with_and_without_its_prefix() {
        let names = ["hark.posts".to_owned(), "hark.queue.sales".to_owned(), "other".to_owned()];
        for asked in ["queue.sales", "hark.queue.sales"] {
            assert_eq!(choose(asked, "hark", &names).unwrap(), "hark.queue.sales");
        }
        assert_eq!(choose("other", "hark", &names).unwrap(), "other");
    }

    #[test]
    fn an_unknown_topic_is_answered_with_those_that_are_there() {
        let names = ["hark.posts".to_owned(), "hark.queue.sales".to_owned()];
        let failure = choose("queue.slaes", "hark", &names).unwrap_err();
        assert_eq!(failure.to_string(), "no topic queue.slaes; did you mean queue.sales?");
        let failure = choose("zzz", "hark", &names).unwrap_err();
        assert_eq!(failure.to_string(), "no topic zzz");
    }
}
