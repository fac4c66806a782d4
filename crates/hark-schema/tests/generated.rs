//! The committed code and descriptors in `src/generated` are what `proto/hark/v1` says.
//!
//! They are committed, not built, because the compiler for protobuf and what it drags in would add a minute to every
//! cold build. `UPDATE_GENERATED=1 cargo test -p hark-schema --test generated` writes them anew.

use std::{env, fs, path::Path};

use prost::Message as _;

const FILES: [&str; 5] = ["post", "mention", "item", "dead_letter", "state"];

#[test]
fn generated_code_is_in_step_with_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    let descriptors = protox::compile(FILES.map(|name| format!("hark/v1/{name}.proto")), [&root]).unwrap();

    let fresh = tempfile::tempdir().unwrap();
    fs::write(fresh.path().join("descriptors.bin"), descriptors.encode_to_vec()).unwrap();
    prost_build::Config::new().btree_map(["."]).out_dir(fresh.path()).compile_fds(descriptors).unwrap();

    for name in ["hark.v1.rs", "descriptors.bin"] {
        let now = fs::read(fresh.path().join(name)).unwrap();
        if env::var_os("UPDATE_GENERATED").is_some() {
            fs::write(committed.join(name), &now).unwrap();
        }
        assert!(
            fs::read(committed.join(name)).unwrap_or_default() == now,
            "src/generated/{name} differs from proto/hark/v1: run UPDATE_GENERATED=1 cargo test -p hark-schema --test generated"
        );
    }
}
