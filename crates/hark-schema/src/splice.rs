//! Carrying the bytes of one message inside another without decoding them.
//!
//! On the wire a message field and a `bytes` field look the same: key, length, bytes. So what a stage only passes on is
//! copied as it came, and fields newer than the worker survive.

use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint, key_len},
};

/// Field number of `Mention.post`.
pub const MENTION_POST: u32 = 1;
/// Field number of `Item.mention`.
pub const ITEM_MENTION: u32 = 3;

/// Bytes that are no protobuf message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a protobuf message: {0}")]
pub struct Malformed(&'static str);

/// The bytes of `outer` with `inner` in its field `number`, which must be empty in `outer`.
pub fn wrap(outer: &impl Message, number: u32, inner: &[u8]) -> Vec<u8> {
    let length = inner.len() as u64;
    let size = key_len(number) + encoded_len_varint(length) + inner.len() + outer.encoded_len();
    let mut bytes = Vec::with_capacity(size);
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(length, &mut bytes);
    bytes.extend_from_slice(inner);
    // Fails only where the buffer cannot grow, and a Vec can.
    outer.encode_raw(&mut bytes);
    bytes
}

/// The bytes of the length-delimited field `number`, if it is there.
///
/// A writer may give a message field in several pieces, which merge; ours never do, and the last piece is returned.
pub fn field(message: &[u8], number: u32) -> Result<Option<&[u8]>, Malformed> {
    let mut rest = message;
    let mut found = None;
    while !rest.is_empty() {
        let (tag, wire_type) = decode_key(&mut rest).map_err(|_| Malformed("bad key"))?;
        match wire_type {
            WireType::Varint => {
                decode_varint(&mut rest).map_err(|_| Malformed("bad varint"))?;
            }
            WireType::SixtyFourBit => rest = rest.get(8..).ok_or(Malformed("cut short"))?,
            WireType::ThirtyTwoBit => rest = rest.get(4..).ok_or(Malformed("cut short"))?,
            WireType::LengthDelimited => {
                let length = decode_varint(&mut rest).map_err(|_| Malformed("bad length"))?;
                let length = usize::try_from(length).map_err(|_| Malformed("bad length"))?;
                let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed("cut short"))?;
                if tag == number {
                    found = Some(bytes);
                }
                rest = after;
            }
            WireType::StartGroup | WireType::EndGroup => return Err(Malformed("groups are not used")),
        }
    }
    Ok(found)
}
