//! `POST /v1/posts/{source}`: posts pushed over HTTP, answered once they are committed.
//!
//! The whole body is taken or none of it. A sender that got no answer sends again; identity is derived from the post, so that makes no
//! second mention. 429 and 503 speak of this worker's own uncommitted bytes and of the log, never of somebody's lag.

mod answer;
mod auth;
mod receive;
mod room;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{Publisher, SourceContext};
use answer::Refusal;
pub use answer::{ANSWERS, Answers};
pub use auth::{Access, Key, KeyError};
use axum::{
    Router,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse as _, Response},
    routing::post,
};
use room::Room;
use tokio_util::sync::CancellationToken;

/// A webhook source.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its context; the source's name is the last part of the path.
    pub context: SourceContext,
    /// Who may send.
    pub access: Access,
    /// Answers given so far.
    pub answers: Arc<Answers>,
    /// Largest body in bytes, as sent and after decompression.
    pub body_bytes: usize,
}

/// Bounds of the webhooks of a worker.
#[derive(Clone, Debug)]
pub struct HookLimits {
    /// From the end of the headers to the end of the body.
    pub body_wait: Duration,
    /// From the hand-over to the commit.
    pub commit_wait: Duration,
    /// Bytes of all but small bodies that are being read, unpacked and parsed: this worker's memory for them, whatever each source allows.
    /// A single larger body is taken when there is no other.
    pub bodies_bytes: usize,
    /// How long a request waits for room among them.
    pub room_wait: Duration,
}

impl Default for HookLimits {
    fn default() -> Self {
        Self {
            body_wait: Duration::from_secs(10),
            commit_wait: Duration::from_secs(10),
            // The largest body that a configuration may allow, as it was sent and unpacked.
            bodies_bytes: 2 * 64 * 1024 * 1024,
            room_wait: Duration::from_secs(2),
        }
    }
}

struct Shared {
    hooks: HashMap<String, Hook>,
    publisher: Publisher,
    limits: HookLimits,
    bodies: Room,
    shutdown: CancellationToken,
}

/// The routes of these webhooks. The server in front is expected to bound connections and the time for headers. After the shutdown no body
/// is waited for.
pub fn router(
    hooks: Vec<Hook>,
    publisher: Publisher,
    limits: HookLimits,
    shutdown: CancellationToken,
) -> Router {
    let hooks = hooks.into_iter().map(|hook| (hook.context.source.to_string(), hook)).collect();
    let bodies = Room::new(limits.bodies_bytes);
    let shared = Arc::new(Shared { hooks, publisher, limits, bodies, shutdown });
    let methods = post(receive).fallback(async || Refusal::Method.into_response());
    Router::new().route("/v1/posts/{source}", methods).with_state(shared)
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    source: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(source)) = source else { return Refusal::UnknownSource(String::new()).into_response() };
    let Some(hook) = shared.hooks.get(&source) else { return Refusal::UnknownSource(source).into_response() };
    let response = match receive::posts(hook, &shared, request).await {
        Ok(accepted) => accepted.into_response(),
        Err(refusal) => refusal.into_response(),
    };
    hook.answers.count(response.status());
    response
}
