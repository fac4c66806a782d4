//! The HTTP side of a worker: `/metrics`, `/livez`, `/readyz`, and the webhooks where ingest runs.
//!
//! It has a small runtime of its own, so that a stage's thread never waits for a socket. Connections are served with
//! hyper directly because `axum::serve` has no limit on how slowly a client may send its headers, and none on how many
//! clients there may be.

mod places;
pub mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::timeout::{RequestBodyDeadlineLayer, TimeoutLayer};

use self::places::{Place, Places};
use self::tls::Acceptor;
use crate::config::HttpTls;
use crate::failure::Failure;
use crate::health::Health;
use crate::telemetry::Telemetry;

/// Where a worker listens unless told otherwise: only this machine reaches it.
const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8787);
/// Two serve requests while a third scrape or a slow sender waits; the work is done on the stages' threads.
const THREADS: usize = 2;
/// When the system has no file descriptor left, the next try can only help after some connection has ended.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// What a connection may buffer: the headers of a request, or a piece of its body. Bounds the memory of idle clients.
const BUFFER_BYTES: usize = 64 * 1024;
/// Requests in flight get so long to finish at the end; the rest of the 5 s belongs to the stages.
const DRAIN: Duration = Duration::from_secs(1);
/// What `/metrics` is.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a client may ask of the server.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at once; the most silent ones give way to others.
    connections: usize,
    /// From the connection, or the last answer, to the end of the headers.
    headers: Duration,
    /// From the end of the headers to the end of the body.
    body: Duration,
    /// From the end of the headers to the answer, a commit included.
    answer: Duration,
}

const LIMITS: Limits = Limits {
    connections: 1024,
    headers: Duration::from_secs(10),
    body: Duration::from_secs(30),
    answer: Duration::from_secs(60),
};

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Nobody said: 127.0.0.1:8787, or a free port where another process has that.
    Default,
    /// `--listen` or the configuration said so; in use is an error.
    At(SocketAddr),
}

/// What `/metrics` shows.
#[derive(Clone)]
pub struct Metrics {
    pub telemetry: Telemetry,
    /// Tells the recorder the counters of ingest, which it has elsewhere.
    pub counters: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Metrics {
    fn render(&self) -> String {
        if let Some(tell) = &self.counters {
            tell();
        }
        self.telemetry.render()
    }
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    connections: TaskTracker,
    runtime: Runtime,
}

impl Server {
    /// Binds and serves from here on, encrypted where there is a certificate. `webhooks` are the routes of ingest.
    pub fn start(
        listen: Listen,
        tls: Option<HttpTls>,
        metrics: Metrics,
        health: Health,
        webhooks: Option<Router>,
    ) -> anyhow::Result<Self> {
        let routes = own_routes(metrics, health).merge(webhooks.unwrap_or_default());
        let tls = tls.map(Acceptor::new).transpose()?;
        Self::serve(bind(listen)?, tls, routes, LIMITS)
    }

    fn serve(
        listener: TcpListener,
        tls: Option<Acceptor>,
        routes: Router,
        limits: Limits,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("cannot tell the address listened on")?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("http")
            .enable_all()
            .build()
            .context("cannot start the threads of the HTTP server")?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).context("cannot serve HTTP")?;
        drop(entered);

        let stop = CancellationToken::new();
        let connections = TaskTracker::new();
        let routes = routes
            .layer(RequestBodyDeadlineLayer::new(limits.body))
            .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.answer));
        let accepting =
            accept(listener, tls.map(Arc::new), routes, limits, connections.clone(), stop.clone());
        connections.spawn_on(accepting, runtime.handle());
        Ok(Self { address, stop, connections, runtime })
    }

    /// Where it listens, the port resolved.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests in flight end, and closes. Call it last: until then `/readyz` tells
    /// that the process drains.
    pub fn stop(self) {
        self.stop.cancel();
        self.connections.close();
        let drained =
            self.runtime.block_on(async { tokio::time::timeout(DRAIN, self.connections.wait()).await });
        if drained.is_err() {
            tracing::warn!(
                requests = self.connections.len(),
                "requests were cut off: they took too long to end"
            );
        }
        self.runtime.shutdown_background();
    }
}

fn bind(listen: Listen) -> anyhow::Result<TcpListener> {
    let address = match listen {
        Listen::Default => DEFAULT,
        Listen::At(address) => address,
    };
    let listener = match (TcpListener::bind(address), listen) {
        (Err(error), Listen::Default) if error.kind() == io::ErrorKind::AddrInUse => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            if let Some(address) = listener.as_ref().ok().and_then(|listener| listener.local_addr().ok()) {
                tracing::info!(%address, in_use = %DEFAULT, "the usual port is in use; set http.listen to choose one");
            }
            listener
        }
        (listener, _) => listener,
    };
    listener
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .with_context(|| {
            Failure::runtime(format!("cannot listen on {address}"))
                .next("choose another address with --listen or http.listen, or stop what uses this one")
        })
}

fn own_routes(metrics: Metrics, health: Health) -> Router {
    Router::new()
        .route(
            "/",
            get(|| async { concat!("hark ", env!("CARGO_PKG_VERSION"), ": /metrics, /livez, /readyz\n") }),
        )
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(async move || readiness(&health)))
        .route("/metrics", get(async move || ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], metrics.render())))
        .fallback(nothing_here)
}

/// Whoever sends to a misspelt path is answered as by the webhooks.
async fn nothing_here(uri: Uri) -> impl IntoResponse {
    let why = format!(
        "nothing is at {}: posts are sent to /v1/posts/SOURCE, of a process that runs a source of kind webhook",
        uri.path()
    );
    let body = serde_json::json!({"errors": [{"index": null, "pointer": "", "why": why}]});
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n"))
}

fn readiness(health: &Health) -> impl IntoResponse + use<> {
    match health.ready() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    tls: Option<Arc<Acceptor>>,
    routes: Router,
    limits: Limits,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    let places = Places::new(limits.connections);
    loop {
        let next = async {
            let accepted = listener.accept().await;
            (places.take().await, accepted)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let (routes, stop, tls) = (routes.clone(), stop.clone(), tls.clone());
                let leave = place.is_to_leave();
                let place = Arc::new(place);
                let serving = async move {
                    match tls {
                        None => serve_connection(stream, routes, place, limits, stop).await,
                        Some(tls) => serve_encrypted(stream, &tls, routes, place, limits, stop).await,
                    }
                };
                connections.spawn(async move {
                    if leave.run_until_cancelled(serving).await.is_none() {
                        tracing::debug!("a silent client gave its place to somebody else");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                places.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_encrypted(
    stream: tokio::net::TcpStream,
    tls: &Acceptor,
    routes: Router,
    place: Arc<Place>,
    limits: Limits,
    stop: CancellationToken,
) {
    // The handshake is part of what a slow client may take its time for.
    match tokio::time::timeout(limits.headers, tls.current().accept(stream)).await {
        Ok(Ok(stream)) => serve_connection(stream, routes, place, limits, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "no TLS with a client"),
        Err(_) => tracing::debug!("a client was too slow with its handshake"),
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    routes: Router,
    place: Arc<Place>,
    limits: Limits,
    stop: CancellationToken,
) {
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |request| {
        place.work();
        let (place, answer) = (Arc::clone(&place), routes.call(request));
        async move {
            let answer = answer.await;
            place.rest();
            answer
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.headers)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client that went away or was too slow; nothing that an operator could act on.
        tracing::debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    use axum::routing::post;

    use super::*;

    /// No test waits longer than this for an answer.
    const DEADLINE: Duration = Duration::from_secs(20);

    const SHORT: Limits = Limits {
        connections: 4,
        headers: Duration::from_millis(200),
        body: Duration::from_millis(200),
        answer: Duration::from_secs(5),
    };

    fn server(health: &Health) -> Server {
        let telemetry = Telemetry::detached().unwrap();
        let echo = Router::new().route("/v1/posts/forum", post(|body: String| async move { body }));
        let metrics = Metrics { telemetry, counters: None };
        let routes = own_routes(metrics, health.clone()).merge(echo);
        let listener = bind(Listen::At("127.0.0.1:0".parse().unwrap())).unwrap();
        Server::serve(listener, None, routes, SHORT).unwrap()
    }

    fn connect(server: &Server) -> TcpStream {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    fn ask(server: &Server, path: &str) -> String {
        let mut stream = connect(server);
        write!(stream, "GET {path} HTTP/1.1\r\nhost: hark\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn readiness_follows_the_parts_of_the_process() {
        let health = Health::default();
        let server = server(&health);
        assert!(ask(&server, "/livez").starts_with("HTTP/1.1 200"));
        assert!(ask(&server, "/readyz").starts_with("HTTP/1.1 503"));
        let part = health.part("enrich-0");
        part.waits("restoring the state of 2 partitions");
        assert!(ask(&server, "/readyz").ends_with("enrich-0: restoring the state of 2 partitions\n"));
        part.ready();
        assert!(ask(&server, "/readyz").starts_with("HTTP/1.1 200"));
        health.drain();
        let answer = ask(&server, "/readyz");
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("draining"), "{answer}");
        server.stop();
    }

    #[test]
    fn a_path_where_nothing_is_says_where_posts_are_sent() {
        let server = server(&Health::default());
        for path in ["/v1/post/forum", "/v1/posts/", "/v1/posts/forum/"] {
            let answer = ask(&server, path);
            assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
            let body = answer.split("\r\n\r\n").nth(1).unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let why = body["errors"][0]["why"].as_str().unwrap();
            assert!(why.contains(path) && why.contains("/v1/posts/SOURCE"), "{why}");
        }
        server.stop();
    }

    #[test]
    fn metrics_are_in_the_text_format_that_prometheus_reads() {
        let server = server(&Health::default());
        let answer = ask(&server, "/metrics");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(PROMETHEUS_TEXT), "{answer}");
        server.stop();
    }

    #[test]
    fn a_client_that_is_slow_with_its_headers_is_cut_off() {
        let server = server(&Health::default());
        let mut stream = connect(&server);
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost:").unwrap();
        let begun = Instant::now();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(!answer.starts_with("HTTP/1.1 200") && begun.elapsed() < DEADLINE, "{answer}");
        server.stop();
    }

    #[test]
    fn a_client_that_is_slow_with_its_body_gets_an_error() {
        let server = server(&Health::default());
        let mut stream = connect(&server);
        stream
            .write_all(b"POST /v1/posts/forum HTTP/1.1\r\nhost: hark\r\ncontent-length: 100\r\n\r\nhalf")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        server.stop();
    }

    #[test]
    fn idle_connections_do_not_keep_the_others_out() {
        let server = server(&Health::default());
        let idle: Vec<_> = (0..SHORT.connections).map(|_| connect(&server)).collect();
        assert!(ask(&server, "/livez").starts_with("HTTP/1.1 200"));
        drop(idle);
        server.stop();
    }

    #[test]
    fn an_address_that_was_configured_and_is_in_use_is_an_error() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = bind(Listen::At(taken.local_addr().unwrap())).unwrap_err();
        assert!(error.to_string().starts_with("cannot listen on 127.0.0.1:"), "{error}");
    }

    #[test]
    fn the_default_address_in_use_gives_way_to_a_free_port() {
        // Whoever has 8787, this test or another process, it is taken.
        let _taken = TcpListener::bind(DEFAULT);
        let listener = bind(Listen::Default).unwrap();
        assert_ne!(listener.local_addr().unwrap().port(), DEFAULT.port());
    }
}
