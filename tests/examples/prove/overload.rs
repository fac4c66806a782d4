//! More than route can bear, and more than a webhook can: nothing is lost, memory is bounded, and the way back is short.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use hark_tests::{
    deadline::wait_until,
    http,
    kafka::Options,
    program::{Program, free_address},
};

use crate::{
    cast::Cast,
    crash::is_idle,
    figures::{Figures, median},
    pause,
    senders::{self, Signals},
    tap::{Of, Tap},
    verdict,
    world::{DEADLINE, World},
};

/// Route may work in so little of the time: what it can bear is then small on any machine, and twenty times that can be sent.
const ASLEEP: Duration = Duration::from_millis(190);
const AWAKE: Duration = Duration::from_millis(10);
const TIMES: f64 = 20.0;
/// Prefetched records (32 MiB), a producer's queue (64 MiB), uncommitted bodies (32 MiB), batches, models.
const RESIDENT_MIB: f64 = 384.0;
const PROBES: usize = 20;
/// Together more than the 32 MiB that a worker may hold uncommitted.
const FLOODERS: usize = 96;
const FLOOD_BODY_BYTES: usize = 1_000_000;
const FLOOD: Duration = Duration::from_secs(6);
const TICK: Duration = Duration::from_millis(100);

/// `None` where no Kafka is to be had.
pub fn prove(lasts: Duration) -> Option<Figures> {
    let world = World::kafka(&Options::default(), None)?;
    let mut figures = Figures::default();
    let mut cast = Cast::new(&world);
    let webhook = free_address();
    let listen = webhook.to_string();
    cast.start("w1", &["ingest", "--source", "shop", "--instance", "w1", "--listen", &listen]);
    cast.worker("enrich", "e1");
    cast.worker("route", "r1");
    for name in ["w1", "e1", "r1"] {
        http::address(cast.program(name));
    }
    let scene = Scene { world: &world, webhook, sent: AtomicUsize::new(0) };
    scene.probe();
    let before = scene.probe();
    figures.tell("webhook to queue before, p50", format!("{before:.0}"), "ms");

    println!("route can work for {AWAKE:?} of every {:?}", ASLEEP + AWAKE);
    of_route(&scene, &cast, lasts, before, &mut figures);
    println!("{FLOODERS} clients of the webhook with bodies of {FLOOD_BODY_BYTES} bytes, for {FLOOD:?}");
    let accepted = of_the_webhook(&scene, &cast, before, &mut figures);

    let complaints = cast.dismiss_all();
    figures.at_most("workers that did not end well", complaints.len() as f64, "", 0.0);
    // Every post that is meant for a queue has an id of its own and no further life.
    let log = world.log();
    let mut ids = HashSet::new();
    let mut items = 0;
    verdict::each_value(&world, &*log, "queue.sales", &mut |value| {
        let item: hark_schema::v1::Item = hark_schema::Message::decode(value).unwrap();
        items += 1;
        ids.insert(item.item_id);
    });
    let sent = scene.sent.load(Ordering::Relaxed);
    let enriched = verdict::counts(&world, &*log, "enrich", "posts");
    let routed = verdict::counts(&world, &*log, "route", "mentions");
    figures.at_most("posts lost", sent.saturating_sub(ids.len()) as f64, "", 0.0);
    figures.at_most("items doubled", (items - ids.len()) as f64, "", 0.0);
    figures.at_most("not counted by route", routed.total().abs_diff(sent as u64) as f64, "", 0.0);
    let of_flood = enriched.get("no_match");
    figures.at_most("accepted from the flood and lost", accepted.saturating_sub(of_flood) as f64, "", 0.0);
    Some(figures)
}

fn of_route(scene: &Scene<'_>, cast: &Cast<'_>, lasts: Duration, before: f64, figures: &mut Figures) {
    let (throttled, over) = (AtomicBool::new(true), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let _over = [End(&throttled, false), End(&over, true)];
        scope.spawn(|| throttle(cast.program("r1"), &throttled));
        let watchers = ["w1", "e1", "r1"].map(|name| {
            let (id, over) = (cast.program(name).id(), &over);
            (name, scope.spawn(move || peak_mib(id, over)))
        });
        // A backlog first, so that route is never without work; then what it makes of it in a while.
        let refused = AtomicU64::new(0);
        scene.send_for(Duration::from_secs(4), 3_000.0, &refused);
        let worked = || verdict::counts(scene.world, &*scene.world.log(), "route", "mentions").total();
        let (at, began) = (worked(), Instant::now());
        pause(Duration::from_secs(6));
        let bears = (worked() - at) as f64 / began.elapsed().as_secs_f64();
        figures.tell("route bears", format!("{bears:.0}"), "posts/s");
        let reached = scene.send_for(lasts, bears * TIMES, &refused);
        figures.tell(&format!("sent for {lasts:?}"), format!("{reached:.0}"), "posts/s");
        figures.at_least("  of what route bears", reached / bears, "times", TIMES * 0.9);
        let behind = scene.sent.load(Ordering::Relaxed) as u64
            - worked().min(scene.sent.load(Ordering::Relaxed) as u64);
        figures.tell("route is behind by", behind, "posts");
        figures.at_most("refusals at the webhook meanwhile", refused.load(Ordering::Relaxed) as f64, "", 0.0);
        throttled.store(false, Ordering::Relaxed);
        let drained = scene.wait_until_idle();
        figures.tell("worked off, once route may work again, after", format!("{drained:.1}"), "s");
        over.store(true, Ordering::Relaxed);
        for (name, watcher) in watchers {
            figures.at_most(
                &format!("resident at its highest, {name}"),
                watcher.join().unwrap(),
                "MiB",
                RESIDENT_MIB,
            );
        }
    });
    figures.at_most("webhook to queue afterwards, p50", scene.probe(), "ms", before * 1.5 + 50.0);
}

/// Posts accepted from the flood.
fn of_the_webhook(scene: &Scene<'_>, cast: &Cast<'_>, before: f64, figures: &mut Figures) -> u64 {
    let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let [accepted, refused, unannounced, other] = [(); 4].map(|()| AtomicU64::new(0));
    let slowest = std::sync::Mutex::new(Duration::ZERO);
    let mut small = Duration::ZERO;
    let peak = std::thread::scope(|scope| {
        let _over = [End(&stop, true), End(&over, true)];
        let (id, over) = (cast.program("w1").id(), &over);
        let watcher = scope.spawn(move || peak_mib(id, over));
        for client in 0..FLOODERS {
            let (stop, slowest) = (&stop, &slowest);
            let (accepted, refused, unannounced, other) = (&accepted, &refused, &unannounced, &other);
            let webhook = scene.webhook;
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let began = Instant::now();
                    let answer = http::post(webhook, &flood(client, n));
                    let mut slowest = slowest.lock().unwrap();
                    *slowest = began.elapsed().max(*slowest);
                    drop(slowest);
                    match answer {
                        Ok(answer) if answer.status == 200 => {
                            accepted.fetch_add(FLOOD_POSTS as u64, Ordering::Relaxed)
                        }
                        Ok(answer) if [429, 503].contains(&answer.status) => {
                            if !answer.head.to_ascii_lowercase().contains("retry-after:") {
                                unannounced.fetch_add(1, Ordering::Relaxed);
                            }
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                        _ => other.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
        // Somebody else with one small post after the other, who waits as told.
        let until = Instant::now() + FLOOD;
        while Instant::now() < until {
            let began = Instant::now();
            scene.send(1, &AtomicU64::new(0));
            small = small.max(began.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        over.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    figures.tell("bodies accepted", of(&accepted) / FLOOD_POSTS as u64, "");
    figures.at_least("bodies refused with 429 or 503", of(&refused) as f64, "", 1.0);
    figures.at_most("  of these without Retry-After", of(&unannounced) as f64, "", 0.0);
    figures.at_most("other answers, or none", of(&other) as f64, "", 0.0);
    figures.at_most("slowest answer", slowest.lock().unwrap().as_secs_f64(), "s", 10.0);
    figures.at_most("slowest small post of somebody else, tries included", small.as_secs_f64(), "s", 10.0);
    figures.at_most("resident at its highest, w1", peak, "MiB", RESIDENT_MIB);
    scene.wait_until_idle();
    figures.at_most("webhook to queue afterwards, p50", scene.probe(), "ms", before * 1.5 + 50.0);
    of(&accepted)
}

const FLOOD_POSTS: usize = 16;

/// Large posts that nobody is interested in, no two alike.
fn flood(client: usize, n: usize) -> String {
    let text = "Nothing to see here. ".repeat(FLOOD_BODY_BYTES / FLOOD_POSTS / 21);
    let post = |at: usize| serde_json::json!({"id": format!("flood-{client}-{n}-{at}"), "text": text});
    serde_json::Value::from((0..FLOOD_POSTS).map(post).collect::<Vec<_>>()).to_string()
}

struct Scene<'a> {
    world: &'a World,
    webhook: SocketAddr,
    /// Posts accepted that are meant for a queue; their ids are numbers from 0.
    sent: AtomicUsize,
}

impl Scene<'_> {
    /// Sends so many in one body, until they are accepted; counts refusals.
    fn send(&self, posts: usize, refused: &AtomicU64) {
        let first = self.sent.load(Ordering::Relaxed);
        let lines: Vec<String> = (first..first + posts)
            .map(|n| format!("{{\"id\":\"o-{n}\",\"text\":\"Who knows a garage in street {n}?\"}}"))
            .collect();
        let signals = Signals::default();
        senders::accepted(self.webhook, &format!("[{}]", lines.join(",")), &signals);
        refused.fetch_add(signals.retries.load(Ordering::Relaxed), Ordering::Relaxed);
        self.sent.store(first + posts, Ordering::Relaxed);
    }

    /// Sends so many a second for so long; how many a second it came to.
    fn send_for(&self, lasts: Duration, rate: f64, refused: &AtomicU64) -> f64 {
        let (began, first) = (Instant::now(), self.sent.load(Ordering::Relaxed));
        while began.elapsed() < lasts {
            let due = (began.elapsed() + TICK).as_secs_f64() * rate;
            let ahead = self.sent.load(Ordering::Relaxed) - first;
            // A webhook takes 10,000 posts and 1 MiB at once.
            let posts = (due as usize).saturating_sub(ahead).min(5_000);
            if posts > 0 {
                self.send(posts, refused);
            }
            let next = Duration::from_secs_f64((self.sent.load(Ordering::Relaxed) - first) as f64 / rate);
            pause(next.saturating_sub(began.elapsed()).min(TICK));
        }
        (self.sent.load(Ordering::Relaxed) - first) as f64 / began.elapsed().as_secs_f64()
    }

    /// Milliseconds from a webhook to the queue, one post after the other.
    fn probe(&self) -> f64 {
        let log = self.world.log();
        let mut tap = Tap::open(self.world, &*log, "queue.sales", Of::Items);
        let mut took: Vec<f64> = (0..PROBES)
            .map(|_| {
                let began = Instant::now();
                let id = format!("o-{}", self.sent.load(Ordering::Relaxed));
                self.send(1, &AtomicU64::new(0));
                let end = Instant::now() + DEADLINE;
                while !tap.come().iter().any(|(_, come)| *come == id) {
                    assert!(Instant::now() < end, "{id} never came to its queue");
                    pause(Duration::from_millis(1));
                }
                began.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        median(&mut took)
    }

    /// Seconds until everything is worked off.
    fn wait_until_idle(&self) -> f64 {
        let (began, log) = (Instant::now(), self.world.log());
        for (stage, input) in [("enrich", "posts"), ("route", "mentions")] {
            wait_until(&format!("{stage} has reached the end"), DEADLINE * 3, || {
                is_idle(self.world, &*log, stage, input)
            });
        }
        began.elapsed().as_secs_f64()
    }
}

/// Sets a flag at the end, also where something panics: a scope would wait for ever.
struct End<'a>(&'a AtomicBool, bool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::Relaxed);
    }
}

fn throttle(program: &Program, while_set: &AtomicBool) {
    while while_set.load(Ordering::Relaxed) {
        program.signal("STOP");
        pause(ASLEEP);
        program.signal("CONT");
        pause(AWAKE);
    }
}

fn peak_mib(process: u32, over: &AtomicBool) -> f64 {
    let mut peak = 0;
    while !over.load(Ordering::Relaxed) {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        peak = kib.unwrap_or_default().max(peak);
        pause(TICK);
    }
    peak as f64 / 1024.0
}
