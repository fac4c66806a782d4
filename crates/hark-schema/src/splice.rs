//! Carrying the bytes of one message inside another without decoding them, and looking into a message without copying it.
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
/// Field number of `RawPost.ref`.
pub const POST_REF: u32 = 1;
/// Field number of `RawPost.text`.
pub const POST_TEXT: u32 = 4;
/// Field number of `RawPost.title`.
pub const POST_TITLE: u32 = 5;
/// Field number of `RawPost.payload`.
pub const POST_PAYLOAD: u32 = 19;

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
    outer.encode_raw(&mut bytes);
    bytes
}

/// The bytes of the length-delimited field `number`, if it is there.
///
/// A writer may give a message field in several pieces, which merge; ours never do, and the last piece is returned.
pub fn field(message: &[u8], number: u32) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    for field in fields(message) {
        if let (tag, Value::Bytes(bytes)) = field?
            && tag == number
        {
            found = Some(bytes);
        }
    }
    Ok(found)
}

/// Hands the bytes of every length-delimited field `number` to `change`, which may write over them; their length stays.
///
/// # Errors
/// The bytes are no message; fields before the malformed one are changed already.
pub fn write_over(
    message: &mut [u8],
    number: u32,
    mut change: impl FnMut(&mut [u8]),
) -> Result<(), Malformed> {
    let start = message.as_ptr() as usize;
    let mut ranges = Vec::new();
    for field in fields(message) {
        if let (tag, Value::Bytes(bytes)) = field?
            && tag == number
        {
            let from = bytes.as_ptr() as usize - start;
            ranges.push(from..from + bytes.len());
        }
    }
    for range in ranges {
        if let Some(bytes) = message.get_mut(range) {
            change(bytes);
        }
    }
    Ok(())
}

/// What a field holds on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Integers, enums, booleans.
    Varint(u64),
    /// Strings, bytes, messages, packed lists.
    Bytes(&'a [u8]),
    /// Fixed numbers of four or eight bytes.
    Fixed(&'a [u8]),
}

/// The fields of a message in the order of the wire; ends after the first that is malformed.
pub fn fields(message: &[u8]) -> impl Iterator<Item = Result<(u32, Value<'_>), Malformed>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = next(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<(u32, Value<'a>), Malformed> {
    let (tag, wire_type) = match **rest {
        // Nearly all keys are one byte.
        [key @ 8..0x80, ..] => {
            *rest = &rest[1..];
            let wire_type = WireType::try_from(u64::from(key & 7)).map_err(|_| Malformed("bad key"))?;
            (u32::from(key >> 3), wire_type)
        }
        _ => decode_key(rest).map_err(|_| Malformed("bad key"))?,
    };
    let mut take = |length: usize| {
        let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed("cut short"))?;
        *rest = after;
        Ok(bytes)
    };
    let value = match wire_type {
        WireType::Varint => Value::Varint(decode_varint(rest).map_err(|_| Malformed("bad varint"))?),
        WireType::SixtyFourBit => Value::Fixed(take(8)?),
        WireType::ThirtyTwoBit => Value::Fixed(take(4)?),
        WireType::LengthDelimited => {
            let length = match **rest {
                [length @ ..0x80, ..] => {
                    *rest = &rest[1..];
                    u64::from(length)
                }
                _ => decode_varint(rest).map_err(|_| Malformed("bad length"))?,
            };
            let length = usize::try_from(length).map_err(|_| Malformed("bad length"))?;
            let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed("cut short"))?;
            *rest = after;
            Value::Bytes(bytes)
        }
        WireType::StartGroup | WireType::EndGroup => return Err(Malformed("groups are not used")),
    };
    Ok((tag, value))
}

/// What has to be known of a `RawPost` to see that it concerns nobody; borrowed from its bytes, because most posts end here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Glance<'a> {
    /// `ref.source`.
    pub source: &'a str,
    /// `op`, by its number.
    pub op: i32,
    /// `text`.
    pub text: &'a str,
    /// `title`.
    pub title: &'a str,
}

impl<'a> Glance<'a> {
    /// Looks at the bytes of a `RawPost`.
    pub fn of(post: &'a [u8]) -> Result<Self, Malformed> {
        let utf8 = |bytes| str::from_utf8(bytes).map_err(|_| Malformed("text is not UTF-8"));
        let mut glance = Self::default();
        for field in fields(post) {
            match field? {
                (POST_REF, Value::Bytes(bytes)) => {
                    const SOURCE: u32 = 2;
                    glance.source = self::field(bytes, SOURCE)?.map(utf8).transpose()?.unwrap_or_default();
                }
                #[allow(clippy::cast_possible_truncation, reason = "protobuf cuts enum numbers to 32 bits")]
                (2, Value::Varint(op)) => glance.op = op as i32,
                (POST_TEXT, Value::Bytes(bytes)) => glance.text = utf8(bytes)?,
                (POST_TITLE, Value::Bytes(bytes)) => glance.title = utf8(bytes)?,
                _ => {}
            }
        }
        Ok(glance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{Item, Mention, Op, PostRef, RawPost};

    #[test]
    fn bytes_that_are_only_passed_on_come_out_as_they_went_in() {
        // Field 900 and enum number 77 are from the future.
        let mut post = RawPost { op: 77, text: "Grüße".to_owned(), ..RawPost::default() }.encode_to_vec();
        encode_key(900, WireType::LengthDelimited, &mut post);
        encode_varint(3, &mut post);
        post.extend_from_slice(b"new");
        let mention = Mention { mention_id: "m".to_owned(), ..Mention::default() };
        let mention = wrap(&mention, MENTION_POST, &post);
        let item = Item { item_id: "i".to_owned(), ..Item::default() };
        let item = wrap(&item, ITEM_MENTION, &mention);
        let inner = field(&item, ITEM_MENTION).unwrap().unwrap();
        assert_eq!(field(inner, MENTION_POST), Ok(Some(&*post)));
        let item = Item::decode(&*item).unwrap();
        assert_eq!((item.item_id.as_str(), item.mention.unwrap().post.unwrap().op), ("i", 77));
    }

    #[test]
    fn a_glance_sees_what_a_decoded_post_has() {
        let post = RawPost {
            r#ref: Some(PostRef {
                source: "forum".to_owned(),
                native_id: "1".to_owned(),
                ..PostRef::default()
            }),
            op: Op::Edit.into(),
            revision: Some(4),
            text: "text".to_owned(),
            title: "title".to_owned(),
            rating: Some(4.5),
            ..RawPost::default()
        };
        let expected = Glance { source: "forum", op: 2, text: "text", title: "title" };
        assert_eq!(Glance::of(&post.encode_to_vec()), Ok(expected));
        assert_eq!(Glance::of(&[]), Ok(Glance::default()));
    }

    #[test]
    fn a_field_is_written_over_and_all_else_stays() {
        let post = RawPost { text: "call 601".to_owned(), title: "601".to_owned(), ..RawPost::default() };
        let mut bytes = post.encode_to_vec();
        write_over(&mut bytes, POST_TEXT, |text| text.fill(b'*')).unwrap();
        let written = RawPost::decode(&*bytes).unwrap();
        assert_eq!(written, RawPost { text: "********".to_owned(), ..post });
        assert!(write_over(&mut [0x22, 1], POST_TEXT, |_| {}).is_err());
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for bytes in [
            &b"\x0a\xff"[..],
            b"\x0a\x05abc",
            b"\x0b",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x22\x01\xff",
        ] {
            assert!(Glance::of(bytes).is_err(), "{bytes:?}");
        }
        assert!(field(b"\x0d\x01", 1).is_err());
    }
}
