//! Everything that eats bytes from outside, fed with good bytes that were damaged: no panic, and nothing that takes long.
//!
//! A runner of our own because it needs no other toolchain: mutations of a seed, no coverage. `fuzz/` holds a target for cargo-fuzz,
//! which has coverage and needs a nightly one.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use hark_log::Counts;
use hark_schema::{
    Message as _, json,
    splice::{self, Glance},
    v1,
};
use hark_sources::{Form, feed, parse_body};
use hark_tests::{http, program, random::Random};
use hark_text::{TAGS, features::FEATURES_VERSION, model::Model};

use crate::{figures::Figures, world::World};

/// One case takes microseconds, a configuration some milliseconds.
const SLOW: Duration = Duration::from_secs(5);
/// What a webhook may say to headers that are damaged.
const ANSWERS: [u16; 10] = [200, 400, 401, 404, 405, 408, 413, 415, 422, 431];

const JSON_TOKENS: [&str; 12] =
    ["\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1e400", "\\ud83d", "\u{202e}"];
const XML_TOKENS: [&str; 10] =
    ["<", ">", "&", "]]>", "<![CDATA[", "&#0;", "<item>", "</item>", "<!DOCTYPE a [", "\u{0}"];
const YAML_TOKENS: [&str; 12] =
    ["\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "!!binary ", "${HOME}"];
const HEADER_TOKENS: [&str; 6] = ["\r\n", ": ", " ", ",", "v1,", "\u{fffd}"];

/// The error says what must not be.
type Eat<'a> = Box<dyn Fn(&[u8]) -> Result<(), String> + 'a>;

/// A parser, and whole input for it.
struct Target<'a> {
    name: &'static str,
    whole: Vec<Vec<u8>>,
    tokens: &'a [&'static str],
    eat: Eat<'a>,
}

pub fn prove(each: Duration, seed: u64) -> Figures {
    let mut figures = Figures::default();
    let world = World::embedded(None);
    let up = world.start(&["up", "--instance", "only", "--listen", "127.0.0.1:0"]);
    let webhook = http::address(&up);
    let targets = targets(&world, webhook);
    // What panics is told here; the backtrace of each would drown it.
    std::panic::set_hook(Box::new(|_| {}));
    for (stream, target) in targets.iter().enumerate() {
        let mut random = Random::new(seed, stream as u64);
        let (began, mut cases, mut faults) = (Instant::now(), 0_u64, 0);
        while began.elapsed() < each {
            let mut bytes = random.pick(&target.whole).clone();
            for _ in 0..=random.below(6) {
                random.damage(&mut bytes, target.tokens);
            }
            let at = Instant::now();
            let eaten = catch_unwind(AssertUnwindSafe(|| (target.eat)(&bytes)));
            let fault = match eaten {
                Err(_) => Some("it panicked".to_owned()),
                Ok(Err(why)) => Some(why),
                Ok(Ok(())) => (at.elapsed() > SLOW).then(|| format!("it took {:?}", at.elapsed())),
            };
            if let Some(why) = fault {
                faults += 1;
                let kept = std::env::temp_dir().join(format!("hark-fuzz-{}-{seed}-{cases}", target.name));
                std::fs::write(&kept, &bytes).unwrap();
                println!("  {}: {why}: {}", target.name, kept.display());
            }
            cases += 1;
        }
        figures.at_most(&format!("{}: faults in {cases} cases", target.name), f64::from(faults), "", 0.0);
    }
    let said = up.said("panicked").len();
    figures.at_most("panics of the program behind the webhook", said as f64, "", 0.0);
    figures
}

fn targets<'a>(world: &'a World, webhook: std::net::SocketAddr) -> Vec<Target<'a>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = |path: &str| std::fs::read(repository.join(path)).unwrap();
    let post = br#"{"id":"h-1","text":"Kto poleci garage? Za\u017c\u00f3\u0142\u0107","op":"edit","revision":"2026-05-04T09:41:00Z","author":{"handle":"@karin","followers":5400},"thread":{"root":"p-1"},"rating":1,"created_at":"2026-05-04T09:30:00Z","media_urls":["https://forum.example/1.jpg"]}"#.to_vec();
    let rss = hark_tests::web::rss(&[(
        "A title".to_owned(),
        "g-1".to_owned(),
        "<p>Who knows a garage?</p>".to_owned(),
    )]);
    let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><id>i</id><updated>2026-05-04T09:30:00Z</updated><entry><id>e</id><title type="html">&lt;b&gt;x</title><updated>2026-05-04T09:30:00Z</updated><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>y</p></div></content></entry></feed>"#;
    let json_feed = r#"{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","content_html":"<p>x &amp; y</p>","date_published":"2026-05-04T09:30:00Z"}]}"#;
    let model = file("crates/hark-text/models/tags.model");
    vec![
        Target {
            name: "posts",
            whole: vec![post.clone(), [b"[", &post[..], b",", &post, b"]"].concat(), [&post[..], b"\n", &post].concat()],
            tokens: &JSON_TOKENS,
            eat: Box::new(|bytes| {
                for form in [Form::Json, Form::JsonLines] {
                    if let Err(errors) = parse_body(bytes, form, true)
                        && errors.errors.is_empty()
                    {
                        return Err("refused without a reason".to_owned());
                    }
                }
                Ok(())
            }),
        },
        Target {
            name: "feeds",
            whole: vec![rss.into_bytes(), atom.into(), json_feed.into()],
            tokens: &XML_TOKENS,
            eat: Box::new(|bytes| {
                feed::posts_of(bytes, "https://news.example/rss").ok();
                Ok(())
            }),
        },
        Target {
            name: "signatures",
            whole: vec![
                b"webhook-id: msg-1\r\nwebhook-timestamp: 1777887000\r\nwebhook-signature: v1,GeMbspGUniVO6bQEGGiWOfP0cHT2emWTBU/YawV+ak0=\r\ncontent-type: application/json\r\n".to_vec(),
                b"authorization: Bearer a-wrong-token\r\ncontent-type: application/x-ndjson\r\ncontent-encoding: gzip\r\n".to_vec(),
            ],
            tokens: &HEADER_TOKENS,
            eat: Box::new(move |bytes| match http::exchange_raw(webhook, bytes, b"{\"id\":\"1\",\"text\":\"x\"}") {
                Ok(answer) if ANSWERS.contains(&answer.status) => Ok(()),
                Ok(answer) => Err(format!("the webhook said {}", answer.status)),
                // A head that is none is answered by a closed connection.
                Err(_) => Ok(()),
            }),
        },
        Target {
            name: "configuration",
            whole: vec![file("examples/car-dealer/hark.yaml"), std::fs::read(world.path("hark.yaml")).unwrap()],
            tokens: &YAML_TOKENS,
            eat: Box::new(|bytes| {
                std::fs::write(world.path("damaged.yaml"), bytes).unwrap();
                let ended = program::run(&mut world.hark(&["check", "--config", "damaged.yaml"]), SLOW * 2);
                match ended.code {
                    Some(0 | 1 | 64) if !ended.stderr.contains("panicked") => Ok(()),
                    code => Err(format!("hark check ended with {code:?}")),
                }
            }),
        },
        Target {
            name: "records",
            whole: records(),
            tokens: &[],
            eat: Box::new(|bytes| {
                for message in ["RawPost", "Mention", "Item", "DeadLetter", "Seen", "ItemState"] {
                    json::to_json(message, bytes).ok();
                }
                splice::fields(bytes).for_each(drop);
                Glance::of(bytes).ok();
                v1::ThreadState::decode(bytes).ok();
                let text = String::from_utf8_lossy(bytes);
                let counts = Counts::from_metadata(&text);
                let again = Counts::from_metadata(&counts.to_metadata()).total();
                if again == counts.total() { Ok(()) } else { Err("counts do not come back".to_owned()) }
            }),
        },
        Target {
            name: "model files",
            // The head is what is read; the weights are only measured.
            whole: vec![model],
            tokens: &[],
            eat: Box::new(|bytes| {
                let body = bytes.len().saturating_sub(CHECKSUM_BYTES);
                let sum = blake3::hash(&bytes[..body]);
                let sealed = [&bytes[..body], &sum.as_bytes()[..CHECKSUM_BYTES]].concat();
                Model::<TAGS>::parse("tags", FEATURES_VERSION, Cow::Owned(sealed)).ok();
                Ok(())
            }),
        },
    ]
}

/// As in the head of `hark_text::model`; a model whose sum is wrong is read no further.
const CHECKSUM_BYTES: usize = 16;

fn records() -> Vec<Vec<u8>> {
    let post = v1::RawPost {
        r#ref: Some(v1::PostRef {
            tenant: "aurora".into(),
            source: "shop".into(),
            native_id: "1".into(),
            ..Default::default()
        }),
        text: "Who knows a garage?".into(),
        url: "https://forum.example/1".into(),
        author: Some(v1::Author { handle: "@karin".into(), followers: Some(5), ..Default::default() }),
        ..Default::default()
    };
    let mention = v1::Mention {
        post: Some(post.clone()),
        mention_id: "0".repeat(32),
        language: "en".into(),
        ..Default::default()
    };
    let item = v1::Item {
        mention: Some(mention.clone()),
        item_id: "0".repeat(32),
        version: 3,
        ..Default::default()
    };
    let seen = v1::Seen { fingerprints: vec![1, u64::MAX], revision: Some(7), ..Default::default() };
    let mut counts = Counts::default();
    counts.add(&hark_log::Outcome::Emitted);
    vec![
        post.encode_to_vec(),
        mention.encode_to_vec(),
        item.encode_to_vec(),
        seen.encode_to_vec(),
        counts.to_metadata().into_bytes(),
    ]
}
