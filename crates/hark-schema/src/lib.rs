//! The messages that travel between Hark's stages, and what every reader of them must agree on: ids, partitions, proto3 JSON,
//! how much a dead letter keeps, and the rule that bytes which are only passed on are never re-encoded.
//!
//! One decision a reader may question: nested messages that a stage only carries (`Mention.post`, `Item.mention`) are
//! left empty in the generated structs and spliced in as bytes by [`splice`]. prost drops fields that it does not know
//! when it decodes, so decoding and encoding again would lose what a newer worker wrote.

/// Types generated from `proto/hark/v1`; `tests/generated.rs` keeps the file in step.
#[allow(missing_docs, clippy::doc_markdown)]
pub mod v1 {
    include!("generated/hark.v1.rs");
}

pub mod dead_letter;
pub mod id;
pub mod json;
pub mod partition;
pub mod splice;

pub use prost::Message;
pub use prost_types;
