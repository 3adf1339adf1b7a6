//! Where keys may be fetched from. A client's registration names the URL and others' DNS the address behind it, so without
//! rules this server could be sent to the machines beside it.

use crate::config::JwksFetch;
use grantor_core::client_auth::FetchProblem;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
#[cfg(test)]
use std::sync::Arc;
use std::sync::LazyLock;
use url::{Host, Url};

/// Longest URL that can be registered.
const URI_MAX: usize = 2048;

/// What the settings allow.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Lower case, without a dot at the end; addresses without brackets.
    allowed_hosts: Vec<String>,
    danger_allow_http_loopback: bool,
    names: Names,
}

#[cfg(test)]
type Given = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// Who turns names into addresses.
#[derive(Clone)]
enum Names {
    System,
    #[cfg(test)]
    Given(Given),
}

/// Addresses that a host may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Public,
    /// For `localhost` and its like, in development.
    Loopback,
    /// An administrator listed the host.
    Any,
}

/// What is not the public internet (IANA's registries of special-purpose addresses, RFC 6890).
static SPECIAL: LazyLock<Vec<(IpNet, &str)>> = LazyLock::new(|| {
    let nets = [
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared, behind a carrier's NAT"),
        ("127.0.0.0/8", "loopback"),
        // Azure's metadata, beside those that are link-local, shared or private.
        ("168.63.129.16/32", "a cloud's metadata"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "for protocols"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a relay's"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4 in disguise"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "for protocols"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "a relay's"),
        ("3fff::/20", "for documentation"),
    ];
    nets.into_iter().map(|(net, what)| (net.parse().expect("the table holds networks"), what)).collect()
});

/// What an address is, if it is not one of the public internet.
pub(super) fn special(ip: IpAddr) -> Option<&'static str> {
    // Behind the well-known NAT64 prefix is an IPv4 address (RFC 6052 §2.1): all there is where a network has IPv6 only.
    if let IpAddr::V6(v6) = ip
        && let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments()
    {
        return special(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into());
    }
    if let Some((_, what)) = SPECIAL.iter().find(|(net, _)| net.contains(&ip)) {
        return Some(what);
    }
    // Of IPv6, only 2000::/3 is handed out (RFC 4291 §2.4).
    matches!(ip, IpAddr::V6(v6) if v6.segments()[0] >> 13 != 1).then_some("reserved")
}

impl Rules {
    pub(super) fn new(settings: &JwksFetch) -> Self {
        Self {
            allowed_hosts: settings.allowed_hosts.iter().map(|host| plain(host)).collect(),
            danger_allow_http_loopback: settings.danger_allow_http_loopback,
            names: Names::System,
        }
    }

    #[cfg(test)]
    pub(super) fn with_names(mut self, names: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        self.names = Names::Given(Arc::new(names));
        self
    }

    /// A URL that keys may be fetched from; else a sentence that says what to write instead.
    pub(super) fn check(&self, uri: &str) -> Result<Url, String> {
        const EXAMPLE: &str = "write one such as https://client.example.com/jwks.json";
        if uri.len() > URI_MAX {
            return Err(format!("the URL has more than {URI_MAX} characters; {EXAMPLE}"));
        }
        let url = Url::parse(uri).map_err(|_| format!("it is no URL; {EXAMPLE}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL of public keys holds no user name or password; leave them out".into());
        }
        if url.fragment().is_some() {
            return Err("a fragment (#…) is never sent; leave it out".into());
        }
        let Some(host) = url.host_str() else { return Err(format!("it has no host; {EXAMPLE}")) };
        match url.scheme() {
            "https" => {}
            "http" if self.reach(host) == Reach::Loopback => {}
            "http" if is_loopback(&url) => {
                return Err("plain http is for trying out on one machine: write https://…, or set \
                            jwks_fetch.danger_allow_http_loopback"
                    .into());
            }
            "http" => {
                return Err(
                    "keys sent by plain http could be anybody's by the time they arrive; write https://…".into()
                );
            }
            _ => return Err(format!("keys are fetched by https only; {EXAMPLE}")),
        }
        // The connector asks nobody about an address, so it is looked at here.
        match address(&url) {
            Some(ip) => self.admit(host, [ip]).map(|_| url).map_err(|refused| refused.to_string()),
            None => Ok(url),
        }
    }

    fn reach(&self, host: &str) -> Reach {
        let host = plain(host);
        let local = host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match local && self.danger_allow_http_loopback {
            true => Reach::Loopback,
            false if self.allowed_hosts.contains(&host) => Reach::Any,
            false => Reach::Public,
        }
    }

    /// Those of a host's addresses that may be connected to.
    fn admit(&self, host: &str, ips: impl IntoIterator<Item = IpAddr>) -> Result<Vec<IpAddr>, AddressRefused> {
        let reach = self.reach(host);
        let mut refused = None;
        let mut admitted = Vec::new();
        for ip in ips {
            let wrong = match reach {
                Reach::Any => None,
                Reach::Loopback if ip.is_loopback() => None,
                Reach::Loopback => Some("not loopback"),
                Reach::Public => special(ip),
            };
            match wrong {
                None => admitted.push(ip),
                Some(what) => refused = Some(AddressRefused { host: plain(host), ip, what }),
            }
        }
        match refused {
            Some(refused) if admitted.is_empty() => Err(refused),
            _ => Ok(admitted),
        }
    }
}

/// The only way from a name to a connection: what is looked at is what is connected to, so a name cannot lead elsewhere a
/// moment later.
impl Resolve for Rules {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.clone();
        Box::pin(async move {
            let found = rules.names.addresses(name.as_str()).await?;
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            let admitted = rules.admit(name.as_str(), found)?;
            // Port 0 stands for the one of the URL.
            let addrs: Addrs = Box::new(admitted.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addrs)
        })
    }
}

impl Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, 0)).await?.map(|addr| addr.ip()).collect()),
            #[cfg(test)]
            Self::Given(given) => Ok(given(name)),
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// A host leads to where keys may not come from.
#[derive(Debug)]
pub(super) struct AddressRefused {
    host: String,
    ip: IpAddr,
    what: &'static str,
}

impl fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, ip, what } = self;
        let who = if *host == ip.to_string() { format!("{ip} is") } else { format!("{host} leads to {ip}, which is") };
        write!(f, "{who} {what}; if keys may come from there, add \"{host}\" to jwks_fetch.allowed_hosts")
    }
}

impl std::error::Error for AddressRefused {}

impl AddressRefused {
    pub(super) fn problem(&self) -> FetchProblem {
        FetchProblem { reason: "jwks_uri_address_refused", detail: self.to_string() }
    }
}

/// How hosts are compared.
fn plain(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => plain(name) == "localhost" || plain(name).ends_with(".localhost"),
        _ => address(url).is_some_and(|ip| ip.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allowed_hosts: &[&str], danger_allow_http_loopback: bool) -> Rules {
        let allowed_hosts = allowed_hosts.iter().map(|&host| host.into()).collect();
        Rules::new(&JwksFetch { allowed_hosts, danger_allow_http_loopback, ..JwksFetch::default() })
    }

    #[test]
    fn rfc6890_what_is_not_the_public_internet() {
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "100.100.100.200",
            "172.31.255.255",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "2001:db8::1",
            "2002:a00:1::",
            "4000::1",
            "1::",
        ] {
            assert!(special(ip.parse().unwrap()).is_some(), "{ip}");
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808", "2a00:1450::1"] {
            assert_eq!(special(ip.parse().unwrap()), None, "{ip}");
        }
    }

    #[test]
    fn only_https_to_the_public_internet_unless_a_host_is_listed() {
        let strict = rules(&[], false);
        for good in
            ["https://client.example.com/jwks.json", "https://8.8.8.8/jwks", "https://[2606:4700::1111]:8443/x?y=1"]
        {
            assert!(strict.check(good).is_ok(), "{good}");
        }
        for (bad, says) in [
            ("jwks.json", "it is no URL"),
            ("http://client.example.com/", "anybody's"),
            ("http://localhost/", "danger_allow_http_loopback"),
            ("http://127.0.0.1/", "danger_allow_http_loopback"),
            ("ftp://client.example.com/", "https only"),
            ("file:///etc/passwd", ""),
            ("data:application/json,{}", ""),
            ("https://u:p@client.example.com/", "user name"),
            ("https://client.example.com/#a", "fragment"),
            ("https://127.0.0.1/", "jwks_fetch.allowed_hosts"),
            ("https://[::1]/", "loopback"),
            ("https://[::ffff:10.0.0.1]/", "10"),
            ("https://0x7f.1/", "127.0.0.1 is loopback"),
            ("https://2130706433/", "127.0.0.1 is loopback"),
            ("https://169.254.169.254/latest/meta-data", "link-local"),
        ] {
            let why = strict.check(bad).unwrap_err();
            assert!(why.contains(says), "{bad}: {why}");
        }
        assert!(strict.check(&format!("https://a/{}", "x".repeat(URI_MAX))).is_err());
        let loose = rules(&["Vault.internal.", "10.0.0.7", "localhost"], true);
        for good in ["http://localhost:1/", "http://127.0.0.1/", "https://vault.internal/", "https://10.0.0.7/"] {
            assert!(loose.check(good).is_ok(), "{good}");
        }
        for bad in ["http://vault.internal/", "https://10.0.0.8/", "http://10.0.0.7/"] {
            assert!(loose.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn of_several_addresses_the_public_ones_are_used() {
        let ips = |texts: &[&str]| texts.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
        let strict = rules(&["inside.example"], false);
        assert_eq!(strict.admit("a.example", ips(&["10.0.0.1", "8.8.8.8"])).unwrap(), ips(&["8.8.8.8"]));
        let refused = strict.admit("a.example", ips(&["10.0.0.1", "::1"])).unwrap_err().to_string();
        assert!(refused.contains("a.example leads to ::1, which is loopback"), "{refused}");
        assert_eq!(strict.admit("inside.example", ips(&["10.0.0.1"])).unwrap(), ips(&["10.0.0.1"]));
    }
}
