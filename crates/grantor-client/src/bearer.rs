//! The token in a request (RFC 6750 §2.1, RFC 9449 §7.1).

use crate::verifier::{Cause, Scheme, VerifyError};
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Takes the token from the Authorization header.
///
/// A request without one, or with credentials of another kind, is [`Cause::Missing`]; two headers, or a Bearer header that
/// holds no token, are [`Cause::BadRequest`]. Tokens in a query or a body are not looked for: they end
/// up in logs (RFC 9700 §4.3.2).
///
/// ```
/// use grantor_client::{bearer, verifier::Cause};
///
/// let mut headers = http::HeaderMap::new();
/// assert_eq!(bearer(&headers).unwrap_err().cause(), &Cause::Missing);
/// headers.insert("authorization", "Bearer abc".parse().unwrap());
/// assert_eq!(bearer(&headers).unwrap(), "abc");
/// ```
pub fn bearer(headers: &HeaderMap) -> Result<&str, VerifyError> {
    Ok(credentials(headers, false).map(|(_, token)| token)?)
}

/// The token, and how it is presented. `dpop`: whether the scheme of that name is understood.
pub(crate) fn credentials(headers: &HeaderMap, dpop: bool) -> Result<(Scheme, &str), Cause> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(Cause::Missing) };
    if values.next().is_some() {
        return Err(Cause::BadRequest("there is more than one Authorization header"));
    }
    let value = value.as_bytes();
    let name = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    let scheme = match name {
        name if name.eq_ignore_ascii_case(b"Bearer") => Scheme::Bearer,
        name if dpop && name.eq_ignore_ascii_case(b"DPoP") => Scheme::Dpop,
        _ => return Err(Cause::Missing),
    };
    match std::str::from_utf8(value[name.len()..].trim_ascii()) {
        Ok(token) if is_b64token(token) => Ok((scheme, token)),
        _ => Err(Cause::BadRequest("the Authorization header holds no token")),
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
pub(crate) fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<String, Cause> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned).map_err(|error| error.cause().clone())
    }

    #[test]
    fn rfc6750_s2_1_reads_one_bearer_token() {
        for (value, token) in [("Bearer a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="), ("bearer x", "x"), ("BEARER   x", "x")] {
            assert_eq!(of(&[value]).unwrap(), token);
        }
        for value in ["Basic YTpi", "DPoP x", "Bearerx", "", "Bearer\tx"] {
            assert_eq!(of(&[value]), Err(Cause::Missing), "{value}");
        }
        for values in [&["Bearer x", "Bearer x"][..], &["Basic YTpi", "Bearer x"]] {
            assert!(matches!(of(values), Err(Cause::BadRequest(_))), "{values:?}");
        }
        for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer =", "Bearer a=b", "Bearer a,b", "Bearer \u{e9}"] {
            assert!(matches!(of(&[value]), Err(Cause::BadRequest(_))), "{value}");
        }
    }
}
