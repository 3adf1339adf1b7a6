//! TLS with a certificate that can be replaced while serving. All names of rustls stay in here.

use super::mtls::AskForCertificate;
use crate::config::{self, TlsVersion};
use arc_swap::ArcSwap;
use grantor_core::x509::ClientCertificate;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

/// What a handshake agreed on.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`.
    pub protocol: &'static str,
    pub alpn: Option<&'static str>,
    pub client_certificate: Option<PresentedCertificate>,
}

/// A certificate whose key the client proved to have, in this handshake or in the one whose session was resumed. Or what
/// makes it unreadable, to be said where a request depends on it.
pub type PresentedCertificate = Result<Arc<ClientCertificate>, Arc<str>>;

const HTTP2: &str = "h2";
const HTTP1: &str = "http/1.1";

impl TlsInfo {
    pub fn is_http2(&self) -> bool {
        self.alpn == Some(HTTP2)
    }
}

/// Why a certificate or key cannot be used, and what to do.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

impl TlsError {
    pub(super) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// A certificate and how it is served. Clones share both.
#[derive(Clone)]
pub struct TlsConfig {
    acceptor: TlsAcceptor,
    served: Arc<Served>,
    files: config::Tls,
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig").field("files", &self.files).finish_non_exhaustive()
    }
}

impl TlsConfig {
    /// Serves the certificate chain and key of two PEM files, and asks clients for nothing.
    pub fn from_pem_files(files: &config::Tls) -> Result<Self, TlsError> {
        let served = load(&files.certificate, &files.key, &provider::default_provider())?;
        Self::new(files, Arc::new(Served(ArcSwap::new(served))), None)
    }

    /// The same certificate, also when it is replaced, for a listener that asks clients for theirs.
    pub fn asking_for_client_certificates(&self) -> Result<Self, TlsError> {
        let verifier = AskForCertificate(self.acceptor.config().crypto_provider().clone());
        Self::new(&self.files, self.served.clone(), Some(verifier))
    }

    fn new(files: &config::Tls, served: Arc<Served>, asks: Option<AskForCertificate>) -> Result<Self, TlsError> {
        let failed = |error: rustls::Error| TlsError(format!("TLS cannot be set up: {error}"));
        // Of TLS 1.2, rustls has only the suites with ECDHE and AEAD. X25519MLKEM768 comes first in the key exchange.
        let versions: &[_] = match files.min_version {
            TlsVersion::V1_3 => &[&rustls::version::TLS13],
            TlsVersion::V1_2 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_protocol_versions(versions)
            .map_err(failed)?;
        let builder = match asks {
            Some(verifier) => builder.with_client_cert_verifier(Arc::new(verifier)),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(served.clone());
        config.alpn_protocols = vec![HTTP2.into(), HTTP1.into()];
        // Sessions are resumed from tickets, whose keys change every few hours: no memory per client. Each listener has
        // its own, since clients offer them by host name alone: one from a listener that does not ask would make this one
        // take the client for one without a certificate.
        config.ticketer = provider::Ticketer::new().map_err(failed)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), served, files: files.clone() })
    }

    /// Reads both files again. New connections get the new certificate; after an error they go on getting the old one.
    pub fn reload(&self) -> Result<(), TlsError> {
        let provider = self.acceptor.config().crypto_provider();
        self.served.0.store(load(&self.files.certificate, &self.files.key, provider)?);
        Ok(())
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, TlsInfo)> {
        let stream = self.acceptor.accept(stream).await?;
        let connection = stream.get_ref().1;
        let info = TlsInfo {
            protocol: match connection.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            alpn: connection.alpn_protocol().map(|chosen| if chosen == HTTP2.as_bytes() { HTTP2 } else { HTTP1 }),
            client_certificate: connection.peer_certificates().map(presented),
        };
        Ok((stream, info))
    }
}

fn presented(chain: &[CertificateDer<'_>]) -> PresentedCertificate {
    let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
    ClientCertificate::from_der(chain).map(Arc::new).map_err(|error| error.to_string().into())
}

/// Whether a handshake failed since the client's certificate is malformed or too long, or its key was not proved.
pub(super) fn is_about_client_certificate(error: &io::Error) -> bool {
    use rustls::Error::{General, InvalidCertificate};
    let error = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(error, Some(InvalidCertificate(_) | General(_)))
}

#[derive(Debug)]
struct Served(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Served {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

fn load(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = chain(certificate)?;
    let private = provider.key_provider.load_private_key(private_key(key)?).map_err(|_| {
        TlsError(format!(
            "{}: this kind of private key cannot be used; use ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits or more",
            key.display()
        ))
    })?;
    let certified = CertifiedKey::new(chain, private);
    match certified.keys_match() {
        // What cannot be compared shows in the first handshake.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(_)) => Err(TlsError(format!(
            "{} is not the key of the first certificate in {}; the server's own certificate must come first, then those \
             that signed it",
            key.display(),
            certificate.display()
        ))),
        Err(error) => Err(TlsError(format!(
            "{}: the first certificate is malformed ({error}); write the chain again, as PEM",
            certificate.display()
        ))),
    }
}

pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path, "certificate")?;
    let chain = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|_| {
        TlsError(format!("{}: the PEM text is damaged; write the certificate chain again", path.display()))
    })?;
    if chain.is_empty() {
        return Err(TlsError(format!(
            "{}: there is no certificate in it; it must have sections BEGIN CERTIFICATE{}",
            path.display(),
            if contains(&pem, "PRIVATE KEY-----") { ", and the private key belongs into the other file" } else { "" }
        )));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read(path, "private key")?;
    if contains(&pem, "BEGIN ENCRYPTED PRIVATE KEY") || contains(&pem, "Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError(format!(
            "{}: the private key is encrypted; decrypt it (openssl pkey -in OLD -out NEW) into a file that only the \
             server's user can read",
            path.display()
        )));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        TlsError(match error {
            PemError::NoItemsFound => format!(
                "{}: there is no private key in it; it must have a section BEGIN PRIVATE KEY, BEGIN EC PRIVATE KEY or \
                 BEGIN RSA PRIVATE KEY",
                path.display()
            ),
            _ => format!("{}: the PEM text is damaged; write the private key again", path.display()),
        })
    })
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

fn read(path: &Path, what: &str) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    fs::read(path).map(Zeroizing::new).map_err(|error| {
        TlsError(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("{}: there is no such file; write the path of the {what} (PEM)", path.display())
            }
            io::ErrorKind::PermissionDenied => {
                format!("{}: this user may not read the {what}; allow it, or run as another user", path.display())
            }
            _ => format!("{}: the {what} cannot be read: {error}", path.display()),
        })
    })
}
