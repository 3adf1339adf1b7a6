//! Which client a certificate would be let in as, and why not as the others.

use super::{Admin, AdminError, Result};
use grantor_core::client::{Client, ClientMetadata, CredentialKind};
use grantor_core::client_auth::{Checks, ClientAuth, FetchProblem, Fetched, Method};
use grantor_core::domain::Domain;
use grantor_core::error::OAuthError;
use grantor_core::x509::{ClientCertificate, PathProblem};

/// Most clients that are told of, those that match aside and those that nearly do.
const TOLD_MAX: usize = 20;
/// How many credentials are read at once.
const PAGE: i64 = 1000;

/// What came of it.
#[derive(Debug)]
pub struct TestedCertificate {
    /// Whether a path leads to a trust anchor of the domain. `None`: the domain has none.
    pub path: Option<std::result::Result<(), PathProblem>>,
    pub matches: Vec<Match>,
    pub near_misses: Vec<NearMiss>,
    /// Clients that it was held against.
    pub clients: usize,
    /// How many more matches and near misses there are than are told.
    pub left_off: usize,
}

#[derive(Debug)]
pub struct Match {
    pub client_id: String,
    pub credential_id: String,
    pub method: Method,
}

#[derive(Debug)]
pub struct NearMiss {
    pub client_id: String,
    pub reason: &'static str,
    pub detail: String,
}

impl Admin<'_> {
    /// Holds a certificate against the clients of a domain that may authenticate by one, or against one client, just as the
    /// token endpoint would. Keys at a `jwks_uri` are fetched for one client only.
    pub async fn test_certificate(
        &self,
        domain: &str,
        client_id: Option<&str>,
        certificate: &ClientCertificate,
    ) -> Result<TestedCertificate> {
        let domain = self.domain(domain)?;
        let path = match self.app.trust.verify(&domain, certificate, self.now) {
            Ok(path) => path.map(|path| (*path).clone()),
            Err(error) => Some(Err(PathProblem { reason: "trust_anchors_unreadable", detail: error.to_string() })),
        };
        let mut tested =
            TestedCertificate { path, matches: Vec::new(), near_misses: Vec::new(), clients: 0, left_off: 0 };
        let ids = match client_id {
            Some(id) => vec![id.to_owned()],
            None => self.clients_with_certificates(&domain).await?,
        };
        for id in ids {
            let Some(client) = self.client_to_test(&domain, &id, client_id.is_some()).await? else { continue };
            let fetched = self.published(&client, certificate, client_id.is_some()).await;
            tested.clients += 1;
            self.hold_against(&domain, &client, certificate, &fetched, &mut tested);
        }
        tested.left_off =
            tested.matches.len().saturating_sub(TOLD_MAX) + tested.near_misses.len().saturating_sub(TOLD_MAX);
        tested.matches.truncate(TOLD_MAX);
        // Those that got furthest tell most: the name was right, but not the path.
        tested.near_misses.sort_by_key(|miss| miss.reason == "certificate_no_match");
        tested.near_misses.truncate(TOLD_MAX);
        Ok(tested)
    }

    /// Clients with a credential that a certificate can match, in order.
    async fn clients_with_certificates(&self, domain: &Domain) -> Result<Vec<String>> {
        let mut ids: Vec<String> = Vec::new();
        let mut after = (String::new(), String::new());
        loop {
            let page = self.app.store.credentials_after(&domain.name, (&after.0, &after.1), PAGE).await?;
            let Some((client_id, last)) = page.last() else { return Ok(ids) };
            after = (client_id.clone(), last.id.clone());
            for (client_id, credential) in page {
                if !credential.kind.is_secret() && ids.last() != Some(&client_id) {
                    ids.push(client_id);
                }
            }
        }
    }

    /// A client that may authenticate by a certificate, or whichever was named.
    async fn client_to_test(&self, domain: &Domain, client_id: &str, named: bool) -> Result<Option<Client>> {
        let Some(stored) = self.app.store.get::<ClientMetadata>(&domain.name, client_id).await? else {
            let missing = || AdminError::NotFound(format!("there is no such client in domain '{}'", domain.name));
            return if named { Err(missing()) } else { Ok(None) };
        };
        let credentials = self.app.store.credentials(&domain.name, client_id).await?;
        let of_certificates = |kind: &CredentialKind| {
            matches!(kind, CredentialKind::Certificate { .. } | CredentialKind::TlsClientAuth(_))
        };
        let relevant = named
            || stored.body.token_endpoint_auth_methods.iter().any(|method| method.is_mtls())
            || credentials.iter().any(|credential| of_certificates(&credential.kind));
        let client = || Client::new(domain.name.clone(), client_id.to_owned(), stored.body, credentials);
        Ok(relevant.then(client))
    }

    async fn published(&self, client: &Client, certificate: &ClientCertificate, named: bool) -> Vec<Fetched> {
        let auth = ClientAuth::Certificate { client_id: client.client_id.clone() };
        let mut fetched = Vec::new();
        for (credential_id, uri) in auth.keys_to_fetch(Some(client), Some(certificate), self.now) {
            let keys = match named {
                true => self.app.remote_keys.get(uri, self.now, |keys| auth.suffices(keys, Some(certificate))).await,
                false => Err(FetchProblem { reason: NOT_FETCHED, detail: not_fetched(uri) }),
            };
            fetched.push(Fetched { credential_id: credential_id.to_owned(), keys });
        }
        fetched
    }

    fn hold_against(
        &self,
        domain: &Domain,
        client: &Client,
        certificate: &ClientCertificate,
        fetched: &[Fetched],
        tested: &mut TestedCertificate,
    ) {
        let checks = Checks {
            domain,
            peppers: &self.app.peppers,
            assertion_lifetime_max_s: self.app.config.limits.assertion_lifetime_max_s,
            slow: None,
            fetched,
            certificate: Some(certificate),
            path: tested.path.as_ref(),
            now: self.now,
        };
        let client_id = client.client_id.clone();
        match (ClientAuth::Certificate { client_id: client_id.clone() }).verify(Some(client), &checks) {
            Ok(caller) => tested.matches.push(Match {
                client_id,
                credential_id: caller.credential().id.clone(),
                method: caller.method(),
            }),
            Err(error) => tested.near_misses.push(near_miss(client_id, &error)),
        }
    }
}

/// Not among the reasons for a refusal: only a test gives it.
const NOT_FETCHED: &str = "not_fetched";

fn not_fetched(uri: &str) -> String {
    format!("its certificates are published at {uri}, which is asked only if the test names the client")
}

fn near_miss(client_id: String, error: &OAuthError) -> NearMiss {
    let (reason, detail) = match &error.cause {
        Some(cause) => (cause.reason, cause.detail.clone()),
        None => (error.code.as_str(), error.to_string()),
    };
    NearMiss { client_id, reason, detail }
}
