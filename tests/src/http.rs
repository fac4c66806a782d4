//! As much of HTTP/1.1 as a sender of posts needs; a client that a test can kill in mid-request.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    deadline::{wait_for, wait_until},
    program::Program,
};

/// What the webhook `shop` of every test asks for.
pub const TOKEN: &str = "a-long-enough-demo-token";
/// A worker that starts takes no longer unless it hangs; the machine may be a slow one.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longer than a worker lets a sender wait.
const ANSWER: Duration = Duration::from_secs(70);

/// What a worker answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// All of it.
    pub body: String,
}

/// The address that a worker has told in its log.
///
/// # Panics
/// When it tells none.
pub fn address(worker: &Program) -> SocketAddr {
    wait_for("the worker tells its address", DEADLINE, || {
        let line = worker.said("listening for webhooks").into_iter().next()?;
        line.split("address=").nth(1)?.split_whitespace().next()?.parse().ok()
    })
}

/// Asks for a page.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\n"), b"")
}

/// Sends a body as the shop does.
pub fn post(address: SocketAddr, body: &str) -> io::Result<Answer> {
    post_as(address, TOKEN, body)
}

/// Sends a body with another token.
pub fn post_as(address: SocketAddr, token: &str, body: &str) -> io::Result<Answer> {
    post_bytes(address, token, "content-type: application/json\r\n", body.as_bytes())
}

/// Sends any bytes, with these headers (each with its line end) beside those that every request has.
pub fn post_bytes(address: SocketAddr, token: &str, headers: &str, body: &[u8]) -> io::Result<Answer> {
    let head = format!(
        "POST /v1/posts/shop HTTP/1.1\r\nauthorization: Bearer {token}\r\n{headers}content-length: {}\r\n",
        body.len()
    );
    exchange(address, &head, body)
}

/// The sum of the samples of a metric whose labels contain `label`.
///
/// # Panics
/// When the worker does not show its metrics.
pub fn metric(address: SocketAddr, name: &str, label: &str) -> f64 {
    let metrics = get(address, "/metrics").expect("the worker shows its metrics").body;
    let samples = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Waits until a stage's worker has committed something since it started; the rest is before it.
///
/// # Panics
/// When it does not.
pub fn wait_until_at_work(worker: &Program, stage: &str) {
    let (address, name) = (address(worker), format!("hark_{stage}_records_total"));
    wait_until(&format!("{stage} has begun"), DEADLINE, || metric(address, &name, "") > 0.0);
}

/// Sends a body behind headers that may be anything, each with its line end.
pub fn exchange_raw(address: SocketAddr, headers: &[u8], body: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let length = format!("content-length: {}\r\nhost: x\r\nconnection: close\r\n\r\n", body.len());
    let request = [b"POST /v1/posts/shop HTTP/1.1\r\n", headers, length.as_bytes(), body].concat();
    let sent = stream.write_all(&request);
    // Whatever is not a whole request is waited for; nothing more comes.
    stream.shutdown(std::net::Shutdown::Write)?;
    read(stream, sent)
}

fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(format!("{head}host: {address}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let sent = stream.write_all(body);
    read(stream, sent)
}

/// The answer, also where not all could be sent: who refuses a body need not have read it.
fn read(mut stream: TcpStream, sent: io::Result<()>) -> io::Result<Answer> {
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer).and(sent)
        && answer.is_empty()
    {
        return Err(error);
    }
    let answer = String::from_utf8_lossy(&answer);
    let cut_short = || io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut_short)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut_short)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
