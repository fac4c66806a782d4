//! TLS for the HTTP side: the certificate that a worker shows, and how `hark health` knows it again.

use std::{
    fmt,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use crate::{config::HttpTls, failure::Failure};

/// Certificates are renewed in place; the files are read again after so long.
const READ_AGAIN: Duration = Duration::from_secs(60);

/// Shakes hands with clients, with the certificate that lies in the files.
pub struct Acceptor {
    files: HttpTls,
    state: Mutex<State>,
}

struct State {
    read_at: Instant,
    chain: Vec<CertificateDer<'static>>,
    acceptor: TlsAcceptor,
}

impl Acceptor {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub fn new(files: HttpTls) -> anyhow::Result<Self> {
        let (chain, acceptor) = read(&files)?;
        Ok(Self { files, state: Mutex::new(State { read_at: Instant::now(), chain, acceptor }) })
    }

    /// What the next client meets. Files that cannot be read at present leave all as it is.
    pub fn current(&self) -> TlsAcceptor {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.read_at.elapsed() >= READ_AGAIN {
            state.read_at = Instant::now();
            match read(&self.files) {
                Ok((chain, acceptor)) if chain != state.chain => {
                    info!(file = %self.files.certificate.display(), "the certificate was renewed");
                    (state.chain, state.acceptor) = (chain, acceptor);
                }
                Ok(_) => {}
                Err(error) => warn!(error = format!("{error:#}"), "the renewed certificate cannot be used"),
            }
        }
        state.acceptor.clone()
    }
}

fn read(files: &HttpTls) -> anyhow::Result<(Vec<CertificateDer<'static>>, TlsAcceptor)> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| unusable(&files.key, "key", "-----BEGIN PRIVATE KEY-----"))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain.clone(), key))
        .with_context(|| {
            Failure::bad_input("the certificate and the key of `http.tls` cannot be used")
                .next("the key must be the certificate's own, unencrypted")
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((chain, TlsAcceptor::from(Arc::new(config))))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let unusable = || unusable(path, "certificate", "-----BEGIN CERTIFICATE-----");
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).with_context(unusable)?.collect();
    let chain = chain.with_context(unusable)?;
    if chain.is_empty() { Err(unusable().into()) } else { Ok(chain) }
}

fn unusable(path: &Path, what: &str, begin: &str) -> Failure {
    Failure::bad_input(format!("the {what} of `http.tls` cannot be read from {}", path.display()))
        .next(format!("it must be a PEM file with a part {begin}"))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A connection to the worker that shows the certificate of these files, whoever signed it.
///
/// # Errors
/// The certificate cannot be read.
pub fn connect(files: &HttpTls, ip: IpAddr) -> anyhow::Result<ClientConnection> {
    let chain = certificates(&files.certificate)?;
    let own = chain.into_iter().next().context("no certificate")?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .context("no TLS")?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OnlyThis { own, provider: provider() }))
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::from(ip)).context("no TLS")
}

/// Takes one certificate and no other: no authority is asked, because we know it.
struct OnlyThis {
    own: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for OnlyThis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnlyThis")
    }
}

impl ServerCertVerifier for OnlyThis {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.own {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General("it shows another certificate than that of `http.tls`".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
