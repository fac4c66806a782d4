//! What a newer Hark writes passes through an older one.

use hark_schema::{
    Message as _,
    v1::{Item, RawPost},
};

use crate::scene::Scene;

#[test]
fn fields_and_enum_numbers_from_the_future_reach_the_item_on_the_embedded_log() {
    fields_and_enum_numbers_from_the_future_reach_the_item(&Scene::embedded());
}

#[test]
fn fields_and_enum_numbers_from_the_future_reach_the_item_on_kafka() {
    let Some(scene) = Scene::kafka("fields_and_enum_numbers_from_the_future") else { return };
    fields_and_enum_numbers_from_the_future_reach_the_item(&scene);
}

fn fields_and_enum_numbers_from_the_future_reach_the_item(scene: &Scene) {
    if !scene.is_on_kafka() {
        scene.run(&["topics", "create"]);
    }
    let mut output = scene.post(scene.partitions("posts"), "f-1", "Is there a garage on Mars yet?");
    let mut post = RawPost::decode(&**output.value.as_ref().unwrap()).unwrap();
    // Who may read it and what happened, in words that are not invented yet.
    (post.visibility, post.op) = (4711, 815);
    let mut bytes = post.encode_to_vec();
    // Field 1000, text: key (1000 << 3 | 2) as a varint, length, content.
    bytes.extend([0xc2, 0x3e, 12]);
    bytes.extend(b"from 2031 on");
    output.value = Some(bytes.clone());

    scene.write(&[output]);
    scene.work_off();
    let items = scene.values("queue.sales");
    assert_eq!(items.len(), 1);
    let found = items[0].windows(bytes.len()).any(|window| window == bytes);
    assert!(found, "the post's bytes are in the item as they came");
    let item = Item::decode(&*items[0]).unwrap();
    let post = item.mention.and_then(|mention| mention.post).unwrap();
    assert_eq!((post.visibility, post.op), (4711, 815));
}
