//! proto3 JSON of the messages, both ways.
//!
//! Goes through the descriptors, so that enum numbers from the future are shown as numbers instead of failing.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(&include_bytes!("generated/descriptors.bin")[..]).ok());

/// Why a message could not be turned into JSON or back.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// There is no such message in `hark.v1`.
    #[error("no message hark.v1.{0}")]
    UnknownMessage(String),
    /// The bytes are no such message.
    #[error("cannot decode hark.v1.{name}")]
    Decode {
        /// Name of the message without its package.
        name: String,
        /// What prost says.
        source: prost::DecodeError,
    },
    /// The JSON does not fit the message.
    #[error("cannot read or write hark.v1.{name} as JSON")]
    Json {
        /// Name of the message without its package.
        name: String,
        /// What serde says, with line and column.
        source: serde_json::Error,
    },
}

/// The bytes of the message `name` ("Item") as proto3 JSON.
pub fn to_json(name: &str, bytes: &[u8]) -> Result<serde_json::Value, JsonError> {
    let message = DynamicMessage::decode(descriptor(name)?, bytes)
        .map_err(|source| JsonError::Decode { name: name.to_owned(), source })?;
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|source| JsonError::Json { name: name.to_owned(), source })
}

/// The bytes of the message `name` ("Item") written as proto3 JSON in `json`.
pub fn from_json(name: &str, json: &str) -> Result<Vec<u8>, JsonError> {
    let fail = |source| JsonError::Json { name: name.to_owned(), source };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(descriptor(name)?, &mut deserializer).map_err(fail)?;
    deserializer.end().map_err(fail)?;
    Ok(message.encode_to_vec())
}

fn descriptor(name: &str) -> Result<MessageDescriptor, JsonError> {
    POOL.as_ref()
        .and_then(|pool| pool.get_message_by_name(&format!("hark.v1.{name}")))
        .ok_or_else(|| JsonError::UnknownMessage(name.to_owned()))
}
