//! What an entry of a worker's memory costs is a promise of docs/deploy.md: these are the values that it measures with.

use hark_schema::{
    Message as _,
    v1::{ItemPlace, ItemState, ItemStatus, Pitch, Seen, SeenStatus, ThreadClaim, ThreadState},
};

const NOW_MS: i64 = 1_795_600_000_000;

fn claim(mention_id: &[u8], person: &str) -> ThreadClaim {
    ThreadClaim { mention_id: mention_id.into(), team: "support".into(), person: person.into() }
}

#[test]
fn what_is_remembered_has_the_size_that_the_page_on_deploying_says() {
    let id = vec![7; 16];
    let seen = Seen {
        status: SeenStatus::Live.into(),
        fingerprints: vec![u64::MAX],
        thread_id: id.clone(),
        ..Seen::default()
    };
    let item =
        ItemPlace { team: "support".into(), person: "Karin Dahl".into(), status: ItemStatus::Open.into() };
    let item =
        ItemState { version: 1, item: Some(item), copies: vec![], respond_by_ms: NOW_MS, pitched: true };
    let thread = |claims| ThreadState { claims, open_items: 1, pitch: None };
    let offered = ThreadState {
        pitch: Some(Pitch { mention_id: id.clone(), at_ms: NOW_MS }),
        ..thread(vec![claim(&[], "Karin Dahl")])
    };
    let sizes = [
        ("post", seen.encoded_len()),
        ("item", item.encoded_len()),
        ("thread", thread(vec![claim(&[], "")]).encoded_len()),
        ("thread begun by a reply", thread(vec![claim(&id, "")]).encoded_len()),
        ("thread with an offer", offered.encoded_len()),
        ("further claim", 2 + claim(&id, "Karin Dahl").encoded_len()),
    ];
    assert_eq!(
        sizes,
        [
            ("post", 30),
            ("item", 36),
            ("thread", 13),
            ("thread begun by a reply", 31),
            ("thread with an offer", 52),
            ("further claim", 41),
        ]
    );
}
