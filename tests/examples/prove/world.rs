//! Where a proof takes place: a folder with a configuration and a log, and how `hark` is run there.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    sync::Arc,
    time::Duration,
};

use hark_log::{
    Log,
    embedded::EmbeddedLog,
    kafka::{KafkaConfig, KafkaLog},
};
use hark_tests::{
    http::TOKEN,
    kafka::{Kafka, Options},
    program::{self, CONFIGURATION, Program},
};
use tempfile::TempDir;

/// Nothing takes longer unless it hangs; the machine may be a slow one.
pub const DEADLINE: Duration = Duration::from_secs(120);
pub const PARTITIONS: &str = "6";
pub const TEAMS: [&str; 3] = ["sales", "support", "triage"];
const PREFIX: &str = "hark";
/// Of the embedded log's own file system: what a long run writes, and the reserve that ingest leaves free.
const DISK_MIB: usize = 768;

pub struct World {
    folder: TempDir,
    /// `None`: the embedded log.
    pub kafka: Option<Kafka>,
    /// `None` where no file system of its own is to be had: the disk cannot be filled.
    pub disk: Option<Disk>,
    /// A law to be broken by every `hark`.
    broken: Option<String>,
}

impl World {
    /// On a cluster of its own with its topics; `None` where there is none to be had.
    pub fn kafka(options: &Options, broken: Option<&str>) -> Option<Self> {
        let kafka = Kafka::start(options)?;
        let world =
            Self { folder: folder(), kafka: Some(kafka), disk: None, broken: broken.map(str::to_owned) };
        let servers = world.kafka.as_ref().map(Kafka::bootstrap_servers).unwrap_or_default();
        world.configure(&format!("kafka: {{bootstrap_servers: \"{servers}\"}}"));
        let create = ["topics", "create", "--partitions", PARTITIONS];
        program::run(&mut world.hark(&create), DEADLINE).well();
        Some(world)
    }

    pub fn embedded(broken: Option<&str>) -> Self {
        let world =
            Self { folder: folder(), kafka: None, disk: Disk::given(), broken: broken.map(str::to_owned) };
        world.configure(&format!("data: {}", world.data().display()));
        world
    }

    /// The folder of the embedded log.
    fn data(&self) -> PathBuf {
        self.disk.as_ref().map_or(self.folder.path(), |disk| &disk.path).join("hark-data")
    }

    fn configure(&self, log: &str) {
        let text = format!("tenant: aurora\ntopic_prefix: {PREFIX}\nlog: {{{log}}}\n{CONFIGURATION}");
        std::fs::write(self.path("hark.yaml"), text).unwrap();
        std::fs::create_dir(self.path("posts")).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn topic(&self, name: &str) -> String {
        format!("{PREFIX}.{name}")
    }

    pub fn group(&self, stage: &str) -> String {
        format!("{PREFIX}-{stage}")
    }

    /// `hark` with these arguments, in the world's folder.
    pub fn hark(&self, arguments: &[&str]) -> Command {
        let mut command = program::hark(self.folder.path(), arguments);
        command.env("SHOP_TOKEN", TOKEN);
        if let Some(law) = &self.broken {
            command.env("HARK_BREAK_LAW", law);
        }
        command
    }

    pub fn start(&self, arguments: &[&str]) -> Program {
        Program::start(&mut self.hark(arguments))
    }

    /// The log beside whoever works on it.
    pub fn log(&self) -> Arc<dyn Log> {
        match &self.kafka {
            Some(kafka) => {
                let config = KafkaConfig {
                    bootstrap_servers: kafka.bootstrap_servers().to_owned(),
                    topic_prefix: PREFIX.to_owned(),
                    properties: Vec::new(),
                };
                Arc::new(KafkaLog::open(config).unwrap())
            }
            None => Arc::new(EmbeddedLog::open_read_only(&self.data()).unwrap()),
        }
    }
}

fn folder() -> TempDir {
    // By its real name: another mount namespace may not have the link.
    tempfile::tempdir_in(std::env::temp_dir().canonicalize().unwrap()).unwrap()
}

/// A small file system of this process and its children alone, for the embedded log.
pub struct Disk {
    path: PathBuf,
}

/// Where [`Disk::run_on_one`] tells the process that it runs in where the disk is.
const DISK: &str = "HARK_PROVE_DISK";

impl Disk {
    /// Runs this program again, with a disk of its own under it, and gives its exit code; `None` where that is not to be had, or
    /// where there is one already.
    pub fn run_on_one() -> Option<ExitCode> {
        if std::env::var_os(DISK).is_some() {
            return None;
        }
        let unshare = || {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--map-root-user", "sh", "-c"]);
            command
        };
        let mount = format!("mount -t tmpfs -o size={DISK_MIB}m none \"$0\"");
        let place = folder();
        let works = unshare().arg(&mount).arg(place.path()).output();
        if !works.is_ok_and(|output| output.status.success()) {
            println!("skipped: filling the disk: unshare and mount are not to be had here");
            return None;
        }
        let mut command = unshare();
        command.arg(format!("{mount} && exec \"$@\"")).arg(place.path());
        command.arg(std::env::current_exe().ok()?).args(std::env::args_os().skip(1)).env(DISK, place.path());
        let code = command.status().ok()?.code()?;
        Some(ExitCode::from(u8::try_from(code).unwrap_or(1)))
    }

    fn given() -> Option<Self> {
        std::env::var_os(DISK).map(|path| Self { path: path.into() })
    }

    /// Takes all space but `left_mib` until the guard is dropped.
    pub fn fill(&self, left_mib: usize) -> Ballast {
        let free = Command::new("df").args(["-m", "--output=avail"]).arg(&self.path).output().unwrap();
        let free: usize =
            String::from_utf8_lossy(&free.stdout).lines().nth(1).unwrap().trim().parse().unwrap();
        let ballast = Ballast { path: self.path.join("ballast") };
        let file = std::fs::File::create(&ballast.path).unwrap();
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..free.saturating_sub(left_mib) {
            // Somebody else may have taken the last of it.
            if std::io::Write::write_all(&mut &file, &zeros).is_err() {
                break;
            }
        }
        ballast
    }
}

/// Space that is taken.
pub struct Ballast {
    path: PathBuf,
}

impl Drop for Ballast {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}
