//! The small server over TLS, which asks for client certificates, and certificates for both sides.

use crate::testing::{Reply, Seen, TestServer, Thumbprint};
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use grantor_core::x509::ClientCertificate;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// A certificate authority that vouches for the server and for clients.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Client {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Client {
    pub(crate) fn der(&self) -> Vec<u8> {
        ClientCertificate::from_pem(self.certificate.as_bytes()).unwrap().leaf_der().to_vec()
    }

    pub(crate) fn x5t_s256(&self) -> String {
        ClientCertificate::from_pem(self.certificate.as_bytes()).unwrap().x5t_s256().to_owned()
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn client(&self) -> Client {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        Client { certificate: params.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }

    /// A server that asks for client certificates, and requires none.
    pub(crate) async fn server(&self, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> TestServer {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().unwrap();
        let config = ServerConfig::builder()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
        TestServer::serve(Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) }, url, answer)
    }
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = Option<String>;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, _) = Listener::accept(&mut self.tcp).await;
            let Ok(stream) = self.acceptor.accept(stream).await else { continue };
            let shown = stream.get_ref().1.peer_certificates();
            let x5t_s256 = shown.map(|chain| {
                let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
                ClientCertificate::from_der(chain).unwrap().x5t_s256().to_owned()
            });
            return (stream, x5t_s256);
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(None)
    }
}

impl Connected<IncomingStream<'_, Tls>> for Thumbprint {
    fn connect_info(stream: IncomingStream<'_, Tls>) -> Self {
        Self(stream.remote_addr().clone())
    }
}
