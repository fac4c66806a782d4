//! What is answered: always JSON, always with a why.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{PostError, SubmitError};

/// Seconds after which a sender is asked to try again: a busy worker commits several times a second, an absent log takes longer.
const BUSY_RETRY_SECONDS: u16 = 1;
const UNAVAILABLE_RETRY_SECONDS: u16 = 5;

/// Statuses that a known source answers with.
pub const ANSWERS: [u16; 10] = [200, 400, 401, 408, 413, 415, 422, 429, 500, 503];

/// Answers of one source by status, since the process started.
#[derive(Debug, Default)]
pub struct Answers([AtomicU64; ANSWERS.len()]);

impl Answers {
    /// How often that status was answered.
    #[must_use]
    pub fn of(&self, status: u16) -> u64 {
        ANSWERS.iter().position(|known| *known == status).map_or(0, |at| self.0[at].load(Ordering::Relaxed))
    }

    pub(super) fn count(&self, status: StatusCode) {
        if let Some(at) = ANSWERS.iter().position(|known| *known == status.as_u16()) {
            self.0[at].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Posts that are committed.
pub(super) struct Accepted {
    /// mention_ids, in the order of the posts.
    pub ids: Vec<String>,
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        answer(StatusCode::OK, &json!({"accepted": self.ids.len(), "ids": self.ids}))
    }
}

/// A request that was not taken; nothing of it was.
pub(super) enum Refusal {
    UnknownSource(String),
    Method,
    Unauthorised(&'static str),
    ContentType,
    ContentEncoding,
    TooLarge(usize),
    /// A post that no record can hold.
    PostTooLarge(String),
    /// Other bodies that are being read take all the memory there is for them.
    NoRoom,
    Slow,
    CutShort,
    /// The worker ends, and the body is not here yet.
    Stopping,
    Posts(Vec<PostError>),
    Submit(SubmitError),
    /// The commit was waited for long enough.
    NotCommitted,
    Panicked,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let is_last = matches!(self, Self::Stopping);
        let (status, why, retry) = match self {
            Self::Posts(errors) => {
                return answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({"errors": errors}));
            }
            Self::UnknownSource(source) => (
                StatusCode::NOT_FOUND,
                format!("no webhook source is called {source:?} in the configuration"),
                None,
            ),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "posts are sent with POST".to_owned(), None),
            Self::Unauthorised(why) => (StatusCode::UNAUTHORIZED, why.to_owned(), None),
            Self::ContentType => {
                let why = "content-type has to be application/json (an object or a list), application/x-ndjson or \
                           application/jsonl (an object a line), in UTF-8";
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, why.to_owned(), None)
            }
            Self::ContentEncoding => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content-encoding may be gzip or absent".to_owned(),
                None,
            ),
            Self::TooLarge(limit) => {
                let why = format!(
                    "the body is over {limit} bytes, as sent or after decompression: send it in parts"
                );
                (StatusCode::PAYLOAD_TOO_LARGE, why, None)
            }
            Self::PostTooLarge(why) => (StatusCode::PAYLOAD_TOO_LARGE, why, None),
            Self::NoRoom => {
                let why = "too many large bodies are being read; try again in a moment, or in smaller parts";
                (StatusCode::TOO_MANY_REQUESTS, why.to_owned(), Some(BUSY_RETRY_SECONDS))
            }
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive".to_owned(), None),
            Self::Stopping => {
                let why = "this worker is stopping: send the body again in a moment";
                (StatusCode::SERVICE_UNAVAILABLE, why.to_owned(), Some(UNAVAILABLE_RETRY_SECONDS))
            }
            Self::CutShort => (StatusCode::BAD_REQUEST, "the body ended early".to_owned(), None),
            Self::Submit(SubmitError::Busy) => {
                (StatusCode::TOO_MANY_REQUESTS, SubmitError::Busy.to_string(), Some(BUSY_RETRY_SECONDS))
            }
            Self::Submit(error @ SubmitError::TooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, error.to_string(), None)
            }
            Self::Submit(error) => {
                (StatusCode::SERVICE_UNAVAILABLE, error.to_string(), Some(UNAVAILABLE_RETRY_SECONDS))
            }
            Self::NotCommitted => {
                let why = "the posts are not committed yet: send them again, which makes no second mention";
                (StatusCode::SERVICE_UNAVAILABLE, why.to_owned(), Some(UNAVAILABLE_RETRY_SECONDS))
            }
            Self::Panicked => {
                (StatusCode::INTERNAL_SERVER_ERROR, "this body could not be worked on".to_owned(), None)
            }
        };
        let mut response = answer(status, &json!({"errors": [{"index": null, "pointer": "", "why": why}]}));
        let headers = response.headers_mut();
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if is_last {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
            }
            _ => {}
        }
        response
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}
