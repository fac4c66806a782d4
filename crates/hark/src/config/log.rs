//! `log:` says where the records live.

use std::path::{Path, PathBuf};

use hark_log::kafka::properties::{Reserved, reserved};
use hark_rules::{
    Problem,
    document::{Node, ScalarKind, Value},
    read::{self, Fields},
};

use super::secret::{Secret, Setting};

/// Where the records live.
#[derive(Debug, Clone, PartialEq)]
pub enum LogConfig {
    /// The embedded log: a folder of this process's own.
    Embedded {
        /// The folder, beside the configuration unless absolute.
        data: PathBuf,
    },
    /// A Kafka cluster.
    Kafka(Box<KafkaSettings>),
}

/// How a Kafka cluster is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct KafkaSettings {
    /// `host:port`, with commas between.
    pub bootstrap_servers: String,
    tls: Option<Tls>,
    sasl: Option<Sasl>,
    /// Of librdkafka, as they are written there.
    raw: Vec<(String, Setting)>,
}

/// Encryption; the system's certificate authorities where no `ca` is named.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tls {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    key_password: Option<Secret>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sasl {
    mechanism: &'static str,
    username: Setting,
    password: Secret,
}

const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// The embedded log's folder where the configuration names none.
const DEFAULT_DATA: &str = "hark-data";

impl LogConfig {
    /// What holds without a `log:` section.
    pub fn default_in(folder: &Path) -> Self {
        Self::Embedded { data: folder.join(DEFAULT_DATA) }
    }

    /// Every secret that the section names.
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        let Self::Kafka(kafka) = self else { return Vec::new() };
        let mut secrets: Vec<&Secret> =
            kafka.tls.iter().filter_map(|tls| tls.key_password.as_ref()).collect();
        if let Some(sasl) = &kafka.sasl {
            if let Setting::Variable(username) = &sasl.username {
                secrets.push(username);
            }
            secrets.push(&sasl.password);
        }
        secrets.extend(kafka.raw.iter().filter_map(|(_, value)| match value {
            Setting::Variable(secret) => Some(secret),
            Setting::Plain(_) => None,
        }));
        secrets
    }

    pub(super) fn read(node: &Node, folder: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut fields = Fields::of(node, "'log'", problems)?;
        let data = fields.take("data");
        let kafka = fields.take("kafka");
        let log = match (data, kafka) {
            (Some(_), Some(kafka)) => {
                problems.push(
                    Problem::at(kafka.at, "'log' has both 'data' and 'kafka'")
                        .hint("keep 'data' for the embedded log or 'kafka' for a cluster"),
                );
                None
            }
            (None, Some(kafka)) => {
                read_kafka(kafka, folder, problems).map(|kafka| Self::Kafka(Box::new(kafka)))
            }
            (Some(data), None) => read::text(data, "'data' of 'log'", problems)
                .map(|data| Self::Embedded { data: folder.join(data) }),
            (None, None) => Some(Self::default_in(folder)),
        };
        fields.finish(problems);
        log
    }
}

fn read_kafka(node: &Node, folder: &Path, problems: &mut Vec<Problem>) -> Option<KafkaSettings> {
    let mut fields = Fields::of(node, "'kafka'", problems)?;
    let servers =
        fields.require("bootstrap_servers", problems).map(|node| read_servers(node, problems).join(","));
    let tls = fields.take("tls").and_then(|node| read_tls(node, folder, problems));
    let sasl = fields.take("sasl").and_then(|node| read_sasl(node, problems));
    let raw = fields.take("properties").map_or_else(Vec::new, |node| read_properties(node, problems));
    fields.finish(problems);
    let bootstrap_servers = servers.filter(|servers| !servers.is_empty())?;
    Some(KafkaSettings { bootstrap_servers, tls, sasl, raw })
}

/// librdkafka would cut a port to 16 bits, and take one of its own where there is none.
fn read_servers(node: &Node, problems: &mut Vec<Problem>) -> Vec<String> {
    let what = "'bootstrap_servers' of 'kafka'";
    let mut servers = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        let Some(text) = read::text(item, what, problems) else { continue };
        for server in text.split(',').map(str::trim) {
            if is_host_and_port(server) {
                servers.push(server.to_owned());
                continue;
            }
            problems.push(
                Problem::at(item.at, format!("'{server}' in {what} is not a host and a port"))
                    .hint("write it as k1:9092, the port from 1 to 65535"),
            );
        }
    }
    servers
}

fn is_host_and_port(server: &str) -> bool {
    let Some((host, port)) = server.rsplit_once(':') else { return false };
    // An address of IPv6 stands in brackets: its last part would be taken for the port.
    let is_v6 = host.strip_prefix('[').is_some_and(|host| host.len() > 1 && host.ends_with(']'));
    let is_name =
        !host.is_empty() && !host.contains([':', '/', '[', ']']) && !host.contains(char::is_whitespace);
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    (is_v6 || is_name) && digits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Properties of librdkafka, but for those that are not for a configuration to set.
fn read_properties(node: &Node, problems: &mut Vec<Problem>) -> Vec<(String, Setting)> {
    let mut properties = Vec::new();
    for entry in read::entries(node, "'properties' of 'kafka'", problems) {
        let name = entry.key.as_str();
        if let Some(reserved) = reserved(name) {
            let problem = Problem::at(entry.at, format!("'{name}' cannot be set in 'properties'"));
            problems.push(match reserved {
                Reserved::Law => {
                    problem.hint("that no post is lost or repeated depends on Hark's own value; leave it out")
                }
                Reserved::Key(key) => problem.hint(format!("it has a key of its own: '{key}' of 'kafka'")),
                Reserved::Alias(other) => problem.hint(format!("write it as '{other}'")),
            });
            continue;
        }
        if let Some(value) = Setting::read(&entry.value, &format!("'{name}' of 'properties'"), problems) {
            properties.push((name.to_owned(), value));
        }
    }
    properties
}

fn read_tls(node: &Node, folder: &Path, problems: &mut Vec<Problem>) -> Option<Tls> {
    if let Value::Scalar(scalar) = &node.value
        && let ScalarKind::Bool(wanted) = scalar.kind
    {
        return wanted.then(Tls::default);
    }
    let mut fields = Fields::of(node, "'tls'", problems)?;
    let mut file = |key: &'static str, problems: &mut Vec<Problem>| {
        let node = fields.take(key)?;
        read::text(node, &format!("'{key}' of 'tls'"), problems).map(|path| folder.join(path))
    };
    let mut tls = Tls {
        ca: file("ca", problems),
        certificate: file("certificate", problems),
        key: file("key", problems),
        key_password: None,
    };
    if let Some(node) = fields.take("key_password") {
        tls.key_password = Secret::read(node, "'key_password' of 'tls'", problems);
    }
    if tls.certificate.is_some() != tls.key.is_some() {
        problems.push(Problem::at(node.at, "'tls' needs 'certificate' and 'key' together"));
    }
    fields.finish(problems);
    Some(tls)
}

fn read_sasl(node: &Node, problems: &mut Vec<Problem>) -> Option<Sasl> {
    let mut fields = Fields::of(node, "'sasl'", problems)?;
    let mechanism = fields.require("mechanism", problems).and_then(|node| {
        let written = read::text(node, "'mechanism' of 'sasl'", problems)?;
        let known = MECHANISMS.into_iter().find(|known| *known == written);
        if known.is_none() {
            let problem = Problem::at(node.at, format!("unknown mechanism '{written}' in 'sasl'"));
            problems.push(problem.suggest(written, MECHANISMS));
        }
        known
    });
    let username = fields
        .require("username", problems)
        .and_then(|node| Setting::read(node, "'username' of 'sasl'", problems));
    let password = fields
        .require("password", problems)
        .and_then(|node| Secret::read(node, "'password' of 'sasl'", problems));
    fields.finish(problems);
    Some(Sasl { mechanism: mechanism?, username: username?, password: password? })
}

impl KafkaSettings {
    /// TLS and SASL as properties of librdkafka, secrets looked up.
    ///
    /// # Errors
    /// The variables that are not set, all of them.
    pub fn properties(&self) -> Result<Vec<(String, String)>, Vec<Problem>> {
        let mut properties: Vec<(String, String)> = Vec::new();
        let mut problems = Vec::new();
        let mut set = |name: &str, value: Result<String, Problem>| match value {
            Ok(value) => properties.push((name.to_owned(), value)),
            Err(problem) => problems.push(problem),
        };
        let protocol = match (self.tls.is_some(), self.sasl.is_some()) {
            (false, false) => "PLAINTEXT",
            (true, false) => "SSL",
            (false, true) => "SASL_PLAINTEXT",
            (true, true) => "SASL_SSL",
        };
        set("security.protocol", Ok(protocol.to_owned()));
        if let Some(tls) = &self.tls {
            let files = [
                ("ssl.ca.location", &tls.ca),
                ("ssl.certificate.location", &tls.certificate),
                ("ssl.key.location", &tls.key),
            ];
            if tls.ca.is_none() {
                // The library may have been built on another system than this: it is to look where systems keep them.
                set("ssl.ca.location", Ok("probe".to_owned()));
            }
            for (name, path) in files {
                if let Some(path) = path {
                    set(name, Ok(path.display().to_string()));
                }
            }
            if let Some(password) = &tls.key_password {
                set("ssl.key.password", password.reveal().map(|value| value.expose().to_owned()));
            }
        }
        if let Some(sasl) = &self.sasl {
            set("sasl.mechanism", Ok(sasl.mechanism.to_owned()));
            set("sasl.username", sasl.username.resolve());
            set("sasl.password", sasl.password.reveal().map(|value| value.expose().to_owned()));
        }
        for (name, value) in &self.raw {
            set(name, value.resolve());
        }
        if problems.is_empty() { Ok(properties) } else { Err(problems) }
    }
}
