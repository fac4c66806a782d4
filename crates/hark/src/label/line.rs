//! A line of JSON Lines as people write it, and what is wrong with one that cannot be taken.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A line's keys that are read, with what each must be.
pub(super) type Keys = [(&'static str, Kind)];

/// What a key must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A string, and it must be there.
    NeededString,
    String,
    Strings,
    Any,
}

/// Without the byte order mark that some editors begin a file with.
pub(super) fn without_mark(number: u64, line: &[u8]) -> &[u8] {
    let marked = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf") } else { None };
    marked.unwrap_or(line)
}

/// Reads one object.
///
/// # Errors
/// What is wrong with the line and what to do about it.
pub(super) fn read<'a, T: Deserialize<'a>>(line: &'a [u8], keys: &Keys) -> Result<T, String> {
    let read = serde_json::from_slice(line).ok().filter(|_| is_object(line));
    read.ok_or_else(|| what_is_wrong(line, keys))
}

/// The `id` of an object that is otherwise of no use.
pub(super) fn id(line: &[u8]) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        id: Option<&'a RawValue>,
    }
    is_object(line).then_some(line).and_then(|line| serde_json::from_slice::<Named<'_>>(line).ok())?.id
}

/// serde would take an array for the fields in their order.
fn is_object(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{")
}

fn what_is_wrong(line: &[u8], keys: &Keys) -> String {
    let text = match str::from_utf8(line) {
        Ok(text) if text.trim().is_empty() => return "it is empty: leave it out".to_owned(),
        Ok(text) => text,
        Err(error) => {
            return format!("byte {} is not UTF-8: save or send it as UTF-8", error.valid_up_to() + 1);
        }
    };
    let names: Vec<String> = keys.iter().map(|(key, _)| format!("{key:?}: ...")).collect();
    let wanted = format!("write one object a line, {{{}}}", names.join(", "));
    let members = match serde_json::from_str(text.trim_end()) {
        Ok(Value::Object(members)) => members,
        Ok(other) => return format!("{} in place of an object: {wanted}", described(&other)),
        Err(error) if error.is_eof() => return format!("it breaks off before its JSON ends: {wanted}"),
        Err(error) => return format!("it is not JSON from column {} on: {wanted}", error.column()),
    };
    for (key, kind) in keys {
        let found = members.get(*key).unwrap_or(&Value::Null);
        let wanted = match (kind, found) {
            (Kind::Any, _) | (Kind::NeededString | Kind::String, Value::String(_)) => continue,
            (Kind::String | Kind::Strings, Value::Null) => continue,
            (Kind::Strings, Value::Array(list)) if list.iter().all(Value::is_string) => continue,
            (Kind::NeededString, Value::Null) => return format!("{key:?} is missing: {wanted}"),
            (Kind::NeededString | Kind::String, _) => "a string",
            (Kind::Strings, _) => "a list of strings",
        };
        return format!("{key:?} is {}: write {wanted}", described(found));
    }
    "a key stands there more than once: leave one of them".to_owned()
}

fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
