//! `hark.yaml`: read once, checked as a whole, every mistake reported with its line and column.
//!
//! What a command does not need may be absent: [`Config::load`] checks what is there, and the accessors
//! ([`Config::tenant`], [`Config::router`], ...) refuse what is missing when somebody asks for it.

mod expectations;
mod log;
mod secret;
mod sources;
mod subjects;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use hark_rules::{
    Known, Location, Problem, Router, Routing,
    document::{Node, Value},
    read::{self, Fields},
};
use hark_schema::v1;
use hark_text::{Matcher, MatcherError, Subject};

pub use expectations::{Key, NO_MATCH, NONE, Spoken, Test, Want, author};
pub use log::{KafkaSettings, LogConfig};
pub use secret::{Secret, Setting};
pub use sources::{FilePattern, Source, SourceKind};
pub use subjects::Voices;

/// Where webhooks and metrics are served unless the configuration says otherwise.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8787);

/// What the names of topics, groups and transactional ids begin with unless the configuration says otherwise.
pub const DEFAULT_TOPIC_PREFIX: &str = "hark";

/// A configuration, checked. Sections that were absent are empty or at their defaults.
#[derive(Debug)]
pub struct Config {
    path: PathBuf,
    tenant: Option<String>,
    /// Begins the names of topics, groups and transactional ids.
    pub topic_prefix: String,
    /// Where the records live.
    pub log: LogConfig,
    /// Where posts come from.
    pub sources: Vec<Source>,
    /// What is listened for.
    pub subjects: Vec<Subject>,
    matcher: Option<Arc<Matcher>>,
    /// Accounts that are not customers.
    pub voices: Voices,
    router: Option<Arc<Router>>,
    /// Personal data are masked in what is passed on.
    pub redact: bool,
    /// Where webhooks and metrics are served.
    pub http: Http,
    /// What `hark test` runs.
    pub tests: Vec<Test>,
    /// Files that it names and that decide as well: iCalendar files, lists of handles.
    pub files: Vec<PathBuf>,
    pem_files: Vec<PemFile>,
    /// 12 hexadecimal digits of BLAKE3 over the meaning: layout, comments and the order of keys do not count.
    pub revision: String,
}

/// A certificate or key that the configuration names. It is looked for by what uses it: rules are tested where it does not lie.
#[derive(Debug)]
struct PemFile {
    /// `log.kafka.tls` or `http.tls`.
    section: String,
    key: &'static str,
    at: Location,
    path: PathBuf,
}

/// Where webhooks and metrics are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The address.
    pub listen: SocketAddr,
    /// It was written in the file: in use by another, it is an error; the default gives way to a free port.
    pub set: bool,
    /// Encrypted with this certificate.
    pub tls: Option<HttpTls>,
}

/// PEM files of a certificate with its chain, and of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTls {
    /// The certificate, then those that signed it.
    pub certificate: PathBuf,
    /// Not encrypted.
    pub key: PathBuf,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: DEFAULT_LISTEN, set: false, tls: None }
    }
}

/// A configuration that cannot be used. `Display` has one line for each problem, `hark.yaml:14:5: what; remedy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    path: PathBuf,
    /// All that is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration cannot be used")?,
            count => write!(f, "the configuration cannot be used: {count} problems")?,
        }
        for problem in &self.problems {
            let separator = if problem.location.is_some() { ":" } else { ": " };
            write!(f, "\n{}{separator}{problem}", self.path.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A configuration is written by hand; one of this size is a mistake.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let refuse = |problem| ConfigError { path: path.to_owned(), problems: vec![problem] };
        let size = std::fs::metadata(path).map(|metadata| metadata.len()).unwrap_or_default();
        if size > MAX_BYTES {
            return Err(refuse(Problem::nowhere(format!(
                "the file has {size} bytes, more than {MAX_BYTES}"
            ))));
        }
        let bytes = std::fs::read(path).map_err(|error| {
            let problem = Problem::nowhere(format!("cannot be read: {error}"));
            refuse(match error.kind() {
                std::io::ErrorKind::NotFound => {
                    problem.hint("'hark init' writes one; --config names another")
                }
                _ => problem,
            })
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            refuse(Problem::nowhere(format!("line {line} is not UTF-8")).hint("save the file as UTF-8"))
        })?;
        Self::from_yaml(path, &text)
    }

    /// Checks the text of a configuration; `path` is its name in messages, and relative paths start at its folder.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_yaml(path: &Path, yaml: &str) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let config = match Node::parse(yaml) {
            Ok(document) => read_document(path, &document, &mut problems),
            Err(found) => {
                problems = found;
                None
            }
        };
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => {
                problems.sort_by_key(|problem| problem.location);
                Err(ConfigError { path: path.to_owned(), problems })
            }
        }
    }

    /// The file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The company that the records belong to.
    ///
    /// # Errors
    /// The configuration does not say.
    pub fn tenant(&self) -> Result<&str, ConfigError> {
        self.tenant.as_deref().ok_or_else(|| self.missing("tenant", "name your company: tenant: aurora"))
    }

    /// What finds the subjects.
    ///
    /// # Errors
    /// The configuration has no subjects.
    pub fn matcher(&self) -> Result<Arc<Matcher>, ConfigError> {
        let hint = "say what to listen for: subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}]";
        self.matcher.clone().ok_or_else(|| self.missing("subjects", hint))
    }

    /// The rules.
    ///
    /// # Errors
    /// The configuration has neither teams nor rules nor a default.
    pub fn router(&self) -> Result<Arc<Router>, ConfigError> {
        let hint = "name a team and make it the default: teams: {triage: {}} and default: {to: triage}";
        self.router.clone().ok_or_else(|| self.missing("teams", hint))
    }

    /// Every secret that the file names.
    pub fn secrets(&self) -> Vec<&Secret> {
        let mut secrets = self.log.secrets();
        for source in &self.sources {
            match &source.kind {
                SourceKind::Webhook { secrets: keys, token, .. } => secrets.extend(keys.iter().chain(token)),
                SourceKind::Feed { url: Setting::Variable(url), .. } => secrets.push(url),
                SourceKind::Feed { .. } | SourceKind::File { .. } => {}
            }
        }
        secrets
    }

    /// A source by its name.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// Whether the certificates and keys that `log` or `http` names can be read here.
    ///
    /// # Errors
    /// Those that cannot.
    pub fn look_for_files(&self, of: &str) -> Result<(), ConfigError> {
        let unreadable = |file: &PemFile| {
            let error = std::fs::File::open(&file.path).err()?;
            let (key, section, path) = (file.key, &file.section, file.path.display());
            let problem =
                Problem::at(file.at, format!("'{key}' of '{section}' cannot be read from {path}: {error}"));
            Some(problem.hint("name a PEM file that this user may read"))
        };
        let of_section = self.pem_files.iter().filter(|file| file.section.starts_with(of));
        let problems: Vec<Problem> = of_section.filter_map(unreadable).collect();
        if problems.is_empty() { Ok(()) } else { Err(self.refuse(problems)) }
    }

    /// An error about this file, such as a secret that is not set.
    pub fn refuse(&self, problems: Vec<Problem>) -> ConfigError {
        ConfigError { path: self.path.clone(), problems }
    }

    /// An error about a section that this command needs.
    pub fn missing(&self, key: &str, hint: &str) -> ConfigError {
        self.refuse(vec![Problem::nowhere(format!("the key '{key}' is missing")).hint(hint)])
    }
}

fn read_document(path: &Path, document: &Node, problems: &mut Vec<Problem>) -> Option<Config> {
    if document.value == Value::Null {
        problems.push(Problem::nowhere("the file is empty").hint("'hark init' writes one to start from"));
        return None;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut fields = Fields::of(document, "the configuration", problems)?;
    let tenant = fields.take("tenant").and_then(|node| {
        let tenant = read::text(node, "'tenant'", problems)?;
        read::slug(tenant, node.at, "'tenant'", problems).then(|| tenant.to_owned())
    });
    let topic_prefix = match fields.take("topic_prefix") {
        Some(node) => read_prefix(node, problems),
        None => Some(DEFAULT_TOPIC_PREFIX.to_owned()),
    };
    let log = match fields.take("log") {
        Some(node) => LogConfig::read(node, folder, problems),
        None => Some(LogConfig::default_in(folder)),
    };
    let source_list = fields.take("sources");
    let sources = source_list.map_or_else(Vec::new, |node| sources::read_sources(node, folder, problems));
    let subject_list = fields.take("subjects");
    let before = problems.len();
    let subjects = subject_list.map_or_else(Vec::new, |node| subjects::read_subjects(node, problems));
    let subjects_good = problems.len() == before;
    let matcher = match subject_list {
        Some(node) if subjects_good => read_matcher(node, &subjects, problems),
        _ => None,
    };
    let voices = match fields.take("voices") {
        Some(node) => subjects::read_voices(node, problems),
        None => Some(Voices::default()),
    };
    let redact = match fields.take("redact") {
        Some(node) => read::boolean(node, "'redact'", problems).unwrap_or(false),
        None => false,
    };
    let routing = Routing::take(&mut fields);
    let files = read_files(&routing, folder);
    let router = if routing.is_absent() {
        None
    } else {
        read_router(&routing, subject_list, source_list, &files, problems)
    };
    let http = match fields.take("http") {
        Some(node) => read_http(node, folder, problems),
        None => Some(Http::default()),
    };
    let tests = match fields.take("tests") {
        Some(node) => {
            let names = expectations::Names {
                sources: sources.iter().map(|source| source.name.as_str()).collect(),
                subjects: subjects.iter().map(|subject| subject.name.as_str()).collect(),
                router: router.as_deref(),
            };
            expectations::read_tests(node, &names, problems)
        }
        None => Vec::new(),
    };
    fields.finish(problems);
    // What stands in the files decides as well.
    let mut meaning = document.canonical();
    for (path, read) in &files {
        meaning.push_str(&format!("{path:?}:{read:?}"));
    }
    Some(Config {
        path: path.to_owned(),
        tenant,
        topic_prefix: topic_prefix?,
        log: log?,
        sources,
        subjects,
        matcher,
        voices: voices?,
        redact,
        router,
        http: http?,
        tests,
        files: files.keys().map(|path| folder.join(path)).collect(),
        pem_files: pem_files(document, folder),
        revision: blake3::hash(meaning.as_bytes()).to_hex()[..12].to_owned(),
    })
}

fn pem_files(document: &Node, folder: &Path) -> Vec<PemFile> {
    let sections: [(&[&str], &[&'static str]); 2] = [
        (&["log", "kafka", "tls"], &["ca", "certificate", "key"]),
        (&["http", "tls"], &["certificate", "key"]),
    ];
    let mut files = Vec::new();
    for (section, keys) in sections {
        let Some(tls) = section.iter().try_fold(document, |node, key| node.get(key)) else { continue };
        for key in keys {
            let Some(Node { value: Value::Scalar(path), at }) = tls.get(key) else { continue };
            let (section, path) = (section.join("."), folder.join(&path.text));
            files.push(PemFile { section, key, at: *at, path });
        }
    }
    files
}

/// Topics may have letters, digits, dots, hyphens and underscores; teams and `.queue.` need room behind it.
fn read_prefix(node: &Node, problems: &mut Vec<Problem>) -> Option<String> {
    const MAX: usize = 100;
    let prefix = read::text(node, "'topic_prefix'", problems)?;
    let good = prefix.len() <= MAX
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        && !prefix.starts_with('.')
        && !prefix.ends_with('.');
    if !good {
        problems.push(
            Problem::at(
                node.at,
                format!("'topic_prefix' must be at most {MAX} letters, digits, dots, hyphens or underscores"),
            )
            .hint("it may not begin or end with a dot"),
        );
    }
    good.then(|| prefix.to_owned())
}

fn read_matcher(node: &Node, subjects: &[Subject], problems: &mut Vec<Problem>) -> Option<Arc<Matcher>> {
    match Matcher::new(subjects) {
        Ok(matcher) => Some(Arc::new(matcher)),
        Err(error) => {
            let (MatcherError::NoTerms { subject }
            | MatcherError::Empty { subject, .. }
            | MatcherError::TooLong { subject, .. }
            | MatcherError::TooShortToMisspell { subject, .. }) = &error;
            let index = subjects.iter().position(|known| known.name == *subject);
            let at = match (&node.value, index) {
                (Value::List(items), Some(index)) => items.get(index).map_or(node.at, |item| item.at),
                _ => node.at,
            };
            problems.push(Problem::at(at, error.to_string()));
            None
        }
    }
}

/// The files that rules look into, by their names as written.
fn read_files(routing: &Routing, folder: &Path) -> BTreeMap<String, Result<String, String>> {
    let read = |name: &str| {
        let path = folder.join(name);
        let size = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
        if size > MAX_BYTES {
            return Err(format!("it has {size} bytes, more than {MAX_BYTES}"));
        }
        std::fs::read_to_string(&path).map_err(|error| error.to_string())
    };
    routing.files().into_iter().map(|name| (name.clone(), read(&name))).collect()
}

/// The names are taken as written, also from entries with problems of their own, so that a rule that uses one is not
/// reported on top.
fn read_router(
    routing: &Routing,
    subjects: Option<&Node>,
    sources: Option<&Node>,
    files: &BTreeMap<String, Result<String, String>>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Router>> {
    let texts = |list: Option<&Node>, key: &str| -> Vec<String> {
        let Some(Node { value: Value::List(items), .. }) = list else { return Vec::new() };
        let text = |item: &Node| match &item.get(key)?.value {
            Value::Scalar(scalar) => Some(scalar.text.trim().to_owned()),
            _ => None,
        };
        items.iter().filter_map(text).collect()
    };
    let subjects =
        texts(subjects, "name").into_iter().map(|name| (name, v1::SubjectKind::Unspecified)).collect();
    let (sources, source_kinds) = (texts(sources, "name"), texts(sources, "kind"));
    match Router::new(routing, &Known { subjects, sources, source_kinds, files: files.clone() }) {
        Ok(router) => Some(Arc::new(router)),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}

fn read_http(node: &Node, folder: &Path, problems: &mut Vec<Problem>) -> Option<Http> {
    let mut fields = Fields::of(node, "'http'", problems)?;
    let listen = fields.take("listen");
    let tls = fields.take("tls").map(|node| read_http_tls(node, folder, problems));
    fields.finish(problems);
    let tls = match tls {
        Some(tls) => Some(tls?),
        None => None,
    };
    let Some(node) = listen else { return Some(Http { tls, ..Http::default() }) };
    let written = read::text(node, "'listen' of 'http'", problems)?;
    let Ok(listen) = written.parse() else {
        problems.push(
            Problem::at(node.at, format!("'listen' of 'http' is not an address and a port: '{written}'"))
                .hint(
                    "write it as \"127.0.0.1:8787\", or \"0.0.0.0:8787\" to be reached from other machines",
                ),
        );
        return None;
    };
    Some(Http { listen, set: true, tls })
}

fn read_http_tls(node: &Node, folder: &Path, problems: &mut Vec<Problem>) -> Option<HttpTls> {
    let mut fields = Fields::of(node, "'tls' of 'http'", problems)?;
    let mut file = |key: &'static str| {
        let node = fields.require(key, problems)?;
        read::text(node, &format!("'{key}' of 'tls'"), problems).map(|path| folder.join(path))
    };
    let (certificate, key) = (file("certificate"), file("key"));
    fields.finish(problems);
    Some(HttpTls { certificate: certificate?, key: key? })
}
