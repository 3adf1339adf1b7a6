//! Trust anchors and revocation lists of the domains, for `tls_client_auth`: read on first use, read again when their files
//! change. What was found out about a certificate is remembered for a short while.

use arc_swap::ArcSwap;
use grantor_core::Timestamp;
use grantor_core::domain::{Domain, FILE};
use grantor_core::jose::sha256;
use grantor_core::x509::{ClientCertificate, PathProblem, TrustStore};
use moka::sync::Cache;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a verdict holds. A path costs several signature checks, and a client comes back with each token.
const REMEMBER: Duration = Duration::from_secs(60);
const VERDICTS_MAX: u64 = 100_000;
/// Largest file of anchors or of revoked certificates.
const FILE_MAX_BYTES: u64 = 16 * 1024 * 1024;

pub struct Trust {
    by_domain: ArcSwap<HashMap<String, Arc<DomainTrust>>>,
    verdicts: Cache<[u8; 32], Arc<Result<(), PathProblem>>>,
    /// Counts the stores made, so that no verdict outlives the store that it came from.
    made: AtomicU64,
    /// What was last said of a domain whose files cannot be used. Once is enough.
    told: Mutex<HashMap<String, String>>,
}

/// What one domain trusts, ready for use.
struct DomainTrust {
    sources: Sources,
    /// The bytes behind the sources, so that a change of a file is seen whatever its time says.
    digest: [u8; 32],
    generation: u64,
    store: TrustStore,
}

#[derive(Clone, PartialEq, Eq)]
struct Sources {
    anchors: Vec<String>,
    crls: Vec<String>,
}

impl Trust {
    pub fn new() -> Self {
        Self {
            by_domain: ArcSwap::default(),
            verdicts: Cache::builder().max_capacity(VERDICTS_MAX).time_to_live(REMEMBER).build(),
            made: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// Whether a path leads from a certificate to the domain's trust anchors. `None`: the domain has none.
    ///
    /// Outer errors are this server's own: files that cannot be read.
    pub fn verify(
        &self,
        domain: &Domain,
        certificate: &ClientCertificate,
        now: Timestamp,
    ) -> Result<Option<Arc<Result<(), PathProblem>>>, TrustError> {
        if domain.trust_anchors.is_empty() {
            return Ok(None);
        }
        let trust = self.of(domain)?;
        // An end may come within the time that a verdict is remembered.
        if now < certificate.not_before() || now > certificate.not_after() {
            return Ok(Some(Arc::new(trust.store.verify(certificate, now))));
        }
        let mut shown = Vec::with_capacity(4096);
        shown.extend_from_slice(&trust.generation.to_be_bytes());
        for der in certificate.chain_der() {
            shown.extend_from_slice(&(der.len() as u64).to_be_bytes());
            shown.extend_from_slice(der);
        }
        let verdict = self.verdicts.get_with(sha256(&shown), || Arc::new(trust.store.verify(certificate, now)));
        Ok(Some(verdict))
    }

    fn of(&self, domain: &Domain) -> Result<Arc<DomainTrust>, TrustError> {
        if let Some(have) = self.by_domain.load().get(&domain.name)
            && (&have.sources.anchors, &have.sources.crls) == (&domain.trust_anchors, &domain.crls)
        {
            return Ok(have.clone());
        }
        let sources = Sources { anchors: domain.trust_anchors.clone(), crls: domain.crls.clone() };
        let texts = sources.read()?;
        let trust = Arc::new(self.make(sources, &texts)?);
        self.put(&domain.name, &trust);
        Ok(trust)
    }

    fn make(&self, sources: Sources, texts: &Texts) -> Result<DomainTrust, TrustError> {
        let store = texts.store()?;
        Ok(DomainTrust {
            sources,
            digest: texts.digest(),
            generation: self.made.fetch_add(1, Ordering::Relaxed),
            store,
        })
    }

    fn put(&self, domain: &str, trust: &Arc<DomainTrust>) {
        self.by_domain.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(domain.to_owned(), trust.clone());
            all
        });
    }

    /// Reads the files of these domains, again where they were read before. Those of a domain that cannot be used leave
    /// what it trusted before; where there is nothing before, its clients with certificates are refused.
    pub fn reload<'d>(&self, domains: impl IntoIterator<Item = &'d Domain>) {
        for domain in domains.into_iter().filter(|domain| !domain.trust_anchors.is_empty()) {
            let read = self.of(domain).and_then(|have| self.changed(&have));
            if let Ok(Some(trust)) = read {
                self.put(&domain.name, &Arc::new(trust));
                tracing::info!(domain = domain.name, "trust anchors and revocation lists were read again");
                self.tell(&domain.name, None);
            } else {
                self.tell(&domain.name, read.err());
            }
        }
    }

    fn tell(&self, domain: &str, error: Option<TrustError>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            None => drop(told.remove(domain)),
            Some(error) if told.get(domain) == Some(&error.0) => {}
            Some(error) => {
                tracing::error!(domain, %error, "trust anchors and revocation lists cannot be used; those from before go on counting");
                told.insert(domain.to_owned(), error.0);
            }
        }
    }

    fn changed(&self, have: &DomainTrust) -> Result<Option<DomainTrust>, TrustError> {
        let texts = have.sources.read()?;
        if texts.digest() == have.digest {
            return Ok(None);
        }
        self.make(have.sources.clone(), &texts).map(Some)
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").field("domains", &self.by_domain.load().len()).finish_non_exhaustive()
    }
}

/// All that is wrong with the trust anchors and revocation lists of a domain to be, each with what to write instead.
pub fn problems(anchors: &[String], crls: &[String]) -> Vec<String> {
    let sources = Sources { anchors: anchors.to_vec(), crls: crls.to_vec() };
    if sources.anchors.is_empty() {
        return Vec::new();
    }
    sources.read().and_then(|texts| texts.store()).err().map(|error| error.0).into_iter().collect()
}

/// What the sources hold.
struct Texts {
    anchors: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
}

impl Sources {
    fn read(&self) -> Result<Texts, TrustError> {
        let all = |field: &str, entries: &[String]| {
            entries.iter().map(|entry| read(field, entry)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Texts { anchors: all("trust_anchors", &self.anchors)?, crls: all("crls", &self.crls)? })
    }
}

impl Texts {
    fn store(&self) -> Result<TrustStore, TrustError> {
        let anchors: Vec<&[u8]> = self.anchors.iter().map(Vec::as_slice).collect();
        let crls: Vec<&[u8]> = self.crls.iter().map(Vec::as_slice).collect();
        TrustStore::from_pem(&anchors, &crls).map_err(|error| TrustError(error.to_string()))
    }

    fn digest(&self) -> [u8; 32] {
        let hashes: Vec<u8> = self.anchors.iter().chain(&self.crls).flat_map(|text| sha256(text)).collect();
        sha256(&hashes)
    }
}

/// The text of an entry, or of the file that it names.
fn read(field: &str, entry: &str) -> Result<Vec<u8>, TrustError> {
    let Some(path) = entry.strip_prefix(FILE) else { return Ok(entry.as_bytes().to_vec()) };
    let bounded = || {
        let mut text = Vec::new();
        fs::File::open(Path::new(path))?.take(FILE_MAX_BYTES + 1).read_to_end(&mut text)?;
        if text.len() as u64 > FILE_MAX_BYTES {
            return Err(io::Error::other(format!("it is longer than {FILE_MAX_BYTES} bytes")));
        }
        Ok(text)
    };
    bounded().map_err(|error: io::Error| TrustError(format!("{field}: {path} cannot be read ({error})")))
}

/// Why it is not known whom a domain trusts, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustError(pub String);

impl std::fmt::Display for TrustError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TrustError {}
