//! One request: headers, body, proof, posts, commit, in the order in which each can be refused most cheaply.

use std::{
    future::poll_fn,
    io::Read as _,
    pin::Pin,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::{HeaderMap, header},
};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use tokio::time::timeout;

use super::{
    Hook, Shared,
    answer::{Accepted, Refusal},
    auth::{Access, Proof, check_headers},
};
use crate::{
    NotCommitted, Pending, PostInput, Publisher, Reason, SubmitError,
    body::{BodyErrors, Form, parse_body},
    publisher::Tally,
    to_output,
};

/// Bodies up to this size are worked on where they were received; larger ones would hold up other requests. The server's bound of
/// connections bounds the memory of all of them.
const SMALL_BODY_BYTES: usize = 64 * 1024;
/// How often a waiting request looks whether the log is still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn posts(hook: &Hook, shared: &Shared, request: Request) -> Result<Accepted, Refusal> {
    let (parts, body) = request.into_parts();
    let proof = check_headers(&hook.access, &parts.headers, Timestamp::now().as_second())
        .map_err(Refusal::Unauthorised)?;
    let form = form(&parts.headers).ok_or(Refusal::ContentType)?;
    let gzip = is_gzip(&parts.headers).ok_or(Refusal::ContentEncoding)?;
    // Knowing early spares the sender and us the whole body.
    if !shared.publisher.is_available() {
        return Err(Refusal::Submit(SubmitError::Unavailable));
    }

    let posts = {
        let largest = largest(&body, gzip, hook.body_bytes)?;
        // Whoever is slow with a large body takes nothing from those who send small ones.
        let is_small = !gzip && largest <= SMALL_BODY_BYTES;
        let _room =
            if is_small { None } else { Some(shared.bodies.take(largest, shared.limits.room_wait).await?) };
        let read = timeout(shared.limits.body_wait, read_body(body, hook.body_bytes));
        // What is still on its way would be cut off without an answer.
        let read = shared.shutdown.run_until_cancelled(read).await.ok_or(Refusal::Stopping)?;
        let raw = read.map_err(|_| Refusal::Slow)??;
        let opening = Opening {
            raw,
            gzip,
            form,
            proof,
            access: hook.access.clone(),
            limit: hook.body_bytes,
            keep_payload: hook.context.keep_payload,
        };
        if opening.raw.len() <= SMALL_BODY_BYTES && !gzip {
            opening.open()
        } else {
            tokio::task::spawn_blocking(|| opening.open()).await.map_err(|_| Refusal::Panicked)?
        }
    };
    let posts = posts.map_err(|problem| problem.refuse(hook))?;
    commit(posts, hook, shared).await
}

fn form(headers: &HeaderMap) -> Option<Form> {
    Form::of_content_type(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

fn is_gzip(headers: &HeaderMap) -> Option<bool> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Some(false) };
    match encoding.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Some(false),
        "gzip" | "x-gzip" => Some(true),
        _ => None,
    }
}

/// Bytes that a body may come to hold, as it is sent and, where it is packed, unpacked beside that.
fn largest(body: &Body, gzip: bool, limit: usize) -> Result<usize, Refusal> {
    let bytes = |hint: u64| usize::try_from(hint).unwrap_or(usize::MAX);
    let hint = body.size_hint();
    if bytes(hint.lower()) > limit {
        return Err(Refusal::TooLarge(limit));
    }
    let sent = hint.upper().map_or(limit, bytes).min(limit);
    Ok(if gzip { sent + limit } else { sent })
}

async fn read_body(mut body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(usize::try_from(body.size_hint().lower()).unwrap_or_default());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| Refusal::CutShort)?;
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len() + piece.len() > limit {
            return Err(Refusal::TooLarge(limit));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// A body and all that is needed to judge it away from the request.
struct Opening {
    raw: Vec<u8>,
    gzip: bool,
    form: Form,
    proof: Proof,
    access: Access,
    limit: usize,
    keep_payload: bool,
}

enum Problem {
    Refused(Refusal),
    Posts(BodyErrors),
}

impl Problem {
    fn refuse(self, hook: &Hook) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Posts(wrong) => {
                for reason in wrong.refused {
                    hook.context.counts.add_rejected(reason, 1);
                }
                Refusal::Posts(wrong.errors)
            }
        }
    }
}

impl Opening {
    fn open(self) -> Result<Vec<PostInput>, Problem> {
        let unpacked = if self.gzip { Some(unpack(&self.raw, self.limit)) } else { None };
        let plain = match &unpacked {
            None => &self.raw,
            Some(Ok(plain)) => plain,
            // Whether it came from who it says is still to be found out, and is answered first.
            Some(Err(_)) => &Vec::new(),
        };
        self.proof
            .check_body(&self.access, [&self.raw, plain])
            .map_err(|why| Problem::Refused(Refusal::Unauthorised(why)))?;
        if let Some(Err(problem)) = unpacked {
            return Err(problem);
        }
        parse_body(plain, self.form, self.keep_payload).map_err(Problem::Posts)
    }
}

fn unpack(raw: &[u8], limit: usize) -> Result<Vec<u8>, Problem> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(raw).take(limit as u64 + 1).read_to_end(&mut plain).map_err(|error| {
        let why = format!("the body is no gzip, as content-encoding says: {error}");
        Problem::Posts(BodyErrors::whole(Reason::MalformedJson, why))
    })?;
    if plain.len() > limit { Err(Problem::Refused(Refusal::TooLarge(limit))) } else { Ok(plain) }
}

async fn commit(posts: Vec<PostInput>, hook: &Hook, shared: &Shared) -> Result<Accepted, Refusal> {
    let now = Timestamp::now();
    let outputs: Vec<_> = posts.into_iter().map(|post| to_output(post, &hook.context, now)).collect();
    let ids: Vec<String> =
        outputs.iter().map(|output| String::from_utf8_lossy(&output.key).into_owned()).collect();
    let counts = hook.context.counts.clone();
    let tally = Tally { counts, accepted: ids.len() as u64, rejected: Vec::<(Reason, u64)>::new() };
    let pending = shared.publisher.submit_counted(outputs, tally).map_err(Refusal::Submit)?;
    wait(pending, &shared.publisher, shared.limits.commit_wait).await?;
    Ok(Accepted { ids })
}

/// Until it is committed, or the log is found to be away.
async fn wait(mut pending: Pending, publisher: &Publisher, limit: Duration) -> Result<(), Refusal> {
    let since = Instant::now();
    loop {
        match timeout(LOOK_EVERY.min(limit), pending.committed()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error @ NotCommitted::TooLarge)) => return Err(Refusal::PostTooLarge(error.to_string())),
            Ok(Err(NotCommitted::Superseded | NotCommitted::Stopped)) => return Err(Refusal::NotCommitted),
            Err(_) if !publisher.is_available() || since.elapsed() >= limit => {
                return Err(Refusal::NotCommitted);
            }
            Err(_) => {}
        }
    }
}
