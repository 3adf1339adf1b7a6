//! Request URIs in one form, for comparing `htu` (RFC 9449 §4.3 check 9, RFC 3986 §6.2.2 and §6.2.3).

use std::net::Ipv6Addr;

/// Longest URI that is looked at, in characters.
const URI_MAX: usize = 4096;

/// An http or https URI without query and fragment, normalised by case, percent-encoding, path segments, default port and
/// empty path. `None` if it is no such URI: nothing is repaired, as browsers would.
pub(super) fn normalised(uri: &str) -> Option<String> {
    if uri.len() > URI_MAX {
        return None;
    }
    let uri = uri.split(['?', '#']).next()?;
    let (scheme, rest) = uri.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some(format!("{scheme}://{}{}", self::authority(authority, default_port)?, self::path(path)?))
}

/// Host in lower case, and the port unless it is the scheme's own. User information is refused: it has no place here
/// (RFC 9110 §4.2.4).
fn authority(authority: &str, default_port: u16) -> Option<String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(literal) => {
            let (address, port) = literal.split_once(']')?;
            (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let (name, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (host(name)?, port)
        }
    };
    let port = match port {
        "" | ":" => default_port,
        port => number(port.strip_prefix(':')?)?,
    };
    Some(if port == default_port { host } else { format!("{host}:{port}") })
}

fn number(digits: &str) -> Option<u16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn host(name: &str) -> Option<String> {
    // Escaped letters are letters (§6.2.2.2) and so without case, other escapes stay, in upper case (§6.2.2.1).
    let mut host = String::with_capacity(name.len());
    for piece in percent_normalised(name, b"")?.split_inclusive('%') {
        let kept = if host.ends_with('%') { 2 } else { 0 };
        host.push_str(&piece[..kept]);
        host.extend(piece[kept..].chars().map(|c| c.to_ascii_lowercase()));
    }
    (!host.is_empty()).then_some(host)
}

/// Begins with a slash, whatever is written.
fn path(path: &str) -> Option<String> {
    let path = percent_normalised(path, b":@/")?;
    let mut segments = Vec::new();
    // RFC 3986 §5.2.4: where the path ends in a dot segment, a slash stays.
    let mut open = true;
    for segment in path.split('/').skip(1) {
        open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let end = if open { "/" } else { "" };
    Some(segments.iter().flat_map(|segment| ["/", segment]).chain([end]).collect())
}

/// Escapes of unreserved characters undone, other escapes in upper case (§6.2.2.1, §6.2.2.2). Unreserved characters,
/// sub-delims and those in `also` may stand as they are, nothing else.
fn percent_normalised(text: &str, also: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let escaped = hex(bytes.next()?)? << 4 | hex(bytes.next()?)?;
            if is_unreserved(escaped) {
                out.push(escaped.into());
            } else {
                out.push_str(&format!("%{escaped:02X}"));
            }
        } else if is_unreserved(byte) || b"!$&'()*+,;=".contains(&byte) || also.contains(&byte) {
            out.push(byte.into());
        } else {
            return None;
        }
    }
    Some(out)
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| value.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3986_s6_2_equivalent_uris_have_one_form() {
        for (written, form) in [
            ("https://as.example", "https://as.example/"),
            ("HTTPS://AS.Example/Token", "https://as.example/Token"),
            ("https://as.example:443/token", "https://as.example/token"),
            ("https://as.example:/token", "https://as.example/token"),
            ("https://as.example:0443/token", "https://as.example/token"),
            ("https://as.example:80/token", "https://as.example:80/token"),
            ("http://as.example:80/token", "http://as.example/token"),
            ("http://as.example:8443/token", "http://as.example:8443/token"),
            ("https://as.example/token?a=b#c", "https://as.example/token"),
            ("https://as.example?a=b/../c", "https://as.example/"),
            ("https://as.example#/x", "https://as.example/"),
            ("https://as.example/%74oken/%7e%2f%c3%A9", "https://as.example/token/~%2F%C3%A9"),
            ("https://%41S.example/", "https://as.example/"),
            ("https://a%c3%a9b.example/", "https://a%C3%A9b.example/"),
            ("https://as.example/a/./b/../c", "https://as.example/a/c"),
            ("https://as.example/a/%2E%2e/c", "https://as.example/c"),
            ("https://as.example/../../c", "https://as.example/c"),
            ("https://as.example/a/.", "https://as.example/a/"),
            ("https://as.example/a/b/..", "https://as.example/a/"),
            ("https://as.example/..", "https://as.example/"),
            ("https://as.example//a/", "https://as.example//a/"),
            ("https://[2001:DB8::0:1]:443/a", "https://[2001:db8::1]/a"),
            ("https://[::1]:8443", "https://[::1]:8443/"),
        ] {
            assert_eq!(normalised(written).as_deref(), Some(form), "{written}");
            assert_eq!(normalised(form).as_deref(), Some(form), "{form}");
        }
    }

    #[test]
    fn rfc3986_s3_what_is_no_http_uri_has_no_form() {
        for written in [
            "",
            "/token",
            "as.example/token",
            "//as.example/token",
            "https:as.example/token",
            "https:///token",
            "https://",
            "https://:443/",
            "ftp://as.example/",
            "https://user@as.example/",
            "https://user:password@as.example/",
            "https://as.example:65536/",
            "https://as.example:+443/",
            "https://as.example:443:443/",
            "https://as.example:x/",
            "https://as.example\\token",
            "https://as.example/a b",
            " https://as.example/",
            "https://as.example/\n",
            "https://as.example/é",
            "https://as.exämple/",
            "https://as.example/%",
            "https://as.example/%4",
            "https://as.example/%zz",
            "https://as.example/<",
            "https://[::1/",
            "https://[::1]x/",
            "https://[::1%25eth0]/",
            "https://[as.example]/",
        ] {
            assert_eq!(normalised(written), None, "{written}");
        }
        assert!(normalised(&format!("https://as.example/{}", "a".repeat(URI_MAX))).is_none());
    }
}
