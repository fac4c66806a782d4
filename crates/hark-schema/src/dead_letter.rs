//! How much of what was rejected a dead letter keeps: whatever it was, the letter must fit a record (law 10 of DESIGN).

use crate::v1::DeadLetter;

/// Of the value, in bytes.
pub const VALUE_BYTES: usize = 512 * 1024;
/// Of the key and of each header, in bytes.
pub const HEADER_BYTES: usize = 4 * 1024;
/// Of the name of a header and of the explanation, in characters.
const HEADER_NAME_CHARS: usize = 256;
const ERROR_CHARS: usize = 2_000;
/// Headers beyond this many are left out: their sum must stay far below a record's limit.
const HEADERS: usize = 32;

/// The letter, cut to what is kept; length and hash of the value stay those of the whole.
#[must_use]
pub fn bounded(mut letter: DeadLetter) -> DeadLetter {
    letter.key.iter_mut().for_each(|key| key.truncate(HEADER_BYTES));
    letter.value.iter_mut().for_each(|value| value.truncate(VALUE_BYTES));
    letter.headers.truncate(HEADERS);
    for header in &mut letter.headers {
        header.key = first_chars(&header.key, HEADER_NAME_CHARS);
        header.value.truncate(HEADER_BYTES);
    }
    letter.error = first_chars(&letter.error, ERROR_CHARS);
    letter
}

fn first_chars(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}
