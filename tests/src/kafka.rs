//! A real Apache Kafka for tests, run by `scripts/kafka`.
//!
//! A guarantee can be tested only where it is made: librdkafka's mock accepts transactions and ignores them. So every test that
//! speaks of delivery runs against a broker. It needs a JDK and Maven; where they are missing the tests that ask for a broker
//! print `skipped: why` and pass, unless `HARK_REQUIRE_KAFKA=1` says that they must not.
//!
//! ```no_run
//! use hark_tests::kafka::{Kafka, unique_prefix};
//!
//! let Some(kafka) = Kafka::shared() else { return };
//! let topic = format!("{}.posts", unique_prefix("posts_arrive"));
//! println!("{topic} on {}", kafka.bootstrap_servers());
//! ```

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// `scripts/kafka` cannot run here: the contract of its exit code.
const EXIT_SKIPPED: i32 = 69;
/// Longest part of a test's name in a topic prefix: Kafka takes 249 characters in all.
const NAME_CHARS: usize = 100;

/// A cluster of one or three nodes on this machine.
///
/// A private one ([`Kafka::start`]) is killed and its data deleted on drop. Any is, when the process that asked for it is gone,
/// whichever way it went: `scripts/kafka --with-pid` watches from outside.
#[derive(Debug)]
pub struct Kafka {
    /// `None` for a broker that someone else runs (`HARK_TEST_KAFKA`).
    dir: Option<PathBuf>,
    bootstrap_servers: String,
    security: Option<Security>,
    private: bool,
}

/// What a private cluster is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// 1 or 3.
    pub nodes: u32,
    /// SASL_SSL and client certificates in place of plain text; see [`Kafka::security`].
    pub secure: bool,
    /// Broker properties beside those of `scripts/kafka`, e.g. `("message.max.bytes", "2000000")`.
    pub settings: Vec<(&'static str, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 1, secure: false, settings: Vec::new() }
    }
}

/// How a client enters a secure cluster: by SASL_SSL on [`Kafka::bootstrap_servers`] (SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN), or by
/// its certificate on `certificate_bootstrap_servers`.
#[derive(Debug, Clone)]
pub struct Security {
    /// May do everything.
    pub username: String,
    /// May log in, with the same password, and do nothing.
    pub powerless_username: String,
    /// Of both users.
    pub password: String,
    /// PEM file of the authority that signed every certificate.
    pub ca: PathBuf,
    /// PEM file, the certificate of `username`.
    pub certificate: PathBuf,
    /// PEM file, its key, not encrypted.
    pub key: PathBuf,
    /// `host:port,...` of the listeners that ask for a certificate.
    pub certificate_bootstrap_servers: String,
}

impl Kafka {
    /// The plain one-node broker of this test run: that of `HARK_TEST_KAFKA` (`host:port,...`) if set, else one started on first
    /// use and shared by all test programs of one `cargo test`. Use topics under a [`unique_prefix`] of your own.
    ///
    /// `None`, and `skipped: why` on stderr, where no broker can be had.
    ///
    /// # Panics
    /// When the broker does not start, or cannot be had although `HARK_REQUIRE_KAFKA=1`.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Kafka, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            if let Ok(bootstrap_servers) = std::env::var("HARK_TEST_KAFKA") {
                return Ok(Self { dir: None, bootstrap_servers, security: None, private: false });
            }
            let owner = run_owner();
            let dir = std::env::temp_dir().join(format!("hark-kafka-run-{owner}"));
            launch(dir, owner, &Options::default(), false)
        });
        shared.as_ref().map_err(|why| skip(why)).ok()
    }

    /// A cluster for one test alone, for what would disturb others: stopping nodes, other settings.
    ///
    /// `None`, and `skipped: why` on stderr, where no broker can be had.
    ///
    /// # Panics
    /// When the cluster does not start, or cannot be had although `HARK_REQUIRE_KAFKA=1`.
    pub fn start(options: &Options) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let owner = std::process::id();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("hark-kafka-{owner}-{number}"));
        launch(dir, owner, options, true).map_err(|why| skip(&why)).ok()
    }

    /// `host:port`, of three nodes separated by commas, in their order.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// How to log in; `None` for a plain cluster.
    pub fn security(&self) -> Option<&Security> {
        self.security.as_ref()
    }

    /// Lets a node (counted from 1) hand over its partitions and end, as a rolling restart does.
    pub fn stop_node(&self, node: u32) {
        self.script("stop", &["--node", &node.to_string()]);
    }

    /// Ends a node at once, as a crash does.
    pub fn kill_node(&self, node: u32) {
        self.script("stop", &["--kill", "--node", &node.to_string()]);
    }

    /// Starts a stopped or killed node again, with its data, under its address. After a kill this takes a broker session
    /// (`broker.session.timeout.ms`, 9 s by default).
    pub fn start_node(&self, node: u32) {
        self.script("start", &["--node", &node.to_string()]);
    }

    /// Freezes a node: its connections stay open and nothing answers.
    pub fn pause_node(&self, node: u32) {
        self.script("pause", &["--node", &node.to_string()]);
    }

    /// Lets a frozen node go on.
    pub fn resume_node(&self, node: u32) {
        self.script("resume", &["--node", &node.to_string()]);
    }

    /// What one of Kafka's own tools prints, e.g. `["topics", "--list"]`; `scripts/kafka --help` names them.
    pub fn tool(&self, arguments: &[&str]) -> String {
        self.script("tool", arguments)
    }

    fn script(&self, command: &str, arguments: &[&str]) -> String {
        let Some(dir) = &self.dir else {
            fail("the broker of HARK_TEST_KAFKA is not ours to command: use Kafka::start")
        };
        script(Command::new(script_path()).arg(command).arg("--dir").arg(dir).args(arguments))
            .unwrap_or_else(|why| fail(&why))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        if let (true, Some(_)) = (self.private, &self.dir) {
            self.script("stop", &["--kill", "--delete"]);
        }
    }
}

/// A prefix for the topics, groups and transactional ids of one test: unlike that of any other test, run or machine.
pub fn unique_prefix(test_name: &str) -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = test_name.chars().map(legal).take(NAME_CHARS).collect();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_micros());
    format!("{name}-{:x}-{:x}-{}", since_epoch, std::process::id(), GIVEN.fetch_add(1, Ordering::Relaxed))
}

/// The process whose end ends the shared broker: the `cargo test` that runs us and the other test programs, else ourselves.
fn run_owner() -> u32 {
    let parent = std::os::unix::process::parent_id();
    match std::fs::read_to_string(format!("/proc/{parent}/comm")) {
        Ok(name) if name.starts_with("cargo") => parent,
        _ => std::process::id(),
    }
}

/// The message where no broker can be had.
fn launch(dir: PathBuf, owner: u32, options: &Options, private: bool) -> Result<Kafka, String> {
    let mut start = Command::new(script_path());
    start.arg("start").arg("--dir").arg(&dir).args(["--with-pid", &owner.to_string()]);
    start.args(["--nodes", &options.nodes.to_string()]);
    // A test is over before a second compiler has paid for itself, and runs beside others.
    start.args(["--heap", "256m", "--jvm", "-XX:TieredStopAtLevel=1", "--jvm", "-XX:+UseSerialGC"]);
    if options.secure {
        start.arg("--secure");
    }
    for (key, value) in &options.settings {
        start.args(["--set", &format!("{key}={value}")]);
    }
    let printed = script(&mut start)?;
    let mut values: HashMap<&str, &str> = printed.lines().filter_map(|line| line.split_once('=')).collect();
    let mut value = |name: &str| {
        values
            .remove(name)
            .unwrap_or_else(|| fail(&format!("scripts/kafka did not print {name}: {printed}")))
            .to_owned()
    };
    let security = options.secure.then(|| Security {
        username: value("HARK_KAFKA_USERNAME"),
        powerless_username: "guest".to_owned(),
        password: value("HARK_KAFKA_PASSWORD"),
        ca: dir.join("tls/ca.pem"),
        certificate: dir.join("tls/hark.crt"),
        key: dir.join("tls/hark.key"),
        certificate_bootstrap_servers: value("HARK_KAFKA_MTLS"),
    });
    let bootstrap_servers = value("HARK_KAFKA");
    Ok(Kafka { dir: Some(dir), bootstrap_servers, security, private })
}

/// What the script printed, or why it cannot run here. It has deadlines of its own.
fn script(command: &mut Command) -> Result<String, String> {
    let ended = match command.stdin(Stdio::null()).output() {
        Ok(ended) => ended,
        Err(error) => fail(&format!("{command:?} could not be run: {error}")),
    };
    let stdout = String::from_utf8_lossy(&ended.stdout).into_owned();
    if ended.status.code() == Some(EXIT_SKIPPED) {
        return Err(stdout.trim().trim_start_matches("skipped: ").to_owned());
    }
    if !ended.status.success() {
        let stderr = String::from_utf8_lossy(&ended.stderr);
        fail(&format!("{command:?} failed ({}):\n{stdout}{stderr}", ended.status));
    }
    Ok(stdout)
}

fn script_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kafka")
}

fn skip(why: &str) {
    if std::env::var_os("HARK_REQUIRE_KAFKA").is_some_and(|value| value == "1") {
        fail(&format!(
            "HARK_REQUIRE_KAFKA=1 forbids to skip, but: {why}. Install what is missing, or name a broker in HARK_TEST_KAFKA"
        ));
    }
    // Straight to the stream: the test harness keeps what passing tests print by macro.
    if let Err(error) = writeln!(std::io::stderr(), "skipped: {why}") {
        fail(&format!("skipped: {why} (and stderr is closed: {error})"));
    }
}

#[expect(clippy::panic, reason = "what a test stands on fails like the test")]
fn fail(why: &str) -> ! {
    panic!("{why}");
}
