//! The address of the client behind the proxies. Each proxy appends the address it was called from, so the chain is
//! read from its end, and only as far as trusted proxies wrote it: what stands before is whatever the client sent.

use super::forwarded;
use super::{Malformed, bounded};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What a proxy says it was called from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Address(IpAddr),
    /// RFC 7239 §6.2, §6.3: `unknown`, or a name that means something to the proxy alone.
    Hidden,
}

/// From the lines of `Forwarded` (RFC 7239), in order.
pub fn from_forwarded<'h>(
    peer: IpAddr,
    lines: impl DoubleEndedIterator<Item = &'h [u8]>,
    trusted: impl Fn(IpAddr) -> bool,
) -> Result<IpAddr, Malformed> {
    let mut walk = Walk { source: peer, trusted, done: false };
    for line in lines.rev() {
        for node in forwarded::elements(bounded(line)?)?.into_iter().rev() {
            // RFC 7239 §4 makes each parameter optional.
            walk.step(|| node.map_or(Ok(Node::Hidden), |node| node_of_forwarded(&node)))?;
        }
    }
    Ok(walk.source)
}

/// From the lines of `X-Forwarded-For`, in order.
pub fn from_x_forwarded_for<'h>(
    peer: IpAddr,
    lines: impl DoubleEndedIterator<Item = &'h [u8]>,
    trusted: impl Fn(IpAddr) -> bool,
) -> Result<IpAddr, Malformed> {
    let mut walk = Walk { source: peer, trusted, done: false };
    for line in lines.rev() {
        for node in bounded(line)?.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if !node.is_empty() {
                walk.step(|| node_of_x_forwarded_for(node))?;
            }
        }
    }
    Ok(walk.source)
}

struct Walk<T> {
    source: IpAddr,
    trusted: T,
    done: bool,
}

impl<T: Fn(IpAddr) -> bool> Walk<T> {
    /// One step away from this server, unless the one before led out of what is known.
    fn step(&mut self, node: impl FnOnce() -> Result<Node, Malformed>) -> Result<(), Malformed> {
        if self.done {
            return Ok(());
        }
        match node()? {
            Node::Address(address) => {
                self.source = address.to_canonical();
                self.done = !(self.trusted)(self.source);
            }
            Node::Hidden => self.done = true,
        }
        Ok(())
    }
}

const NO_ADDRESS: Malformed = Malformed("holds something that is no address");

/// RFC 7239 §6: an IPv4 address, an IPv6 address in brackets, `unknown` or `_name`, and perhaps a port.
fn node_of_forwarded(node: &[u8]) -> Result<Node, Malformed> {
    let text = std::str::from_utf8(node).map_err(|_| NO_ADDRESS)?;
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let address: Ipv6Addr = address.parse().map_err(|_| NO_ADDRESS)?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(NO_ADDRESS)?) };
            (Node::Address(address.into()), port)
        }
        None => {
            let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
            let hidden = name.eq_ignore_ascii_case("unknown") || is_obfuscated(name);
            let node = if hidden { Node::Hidden } else { Node::Address(ipv4(name)?) };
            (node, port)
        }
    };
    let is_port =
        |port: &str| is_obfuscated(port) || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    if port.is_none_or(is_port) { Ok(name) } else { Err(NO_ADDRESS) }
}

/// RFC 7239 §6.3.
fn is_obfuscated(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    text.strip_prefix('_').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(allowed))
}

fn ipv4(text: &str) -> Result<IpAddr, Malformed> {
    text.parse().map(IpAddr::V4).map_err(|_| NO_ADDRESS)
}

/// No standard: addresses of both kinds, some with a port, IPv6 with or without brackets.
fn node_of_x_forwarded_for(node: &[u8]) -> Result<Node, Malformed> {
    let text = std::str::from_utf8(node).map_err(|_| NO_ADDRESS)?;
    if text.eq_ignore_ascii_case("unknown") {
        return Ok(Node::Hidden);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|addr| addr.ip())),
    };
    address.map(Node::Address).ok_or(NO_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn trusted(address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10)
    }

    fn forwarded(lines: &[&str]) -> Result<String, Malformed> {
        let lines = lines.iter().map(|line| line.as_bytes());
        from_forwarded(PEER, lines, trusted).map(|address| address.to_string())
    }

    fn x_forwarded_for(lines: &[&str]) -> Result<String, Malformed> {
        let lines = lines.iter().map(|line| line.as_bytes());
        from_x_forwarded_for(PEER, lines, trusted).map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_no_proxy_of_ours_has_counts() {
        for (lines, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            (&["198.51.100.9, 192.0.2.1, 10.0.0.2,10.0.0.3"], "192.0.2.1"),
            (&["198.51.100.9", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
            // What the client itself sent is not even read.
            (&["nonsense, 192.0.2.1"], "192.0.2.1"),
            (&["<script>", "192.0.2.1"], "192.0.2.1"),
            // All of them are ours: the first one is the client.
            (&["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
            (&["192.0.2.1:1234"], "192.0.2.1"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:443"], "2001:db8::7"),
            (&["::ffff:10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.1, ::ffff:10.0.0.2"], "192.0.2.1"),
            (&["unknown"], "10.0.0.1"),
            (&["192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["", " , "], "10.0.0.1"),
        ] {
            assert_eq!(x_forwarded_for(lines).as_deref(), Ok(expected), "{lines:?}");
        }
        for bad in [
            "a",
            "192.0.2",
            "192.0.2.1:x",
            "[192.0.2.1]",
            "[::1",
            "::1]",
            "192.0.2.1, a",
            "010.0.0.2",
            "é",
            "fe80::1%eth0",
        ] {
            assert!(x_forwarded_for(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn rfc7239_s6_nodes() {
        for (lines, expected) in [
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], "192.0.2.60"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=\"[2001:db8::1]\""], "2001:db8::1"),
            (&["for=192.0.2.43, for=\"192.0.2.61:80\", for=10.0.0.2"], "192.0.2.61"),
            (&["for=192.0.2.43", "for=10.0.0.2"], "192.0.2.43"),
            (&["for=\"192.0.2.43:_port\""], "192.0.2.43"),
            (&["for=nonsense, for=192.0.2.43"], "192.0.2.43"),
            // RFC 7239 §6.2, §6.3: then the one who says so is as far as it goes.
            (&["for=_gazonk"], "10.0.0.1"),
            (&["for=192.0.2.43, for=unknown"], "10.0.0.1"),
            (&["for=192.0.2.43, for=\"_SEVKISEK:_x\", for=10.0.0.2"], "10.0.0.2"),
            (&["for=192.0.2.43, proto=https"], "10.0.0.1"),
            (&[""], "10.0.0.1"),
        ] {
            assert_eq!(forwarded(lines).as_deref(), Ok(expected), "{lines:?}");
        }
        for bad in [
            "for=\"2001:db8::1\"",
            "for=\"[2001:db8::1\"",
            "for=\"[192.0.2.1]\"",
            "for=\"[::1]x\"",
            "for=\"192.0.2.1:\"",
            "for=\"192.0.2.1:99999\"",
            "for=\"192.0.2.1:1:2\"",
            "for=_",
            "for=\"_a b\"",
            "for=a",
            "for=\"\"",
        ] {
            assert!(forwarded(&[bad]).is_err(), "{bad}");
        }
    }
}
