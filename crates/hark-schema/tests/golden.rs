//! Ids and partitions are what `docs/golden-vectors.json` says, which consumers in other languages check themselves against.
//! The ids in it were computed by another BLAKE3 implementation, the hashes by Kafka's own Java client.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use hark_schema::{
    id::{item_id, mention_id, thread_id},
    partition::{murmur2, of_key},
    v1::{PostRef, ThreadRef},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    #[serde(rename = "about")]
    _about: String,
    ids: Vec<Post>,
    partitions: Vec<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Post {
    tenant: String,
    source: String,
    instance: String,
    native_id: String,
    thread: Option<Thread>,
    mention_id: String,
    thread_id: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Thread {
    root: String,
    parent: String,
}

#[derive(Deserialize)]
struct Item {
    team: String,
    copy: bool,
    item_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key_hex: String,
    key: Option<String>,
    murmur2: i32,
    partition_of_12: u32,
    partition_of_7: u32,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/golden-vectors.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn ids_equal_the_golden_vectors() {
    let golden = golden();
    assert!(golden.ids.len() >= 6);
    for post in golden.ids {
        let thread = post.thread.map(|thread| ThreadRef { root: thread.root, parent: thread.parent });
        let post_ref = PostRef {
            tenant: post.tenant,
            source: post.source,
            instance: post.instance,
            native_id: post.native_id,
        };
        let mention = mention_id(&post_ref);
        assert_eq!(mention.to_string(), post.mention_id, "{post_ref:?}");
        assert_eq!(thread_id(&post_ref, thread.as_ref()).to_string(), post.thread_id, "{post_ref:?}");
        for item in post.items {
            assert_eq!(item_id(mention, &item.team, item.copy).to_string(), item.item_id, "{}", item.team);
        }
    }
}

#[test]
fn partitions_equal_those_of_the_java_client() {
    let golden = golden();
    assert!(golden.partitions.len() >= 20);
    for vector in golden.partitions {
        let key = unhex(&vector.key_hex);
        if let Some(text) = vector.key {
            assert_eq!(text.as_bytes(), key);
        }
        assert_eq!(murmur2(&key).cast_signed(), vector.murmur2, "{}", vector.key_hex);
        assert_eq!(of_key(&key, 12), vector.partition_of_12, "{}", vector.key_hex);
        assert_eq!(of_key(&key, 7), vector.partition_of_7, "{}", vector.key_hex);
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
