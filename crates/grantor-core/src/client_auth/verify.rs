//! From what a request shows to a [`Caller`].

use super::{ClientAuth, Method, Presented, SlowProof};
use crate::Timestamp;
use crate::client::{Client, Credential, CredentialKind, Unusable};
use crate::error::{ErrorCode, OAuthError, Result, quote};
use crate::secret::{HashedSecret, Peppers, SecretFormat, examine};

/// An authenticated client. Only [`ClientAuth::verify`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'c> {
    client: &'c Client,
    credential: &'c Credential,
    method: Method,
    unencoded_basic: bool,
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

    /// The client used its allowance to send Basic credentials that were not form-encoded.
    pub const fn unencoded_basic(&self) -> bool {
        self.unencoded_basic
    }
}

impl ClientAuth {
    /// Checks what was presented against what is registered.
    ///
    /// `None` takes the same path as a wrong secret, with the same work and the same answer, so that an unknown
    /// client cannot be told from a known one. `proof` is that of [`ClientAuth::slow_check`], where one was due.
    pub fn verify<'c>(
        &self,
        client: Option<&'c Client>,
        proof: Option<&SlowProof>,
        peppers: &Peppers,
        now: Timestamp,
    ) -> Result<Caller<'c>> {
        self.check(client, proof, peppers, now).map_err(|error| error.with_challenge(self.used_header()))
    }

    fn check<'c>(
        &self,
        client: Option<&'c Client>,
        proof: Option<&SlowProof>,
        peppers: &Peppers,
        now: Timestamp,
    ) -> Result<Caller<'c>> {
        let Some(client) = client else {
            spend_the_same_time(self.client_id(), peppers);
            return Err(refused("unknown_client", format!("no client is registered as '{}'", quote(self.client_id()))));
        };
        let Some(presented) = self.presented_to(client) else {
            return Err(refused("unknown_client", "the client found is not the one named".into()));
        };
        let matched = generated_match(client, presented, peppers).or_else(|| imported_match(client, proof));
        let unencoded = self.read_unencoded(presented);
        let Some(credential) = matched else {
            return Err(no_match(client, presented, peppers));
        };
        if !client.metadata.enabled {
            return Err(refused("client_disabled", "the secret is right, but the client is disabled".into()));
        }
        if let Err(unusable) = credential.usable(now) {
            return Err(not_usable(credential, unusable));
        }
        if unencoded && !client.metadata.allow_unencoded_basic {
            return Err(refused(
                "unencoded_basic",
                "the secret matches only if the Basic credentials are read without form-decoding (RFC 6749 section 2.3.1); encode them, or set allow_unencoded_basic for this client".into(),
            ));
        }
        let method = self.method();
        if !client.metadata.token_endpoint_auth_methods.contains(&method) {
            return Err(wrong_method(client, method));
        }
        Ok(Caller { client, credential, method, unencoded_basic: unencoded })
    }

    /// Whether `presented` is the reading without form-decoding, and that makes a difference.
    fn read_unencoded(&self, presented: &Presented) -> bool {
        matches!(self, Self::SecretBasic { decoded, .. } if decoded.as_ref() != Some(presented))
    }
}

/// The credential with a generated secret that matches, usable or not. Every hash is compared, so the time tells nothing about which.
pub(super) fn generated_match<'c>(
    client: &'c Client,
    presented: &Presented,
    peppers: &Peppers,
) -> Option<&'c Credential> {
    let mut found: Option<&Credential> = None;
    let mut compared = false;
    for credential in &client.credentials {
        if let CredentialKind::Secret(hashed) = &credential.kind {
            compared = true;
            let better = found.is_none_or(|have| have.revoked_at.is_some());
            if peppers.matches(hashed, &client.domain, &client.client_id, &presented.secret) && better {
                found = Some(credential);
            }
        }
    }
    if !compared {
        spend_the_same_time(&client.client_id, peppers);
    }
    found
}

fn imported_match<'c>(client: &'c Client, proof: Option<&SlowProof>) -> Option<&'c Credential> {
    let proof = proof.filter(|proof| proof.client_id == client.client_id)?;
    client.credentials.iter().find(|credential| {
        credential.id == proof.credential_id
            && matches!(&credential.kind, CredentialKind::ImportedSecret { phc } if *phc == proof.phc)
    })
}

/// One keyed hash and comparison, as for a client with one secret.
fn spend_the_same_time(client_id: &str, peppers: &Peppers) {
    let nothing = HashedSecret { pepper: peppers.current().id.clone(), hmac: [0; 32] };
    std::hint::black_box(peppers.matches(
        &nothing,
        "default",
        client_id,
        "grsec0000000000000000000000000000000000000000000000000",
    ));
}

fn refused(reason: &'static str, detail: String) -> OAuthError {
    OAuthError::invalid_client().because(reason, detail)
}

fn not_usable(credential: &Credential, unusable: Unusable) -> OAuthError {
    let id = &credential.id;
    match unusable {
        Unusable::Revoked(at) => {
            refused("credential_revoked", format!("the secret matches credential {id}, which was revoked at {at}"))
        }
        Unusable::Expired(at) => {
            refused("credential_expired", format!("the secret matches credential {id}, which expired at {at}"))
        }
        Unusable::NotYet(at) => refused(
            "credential_not_yet_valid",
            format!("the secret matches credential {id}, which is valid from {at} on"),
        ),
    }
}

/// The secret is right, so its holder may be told what to change.
fn wrong_method(client: &Client, method: Method) -> OAuthError {
    let registered: Vec<_> = client.metadata.token_endpoint_auth_methods.iter().map(|method| method.as_str()).collect();
    let public = format!("this client is not registered for {}; use {}", method.as_str(), registered.join(" or "));
    let detail = format!(
        "the secret is right, but {} is not among token_endpoint_auth_methods ({})",
        method.as_str(),
        registered.join(", ")
    );
    OAuthError::new(ErrorCode::InvalidClient, public).because("auth_method_not_registered", detail)
}

fn no_match(client: &Client, presented: &Presented, peppers: &Peppers) -> OAuthError {
    let count = client.credentials.len();
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
    let what = match examine(&presented.secret) {
        SecretFormat::Generated => {
            "it is a whole secret made by Grantor: perhaps one of another client, or one since deleted"
        }
        SecretFormat::Damaged => "it starts like a secret made by Grantor, but its checksum is wrong: cut or mistyped",
        SecretFormat::Other => "it was not made by Grantor",
    };
    refused("wrong_secret", format!("the secret matches none of the client's {count} credentials; {what}"))
}
