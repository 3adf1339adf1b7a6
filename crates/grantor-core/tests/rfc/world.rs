//! A domain with two APIs and one client, and the straight line from a request to an answer.

use crate::encoding::{basic, form};
use grantor_core::Timestamp;
use grantor_core::binding::{DpopExpected, DpopProof, Possession, VerifiedProof};
use grantor_core::client::{Client, ClientMetadata, Credential, CredentialKind};
use grantor_core::client_auth::{Allowance, Caller, Checks, ClientAuth, Method, SlowCheck};
use grantor_core::domain::Domain;
use grantor_core::error::{OAuthError, Result};
use grantor_core::incoming::{Incoming, ParseLimits};
use grantor_core::jose::{Alg, SealingKey, SigningKey, VerifyingKey};
use grantor_core::resource::Resource;
use grantor_core::scope::Scope;
use grantor_core::secret::{Pepper, Peppers};
use grantor_core::token::opaque::{Handle, HandleKey};
use grantor_core::token::{AccessToken, NotAccepted, TokenFormat, TokenResponse};
use grantor_core::token_request::TokenRequest;
use grantor_core::x509::{ClientCertificate, TrustStore};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde_json::{Map, Value};
use std::sync::Arc;
use zeroize::Zeroizing;

pub const NOW: Timestamp = 1_800_000_000;
pub const ISSUER: &str = "https://auth.example.com";
pub const MTLS: &str = "https://mtls.example.com";
pub const ID: &str = "svc";
pub const SECRET: &str = "correct horse";
/// Owns `read` and `write`, wants JWTs.
pub const API: &str = "https://api.example.com";
/// Owns `read` and `pay`, wants JWTs.
pub const BANK: &str = "https://bank.example.com/v1?x=1";
/// Owns `read`, wants opaque tokens.
pub const VAULT: &str = "urn:example:vault";
/// Registered, but not for the client.
pub const OTHER: &str = "https://other.example.com";

pub struct World {
    pub domain: Domain,
    pub client_id: String,
    pub metadata: ClientMetadata,
    pub credentials: Vec<Credential>,
    pub peppers: Peppers,
    pub limits: ParseLimits,
    pub now: Timestamp,
    /// Of the domain.
    pub trust: Option<TrustStore>,
    signing: SigningKey,
    verifying: VerifyingKey,
    handles: HandleKey,
}

/// What a request was answered with, and what the token says.
#[derive(Debug)]
pub struct Issued {
    pub token: String,
    pub response: Value,
    pub claims: Map<String, Value>,
    pub unencoded_basic: bool,
}

impl Issued {
    pub fn scope(&self) -> &str {
        self.response["scope"].as_str().unwrap_or_default()
    }
}

pub fn resource(identifier: &str, scope: &str) -> Resource {
    Resource {
        identifier: identifier.into(),
        scope: Scope::from_tokens(scope.split(' ')),
        access_token_format: TokenFormat::Jwt,
        access_token_signing_alg: Alg::ES256,
        access_token_lifetime_s: None,
        sender_constraint: None,
    }
}

impl World {
    pub fn new() -> Self {
        let (signing, _) = SigningKey::generate(Alg::ES256).unwrap();
        let verifying = VerifyingKey::from_jwk(&signing.public_jwk().unwrap(), Alg::ES256).unwrap();
        let pepper = Pepper { id: "p1".into(), key: Zeroizing::new([7; 32]) };
        let vault = Resource { access_token_format: TokenFormat::Opaque, ..resource(VAULT, "read") };
        let resources = [resource(API, "read write"), resource(BANK, "read pay"), vault, resource(OTHER, "other")];
        let mut world = Self {
            domain: Domain {
                name: "default".into(),
                issuer: ISSUER.into(),
                sandbox: false,
                access_token_lifetime_s: 300,
                access_token_lifetime_max_s: 86_400,
                resources: resources.map(|resource| (resource.identifier.clone(), Arc::new(resource))).into(),
                mtls_base: Some(MTLS.into()),
                ..Domain::default()
            },
            client_id: ID.into(),
            metadata: ClientMetadata {
                token_endpoint_auth_methods: Method::ALL.to_vec(),
                scope: Scope::from_tokens(["read", "write", "pay", "unowned"]),
                resources: vec![API.into(), BANK.into(), VAULT.into()],
                default_resource: Some(API.into()),
                ..ClientMetadata::default()
            },
            credentials: Vec::new(),
            peppers: Peppers::new(vec![pepper]).unwrap(),
            limits: ParseLimits::default(),
            now: NOW,
            trust: None,
            signing,
            verifying,
            handles: HandleKey::new([1, 2, 3, 4], SealingKey::new(&[9; 32])),
        };
        world.add_secret(SECRET);
        world
    }

    /// With one secret only, for a client of this name.
    pub fn of(client_id: &str, secret: &str) -> Self {
        let mut world = Self { client_id: client_id.into(), credentials: Vec::new(), ..Self::new() };
        world.add_secret(secret);
        world
    }

    pub fn with(change: impl FnOnce(&mut ClientMetadata)) -> Self {
        let mut world = Self::new();
        change(&mut world.metadata);
        world
    }

    pub fn resource(&mut self, identifier: &str) -> &mut Resource {
        Arc::make_mut(self.domain.resources.get_mut(identifier).unwrap())
    }

    pub fn add_secret(&mut self, secret: &str) -> &mut Credential {
        let hashed = self.peppers.hash("default", &self.client_id, secret);
        self.add(CredentialKind::Secret(hashed))
    }

    pub fn add(&mut self, kind: CredentialKind) -> &mut Credential {
        self.credentials.push(Credential {
            id: format!("cr{}", self.credentials.len()),
            label: None,
            kind,
            created_at: NOW,
            not_before: None,
            expires_at: None,
            revoked_at: None,
        });
        self.credentials.last_mut().unwrap()
    }

    pub fn client(&self) -> Client {
        Client::new("default".into(), self.client_id.clone(), self.metadata.clone(), self.credentials.clone())
            .unseal(|_, sealed| Some(Zeroizing::new(sealed.to_owned())))
    }

    /// The client that a request names, as the directory would find it.
    fn find<'c>(auth: &ClientAuth, client: &'c Client) -> Option<&'c Client> {
        let second = auth.unencoded_client_id().filter(|_| client.metadata.allow_unencoded_basic);
        [Some(auth.client_id()), second].contains(&Some(client.client_id.as_str())).then_some(client)
    }

    /// Authenticates, and does something with the caller.
    pub fn authenticated<T>(&self, auth: &ClientAuth, then: impl FnOnce(&Caller<'_>) -> Result<T>) -> Result<T> {
        self.authenticated_over(None, auth, then)
    }

    /// Likewise, over a connection with a certificate.
    pub fn authenticated_over<T>(
        &self,
        certificate: Option<&ClientCertificate>,
        auth: &ClientAuth,
        then: impl FnOnce(&Caller<'_>) -> Result<T>,
    ) -> Result<T> {
        let client = self.client();
        let found = Self::find(auth, &client);
        let proof = auth.slow_check(found, &self.peppers, self.now).and_then(SlowCheck::run);
        let path = self.trust.as_ref().zip(certificate).map(|(trust, shown)| trust.verify(shown, self.now));
        let checks = Checks {
            domain: &self.domain,
            peppers: &self.peppers,
            assertion_lifetime_max_s: 600,
            slow: proof.as_ref(),
            fetched: &[],
            certificate,
            path: path.as_ref(),
            now: self.now,
        };
        then(&auth.verify(found, &checks)?)
    }

    pub fn token(&self, request: &Request) -> Result<Issued> {
        let parsed = request.read(|incoming| TokenRequest::parse(incoming, &self.limits))?;
        self.authenticated_over(request.certificate.as_ref(), &parsed.client_auth, |caller| {
            let proof = parsed.proof.as_ref().map(|proof| self.verify_proof(proof)).transpose()?;
            let possession = Possession { proof: proof.as_ref(), certificate: request.certificate.as_ref() };
            let grant = parsed.grant.decide(caller, &self.domain, possession)?;
            let unsigned = grant.mint(self.now, "a-jti".into())?;
            let answer: TokenResponse = match unsigned.format {
                TokenFormat::Jwt => unsigned.sign(&self.signing)?,
                TokenFormat::Opaque => unsigned.seal(&self.handles, &self.domain.name, [5; 12])?,
            };
            let token = answer.access_token.clone();
            Ok(Issued {
                claims: self.check(&token).unwrap().claims,
                response: serde_json::to_value(&answer).unwrap(),
                unencoded_basic: caller.allowance() == Some(Allowance::UnencodedBasic),
                token,
            })
        })
    }

    fn verify_proof(&self, proof: &DpopProof) -> Result<VerifiedProof> {
        let uris: Vec<_> = self.domain.endpoints("/connect/token").collect();
        let uris: Vec<_> = uris.iter().map(String::as_str).collect();
        Ok(proof.verify(&DpopExpected::new("POST", &uris, self.now))?)
    }

    pub fn check(&self, token: &str) -> std::result::Result<AccessToken, NotAccepted> {
        match Handle::parse(token) {
            Some(handle) => AccessToken::open(&handle, &self.domain, self.now, |id| {
                (id == self.handles.id).then_some(&self.handles)
            }),
            None => AccessToken::verify_jwt(token, &self.domain, self.now, |kid| {
                (kid == self.signing.kid()).then_some(&self.verifying)
            }),
        }
    }

    pub fn sign(&self, typ: &str, claims: &Value) -> String {
        self.signing.sign_jwt(typ, claims.to_string().as_bytes()).unwrap()
    }

    pub fn refusal(&self, request: &Request) -> OAuthError {
        self.token(request).expect_err("the request is to be refused")
    }
}

/// A request in the making.
#[derive(Clone)]
pub struct Request {
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Of the connection.
    pub certificate: Option<ClientCertificate>,
}

impl Request {
    /// A form without client authentication.
    pub fn form(body: impl AsRef<[u8]>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Self { uri: "/connect/token".into(), headers, body: body.as_ref().to_vec(), certificate: None }
    }

    /// `grant_type=client_credentials` and what follows, by the client and its secret.
    pub fn grant(more: &str) -> Self {
        Self::form(format!("grant_type=client_credentials{more}")).basic(ID, SECRET)
    }

    /// Credentials in the header, encoded as they should be.
    pub fn basic(self, id: &str, secret: &str) -> Self {
        self.authorization(basic(&form(id), &form(secret)))
    }

    /// Credentials in the body, with `grant_type`.
    pub fn post(id: &str, secret: &str) -> Self {
        Self::form(format!("grant_type=client_credentials&client_id={}&client_secret={}", form(id), form(secret)))
    }

    /// Sent over a connection with this certificate.
    pub fn over(self, certificate: &ClientCertificate) -> Self {
        Self { certificate: Some(certificate.clone()), ..self }
    }

    pub fn authorization(self, value: impl AsRef<[u8]>) -> Self {
        self.header(AUTHORIZATION, value)
    }

    pub fn header(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    pub fn read<T>(&self, read: impl FnOnce(&Incoming<'_>) -> T) -> T {
        let uri: Uri = self.uri.parse().unwrap();
        read(&Incoming { uri: &uri, headers: &self.headers, body: &self.body, certificate: self.certificate.as_ref() })
    }
}
