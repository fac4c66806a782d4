//! How long until a killed worker works again under its name, and until the partitions of a dead one move on.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hark_log::{Log, Output, Producer};
use hark_schema::{
    Message as _,
    id::mention_id,
    partition,
    v1::{ItemPlace, ItemState, ItemStatus, Op, PostRef, RawPost, Seen, SeenStatus},
};
use hark_tests::{deadline::wait_until, kafka::Options, random::Random};

use crate::{
    cast::Cast,
    figures::{Figures, median},
    pause,
    tap::{Of, Tap},
    world::{DEADLINE, PARTITIONS, World},
};

/// State that a restarted worker reads before it works; law 9 promises 3 s for less than 100,000 entries.
const ENTRIES: usize = 99_000;
/// Posts come so often, so that a kill finds a worker in the middle of a transaction.
const EVERY: Duration = Duration::from_millis(5);

const UNDER_ITS_NAME_SECONDS: f64 = 3.0;
/// By how often the broker looks for transactions that have timed out: its default, and what docs/kafka.md recommends.
const MOVES: [(&str, f64); 2] = [("10000", 25.0), ("1000", 13.0)];

/// `None` where no Kafka is to be had.
pub fn prove(repeats: usize, seed: u64) -> Option<Figures> {
    let mut figures = Figures::default();
    for (cleanup_ms, moved_within) in MOVES {
        let name = "transaction.abort.timed.out.transaction.cleanup.interval.ms";
        let settings = vec![(name, cleanup_ms.to_owned())];
        let world = World::kafka(&Options { settings, ..Options::default() }, None)?;
        println!("{name}={cleanup_ms}");
        let feed = Feed::new(&world);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| feed.run(&stop));
            // Also where something below panics: the scope would wait for ever.
            let _stop = StopAtEnd(&stop);
            let mut cast = Cast::new(&world);
            let mut random = Random::new(seed, 7);
            if cleanup_ms == "1000" {
                under_its_name(&world, &feed, &mut cast, repeats, &mut random, &mut figures);
            }
            moved(&world, &feed, &mut cast, repeats, moved_within, &mut random, &mut figures);
        });
    }
    Some(figures)
}

struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn under_its_name(
    world: &World,
    feed: &Feed<'_>,
    cast: &mut Cast<'_>,
    repeats: usize,
    random: &mut Random,
    figures: &mut Figures,
) {
    feed.fill_state();
    cast.worker("enrich", "e1");
    cast.worker("route", "r1");
    for (stage, name, topic, of) in
        [("enrich", "e1", "mentions", Of::Mentions), ("route", "r1", "queue.sales", Of::Items)]
    {
        let mut tap = Tap::open(world, &*feed.log, topic, of);
        feed.wait_for_later(&mut tap, 1);
        let mut took = Vec::new();
        for _ in 0..repeats {
            settle(random);
            let arguments = cast.kill(name);
            tap.come();
            let killed = Instant::now();
            cast.restart(name, &arguments);
            feed.wait_for_later(&mut tap, 1);
            took.push(killed.elapsed().as_secs_f64());
            if killed.elapsed().as_secs_f64() > UNDER_ITS_NAME_SECONDS {
                // What it did meanwhile, by its own clock.
                cast.program(name).said("").iter().for_each(|line| eprintln!("    {line}"));
            }
        }
        let worst = took.iter().copied().fold(0.0, f64::max);
        let what = format!("{stage}, killed and started again: first of later posts, {ENTRIES} entries");
        figures.at_most(&what, worst, "s", UNDER_ITS_NAME_SECONDS);
        figures.tell("  median", format!("{:.2}", median(&mut took)), "s");
    }
    cast.dismiss_all();
}

fn moved(
    world: &World,
    feed: &Feed<'_>,
    cast: &mut Cast<'_>,
    repeats: usize,
    within: f64,
    random: &mut Random,
    figures: &mut Figures,
) {
    let mut tap = Tap::open(world, &*feed.log, "mentions", Of::Mentions);
    cast.worker("enrich", "a");
    cast.worker("enrich", "b");
    let (mut took, mut dead) = (Vec::new(), "a");
    for _ in 0..repeats {
        for name in ["a", "b"] {
            wait_until("both have partitions", DEADLINE, || {
                let said = cast.program(name).said("partitions assigned partitions=[");
                said.iter().any(|line| !line.contains("partitions=[]"))
            });
        }
        feed.wait_for_later(&mut tap, feed.partitions as usize);
        settle(random);
        let arguments = cast.kill(dead);
        tap.come();
        let killed = Instant::now();
        feed.wait_for_later(&mut tap, feed.partitions as usize);
        took.push(killed.elapsed().as_secs_f64());
        cast.restart(dead, &arguments);
        dead = if dead == "a" { "b" } else { "a" };
    }
    let worst = took.iter().copied().fold(0.0, f64::max);
    figures.at_most("a dead worker's partitions move on", worst, "s", within);
    figures.tell("  median", format!("{:.2}", median(&mut took)), "s");
    cast.dismiss_all();
}

/// Steady work, for a time that is not the same each time.
fn settle(random: &mut Random) {
    pause(Duration::from_millis(1_000 + random.below(1_000) as u64));
}

/// Posts that come one after the other, each with a subject.
struct Feed<'a> {
    world: &'a World,
    log: std::sync::Arc<dyn Log>,
    producer: Mutex<Box<dyn Producer>>,
    written: AtomicUsize,
    partitions: u32,
}

impl<'a> Feed<'a> {
    fn new(world: &'a World) -> Self {
        let log = world.log();
        let producer = Mutex::new(log.producer("hark-a-proof").unwrap());
        Self { world, log, producer, written: AtomicUsize::new(0), partitions: PARTITIONS.parse().unwrap() }
    }

    fn run(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let n = self.written.load(Ordering::Relaxed);
            let post = RawPost {
                r#ref: Some(reference(&format!("p-{n}"))),
                op: Op::Create.into(),
                text: format!("Who knows a garage in street {n}?"),
                ..RawPost::default()
            };
            let key = mention_id(post.r#ref.as_ref().unwrap()).to_string();
            self.commit(&[self.output("posts", key.as_bytes(), post.encode_to_vec())]);
            self.written.store(n + 1, Ordering::Relaxed);
            pause(EVERY);
        }
    }

    /// Entries of the memories of enrich and route, as if so many posts had come before.
    fn fill_state(&self) {
        let seen = Seen { status: SeenStatus::Live.into(), fingerprints: vec![7, 8], ..Seen::default() };
        let place =
            ItemPlace { team: "sales".to_owned(), status: ItemStatus::Open.into(), ..ItemPlace::default() };
        let item = ItemState { version: 1, item: Some(place), ..ItemState::default() };
        for (topic, value) in [("seen", seen.encode_to_vec()), ("items", item.encode_to_vec())] {
            let numbers: Vec<usize> = (0..ENTRIES).collect();
            for chunk in numbers.chunks(5_000) {
                let outputs: Vec<Output> = chunk
                    .iter()
                    .map(|n| {
                        let key = mention_id(&reference(&format!("before-{n}"))).to_string();
                        self.output(topic, key.as_bytes(), value.clone())
                    })
                    .collect();
                self.commit(&outputs);
            }
        }
    }

    fn output(&self, topic: &str, key: &[u8], value: Vec<u8>) -> Output {
        Output {
            topic: self.world.topic(topic).into(),
            partition: partition::of_key(key, self.partitions),
            key: key.to_vec(),
            value: Some(value),
            headers: Vec::new(),
            timestamp_ms: None,
        }
    }

    fn commit(&self, outputs: &[Output]) {
        self.producer.lock().unwrap().commit(outputs).unwrap();
    }

    /// Waits until posts that are written from now on have come, in so many partitions.
    fn wait_for_later(&self, tap: &mut Tap, partitions: usize) {
        let now = self.written.load(Ordering::Relaxed);
        let mut come = BTreeSet::new();
        wait_until("later posts come through", DEADLINE, || {
            for (partition, id) in tap.come() {
                if id.strip_prefix("p-").and_then(|n| n.parse::<usize>().ok()).is_some_and(|n| n > now) {
                    come.insert(partition);
                }
            }
            come.len() >= partitions
        });
    }
}

fn reference(native_id: &str) -> PostRef {
    PostRef {
        tenant: "aurora".to_owned(),
        source: "forum".to_owned(),
        instance: String::new(),
        native_id: native_id.to_owned(),
    }
}
