//! `sources:` says where posts come from.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use hark_rules::{
    Location, Problem,
    document::{Node, Value},
    read::{self, Fields},
    vocabulary::SOURCE_KINDS,
};

use super::secret::{Secret, Setting};

/// A place where posts come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its name, a slug: part of every id of its posts, and of a webhook's address.
    pub name: String,
    /// How the posts come.
    pub kind: SourceKind,
    /// Everything that is said there concerns the company, such as an inbox of its own: posts that name no subject
    /// are kept.
    pub owned: bool,
    /// The source's own document travels with the post.
    pub keep_payload: bool,
    /// What it brings was written long ago: no deadlines, and no place in the measured latency.
    pub backfill: bool,
}

/// How posts come from a source.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceKind {
    /// From files of JSON Lines.
    File {
        /// Files to read, as glob patterns; relative ones are beside the configuration already.
        paths: Vec<FilePattern>,
    },
    /// From `POST /v1/posts/<name>`.
    Webhook {
        /// Keys of Standard Webhooks signatures: one, or two while one replaces the other. Empty for none.
        secrets: Vec<Secret>,
        /// A bearer token; accepted beside signatures where both are there.
        token: Option<Secret>,
        /// Largest body in bytes, also after decompression.
        max_body: u64,
    },
    /// From an RSS, Atom or JSON feed.
    Feed {
        /// Where it is fetched; checked where it is written in the file.
        url: Setting,
        /// Time from poll to poll.
        every: Duration,
        /// It may lie in one's own network.
        allow_private: bool,
    },
}

/// What a `file` source reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePattern {
    /// Standard input, written `-`.
    Stdin,
    /// A glob pattern that is absolute or relative to the current folder.
    Glob(String),
}

/// Largest body of a webhook unless the configuration says otherwise: 1 MiB.
const DEFAULT_MAX_BODY: u64 = 1024 * 1024;
/// A body is held in memory as a whole.
const MOST_MAX_BODY: u64 = 64 * 1024 * 1024;
const LEAST_MAX_BODY: u64 = 1024;
/// What servers of feeds take for polite; more often only where one knows the server.
const DEFAULT_EVERY: Duration = Duration::from_secs(300);
const LEAST_EVERY: Duration = Duration::from_secs(10);
const MOST_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);

impl Source {
    /// Its kind as the configuration writes it.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            SourceKind::File { .. } => "file",
            SourceKind::Webhook { .. } => "webhook",
            SourceKind::Feed { .. } => "feed",
        }
    }
}

pub(super) fn read_sources(node: &Node, folder: &Path, problems: &mut Vec<Problem>) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    let mut reads_stdin = None;
    for (index, item) in read::list(node, "'sources'", problems).iter().enumerate() {
        refuse_second_stdin(item, &mut reads_stdin, problems);
        let Some(source) = read_source(item, index, folder, problems) else { continue };
        if sources.iter().any(|earlier| earlier.name == source.name) {
            problems.push(
                Problem::at(item.at, format!("two sources are named '{}'", source.name))
                    .hint("the name is part of every post's id: give each its own"),
            );
        }
        sources.push(source);
    }
    sources
}

/// Two readers of the one standard input would tear each other's lines apart.
fn refuse_second_stdin(source: &Node, first: &mut Option<Location>, problems: &mut Vec<Problem>) {
    let paths = match source.get("path") {
        Some(Node { value: Value::List(paths), .. }) => paths.as_slice(),
        Some(path) => std::slice::from_ref(path),
        None => return,
    };
    for path in paths {
        if !matches!(&path.value, Value::Scalar(scalar) if scalar.text == "-") {
            continue;
        }
        match first {
            Some(first) => problems.push(
                Problem::at(path.at, "standard input ('-') is read already")
                    .hint(format!("the other one is on line {}: keep it in one of them", first.line)),
            ),
            None => *first = Some(path.at),
        }
    }
}

fn read_source(node: &Node, index: usize, folder: &Path, problems: &mut Vec<Problem>) -> Option<Source> {
    let name = node
        .get("name")
        .and_then(|name| read::text(name, &format!("'name' of source {}", index + 1), problems));
    let what = name.map_or_else(|| format!("source {}", index + 1), |name| format!("source '{name}'"));
    let mut fields = Fields::of(node, what.as_str(), problems)?;
    let name_node = fields.require("name", problems);
    if let (Some(node), Some(name)) = (name_node, name) {
        read::slug(name, node.at, &format!("the name of {what}"), problems);
    }
    let owned = match fields.take("scope") {
        Some(node) => read::text(node, &format!("'scope' of {what}"), problems).and_then(|scope| {
            if scope != "owned" {
                let problem = Problem::at(node.at, format!("unknown scope '{scope}' in {what}"));
                problems.push(problem.hint("write 'owned', or leave the key out"));
            }
            (scope == "owned").then_some(true)
        }),
        None => Some(false),
    };
    let keep_payload = fields
        .take("keep_payload")
        .and_then(|node| read::boolean(node, &format!("'keep_payload' of {what}"), problems))
        .unwrap_or(false);
    let backfill = fields
        .take("backfill")
        .and_then(|node| read::boolean(node, &format!("'backfill' of {what}"), problems))
        .unwrap_or(false);
    let kind = read_kind(fields, &what, folder, problems);
    if keep_payload && matches!(kind, Some(SourceKind::Feed { .. })) {
        problems.push(
            Problem::at(node.at, format!("{what} is a feed and says keep_payload"))
                .hint("an entry has no document of its own; leave it out"),
        );
    }
    Some(Source { name: name?.to_owned(), kind: kind?, owned: owned?, keep_payload, backfill })
}

fn read_kind(
    mut fields: Fields<'_>,
    what: &str,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Option<SourceKind> {
    let node = fields.require("kind", problems)?;
    let kind = match read::text(node, &format!("'kind' of {what}"), problems)? {
        "file" => read_file(&mut fields, what, folder, problems),
        "webhook" => read_webhook(&mut fields, what, problems),
        "feed" => read_feed(&mut fields, what, problems),
        other => {
            let problem = Problem::at(node.at, format!("unknown kind '{other}' in {what}"));
            problems.push(problem.suggest(other, SOURCE_KINDS));
            return None;
        }
    };
    fields.finish(problems);
    kind
}

fn read_file(
    fields: &mut Fields<'_>,
    what: &str,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Option<SourceKind> {
    let label = format!("'path' of {what}");
    let node = fields.require("path", problems)?;
    let mut paths = Vec::new();
    for item in read::one_or_list(node, &label, problems) {
        let Some(path) = read::text(item, &label, problems) else { continue };
        if path == "-" {
            paths.push(FilePattern::Stdin);
            continue;
        }
        match glob::Pattern::new(path) {
            Ok(_) => paths.push(FilePattern::Glob(beside(folder, path))),
            Err(error) => {
                problems.push(Problem::at(item.at, format!("{label} is not a pattern: {}", error.msg)));
            }
        }
    }
    Some(SourceKind::File { paths })
}

/// A pattern in a folder whose own name may hold characters that a pattern gives a meaning.
fn beside(folder: &Path, pattern: &str) -> String {
    if Path::new(pattern).is_absolute() || folder.as_os_str().is_empty() {
        return pattern.to_owned();
    }
    let folder = PathBuf::from(glob::Pattern::escape(&folder.to_string_lossy()));
    folder.join(pattern).to_string_lossy().into_owned()
}

fn read_webhook(fields: &mut Fields<'_>, what: &str, problems: &mut Vec<Problem>) -> Option<SourceKind> {
    let mut secrets = Vec::new();
    let secret = fields.take("secret");
    if let Some(node) = secret {
        let label = format!("'secret' of {what}");
        let items = read::one_or_list(node, &label, problems);
        secrets.extend(items.iter().filter_map(|item| Secret::read(item, &label, problems)));
        if let Some(third) = items.get(2) {
            problems.push(
                Problem::at(third.at, format!("{label} has more than two"))
                    .hint("two are for the days in which a new one replaces the old"),
            );
        }
    }
    let token = fields.take("token");
    let open = fields
        .take("open")
        .and_then(|node| read::boolean(node, &format!("'open' of {what}"), problems))
        .unwrap_or(false);
    if secret.is_none() && token.is_none() && !open {
        problems.push(
            Problem::at(fields.at(), format!("{what} would take posts from anybody"))
                .hint("give it a 'secret' or a 'token', or say 'open: true' if that is meant"),
        );
    }
    if open && (secret.is_some() || token.is_some()) {
        let problem = Problem::at(fields.at(), format!("{what} is open and has a secret or a token"));
        problems.push(problem.hint("leave 'open' out"));
    }
    let token = token.and_then(|node| Secret::read(node, &format!("'token' of {what}"), problems));
    let max_body = match fields.take("max_body") {
        Some(node) => read_size(node, &format!("'max_body' of {what}"), problems)?,
        None => DEFAULT_MAX_BODY,
    };
    Some(SourceKind::Webhook { secrets, token, max_body })
}

fn read_feed(fields: &mut Fields<'_>, what: &str, problems: &mut Vec<Problem>) -> Option<SourceKind> {
    let label = format!("'url' of {what}");
    let url = fields.require("url", problems).and_then(|node| {
        let url = Setting::read(node, &label, problems)?;
        if let Setting::Plain(text) = &url
            && let Err(why) = hark_sources::feed::shown(text)
        {
            problems.push(
                Problem::at(node.at, format!("{label} {why}"))
                    .hint("write it as https://news.example/rss, or as \"${NAME}\" where it holds a secret"),
            );
            return None;
        }
        Some(url)
    });
    let every = match fields.take("every") {
        None => Some(DEFAULT_EVERY),
        Some(node) => read::duration(node, &format!("'every' of {what}"), problems).and_then(|every| {
            if (LEAST_EVERY..=MOST_EVERY).contains(&every) {
                return Some(every);
            }
            problems.push(
                Problem::at(node.at, format!("'every' of {what} must be from 10s to 7d"))
                    .hint("5m is what servers of feeds take for polite"),
            );
            None
        }),
    };
    let allow_private = fields
        .take("allow_private")
        .and_then(|node| read::boolean(node, &format!("'allow_private' of {what}"), problems))
        .unwrap_or(false);
    Some(SourceKind::Feed { url: url?, every: every?, allow_private })
}

/// A size in bytes: `500000`, `512KiB`, `1MiB`.
fn read_size(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<u64> {
    let text = read::text(node, what, problems)?;
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "" => Some(1),
        "KiB" => Some(1024),
        "MiB" => Some(1024 * 1024),
        _ => None,
    };
    let size =
        text[..digits].parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    match size {
        Some(size) if (LEAST_MAX_BODY..=MOST_MAX_BODY).contains(&size) => Some(size),
        _ => {
            problems.push(
                Problem::at(
                    node.at,
                    format!("{what} must be a size from 1KiB to 64MiB, not {}", node.describe()),
                )
                .hint("write it as 512KiB or 1MiB"),
            );
            None
        }
    }
}
