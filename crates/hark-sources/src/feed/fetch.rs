//! Asking a server for a feed: conditional, bounded in size and time, and only where it may be asked.

use std::{
    io::Read as _,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use tracing::warn;
use ureq::{
    Agent, ResponseExt as _,
    http::{HeaderMap, StatusCode, Uri},
    tls::{Certificate, RootCerts, TlsConfig},
    unversioned::transport::DefaultConnector,
};

use super::{
    address::{Guarded, is_public},
    page::Page,
};

/// A feed is text; one of this size is a mistake, or an attack by compression.
const MAX_PAGE_BYTES: u64 = 16 * 1024 * 1024;
/// Each redirect is checked like the first address.
const MAX_REDIRECTS: u32 = 5;
/// From the request to the last byte. A shutdown does not wait for it: nothing is written before the page is whole.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A server that asks for more patience than this is asked again all the same.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
const ACCEPT: &str =
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5";

/// Asks the server of one feed.
pub(super) struct Client {
    agent: Agent,
    url: String,
}

/// What the server said last time, so that it need not say the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Validators {
    pub etag: String,
    pub last_modified: String,
}

/// An answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// A page.
    Page { page: Page, validators: Validators },
    /// Nothing has changed.
    Unchanged,
    /// Not now.
    Later(Duration),
}

/// A feed that could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer; in words that do not hold the feed's address, which may be a secret.
    #[error("no answer: {0}")]
    Unanswered(String),
    /// An answer that is no feed.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// The page breaks off.
    #[error("the page breaks off")]
    BrokenOff(#[source] std::io::Error),
    /// More than anybody would write.
    #[error("the page has more than {MAX_PAGE_BYTES} bytes")]
    TooLarge,
}

impl Client {
    pub(super) fn new(url: &str, allow_private: bool) -> Self {
        Self::guarded(url, if allow_private { |_| true } else { is_public })
    }

    /// Connects to the addresses that `allows` allows.
    pub(super) fn guarded(url: &str, allows: fn(IpAddr) -> bool) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(roots())
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(MAX_REDIRECTS)
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            // A proxy would resolve names in its own network, past the guard.
            .proxy(None)
            // Between two polls a connection only holds a descriptor.
            .max_idle_connections(0)
            .user_agent(concat!("hark/", env!("CARGO_PKG_VERSION")))
            .accept(ACCEPT)
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Guarded::new(allows));
        Self { agent, url: url.to_owned() }
    }

    /// Asks once.
    pub(super) fn get(&self, known: &Validators) -> Result<Answer, FetchError> {
        let mut request = self.agent.get(&self.url);
        if !known.etag.is_empty() {
            request = request.header("if-none-match", &known.etag);
        }
        if !known.last_modified.is_empty() {
            request = request.header("if-modified-since", &known.last_modified);
        }
        let without_address = |error: ureq::Error| {
            FetchError::Unanswered(error.to_string().replace(&self.url, "the feed's address"))
        };
        let mut response = request.call().map_err(without_address)?;
        let (status, headers) = (response.status(), response.headers());
        match status {
            StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
            StatusCode::OK => {}
            _ => {
                return match retry_after(headers, SystemTime::now()) {
                    Some(wait) => Ok(Answer::Later(wait)),
                    None => Err(FetchError::Status(status)),
                };
            }
        }
        let validators =
            Validators { etag: text(headers, "etag"), last_modified: text(headers, "last-modified") };
        let charset = charset(&text(headers, "content-type"));
        let address = without_secrets(response.get_uri());
        let mut bytes = Vec::new();
        let body = response.body_mut().with_config().limit(MAX_PAGE_BYTES + 1).reader();
        body.take(MAX_PAGE_BYTES + 1).read_to_end(&mut bytes).map_err(FetchError::BrokenOff)?;
        if bytes.len() as u64 > MAX_PAGE_BYTES {
            return Err(FetchError::TooLarge);
        }
        Ok(Answer::Page { page: Page { bytes, address, charset }, validators })
    }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    /// No server needs more.
    const MAX: usize = 1024;
    let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if value.len() > MAX { String::new() } else { value.to_owned() }
}

/// The charset of a content type.
fn charset(content_type: &str) -> Option<String> {
    let named = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let charset =
        named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset")).map(|(_, value)| value);
    charset.map(|value| value.trim().trim_matches('"').to_owned()).find(|value| !value.is_empty())
}

/// An address without user, password, query and fragment.
fn without_secrets(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}{}", uri.host().unwrap_or_default(), uri.path())
}

/// `Retry-After`: seconds or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
            let now = Timestamp::try_from(now).ok()?;
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The certificate authorities that this system trusts, looked up once.
fn roots() -> RootCerts {
    static ROOTS: OnceLock<RootCerts> = OnceLock::new();
    let look = || {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            warn!(
                "this system trusts no certificate authority: feeds over https will fail; install ca-certificates"
            );
        }
        found
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect::<Vec<_>>()
            .into()
    };
    ROOTS.get_or_init(look).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date_and_never_more_than_a_day() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for (value, wait) in [
            ("120", Some(120)),
            ("0", Some(0)),
            (" 5 ", Some(5)),
            ("99999999", Some(24 * 3600)),
            ("Fri, 15 Jan 2027 08:01:00 GMT", Some(60)),
            ("Fri, 15 Jan 2027 07:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", value.parse().unwrap());
            assert_eq!(retry_after(&headers, now), wait.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
