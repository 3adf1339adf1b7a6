//! TLS for the example of a protected API: it asks its callers for a certificate, and requires none.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// The certificate that the caller showed, in DER.
#[derive(Clone, Debug)]
pub struct ClientCertificate(Option<Arc<[u8]>>);

impl ClientCertificate {
    pub fn der(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

/// Connections whose handshake is done.
#[derive(Debug)]
pub struct Tls {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, ClientCertificate)>,
}

impl Tls {
    /// `client_ca` vouches for the certificates of callers. Callers who show another one are turned away.
    pub fn new(tcp: TcpListener, certificate: &Path, key: &Path, client_ca: &Path) -> Result<Self, Box<dyn Error>> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(client_ca)? {
            roots.add(root?)?;
        }
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build()?;
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
        let config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
        let (done, ready) = mpsc::channel(64);
        tokio::spawn(accept(tcp, TlsAcceptor::from(Arc::new(config)), done));
        Ok(Self { ready })
    }
}

/// Each handshake is a task of its own, so that a slow one holds up nobody.
async fn accept(
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    done: mpsc::Sender<(TlsStream<TcpStream>, ClientCertificate)>,
) {
    loop {
        let Ok((stream, _)) = tcp.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (acceptor, done) = (acceptor.clone(), done.clone());
        tokio::spawn(async move {
            let handshake = tokio::time::timeout(Duration::from_secs(10), acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                let chain = stream.get_ref().1.peer_certificates();
                let leaf = chain.and_then(|chain| chain.first()).map(|leaf| Arc::from(leaf.as_ref()));
                let _ = done.send((stream, ClientCertificate(leaf))).await;
            }
        });
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = ClientCertificate;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.ready.recv().await.expect("the task that accepts connections never ends")
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(ClientCertificate(None))
    }
}

/// What handlers learn of the connection.
impl Connected<IncomingStream<'_, Tls>> for ClientCertificate {
    fn connect_info(stream: IncomingStream<'_, Tls>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Over plain TCP there is none.
impl Connected<IncomingStream<'_, TcpListener>> for ClientCertificate {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        Self(None)
    }
}

/// How callers write the address of this API, unless they are told another way.
pub fn url(listener: &TcpListener, tls: bool) -> io::Result<String> {
    let addr: SocketAddr = listener.local_addr()?;
    Ok(if tls { format!("https://localhost:{}", addr.port()) } else { format!("http://{addr}") })
}
