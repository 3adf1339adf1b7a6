//! Requests to the public listener's handler, and their answers.

use crate::common::TestApp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use grantor::http::listener::{Checked, Handler, Peer};
use grantor::http::proxy::origin;
use grantor::http::public::Public;
use grantor::http::tls::{PresentedCertificate, TlsInfo};
use grantor_core::jose::{Alg, Claims, UnverifiedJws, VerifyingKey};
use grantor_core::jwk::Jwk;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Call {
    request: Request<Bytes>,
    from: SocketAddr,
    tls: Option<TlsInfo>,
}

impl Call {
    pub fn new(method: &str, path: &str) -> Self {
        let request = Request::builder().method(method).uri(path).header(HOST, "auth.example.com");
        Self { request: request.body(Bytes::new()).unwrap(), from: "192.0.2.1:1".parse().unwrap(), tls: None }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str, form: impl Into<String>) -> Self {
        let mut call = Self::new("POST", path).header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded");
        *call.request.body_mut() = form.into().into();
        call
    }

    /// A token request; `more` follows the grant type.
    pub fn token(more: &str) -> Self {
        Self::post("/connect/token", format!("grant_type=client_credentials{more}"))
    }

    pub fn introspect(token: &str) -> Self {
        Self::post("/connect/introspect", format!("token={}", form(token)))
    }

    pub fn revoke(token: &str) -> Self {
        Self::post("/connect/revocation", format!("token={}", form(token)))
    }

    pub fn basic(self, id: &str, secret: &str) -> Self {
        let value = STANDARD.encode(format!("{}:{}", form(id), form(secret)));
        self.header(AUTHORIZATION.as_str(), &format!("Basic {value}"))
    }

    /// Sets a header, in place of an earlier one of the name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: http::HeaderName = name.parse().unwrap();
        self.request.headers_mut().insert(name, value.parse().unwrap());
        self
    }

    pub fn host(self, host: &str) -> Self {
        self.header("host", host)
    }

    /// Over a connection with this certificate.
    pub fn over(mut self, client_certificate: PresentedCertificate) -> Self {
        let client_certificate = Some(client_certificate);
        self.tls = Some(TlsInfo { protocol: "TLSv1.3", alpn: None, client_certificate });
        self
    }

    pub fn from(mut self, address: &str) -> Self {
        self.from.set_ip(address.parse().unwrap());
        self
    }
}

pub fn form(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} is there twice");
        first
    }

    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{self:?} {:?}", self.body);
        self
    }

    pub fn refused(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.json()["error"].as_str()), (status, Some(error)), "{:?}", self.body);
    }

    pub fn access_token(&self) -> String {
        self.json()["access_token"].as_str().unwrap_or_else(|| panic!("no token: {:?}", self.body)).to_owned()
    }

    pub fn is_active(&self) -> bool {
        assert_eq!(self.status, 200, "{:?}", self.body);
        let active = self.json()["active"].as_bool().unwrap();
        assert!(active || self.body == r#"{"active":false}"#, "{:?}", self.body);
        active
    }
}

impl TestApp {
    pub async fn call(&self, call: Call) -> Answered {
        let (head, body) = call.request.into_parts();
        let peer = Arc::new(Peer { addr: call.from, tls: call.tls });
        let origin = origin(&head.headers, &peer, &self.config.proxy).unwrap();
        let answer = Public(Arc::clone(self)).handle(Checked { head, body, peer, origin }).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// As [`crate::common::CLIENT`].
    pub async fn call_as_client(&self, call: Call) -> Answered {
        self.call(call.basic(crate::common::CLIENT, &self.secret)).await
    }

    /// A token for this client and resource.
    pub async fn token_of(&self, id: &str, secret: &str, resource: &str) -> String {
        self.call(Call::token(&format!("&resource={}", form(resource))).basic(id, secret)).await.ok().access_token()
    }

    pub async fn client_token(&self, resource: &str) -> String {
        self.token_of(crate::common::CLIENT, &self.secret, resource).await
    }

    pub async fn introspects_as_active(&self, token: &str) -> bool {
        self.call_as_client(Call::introspect(token)).await.is_active()
    }

    /// The published keys, by `kid`.
    pub async fn jwks(&self, path: &str) -> Vec<(String, Jwk)> {
        let set = self.call(Call::get(path)).await.ok().json();
        let parsed = set["keys"].as_array().unwrap().iter().map(|key| Jwk::parse(key).unwrap());
        parsed.map(|key| (key.kid.clone().unwrap(), key)).collect()
    }
}

/// The claims of a JWT, verified as anybody could: with the published keys.
pub fn verify(jwt: &str, typ: &str, jwks: &[(String, Jwk)]) -> Option<Claims> {
    let jws = UnverifiedJws::parse(jwt).unwrap();
    assert_eq!(jws.header().typ.as_deref(), Some(typ));
    let kid = jws.header().kid.clone().unwrap();
    let (_, jwk) = jwks.iter().find(|(have, _)| *have == kid)?;
    let alg: Alg = jwk.alg.as_deref().unwrap().parse().unwrap();
    jws.verify(&VerifyingKey::from_jwk(jwk, alg).unwrap()).ok()
}
