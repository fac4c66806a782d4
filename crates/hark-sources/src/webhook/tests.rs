use std::{
    convert::Infallible,
    io::Write as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use hark_schema::{Message as _, v1::RawPost};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Access, Answers, Hook, HookLimits, Key, router};
use crate::{
    Limits, Publisher, PublisherThread, Reason, SourceCounts,
    testing::{self, FakeLog, Fault, quick},
};

const GRACE: Duration = Duration::from_secs(10);
const SECRET: &str = "a secret of Aurora";

const BODY_BYTES: usize = 1024 * 1024;

struct Bench {
    log: FakeLog,
    publisher: Publisher,
    thread: PublisherThread,
    router: Router,
    counts: Arc<SourceCounts>,
    answers: Arc<Answers>,
    shutdown: CancellationToken,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn whys(&self) -> Vec<(Option<u64>, &str, &str)> {
        let errors = self.body["errors"].as_array().expect("errors");
        errors
            .iter()
            .map(|error| {
                (error["index"].as_u64(), error["pointer"].as_str().unwrap(), error["why"].as_str().unwrap())
            })
            .collect()
    }

    fn retry_after(&self) -> Option<u32> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok()
    }
}

impl Bench {
    /// `forum` wants the secret, `open` does not.
    fn new(limits: Limits, hook_limits: HookLimits) -> Self {
        let log = FakeLog::default();
        let (publisher, thread) = log.publisher(limits);
        let context = testing::context("webhook");
        let (counts, answers) = (context.counts.clone(), Arc::<Answers>::default());
        let access = Access::Keys(vec![Key::new("whsec_b2xkZXI=").unwrap(), Key::new(SECRET).unwrap()]);
        let open = Hook {
            context: crate::SourceContext { source: "open".into(), ..context.clone() },
            access: Access::Open,
            answers: Arc::default(),
            body_bytes: BODY_BYTES,
        };
        let forum = Hook { context, access, answers: answers.clone(), body_bytes: BODY_BYTES };
        let shutdown = CancellationToken::new();
        let router = router(vec![forum, open], publisher.clone(), hook_limits, shutdown.clone());
        Self { log, publisher, thread, router, counts, answers, shutdown }
    }

    fn usual() -> Self {
        Self::new(Limits::default(), HookLimits::default())
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        assert_eq!(parts.headers["content-type"], "application/json");
        let body = serde_json::from_slice(&to_bytes(body, 1 << 24).await.unwrap()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn post(&self, body: impl Into<Body>) -> Answer {
        self.send(bearer().body(body.into()).unwrap()).await
    }

    fn texts(&self) -> Vec<String> {
        self.log
            .committed("hark.posts")
            .iter()
            .map(|output| RawPost::decode(output.value.as_deref().unwrap()).unwrap().text)
            .collect()
    }

    fn stop(self) {
        self.thread.stop(GRACE).unwrap();
    }
}

fn request(source: &str) -> axum::http::request::Builder {
    Request::post(format!("/v1/posts/{source}")).header("content-type", "application/json")
}

fn bearer() -> axum::http::request::Builder {
    request("forum").header("authorization", format!("Bearer {SECRET}"))
}

fn post(id: &str) -> String {
    json!({"id": id, "text": format!("{id} about Aurora Motors")}).to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Signs as Standard Webhooks says.
fn signed(signed: &[u8], timestamp: i64) -> axum::http::request::Builder {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("msg-1.{timestamp}.").as_bytes());
    mac.update(signed);
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    request("forum")
        .header("webhook-id", "msg-1")
        .header("webhook-timestamp", timestamp.to_string())
        .header("webhook-signature", signature)
}

#[tokio::test]
async fn posts_are_answered_with_their_ids_once_they_are_committed() {
    let bench = Bench::usual();
    let one = bench.post(post("p1")).await;
    assert_eq!(one.status, StatusCode::OK);
    let key = String::from_utf8(bench.log.committed("hark.posts")[0].key.clone()).unwrap();
    assert_eq!(one.body, json!({"accepted": 1, "ids": [key]}));

    let two = bench.post(format!("[{},{}]", post("p2"), post("p3"))).await;
    assert_eq!(two.body["accepted"], 2);
    let lines = Request::post("/v1/posts/forum")
        .header("content-type", "application/x-ndjson; charset=utf-8")
        .header("authorization", format!("Bearer {SECRET}"))
        .body(Body::from(post("p4") + "\n\n" + &post("p5") + "\n"))
        .unwrap();
    assert_eq!(bench.send(lines).await.body["ids"].as_array().unwrap().len(), 2);

    let expected: Vec<_> = (1..=5).map(|number| format!("p{number} about Aurora Motors")).collect();
    assert_eq!(bench.texts(), expected);
    assert_eq!((bench.counts.accepted(), bench.answers.of(200)), (5, 3));
    bench.stop();
}

#[tokio::test]
async fn a_body_that_holds_no_post_is_refused() {
    let bench = Bench::usual();
    let answer = bench.post("[]").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.whys(), [(None, "", "the list is empty: the body holds no post")]);
    bench.stop();
}

#[tokio::test]
async fn nothing_is_answered_before_the_commit() {
    let bench = Bench::usual();
    bench.log.fail(&[Fault::Hold]);
    let mut answer = Box::pin(bench.post(post("p1")));
    while bench.publisher.stats().uncommitted_bytes == 0 {
        assert!(futures_poll(&mut answer).await.is_none());
    }
    bench.log.until_held();
    assert!(futures_poll(&mut answer).await.is_none(), "answered before the commit");
    bench.log.release();
    assert_eq!(answer.await.status, StatusCode::OK);
    bench.stop();
}

/// One look at a future, then one turn for the others.
async fn futures_poll<T>(future: &mut Pin<Box<impl Future<Output = T>>>) -> Option<T> {
    let found = std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(found) => Poll::Ready(Some(found)),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    tokio::task::yield_now().await;
    found
}

#[tokio::test]
async fn gzip_is_unpacked() {
    let bench = Bench::usual();
    let body = gzip(post("p1").as_bytes());
    let request = bearer().header("content-encoding", "gzip").body(body.into()).unwrap();
    assert_eq!(bench.send(request).await.status, StatusCode::OK);
    assert_eq!(bench.texts(), ["p1 about Aurora Motors"]);
    bench.stop();
}

#[tokio::test]
async fn a_signature_over_the_body_lets_in_packed_or_not() {
    let bench = Bench::usual();
    let now = Timestamp::now().as_second();
    let plain = post("p1").into_bytes();
    let packed = gzip(&plain);
    let requests = [
        signed(&plain, now).body(plain.clone().into()).unwrap(),
        signed(&packed, now).header("content-encoding", "gzip").body(packed.clone().into()).unwrap(),
        signed(&plain, now).header("content-encoding", "gzip").body(packed.clone().into()).unwrap(),
    ];
    for request in requests {
        assert_eq!(bench.send(request).await.status, StatusCode::OK);
    }
    bench.stop();
}

#[tokio::test]
async fn who_shows_no_right_secret_gets_401_and_nothing_is_written() {
    let bench = Bench::usual();
    let now = Timestamp::now().as_second();
    let body = || Body::from(post("p1"));
    let requests = [
        request("forum").body(body()).unwrap(),
        request("forum").header("authorization", "Bearer wrong").body(body()).unwrap(),
        request("forum").header("authorization", "Basic Zm9vOmJhcg==").body(body()).unwrap(),
        signed(b"something else", now).body(body()).unwrap(),
        signed(post("p1").as_bytes(), now - 301).body(body()).unwrap(),
        signed(post("p1").as_bytes(), now + 330).body(body()).unwrap(),
        signed(b"x", now).header("content-encoding", "gzip").body(Body::from("not gzip")).unwrap(),
    ];
    let count = requests.len() as u64;
    for request in requests {
        let answer = bench.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert!(!answer.whys()[0].2.is_empty());
    }
    assert_eq!(bench.answers.of(401), count);
    assert!(bench.log.transactions().is_empty());
    bench.stop();
}

#[tokio::test]
async fn an_open_source_asks_for_no_secret() {
    let bench = Bench::usual();
    assert_eq!(bench.send(request("open").body(post("p1").into()).unwrap()).await.status, StatusCode::OK);
    bench.stop();
}

#[tokio::test]
async fn an_unknown_source_is_404_and_another_method_405() {
    let bench = Bench::usual();
    for path in ["nobody", "%ff"] {
        let answer = bench.send(request(path).body(post("p1").into()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.whys()[0].2.contains("no webhook source is called"), "{:?}", answer.whys());
    }
    let answer = bench.send(Request::get("/v1/posts/forum").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
    bench.stop();
}

#[tokio::test]
async fn other_types_and_encodings_are_415() {
    let bench = Bench::usual();
    let with = |name: &str, value: &str| {
        let mut request = bearer().body(Body::from(post("p1"))).unwrap();
        request.headers_mut().insert(name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap());
        request
    };
    let mut bare = with("x-none", "");
    bare.headers_mut().remove("content-type");
    for request in [
        bare,
        with("content-type", "text/plain"),
        with("content-type", "application/json; charset=latin1"),
        with("content-encoding", "br"),
    ] {
        let answer = bench.send(request).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(answer.headers["accept-encoding"], "gzip");
    }
    bench.stop();
}

/// Comes in pieces and does not say how long it is.
struct Pieces {
    left: usize,
    then: Then,
}

enum Then {
    End,
    Stall,
    Break,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return match self.then {
                Then::End => Poll::Ready(None),
                Then::Stall => Poll::Pending,
                Then::Break => Poll::Ready(Some(Err("the connection broke".into()))),
            };
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from(vec![b' '; 1024])))))
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_however_it_comes() {
    let bench = Bench::usual();
    let limit = BODY_BYTES;
    let bomb = gzip(&vec![b' '; 24 << 20]);
    assert!(bomb.len() < limit, "the bomb has to get in");
    let requests = [
        bearer().body(vec![b' '; limit + 1].into()).unwrap(),
        bearer().body(Body::new(Pieces { left: 2_000_000, then: Then::Stall })).unwrap(),
        bearer().header("content-encoding", "gzip").body(bomb.into()).unwrap(),
        bearer().header("content-encoding", "gzip").body(gzip(&vec![b' '; limit + 1]).into()).unwrap(),
    ];
    for request in requests {
        let answer = bench.send(request).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(answer.whys()[0].2.contains("1048576 bytes"));
    }
    let mut exact = post("p1").into_bytes();
    exact.resize(limit, b' ');
    assert_eq!(bench.post(exact.clone()).await.status, StatusCode::OK);
    let packed = bearer().header("content-encoding", "gzip").body(gzip(&exact).into()).unwrap();
    assert_eq!(bench.send(packed).await.status, StatusCode::OK);
    bench.stop();
}

#[tokio::test]
async fn a_slow_body_is_408_and_a_broken_one_400() {
    let bench = Bench::new(
        Limits::default(),
        HookLimits { body_wait: Duration::from_millis(20), ..HookLimits::default() },
    );
    let slow = bench.post(Body::new(Pieces { left: 1, then: Then::Stall })).await;
    assert_eq!(slow.status, StatusCode::REQUEST_TIMEOUT);
    let broken = bench.post(Body::new(Pieces { left: 1, then: Then::Break })).await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    let blank = bench.post(Body::new(Pieces { left: 1, then: Then::End })).await;
    assert_eq!(blank.status, StatusCode::UNPROCESSABLE_ENTITY);
    bench.stop();
}

#[tokio::test]
async fn a_body_that_is_on_its_way_when_the_worker_stops_is_503_with_retry_after() {
    let bench = Bench::usual();
    let mut slow = Box::pin(bench.post(Body::new(Pieces { left: 1, then: Then::Stall })));
    assert!(futures_poll(&mut slow).await.is_none());
    bench.shutdown.cancel();
    let answer = slow.await;
    assert_eq!((answer.status, answer.retry_after()), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
    assert_eq!(answer.headers["connection"], "close");
    assert!(answer.whys()[0].2.contains("stopping"), "{:?}", answer.whys());
    bench.stop();
}

#[tokio::test]
async fn one_bad_post_refuses_the_whole_body_and_every_mistake_is_named() {
    let bench = Bench::usual();
    let body = format!(r#"[{},{{"id":"p2","txt":"x"}},{{"id":"p3","text":"x","rating":9}}]"#, post("p1"));
    let answer = bench.post(body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        answer.whys(),
        [
            (Some(1), "/txt", "unknown field; did you mean \"text\"?"),
            (Some(1), "/text", "is required"),
            (
                Some(2),
                "/rating",
                "expected stars from 1 to 5 (scale other ratings to that), found the number 9"
            ),
        ]
    );
    assert_eq!(answer.body["errors"][0]["reason"], "invalid_post");
    assert!(bench.log.transactions().is_empty());
    assert_eq!(bench.counts.rejected(Reason::InvalidPost), 2);
    bench.stop();
}

#[tokio::test]
async fn bad_bodies_are_422_with_a_why() {
    let bench = Bench::usual();
    let table: [(&[u8], &str); 6] = [
        (b"", "the body is empty"),
        (b"{\"id\":", "not JSON: EOF"),
        (b"[{\"id\":\"a\",\"text\":\"\xff\"}]", "not UTF-8: byte 19"),
        (b"{\"id\":\"a\",\"text\":\"x\"}{\"id\":\"b\",\"text\":\"x\"}", "trailing characters"),
        (b"{\"id\":\"a\",\"text\":\"\\u0000\"}", "a NUL character"),
        (b"\"text\"", "expected a post"),
    ];
    for (body, why) in table {
        let answer = bench.post(body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert!(answer.whys()[0].2.contains(why), "{:?}", answer.whys());
    }
    let broken = bearer().header("content-encoding", "gzip").body("not gzip".into()).unwrap();
    let answer = bench.send(broken).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.body["errors"][0]["reason"], "malformed_json", "as of any body that is no JSON");
    assert!(answer.whys()[0].2.contains("no gzip"), "{:?}", answer.whys());
    bench.stop();
}

#[tokio::test]
async fn answers_look_as_the_documentation_shows_them() {
    let bench = Bench::usual();
    let page = include_str!("../../../../docs/posts.md");
    let whole = r#"{"id":"p3"}"#;
    for answer in [
        bench.post(format!("[{},{whole}]", post("p1"))).await,
        bench.send(request("forums").body(post("p1").into()).unwrap()).await,
    ] {
        let shown = answer.body.to_string();
        assert!(page.lines().any(|line| line == shown), "docs/posts.md does not show {shown}");
    }
    bench.stop();
}

#[tokio::test]
async fn too_many_uncommitted_bytes_are_429_with_retry_after() {
    let bench = Bench::new(Limits { uncommitted_bytes: 100, ..Limits::default() }, HookLimits::default());
    bench.log.fail(&[Fault::Hold]);
    let mut first = Box::pin(bench.post(post("p1")));
    while bench.publisher.stats().uncommitted_bytes == 0 {
        assert!(futures_poll(&mut first).await.is_none());
    }
    let second = bench.post(post("p2")).await;
    assert_eq!((second.status, second.retry_after()), (StatusCode::TOO_MANY_REQUESTS, Some(1)));
    assert!(second.whys()[0].2.contains("waiting to be committed"), "{:?}", second.whys());
    bench.log.until_held();
    bench.log.release();
    assert_eq!(first.await.status, StatusCode::OK);
    assert_eq!(bench.texts(), ["p1 about Aurora Motors"]);
    bench.stop();
}

#[tokio::test]
async fn bodies_that_together_are_over_the_bound_are_429() {
    // A body of unknown length may be as long as its source allows: two of them are too much.
    let (bodies_bytes, room_wait) = (2 * BODY_BYTES - 1, Duration::from_millis(20));
    let bench =
        Bench::new(Limits::default(), HookLimits { bodies_bytes, room_wait, ..HookLimits::default() });
    let mut slow = Box::pin(bench.post(Body::new(Pieces { left: 1, then: Then::Stall })));
    assert!(futures_poll(&mut slow).await.is_none());
    assert_eq!(
        bench.post(post("p1")).await.status,
        StatusCode::OK,
        "a body of known length takes what it needs"
    );
    let second = bench.post(Body::new(Pieces { left: 1, then: Then::Stall })).await;
    assert_eq!((second.status, second.retry_after()), (StatusCode::TOO_MANY_REQUESTS, Some(1)));
    assert!(second.whys()[0].2.contains("bodies are being read"), "{:?}", second.whys());
    let packed =
        bearer().header("content-encoding", "gzip").body(gzip(post("p2").as_bytes()).into()).unwrap();
    let packed = bench.send(packed).await;
    assert_eq!(
        packed.status,
        StatusCode::TOO_MANY_REQUESTS,
        "what is packed may unpack to all that is allowed"
    );
    drop(slow);
    assert_eq!(bench.post(post("p3")).await.status, StatusCode::OK);
    bench.stop();
}

#[tokio::test]
async fn commits_that_keep_failing_are_503_with_retry_after() {
    let bench = Bench::new(quick(), HookLimits::default());
    bench.log.always(Some(Fault::Abort));
    let first = bench.post(post("p1")).await;
    assert_eq!((first.status, first.retry_after()), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
    let second = bench.post(post("p2")).await;
    assert_eq!((second.status, second.retry_after()), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
    bench.log.always(None);
    bench.log.until_records("hark.posts", 1);
    testing::until("it is available again", || bench.publisher.is_available());
    assert_eq!(bench.post(post("p3")).await.status, StatusCode::OK);
    assert_eq!(bench.answers.of(503), 2);
    bench.stop();
}

#[tokio::test]
async fn a_full_disk_is_503() {
    let bench = Bench::new(Limits { unavailable_after: GRACE, ..quick() }, HookLimits::default());
    bench.log.always(Some(Fault::Full));
    assert_eq!(bench.post(post("p1")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bench.post(post("p2")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    bench.log.always(None);
    bench.stop();
}

#[tokio::test]
async fn a_commit_that_takes_too_long_is_503() {
    let limits = HookLimits { commit_wait: Duration::from_millis(20), ..HookLimits::default() };
    let bench = Bench::new(Limits::default(), limits);
    bench.log.fail(&[Fault::Hold]);
    let answer = bench.post(post("p1")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.whys()[0].2.contains("send them again"));
    bench.log.until_held();
    bench.log.release();
    bench.stop();
}

#[tokio::test]
async fn a_worker_that_shuts_down_answers_503() {
    let bench = Bench::usual();
    let router = bench.router.clone();
    bench.thread.stop(GRACE).unwrap();
    let response = router
        .oneshot(bearer().body(Body::from(post("p1"))).unwrap())
        .await
        .unwrap_or_else(|error: Infallible| match error {});
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_post_that_the_broker_finds_too_large_is_413() {
    let bench = Bench::usual();
    let key = crate::raw_post::id_of(&testing::context("webhook"), "", "p1").to_string();
    bench.log.refuse_key(key.as_bytes());
    let answer = bench.post(post("p1")).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    bench.stop();
}
