//! Every setting there is. The structs, the defaults, the known keys and the reference page come from here.

use super::table::{Setting, settings};
use super::value::{Value, Written};
use crate::secrets::SecretRef;
use ipnet::IpNet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::LazyLock;

pub use super::value::{AddressHeader, CertificateHeader, LogFormat, LogLevel, TlsVersion};

const DAY_S: u64 = 86_400;
const YEAR_S: u64 = 365 * DAY_S;
const GIB: u64 = 1 << 30;

/// All settings, in the order of the reference page.
pub static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(all);

settings! {
    /// These stand at the top of the file, before the first section.
    top: Top {
        /// The URL that names this server in its tokens and metadata (RFC 8414 §2): `https`, with no query, fragment
        /// or trailing slash. Plain `http` is accepted for loopback hosts only. It must be set.
        issuer: Option<String> = None;
        /// The folder for the database, the keys and the audit file. Made with mode 0700 when it is missing.
        data: PathBuf = "grantor-data".into();
        /// Where the key is that seals private signing keys at rest: 32 random bytes in base64. Without it, the file
        /// `master.key` in the data folder, made at the first start.
        master_key: Option<SecretRef> = None;
        /// Where the keys are under which client secrets are hashed: lines of `ID:base64`, newest last. Without it,
        /// the file `pepper.key` in the data folder, made at the first start.
        pepper: Option<SecretRef> = None;
    }

    /// Where the server listens, and how it stops.
    listen: Listen {
        /// The address for clients and APIs. Port 0 picks a free one.
        public: SocketAddr = (Ipv4Addr::LOCALHOST, 8080).into();
        /// A second address for clients and APIs, which asks for client certificates (RFC 8705) and serves those
        /// without one as well. It needs `[tls]`. Port 0 picks a free one.
        mtls: Option<SocketAddr> = None;
        /// The address of the admin API and of `/metrics`. Anything but a loopback address needs `[tls]`.
        admin: SocketAddr = (Ipv4Addr::LOCALHOST, 8081).into();
        /// Lets the admin API be reached from other machines without TLS. The administrator's key then travels in
        /// the clear.
        danger_admin_plaintext: bool = false;
        /// How long a stopping server waits for requests in flight.
        drain_timeout_s: u64 = 30, 0..=DAY_S;
        /// How long a stopping server goes on accepting connections while `/readyz` already says no, so that load
        /// balancers notice first.
        shutdown_delay_s: u64 = 0, 0..=DAY_S;
    }

    /// With a certificate, the public addresses speak TLS, and so does an admin address that is not loopback.
    /// Set both the certificate and the key, or neither.
    tls: TlsSection {
        /// File with the certificate chain (PEM), the server's own first.
        certificate: Option<PathBuf> = None;
        /// File with the private key (PEM).
        key: Option<PathBuf> = None;
        /// The oldest version of TLS that is spoken. In 1.2 only with ephemeral keys (ECDHE) and authenticated
        /// encryption (AEAD).
        min_version: TlsVersion = TlsVersion::V1_3;
        /// How often the server looks whether these files were replaced. New connections get the new certificate, old
        /// ones go on. SIGHUP has the files read at once; with 0, nothing else has.
        reload_interval_s: Option<u64> = Some(10), 0..=DAY_S;
    }

    /// Where clients with certificates go, as the metadata tells them (`mtls_endpoint_aliases`, RFC 8705 §5).
    mtls: Mtls {
        /// The URL under which `listen.mtls`, or a proxy that asks for client certificates, is reached from outside:
        /// `https`, with no query, fragment or trailing slash. A domain whose issuer is below the server's has the same
        /// path below this one; a domain with a host of its own has its name as path. Without it, and with
        /// `listen.mtls`, each domain has the host and path of its issuer and the port of that address.
        url: Option<String> = None;
    }

    /// Reverse proxies in front of this server, and what they say about the client behind them. From anybody else,
    /// `Forwarded`, `X-Forwarded-…` and headers that hold a client certificate are refused.
    proxy: Proxy {
        /// The addresses or networks (`10.0.0.0/24`) that proxies call from. List only proxies: whoever calls from here
        /// can say which certificate a client has. In a variable, with commas between.
        trusted: Vec<IpNet> = Vec::new();
        /// The one header in which a proxy passes a client's certificate on: `client-cert` is RFC 9440,
        /// `x-forwarded-client-cert` Envoy's, `x-ssl-client-cert` that of nginx and HAProxy,
        /// `x-forwarded-tls-client-cert` Traefik's. The others are refused from proxies too: they would be the client's
        /// own. Unless it is `none`, the certificate of a proxy's own TLS connection is never the client's.
        certificate_header: CertificateHeader = CertificateHeader::None;
        /// The one header in which proxies note the address they were called from: `forwarded` is RFC 7239. The last
        /// address in it that is not one of `trusted` counts as the client's. The other one is ignored.
        address_header: AddressHeader = AddressHeader::None;
    }

    /// Where domains, clients, resources and sealed keys are kept.
    database: DatabaseSection {
        /// `sqlite:FILE`; a relative file is in the data folder.
        url: String = "sqlite:grantor.db".into();
    }

    /// What one caller, or all of them together, may use up.
    limits: Limits {
        /// Longest request body.
        body_max_bytes: usize = 64 * 1024, 1024..=GIB;
        /// Longest request line and headers together.
        header_max_bytes: usize = 16 * 1024, 8192..=1024 * 1024;
        /// Most header lines in a request.
        headers_max: usize = 64, 16..=4096;
        /// How long a client may take to send the headers of a request.
        header_timeout_s: Option<u64> = Some(10), 0..=DAY_S;
        /// How long a client may take to send the body of a request.
        body_timeout_s: Option<u64> = Some(10), 0..=DAY_S;
        /// How long a TLS handshake may take.
        handshake_timeout_s: Option<u64> = Some(10), 0..=DAY_S;
        /// How long a connection may stay open between two requests.
        idle_timeout_s: Option<u64> = Some(75), 0..=DAY_S;
        /// How long the server may work on one request before it answers 503.
        request_timeout_s: Option<u64> = Some(30), 0..=DAY_S;
        /// Most connections open at once, on each address. More wait in the system's queue.
        connections_max: Option<usize> = Some(10_000), 0..=10_000_000;
        /// Most requests at once on one HTTP/2 connection.
        h2_streams_max: u32 = 128, 1..=100_000;
        /// How many failed authentications a minute are answered before further ones get 429, counted per client
        /// and source address together, so that nobody can lock a client out from elsewhere.
        failed_auth_per_minute: Option<u32> = Some(10), 0..=1_000_000;
        /// How many failed authentications may come at once before `failed_auth_per_minute` counts.
        failed_auth_burst: u32 = 20, 1..=1_000_000;
        /// How many slow hashes of imported secrets are computed at once.
        slow_hash_concurrency: usize = 2, 1..=1024;
        /// How many requests may wait for a slow hash before further ones get 503.
        slow_hash_queue_max: Option<usize> = Some(64), 0..=1_000_000;
        /// How long a client assertion may live (RFC 7523 §3): its `exp` may be that far ahead, and a minute more for
        /// clocks that differ. Its `jti` is remembered as long.
        assertion_lifetime_max_s: u32 = 600, 10..=DAY_S;
        /// Most ids remembered of client assertions and DPoP proofs (`jti`), each of which is accepted once. Each takes
        /// up to 40 bytes of memory, so a million takes 40 MB, and 24 bytes in the data folder. It is held for as long as
        /// its assertion or proof lives, and up to six minutes more; at the limit, further ones get 503.
        replay_ids_max: usize = 1_000_000, 1..=1_000_000_000;
        /// Most parameters in a form.
        form_parameters_max: Option<usize> = Some(64), 0..=100_000;
        /// Most scope tokens in a request.
        scope_tokens_max: Option<usize> = Some(64), 0..=100_000;
        /// Most `resource` and `audience` parameters in a request.
        resources_max: Option<usize> = Some(16), 0..=100_000;
    }

    /// Fetching the keys that clients publish at a `jwks_uri`. Requests go straight, through no proxy, to addresses of the
    /// public internet; their answers are kept in memory.
    jwks_fetch: JwksFetch {
        /// Hosts that may have private addresses. Without these, a URL that leads to one is refused, so that no
        /// registration sends this server to the machines beside it.
        allowed_hosts: Vec<String> = Vec::new();
        /// Lets clients on this machine publish keys by plain http, for trying out.
        danger_allow_http_loopback: bool = false;
        /// Certificates (PEM) of further authorities that may vouch for these hosts, beside those of the system.
        ca_certificates: Option<PathBuf> = None;
        /// How long one request may take.
        timeout_s: u32 = 5, 1..=60;
        /// Longest answer.
        body_max_bytes: usize = 256 * 1024, 1024..=16 * 1024 * 1024;
        /// The shortest time that an answer is kept, whatever its `Cache-Control` says.
        max_age_min_s: u32 = 60, 1..=86_400;
        /// The longest. An answer that says nothing is kept for 300 s, within these bounds.
        max_age_max_s: u32 = 3600, 1..=86_400;
        /// A source is asked no more often than this: for a `kid` that is not among its keys, and after a failure.
        refetch_interval_s: u32 = 30, 1..=3600;
        /// How long the last good answer is used while its source is away.
        stale_max_s: u64 = DAY_S, 0..=30 * DAY_S;
        /// Most sources kept in memory.
        uris_max: u64 = 10_000, 1..=1_000_000;
    }

    /// Proofs that tokens get bound to (RFC 9449), at the token endpoint.
    dpop: Dpop {
        /// How old a proof may be. It is remembered as long, so that it serves once.
        iat_window_s: u32 = 60, 1..=3600;
        /// How far ahead a client's clock may be.
        iat_ahead_s: u32 = 10, 0..=300;
        /// Whether each proof must hold a nonce of this server (`DPoP-Nonce`, RFC 9449 §8), so that none can be made in
        /// advance. Costs a client one more request now and then.
        nonce_required: bool = false;
        /// How long a nonce is accepted: for half of this at least. A new one comes with each answer.
        nonce_lifetime_s: u32 = 300, 2..=86_400;
    }

    /// What clients read about this server (RFC 8414).
    metadata: Metadata {
        /// Names an `authorization_endpoint` (nothing is there) and an empty `response_types_supported`. For clients that
        /// take no metadata without them, such as the MCP SDKs; RFC 8414 does not ask for them here.
        authorization_placeholder: bool = false;
    }

    /// Access tokens, where neither the client, the resource nor the domain says otherwise.
    token: Token {
        /// How long an access token lives.
        lifetime_s: u32 = 300, 1..=YEAR_S;
        /// The longest life that a client, a resource or a domain can ask for.
        lifetime_max_s: u32 = 86_400, 1..=YEAR_S;
    }

    /// Signing keys: made, published, used and retired without hands.
    keys: Keys {
        /// How long a key signs before the next one takes over.
        rotate_after_s: u64 = 30 * DAY_S, 1..=100 * YEAR_S;
        /// How long a new key is published before it signs, so that every API has fetched it by then.
        publish_before_s: u64 = 3600, 0..=YEAR_S;
        /// How long others may cache the key set (`Cache-Control: max-age`). At most half of `publish_before_s`: no
        /// cache may outlive the time between the publication of a key and its first use.
        jwks_max_age_s: u64 = 900, 0..=YEAR_S;
        /// How often the server looks whether a key is due.
        check_interval_s: u64 = 60, 1..=DAY_S;
    }

    /// What is held in memory so that a token needs no database.
    cache: Cache {
        /// Most clients held.
        clients_max: u64 = 1_000_000, 1..=1_000_000_000;
        /// Most domains held.
        domains_max: u64 = 10_000, 1..=10_000_000;
        /// How often changes made elsewhere are looked for.
        refresh_interval_ms: u64 = 1000, 10..=3_600_000;
        /// Most names of unknown clients remembered, so that repeated guesses do not reach the database. 0 remembers
        /// none.
        unknown_clients_max: u64 = 100_000, 0..=1_000_000_000;
    }

    /// A line of JSON for every decision: what was issued or refused, and the true cause. `grantor explain` reads it.
    audit: AuditSection {
        /// Whether decisions are written down.
        enabled: bool = true;
        /// The folder of the files; a relative one is in the data folder.
        folder: String = "audit".into();
        /// A file longer than this is closed and the next one begun.
        file_max_bytes: u64 = 64 * 1024 * 1024, 4096..=1024 * GIB;
        /// Most files kept; the oldest goes first.
        files_max: u32 = 14, 1..=1_000_000;
    }

    /// What the server writes to standard error.
    log: Log {
        /// `text` for people, `json` for machines.
        format: LogFormat = LogFormat::Text;
        /// The least severe messages that are written.
        level: LogLevel = LogLevel::Info;
    }
}
