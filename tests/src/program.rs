//! The `hark` program itself, for tests that speak of processes: started, listened to, signalled, killed, and never left behind.
//!
//! Cargo builds it beside the test programs with `cargo test --workspace` (or `-p hark -p hark-tests`); a test does not
//! build it, because two Cargos at once wait for each other.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::deadline::wait_for;

/// What stands below the log in the `hark.yaml` of tests and proofs of delivery. Rules look at subjects only: these are not about what
/// the models think of a text. The webhook's token is [`crate::http::TOKEN`].
pub const CONFIGURATION: &str = r#"
sources:
  - {name: forum, kind: file, path: "posts/*.jsonl"}
  - {name: shop, kind: webhook, token: "${SHOP_TOKEN}"}
subjects:
  - {name: aurora, kind: own, terms: [Aurora Motors]}
  - {name: garage, kind: topic, terms: [garage]}
teams:
  sales: {}
  support: {}
  triage: {}
rules:
  - {name: speaks of us, when: {subject: aurora}, to: support, priority: 2}
  - {name: looks for a garage, when: {subject: garage}, to: sales}
default: {to: triage}
"#;

/// So many of the last log lines are shown when a test fails.
const SHOWN_LINES: usize = 30;
/// A killed process is gone at once; a loaded machine is slower.
const GONE: Duration = Duration::from_secs(10);

/// Below the ports of outgoing connections (32768 and up on Linux), one of which may take a port between this look and the listening,
/// and below those of `scripts/kafka`.
const PORTS: std::ops::Range<u16> = 10_000..20_000;

/// An address that nobody listens on now, and that no other call in this process gets.
///
/// # Panics
/// When none is left.
pub fn free_address() -> SocketAddr {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Other test programs begin elsewhere.
    let begin = std::process::id().wrapping_mul(997);
    (0..PORTS.len())
        .map(|_| {
            let number = begin.wrapping_add(u32::from(GIVEN.fetch_add(1, Ordering::Relaxed)));
            let port = PORTS.start + u16::try_from(number % u32::from(PORTS.end - PORTS.start)).unwrap_or(0);
            SocketAddr::from(([127, 0, 0, 1], port))
        })
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("there are free ports")
}

/// Where `hark` lies: in the folder above the test program's.
///
/// # Panics
/// When it is not there; the message says how to build it.
pub fn path() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let target = test.parent().and_then(Path::parent).unwrap_or(&test);
    let path = target.join(format!("hark{}", std::env::consts::EXE_SUFFIX));
    let shown = path.display();
    assert!(
        path.is_file(),
        "{shown} is missing: run `cargo test --workspace`, or build it with `cargo build -p hark`"
    );
    path
}

/// `hark` with these arguments, run in `folder`, in an environment that does not leak in.
pub fn hark(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.current_dir(folder).args(arguments);
    for variable in
        ["HARK_BREAK_LAW", "HARK_LOG", "RUST_LOG", "HARK_INSTANCE", "HARK_LISTEN", "CLICOLOR_FORCE"]
    {
        command.env_remove(variable);
    }
    command.env("NO_COLOR", "1");
    command
}

/// What a process has written so far, line by line.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Reads to the end on a thread of its own, so that the process never waits for us.
    fn read(&self, from: impl Read + Send + 'static) -> JoinHandle<()> {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                lines.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        })
    }

    fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A running `hark`; killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    name: String,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<JoinHandle<()>>,
}

/// How a process ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// All of it.
    pub stdout: String,
    /// All of it.
    pub stderr: String,
}

impl Ended {
    /// The same, where the exit code is 0.
    ///
    /// # Panics
    /// Where it is not; the message shows what the process said.
    pub fn well(self) -> Self {
        assert!(self.code == Some(0), "exit code {:?}:\n{}", self.code, self.stderr);
        self
    }
}

impl Program {
    /// Starts it, stdin closed.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let arguments: Vec<_> =
            command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let name = format!("hark {}", arguments.join(" "));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("hark starts");
        let (stdout, stderr) = (Lines::default(), Lines::default());
        let readers = [
            child.stdout.take().map(|from| stdout.read(from)),
            child.stderr.take().map(|from| stderr.read(from)),
        ];
        Self { child, name, stdout, stderr, readers: readers.into_iter().flatten().collect() }
    }

    /// The log lines so far that contain `text`.
    pub fn said(&self, text: &str) -> Vec<String> {
        self.stderr.get().into_iter().filter(|line| line.contains(text)).collect()
    }

    /// Waits for the `n`th log line (counted from 1) that contains `text`.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait_to_say(&self, text: &str, n: usize, limit: Duration) -> String {
        wait_for(&format!("`{}` says for the {n}. time: {text}", self.name), limit, || {
            self.said(text).into_iter().nth(n - 1)
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs (or is stopped by a signal).
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// Sends `TERM`, `STOP`, `CONT`, ...
    ///
    /// # Panics
    /// When there is no such process any more.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "`{}` has gone before it was sent {signal}",
            self.name
        );
    }

    /// As a crash: SIGKILL, in the middle of whatever it does.
    pub fn kill(mut self) -> Ended {
        self.child.kill().expect("it runs");
        self.wait(GONE)
    }

    /// SIGTERM, and the end that follows.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    pub fn stop(self, limit: Duration) -> Ended {
        self.signal("TERM");
        self.wait(limit)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    pub fn wait(mut self, limit: Duration) -> Ended {
        let what = format!("`{}` ends", self.name);
        let status = wait_for(&what, limit, || self.child.try_wait().expect("it is our child"));
        for reader in self.readers.drain(..) {
            reader.join().expect("reading lines does not fail");
        }
        let text = |lines: &Lines| lines.get().iter().map(|line| format!("{line}\n")).collect();
        Ended { code: status.code(), stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.stderr.get();
            let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            eprintln!("--- `{}` said last:\n{}", self.name, last.join("\n"));
        }
        // Where it has ended already there is nothing to kill and nothing to wait for.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

/// Runs it to its end.
///
/// # Panics
/// When it does not end within `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Ended {
    Program::start(command).wait(limit)
}
