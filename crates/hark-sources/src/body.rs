//! The posts of a request's body: one object, a list, or JSON Lines.

use serde_json::value::RawValue;

use crate::{PostError, PostInput, Reason, post::malformed};

/// Posts that one body may hold: as many as fit into one transaction.
pub const MAX_POSTS: usize = 10_000;

/// Mistakes that are answered; a sender fixes the first ones first.
const MAX_ERRORS: usize = 1_000;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One object or a list of objects.
    Json,
    /// One object a line.
    JsonLines,
}

impl Form {
    /// Of a `content-type`; `None` for any other than `application/json`, `application/x-ndjson` and `application/jsonl`, and for a charset
    /// other than UTF-8.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let mut parts = content_type.split(';').map(str::trim);
        let form = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/json" => Self::Json,
            "application/x-ndjson" | "application/jsonl" => Self::JsonLines,
            _ => return None,
        };
        let utf8 = parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let value = value.trim().trim_matches('"');
                value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
            }
            _ => true,
        });
        utf8.then_some(form)
    }
}

/// What is wrong with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct BodyErrors {
    /// Every mistake, up to a bound, and behind that how many more there are; at least one.
    pub errors: Vec<PostError>,
    /// The reason of each post that was refused.
    pub refused: Vec<Reason>,
}

/// Reads all posts of a body, at least one, or says what is wrong with each that is no post. With `keep_payload` each post brings its own document.
///
/// # Errors
/// When any post is wrong: a body is taken whole or not at all.
pub fn parse_body(bytes: &[u8], form: Form, keep_payload: bool) -> Result<Vec<PostInput>, BodyErrors> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let why = format!("not UTF-8: byte {} is wrong; send it as UTF-8", error.valid_up_to());
        BodyErrors::whole(Reason::InvalidUtf8, why)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(BodyErrors::whole(Reason::MalformedJson, "the body is empty".to_owned()));
    }
    let documents: Vec<&str> = match form {
        Form::JsonLines => text.lines().filter(|line| !line.trim_ascii().is_empty()).collect(),
        Form::Json if text.trim_ascii_start().starts_with('[') => {
            serde_json::from_str::<Vec<&RawValue>>(text)
                .map_err(|error| BodyErrors::whole(Reason::MalformedJson, malformed(&error)))?
                .into_iter()
                .map(RawValue::get)
                .collect()
        }
        Form::Json => vec![text],
    };
    if documents.is_empty() {
        // A sender whose export came out empty is to hear of it.
        return Err(BodyErrors::whole(
            Reason::InvalidPost,
            "the list is empty: the body holds no post".to_owned(),
        ));
    }
    if documents.len() > MAX_POSTS {
        let why = format!("{} posts; at most {MAX_POSTS} are taken at once", documents.len());
        return Err(BodyErrors::whole(Reason::InvalidPost, why));
    }
    let mut posts = Vec::with_capacity(documents.len());
    let mut wrong = BodyErrors { errors: Vec::new(), refused: Vec::new() };
    let mut beyond = 0;
    for (index, document) in documents.into_iter().enumerate() {
        match read(document, index, keep_payload) {
            Ok(post) => posts.push(post),
            Err(errors) => {
                wrong.refused.extend(errors.first().map(|error| error.reason));
                let room = MAX_ERRORS - wrong.errors.len();
                beyond += errors.len().saturating_sub(room);
                wrong.errors.extend(errors.into_iter().take(room));
            }
        }
    }
    if wrong.errors.is_empty() {
        return Ok(posts);
    }
    if beyond > 0 {
        let why = format!(
            "{beyond} more mistakes are not listed; of {} posts {} are wrong",
            posts.len() + wrong.refused.len(),
            wrong.refused.len()
        );
        let reason = Reason::InvalidPost;
        wrong.errors.push(PostError { index: None, pointer: String::new(), reason, why });
    }
    Err(wrong)
}

fn read(document: &str, index: usize, keep_payload: bool) -> Result<PostInput, Vec<PostError>> {
    let mut post =
        PostInput::from_json_at(document.as_bytes(), Some(index)).map_err(|refused| refused.errors)?;
    if keep_payload {
        let document = document.trim_ascii();
        if document.len() > crate::MAX_PAYLOAD_BYTES {
            let why = crate::file::payload_too_long(document.len());
            let error =
                PostError { index: Some(index), pointer: String::new(), reason: Reason::InvalidPost, why };
            return Err(vec![error]);
        }
        post.payload = document.into();
    }
    Ok(post)
}

impl BodyErrors {
    /// The body as a whole is wrong.
    pub(crate) fn whole(reason: Reason, why: String) -> Self {
        let error = PostError { index: None, pointer: String::new(), reason, why };
        Self { errors: vec![error], refused: vec![reason] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_object_a_list_or_lines() {
        let table = [
            (Form::Json, r#"{"id":"a","text":"x"}"#, vec!["a"]),
            (
                Form::Json,
                " \n[{\"id\":\"a\",\"text\":\"x\"},\n{\"id\":\"b\",\"op\":\"delete\"}]\n",
                vec!["a", "b"],
            ),
            (
                Form::JsonLines,
                "{\"id\":\"a\",\"text\":\"x\"}\r\n\n{\"id\":\"b\",\"text\":\"y\"}",
                vec!["a", "b"],
            ),
            (Form::Json, "\u{feff}{\"id\":\"a\",\"text\":\"x\"}", vec!["a"]),
        ];
        for (form, body, ids) in table {
            let posts = parse_body(body.as_bytes(), form, false).unwrap();
            assert_eq!(posts.iter().map(|post| post.id.as_str()).collect::<Vec<_>>(), ids, "{body}");
        }
    }

    #[test]
    fn mistakes_name_the_post_by_its_index() {
        let table = [
            (Form::Json, r#"[{"id":"a","text":"x"},{"id":"b"},7]"#, vec![(Some(1), "/text"), (Some(2), "")]),
            (Form::JsonLines, "{\"id\":\"a\"}\n\n{\n", vec![(Some(0), "/text"), (Some(1), "")]),
            (Form::Json, "{\"id\":\"a\"}", vec![(Some(0), "/text")]),
            (Form::Json, "[{\"id\":\"a\",", vec![(None, "")]),
            (Form::Json, "[{\"id\":\"a\",\"text\":\"\\ud800\"}]", vec![(Some(0), "")]),
            (Form::Json, "  ", vec![(None, "")]),
            (Form::Json, " [ ]", vec![(None, "")]),
            (Form::JsonLines, "", vec![(None, "")]),
        ];
        for (form, body, places) in table {
            let wrong = parse_body(body.as_bytes(), form, false).unwrap_err();
            let found: Vec<_> =
                wrong.errors.iter().map(|error| (error.index, error.pointer.as_str())).collect();
            assert_eq!(found, places, "{body}");
        }
        assert_eq!(parse_body(b"[\"\xff\"]", Form::Json, false).unwrap_err().refused, [Reason::InvalidUtf8]);
    }

    #[test]
    fn a_body_of_too_many_posts_is_refused_and_mistakes_are_listed_up_to_a_bound() {
        let posts = |count| format!("[{}]", vec!["1"; count].join(","));
        let wrong = parse_body(posts(MAX_POSTS + 1).as_bytes(), Form::Json, false).unwrap_err();
        assert_eq!(wrong.errors[0].why, "10001 posts; at most 10000 are taken at once");
        let wrong = parse_body(posts(MAX_POSTS).as_bytes(), Form::Json, false).unwrap_err();
        assert_eq!((wrong.errors.len(), wrong.refused.len()), (MAX_ERRORS + 1, MAX_POSTS));
        let last = wrong.errors.last().unwrap();
        let why = "9000 more mistakes are not listed; of 10000 posts 10000 are wrong";
        assert_eq!((last.index, &*last.why), (None, why));
        let wrong = parse_body(posts(MAX_ERRORS).as_bytes(), Form::Json, false).unwrap_err();
        assert_eq!(wrong.errors.len(), MAX_ERRORS, "all of them");
    }

    #[test]
    fn a_kept_payload_is_the_posts_own_document() {
        let body = br#"[ {"id":"a", "text":"x"} , {"id":"b","text":"y"}]"#;
        let posts = parse_body(body, Form::Json, true).unwrap();
        assert_eq!(posts[0].payload, br#"{"id":"a", "text":"x"}"#);
        assert!(parse_body(body, Form::Json, false).unwrap()[0].payload.is_empty());
        let padded = format!("{{\"id\":\"a\",{}\"text\":\"x\"}}", " ".repeat(crate::MAX_PAYLOAD_BYTES));
        let wrong = parse_body(padded.as_bytes(), Form::Json, true).unwrap_err();
        assert!(wrong.errors[0].why.contains("keep_payload"), "{wrong:?}");
    }

    #[test]
    fn only_json_in_utf8_is_a_form() {
        let table = [
            ("application/json", Some(Form::Json)),
            ("Application/JSON; Charset=\"UTF-8\"", Some(Form::Json)),
            ("application/x-ndjson", Some(Form::JsonLines)),
            ("application/jsonl;charset=utf8", Some(Form::JsonLines)),
            ("application/json; charset=latin1", None),
            ("text/plain", None),
            ("application/xml", None),
            ("", None),
        ];
        for (content_type, form) in table {
            assert_eq!(Form::of_content_type(content_type), form, "{content_type}");
        }
    }
}
