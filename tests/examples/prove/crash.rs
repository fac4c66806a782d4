//! Posts flow in while processes are killed, frozen, added and removed, brokers restarted and disks filled; then everything that is
//! on the log is held against what was sent.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use hark_log::Log;
use hark_tests::{
    http,
    kafka::{Kafka, Options},
    program::{self, free_address},
    random::Random,
};

use crate::{
    cast::Cast,
    pause,
    plan::{self, Blow, ONLY, Planned},
    report::Report,
    senders::{self, Sent, Signals},
    verdict, watch,
    world::{DEADLINE, World},
};

/// Past the session timeout of 6 s: somebody else has the partitions when it wakes.
const FROZEN: Duration = Duration::from_millis(8_500);
/// The clients of each webhook.
const CLIENTS: usize = 2;

/// What is to be proved.
pub struct Wanted {
    pub embedded: bool,
    pub nodes: u32,
    pub kills: usize,
    pub seed: u64,
    pub broken: Option<String>,
    /// Something wrong leaves the log as it is, to be looked at, until the proof is ended.
    pub keep: bool,
}

/// `None` where no Kafka is to be had.
pub fn prove(options: &Wanted) -> Option<Report> {
    let broken = options.broken.as_deref();
    let world = if options.embedded {
        World::embedded(broken)
    } else {
        // A broker that was killed may come back after 3 s.
        let settings = vec![("broker.session.timeout.ms", "3000".to_owned())];
        World::kafka(&Options { nodes: options.nodes, settings, ..Options::default() }, broken)?
    };
    let plan = if options.embedded {
        plan::on_the_embedded_log(options.kills, world.disk.is_some(), options.seed)
    } else {
        plan::on_kafka(options.kills, options.nodes, options.seed)
    };
    Some(run(&world, options, &plan))
}

fn run(world: &World, options: &Wanted, plan: &[Planned]) -> Report {
    let began = Instant::now();
    let mut cast = Cast::new(world);
    let webhooks = enter(world, &mut cast);
    let (signals, over) = (Signals::default(), AtomicBool::new(false));
    let (sent, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch::queues(world, &over));
        let mut senders = Vec::new();
        for client in 0..webhooks.len() * CLIENTS {
            let worker = webhooks[client % webhooks.len()];
            let random = Random::new(options.seed, 100 + client as u64);
            let signals = &signals;
            senders.push(scope.spawn(move || senders::post(&format!("c{client}"), worker, signals, random)));
        }
        let writer = Random::new(options.seed, 99);
        senders.push(scope.spawn(|| senders::write(&world.path("posts/growing.jsonl"), &signals, writer)));
        for Planned { after, blow } in plan {
            pause(*after);
            cast.revive();
            strike(world, &mut cast, blow, began.elapsed());
        }
        pause(Duration::from_secs(1));
        signals.enough.store(true, Ordering::Relaxed);
        let until = Instant::now() + DEADLINE;
        while senders.iter().any(|sender| !sender.is_finished()) && Instant::now() < until {
            cast.revive();
            pause(Duration::from_millis(100));
        }
        let sent: Vec<Sent> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        over.store(true, Ordering::Relaxed);
        (sent, watcher.join().unwrap())
    });
    let complaints = leave(world, &mut cast);
    let verdict = verdict::of(world, &sent);
    if options.keep && !(verdict.is_good() && complaints.is_empty()) {
        let servers = world.kafka.as_ref().map(Kafka::bootstrap_servers).unwrap_or_default();
        eprintln!("{verdict:#?}\n{complaints:#?}\nkept until Ctrl-C: {} {servers}", world.path("").display());
        loop {
            std::thread::park();
        }
    }
    let count = |is: fn(&Blow) -> bool| plan.iter().filter(|planned| is(&planned.blow)).count();
    Report {
        title: match (&world.kafka, options.nodes) {
            (None, _) => "the embedded log".to_owned(),
            (Some(_), 1) => "Kafka, one broker".to_owned(),
            (Some(_), nodes) => format!("Kafka, {nodes} brokers"),
        },
        seed: options.seed,
        broken: options.broken.clone(),
        kills: count(|blow| matches!(blow, Blow::Kill { .. })),
        frozen: count(|blow| matches!(blow, Blow::Freeze { .. })),
        moved: count(|blow| matches!(blow, Blow::Grow { .. } | Blow::Shrink { .. })),
        brokers: count(|blow| matches!(blow, Blow::Broker { .. })),
        filled: count(|blow| matches!(blow, Blow::Fill { .. })),
        retries: signals.retries.load(Ordering::Relaxed),
        seen,
        ended: std::mem::take(&mut cast.ended),
        complaints,
        verdict,
        seconds: began.elapsed().as_secs_f64(),
    }
}

/// Starts everybody; the addresses of the webhooks.
fn enter(world: &World, cast: &mut Cast<'_>) -> Vec<std::net::SocketAddr> {
    if world.kafka.is_none() {
        let address = free_address();
        cast.start(ONLY, &["up", "--instance", ONLY, "--listen", &address.to_string()]);
        http::address(cast.program(ONLY));
        return vec![address];
    }
    for (stage, name) in [("enrich", "e1"), ("enrich", "e2"), ("route", "r1"), ("route", "r2")] {
        cast.worker(stage, name);
    }
    cast.start("f", &["ingest", "--source", "forum", "--instance", "f", "--listen", "127.0.0.1:0"]);
    let webhook = |name: &str| {
        // A worker that is restarted gets it again, as behind a service.
        let address = free_address();
        let listen = address.to_string();
        cast.start(name, &["ingest", "--source", "shop", "--instance", name, "--listen", &listen]);
        address
    };
    let addresses = ["w1", "w2"].map(webhook).to_vec();
    for name in ["w1", "w2"] {
        http::address(cast.program(name));
    }
    addresses
}

fn strike(world: &World, cast: &mut Cast<'_>, blow: &Blow, at: Duration) {
    eprintln!("{:7.1} s  {blow:?}", at.as_secs_f64());
    match blow {
        Blow::Kill { who, away } => {
            let arguments = cast.kill(who);
            pause(*away);
            cast.restart(who, &arguments);
        }
        Blow::Freeze { who } => {
            cast.freeze(who);
            pause(FROZEN);
            cast.thaw(who);
        }
        Blow::Grow { stage, who } => cast.worker(stage, who),
        Blow::Shrink { who } if cast.has(who) => {
            cast.dismiss(who);
        }
        Blow::Shrink { .. } => {}
        Blow::Broker { node, away } => {
            let kafka = world.kafka.as_ref().unwrap();
            kafka.kill_node(*node);
            pause(*away);
            kafka.start_node(*node);
        }
        Blow::Fill { left_mib, lasts } => {
            let ballast = world.disk.as_ref().unwrap().fill(*left_mib);
            pause(*lasts);
            drop(ballast);
        }
    }
}

/// Lets all of it be worked off, and everybody go.
fn leave(world: &World, cast: &mut Cast<'_>) -> Vec<String> {
    let once = |arguments: &[&str]| {
        let ended = program::run(&mut world.hark(arguments), DEADLINE);
        let last = ended.stderr.lines().last().unwrap_or_default().to_owned();
        (ended.code != Some(0)).then(|| format!("{arguments:?} ended with {:?}: {last}", ended.code))
    };
    if world.kafka.is_none() {
        let mut complaints = cast.dismiss_all();
        complaints.extend(once(&["up", "--once", "--instance", ONLY]));
        return complaints;
    }
    let mut complaints = Vec::new();
    cast.dismiss("f");
    complaints.extend(once(&["ingest", "--once", "--source", "forum", "--instance", "f"]));
    let log = world.log();
    for (stage, input) in [("enrich", "posts"), ("route", "mentions")] {
        let until = Instant::now() + DEADLINE;
        while !is_idle(world, &*log, stage, input) {
            cast.revive();
            pause(Duration::from_millis(100));
            if Instant::now() >= until {
                complaints.push(format!(
                    "{stage} never reached the end: {}",
                    diagnosis(world, &*log, stage, input)
                ));
                break;
            }
        }
    }
    complaints.extend(cast.dismiss_all());
    complaints
}

pub fn is_idle(world: &World, log: &dyn Log, stage: &str, input: &str) -> bool {
    let offsets = log.group_offsets(&world.group(stage), &world.topic(input));
    offsets.is_ok_and(|offsets| {
        offsets.iter().all(|offset| offset.committed.unwrap_or(offset.start) >= offset.end)
    })
}

/// Where a stage stands, and what the brokers know of its members and of transactions.
fn diagnosis(world: &World, log: &dyn Log, stage: &str, input: &str) -> String {
    let offsets = log.group_offsets(&world.group(stage), &world.topic(input));
    let offsets = offsets.map(|offsets| {
        offsets.iter().map(|at| (at.partition, at.start, at.committed, at.end)).collect::<Vec<_>>()
    });
    let group = world.group(stage);
    let told = |kafka: &Kafka| {
        let members = kafka.tool(&["groups", "--describe", "--group", &group, "--members", "--verbose"]);
        format!("{members}\n{}", kafka.tool(&["transactions", "list"]))
    };
    let told = world.kafka.as_ref().map(told).unwrap_or_default();
    format!("(partition, start, committed, end): {offsets:?}\n{told}")
}
