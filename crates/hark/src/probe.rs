//! `hark health`: asks a running worker whether it is ready, for containers that have no other program to ask with.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    cli::Context,
    config::{Config, Http, HttpTls},
    failure::{self, Failure},
    http::tls,
};

/// A worker that does not answer within this is not well: an answer takes it a millisecond.
const PATIENCE: Duration = Duration::from_secs(3);
/// Readiness is a few lines.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Arguments of `hark health`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the worker listens [default: the configuration's `http.listen`, else 127.0.0.1:8787]
    #[arg(long, value_name = "ADDR:PORT", env = "HARK_LISTEN")]
    listen: Option<SocketAddr>,
    /// Ask only whether it lives, not whether it is ready
    #[arg(long)]
    live: bool,
}

/// Asks; exit code 0 when the worker is well, 1 when it is not.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let (address, tls) = address(args, context)?;
    let address = reachable(address);
    let path = if args.live { "/livez" } else { "/readyz" };
    let unwell = || {
        Failure::runtime(format!("no worker answers at {address}"))
            .next("--listen names another address; the worker's log tells where it listens")
    };
    let answer = ask(address, tls.as_ref(), path).with_context(unwell)?;
    let (status, said) = read(&answer).with_context(unwell)?;
    failure::print(said)?;
    Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn address(args: &Args, context: &Context) -> anyhow::Result<(SocketAddr, Option<HttpTls>)> {
    let http = if context.config.is_none() && !context.config_path().exists() {
        Http::default()
    } else {
        Config::load(context.config_path())?.http
    };
    Ok((args.listen.unwrap_or(http.listen), http.tls))
}

/// Who listens on every address is reached on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(address: SocketAddr, tls: Option<&HttpTls>, path: &str) -> anyhow::Result<String> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match tls {
        None => Ok(exchange(stream, address, path)?),
        Some(files) => {
            let connection = tls::connect(files, address.ip())?;
            Ok(exchange(rustls::StreamOwned::new(connection, stream), address, path)?)
        }
    }
}

fn exchange(mut stream: impl Read + Write, address: SocketAddr, path: &str) -> io::Result<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Status and body.
fn read(answer: &str) -> Option<(u16, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    Some((status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_listens_everywhere_is_asked_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:8787", "127.0.0.1:8787"),
            ("[::]:8787", "[::1]:8787"),
            ("127.0.0.1:9", "127.0.0.1:9"),
            ("10.1.2.3:8787", "10.1.2.3:8787"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }

    #[test]
    fn an_answer_is_a_status_and_what_was_said() {
        assert_eq!(read("HTTP/1.1 200 OK\r\nx: y\r\n\r\nready\n"), Some((200, "ready\n")));
        assert_eq!(read("HTTP/1.1 503 no\r\n\r\nroute-0: starting\n"), Some((503, "route-0: starting\n")));
        assert_eq!(read("SSH-2.0-OpenSSH\r\n"), None);
    }
}
