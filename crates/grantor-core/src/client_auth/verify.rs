//! From what a request shows to a [`Caller`].

use super::assertion::SpendOnce;
use super::{ClientAuth, Method, PublicKeys, SlowProof};
use crate::Timestamp;
use crate::client::{Client, ClientMetadata, Credential, CredentialKind, Unusable};
use crate::domain::{DEFAULT_DOMAIN, Domain};
use crate::error::{ErrorCode, OAuthError, Result, quote};
use crate::secret::{Peppers, SecretFormat, examine};
use crate::x509::{ClientCertificate, PathProblem};
use std::sync::Arc;

/// An authenticated client. Only [`ClientAuth::verify`] makes one.
#[derive(Clone, Debug)]
pub struct Caller<'c> {
    client: &'c Client,
    credential: &'c Credential,
    method: Method,
    allowance: Option<Allowance>,
    spend_once: Option<SpendOnce>,
}

/// A rule that a client is let off from, by its registration. Each use is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Allowance {
    /// Basic credentials that were not form-encoded, against RFC 6749 §2.3.1.
    UnencodedBasic,
    /// An assertion whose audience is the token endpoint, against rfc7523bis.
    TokenEndpointAudience,
}

impl Allowance {
    pub const ALL: [Self; 2] = [Self::UnencodedBasic, Self::TokenEndpointAudience];

    /// Whether a client has it.
    pub const fn is_given(self, client: &ClientMetadata) -> bool {
        match self {
            Self::UnencodedBasic => client.allow_unencoded_basic,
            Self::TokenEndpointAudience => client.allow_token_endpoint_audience,
        }
    }

    /// The member of the client's registration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnencodedBasic => "allow_unencoded_basic",
            Self::TokenEndpointAudience => "allow_token_endpoint_audience",
        }
    }
}

impl<'c> Caller<'c> {
    pub const fn client(&self) -> &'c Client {
        self.client
    }

    pub const fn credential(&self) -> &'c Credential {
        self.credential
    }

    pub const fn method(&self) -> Method {
        self.method
    }

    /// The allowance that the client made use of, if any.
    pub const fn allowance(&self) -> Option<Allowance> {
        self.allowance
    }

    /// What must not be used a second time, if the client proved itself by an assertion.
    pub const fn spend_once(&self) -> Option<&SpendOnce> {
        self.spend_once.as_ref()
    }

    pub(super) fn with_assertion(self, spend_once: SpendOnce, token_endpoint_audience: bool) -> Self {
        let allowance = token_endpoint_audience.then_some(Allowance::TokenEndpointAudience);
        Self { spend_once: Some(spend_once), allowance, ..self }
    }
}

/// What `verify` takes beside the request and the client. What had to be waited for was fetched before.
#[derive(Clone, Copy, Debug)]
pub struct Checks<'e> {
    pub domain: &'e Domain,
    pub peppers: &'e Peppers,
    /// Seconds that an assertion may live.
    pub assertion_lifetime_max_s: u32,
    /// Of [`ClientAuth::slow_check`], where one was due.
    pub slow: Option<&'e SlowProof>,
    /// Of [`ClientAuth::keys_to_fetch`], where any were due.
    pub fetched: &'e [Fetched],
    /// Of the connection.
    pub certificate: Option<&'e ClientCertificate>,
    /// Whether a path leads from that certificate to the domain's trust anchors, where the client has a rule for names.
    pub path: Option<&'e std::result::Result<(), PathProblem>>,
    pub now: Timestamp,
}

/// The keys at a `jwks_uri`, or why there are none.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub credential_id: String,
    pub keys: std::result::Result<Arc<PublicKeys>, FetchProblem>,
}

/// Why keys could not be fetched, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchProblem {
    pub reason: &'static str,
    pub detail: String,
}

impl<'e> Checks<'e> {
    /// The public keys of a client, registered and fetched.
    pub(super) fn keys_of<'c: 'k, 'k>(&self, client: &'c Client) -> Vec<(&'c Credential, &'k PublicKeys)>
    where
        'e: 'k,
    {
        let mut keys: Vec<(&'c Credential, &'k PublicKeys)> = Vec::new();
        for (credential, registered) in client.public_keys() {
            keys.push((credential, registered));
        }
        for fetched in self.fetched {
            let credential = client.credentials.iter().find(|credential| credential.id == fetched.credential_id);
            if let (Some(credential), Ok(published)) = (credential, &fetched.keys) {
                keys.push((credential, published));
            }
        }
        keys
    }

    pub(super) fn fetch_problem(&self) -> Option<&'e FetchProblem> {
        self.fetched.iter().find_map(|fetched| fetched.keys.as_ref().err())
    }
}

/// A credential that what was presented matches.
#[derive(Clone, Copy)]
pub(super) struct Found<'c> {
    pub(super) credential: &'c Credential,
    pub(super) method: Method,
    /// What matched, in words.
    pub(super) what: &'static str,
}

impl ClientAuth {
    /// Checks what was presented against what is registered.
    ///
    /// With a secret, `None` takes the same path as a wrong one, with the same work and the same answer, so that an
    /// unknown client cannot be told from a known one.
    pub fn verify<'c>(&self, client: Option<&'c Client>, checks: &Checks<'_>) -> Result<Caller<'c>> {
        let caller = match self {
            Self::SecretBasic(..) | Self::SecretPost(_) => self.check_secret(client, checks),
            Self::Assertion(assertion) => assertion.check(client, checks),
            Self::Certificate { client_id } => super::certificate::check(client_id, client, checks),
        };
        caller.map_err(|error| error.with_challenge(self.used_header()))
    }

    fn check_secret<'c>(&self, client: Option<&'c Client>, checks: &Checks<'_>) -> Result<Caller<'c>> {
        let Checks { peppers, now, .. } = *checks;
        let matched = self.generated_match(client, peppers, now).or_else(|| self.imported_match(client?, checks.slow?));
        let client = known(client, self.client_id())?;
        let Some((credential, unencoded)) = matched else {
            return Err(self.no_match(client, peppers));
        };
        let caller = admit(client, Found { credential, method: self.method(), what: "the secret" }, now)?;
        if unencoded && !client.metadata.allow_unencoded_basic {
            return Err(refused(
                "unencoded_basic",
                "the secret matches only if the Basic credentials are read without form-decoding (RFC 6749 section 2.3.1); encode them, or set allow_unencoded_basic for this client".into(),
            ));
        }
        Ok(Caller { allowance: unencoded.then_some(Allowance::UnencodedBasic), ..caller })
    }
    /// The credential with a generated secret that one of the readings matches, usable or not, and whether it took the
    /// reading without form-decoding. All readings are hashed before any is given up, whether or not there is a client,
    /// and every hash is compared: a refusal costs what the request brought, not what is registered.
    pub(super) fn generated_match<'c>(
        &self,
        client: Option<&'c Client>,
        peppers: &Peppers,
        now: Timestamp,
    ) -> Option<(&'c Credential, bool)> {
        self.readings().find_map(|read| {
            let domain = client.map_or(DEFAULT_DOMAIN, |client| &client.domain);
            let hashes = peppers.hash_all(domain, &read.client_id, &read.secret);
            let client = client.filter(|client| client.client_id == read.client_id)?;
            let mut found: Option<&Credential> = None;
            for credential in &client.credentials {
                if let CredentialKind::Secret(stored) = &credential.kind
                    && hashes.contains(stored)
                    && found.is_none_or(|have| have.usable(now).is_err())
                {
                    found = Some(credential);
                }
            }
            found.map(|credential| (credential, read.unencoded))
        })
    }

    fn imported_match<'c>(&self, client: &'c Client, proof: &SlowProof) -> Option<(&'c Credential, bool)> {
        let proved = |credential: &&Credential| {
            credential.id == proof.credential_id
                && matches!(&credential.kind, CredentialKind::ImportedSecret { phc } if *phc == proof.phc)
        };
        (client.client_id == proof.client_id).then_some(())?;
        client.credentials.iter().find(proved).map(|credential| (credential, proof.unencoded))
    }

    fn no_match(&self, client: &Client, peppers: &Peppers) -> OAuthError {
        let Some(read) = self.readings().find(|read| read.client_id == client.client_id) else {
            return refused("unknown_client", "the client found is not the one named".into());
        };
        let lost_pepper = client.credentials.iter().find_map(|credential| match &credential.kind {
            CredentialKind::Secret(hashed) if !peppers.knows(&hashed.pepper) => Some((&credential.id, &hashed.pepper)),
            _ => None,
        });
        if let Some((id, pepper)) = lost_pepper {
            return refused(
                "pepper_missing",
                format!("credential {id} was hashed under pepper '{pepper}', which this server does not hold"),
            );
        }
        let count = client.credentials.len();
        let what = match examine(&read.secret) {
            SecretFormat::Generated => {
                "it is a whole secret made by Grantor: perhaps one of another client, or one since deleted"
            }
            SecretFormat::Damaged => {
                "it starts like a secret made by Grantor, but its checksum is wrong: cut or mistyped"
            }
            SecretFormat::Other => "it was not made by Grantor",
        };
        refused("wrong_secret", format!("the secret matches none of the client's {count} credentials; {what}"))
    }
}

pub(super) fn refused(reason: &'static str, detail: String) -> OAuthError {
    OAuthError::invalid_client().because(reason, detail)
}

pub(super) fn known<'c>(client: Option<&'c Client>, client_id: &str) -> Result<&'c Client> {
    client.ok_or_else(|| refused("unknown_client", format!("no client is registered as '{}'", quote(client_id))))
}

/// The caller, if client and credential may be used now, and in this way.
pub(super) fn admit<'c>(client: &'c Client, found: Found<'c>, now: Timestamp) -> Result<Caller<'c>> {
    let Found { credential, method, what } = found;
    if !client.metadata.enabled {
        return Err(refused("client_disabled", format!("{what} is right, but the client is disabled")));
    }
    if let Err(unusable) = credential.usable(now) {
        return Err(not_usable(what, credential, unusable));
    }
    if !client.metadata.token_endpoint_auth_methods.contains(&method) {
        return Err(wrong_method(what, client, method));
    }
    Ok(Caller { client, credential, method, allowance: None, spend_once: None })
}

fn not_usable(what: &str, credential: &Credential, unusable: Unusable) -> OAuthError {
    let id = &credential.id;
    match unusable {
        Unusable::Revoked(at) => {
            refused("credential_revoked", format!("{what} matches credential {id}, which was revoked at {at}"))
        }
        Unusable::Expired(at) => {
            refused("credential_expired", format!("{what} matches credential {id}, which expired at {at}"))
        }
        Unusable::NotYet(at) => {
            refused("credential_not_yet_valid", format!("{what} matches credential {id}, which is valid from {at} on"))
        }
    }
}

/// Whoever has the right proof may be told what to change.
fn wrong_method(what: &str, client: &Client, method: Method) -> OAuthError {
    let registered: Vec<_> = client.metadata.token_endpoint_auth_methods.iter().map(|method| method.as_str()).collect();
    let public = format!("this client is not registered for {}; use {}", method.as_str(), registered.join(" or "));
    let detail = format!(
        "{what} is right, but {} is not among token_endpoint_auth_methods ({})",
        method.as_str(),
        registered.join(", ")
    );
    OAuthError::new(ErrorCode::InvalidClient, public).because("auth_method_not_registered", detail)
}

#[cfg(test)]
mod tests {
    use super::super::ClientAuth;
    use super::*;
    use crate::client::ClientMetadata;
    use crate::incoming::{Incoming, ParseLimits};
    use crate::secret::{KEYED_HASHES, Pepper};
    use base64::Engine;
    use zeroize::Zeroizing;

    fn basic(credentials: &str) -> ClientAuth {
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", format!("Basic {encoded}").parse().unwrap());
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        let incoming =
            Incoming { uri: &"/connect/token".parse().unwrap(), headers: &headers, body: b"", certificate: None };
        ClientAuth::parse(&incoming, &incoming.form(&ParseLimits::default()).unwrap()).unwrap()
    }

    fn peppers(count: u8) -> Peppers {
        let pepper = |n: u8| Pepper { id: n.to_string(), key: Zeroizing::new([n; 32]) };
        Peppers::new((0..count).map(pepper).collect()).unwrap()
    }

    fn client(secrets: &[&str], peppers: &Peppers) -> Client {
        let credential = |(n, secret): (usize, &&str)| Credential {
            id: n.to_string(),
            label: None,
            kind: CredentialKind::Secret(peppers.hash("acme", "svc", secret)),
            created_at: 0,
            not_before: None,
            expires_at: None,
            revoked_at: None,
        };
        let credentials = secrets.iter().enumerate().map(credential).collect();
        Client::new("acme".into(), "svc".into(), ClientMetadata::default(), credentials)
    }

    fn verify<'c>(auth: &ClientAuth, client: Option<&'c Client>, peppers: &Peppers) -> Result<Caller<'c>> {
        let domain = Domain::default();
        let checks = Checks {
            domain: &domain,
            peppers,
            assertion_lifetime_max_s: 600,
            slow: None,
            fetched: &[],
            certificate: None,
            path: None,
            now: 0,
        };
        auth.verify(client, &checks)
    }

    /// The refusal, and how many keyed hashes it took.
    fn refusal(auth: &ClientAuth, client: Option<&Client>, peppers: &Peppers) -> (OAuthError, usize) {
        let before = KEYED_HASHES.get();
        let error = verify(auth, client, peppers).unwrap_err();
        (error, KEYED_HASHES.get() - before)
    }

    #[test]
    fn an_unknown_client_costs_as_many_hashes_as_a_wrong_secret() {
        for peppers in [peppers(1), peppers(3)] {
            for credentials in ["svc:wrong", "svc:wr+ng%41", "svc:%", "s%76c:wrong"] {
                let auth = basic(credentials);
                let (unknown, cost) = refusal(&auth, None, &peppers);
                for secrets in [&[][..], &["one"], &["one", "two", "three"]] {
                    let (wrong, same_cost) = refusal(&auth, Some(&client(secrets, &peppers)), &peppers);
                    assert_eq!(cost, same_cost, "{credentials} against {secrets:?}");
                    assert_eq!((unknown.code, &unknown.public), (wrong.code, &wrong.public));
                    assert_eq!(unknown.challenge, wrong.challenge);
                }
            }
        }
    }

    #[test]
    fn a_right_secret_costs_one_hash() {
        let peppers = peppers(1);
        let client = client(&["one", "t+wo"], &peppers);
        let before = KEYED_HASHES.get();
        assert_eq!(verify(&basic("svc:t%2Bwo"), Some(&client), &peppers).unwrap().credential().id, "1");
        assert_eq!(KEYED_HASHES.get() - before, 1);
    }

    #[test]
    fn of_equal_secrets_the_usable_one_counts() {
        let peppers = peppers(1);
        let mut client = client(&["same", "same", "same"], &peppers);
        client.credentials[0].revoked_at = Some(0);
        client.credentials[1].expires_at = Some(0);
        assert_eq!(verify(&basic("svc:same"), Some(&client), &peppers).unwrap().credential().id, "2");
    }
}
