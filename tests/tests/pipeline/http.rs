//! As much of HTTP/1.1 as a sender of posts needs; a client that a test can kill in mid-request.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use hark_tests::{deadline::wait_until, program::Program};

use crate::scene::{DEADLINE, TOKEN};

/// Longer than a worker lets a sender wait.
const ANSWER: Duration = Duration::from_secs(70);

pub struct Answer {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: String,
}

/// The address that a worker has told in its log.
pub fn address(worker: &Program) -> SocketAddr {
    let line = worker.wait_to_say("listening for webhooks", 1, DEADLINE);
    let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
    address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no address in: {line}"))
}

pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// Sends a body as the shop does.
pub fn post(address: SocketAddr, body: &str) -> io::Result<Answer> {
    post_as(address, TOKEN, body)
}

pub fn post_as(address: SocketAddr, token: &str, body: &str) -> io::Result<Answer> {
    let head = format!(
        "POST /v1/posts/shop HTTP/1.1\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n",
        body.len()
    );
    exchange(address, &head, body)
}

/// The sum of the samples of a metric whose labels contain `label`.
pub fn metric(address: SocketAddr, name: &str, label: &str) -> f64 {
    let metrics = get(address, "/metrics").unwrap().body;
    let samples = metrics.lines().filter(|line| line.starts_with(name) && line.contains(label));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// Waits until a stage's worker has committed something since it started; the rest is before it.
pub fn wait_until_at_work(worker: &Program, stage: &str) {
    let (address, name) = (address(worker), format!("hark_{stage}_records_total"));
    wait_until(&format!("{stage} has begun"), DEADLINE, || metric(address, &name, "") > 0.0);
}

fn exchange(address: SocketAddr, head: &str, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(format!("{head}host: {address}\r\nconnection: close\r\n\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let cut_short = || io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut_short)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut_short)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
