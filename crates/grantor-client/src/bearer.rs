//! The token in a request (RFC 6750 §2.1).

use crate::verifier::VerifyError;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Takes the token from the Authorization header.
///
/// A request without one, or with credentials of another kind, is [`VerifyError::Missing`]; two headers, or a Bearer
/// header that holds no token, are [`VerifyError::BadRequest`]. Tokens in a query or a body are not looked for: they end
/// up in logs (RFC 9700 §4.3.2).
///
/// ```
/// use grantor_client::{VerifyError, bearer};
///
/// let mut headers = http::HeaderMap::new();
/// assert_eq!(bearer(&headers), Err(VerifyError::Missing));
/// headers.insert("authorization", "Bearer abc".parse().unwrap());
/// assert_eq!(bearer(&headers), Ok("abc"));
/// ```
pub fn bearer(headers: &HeaderMap) -> Result<&str, VerifyError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(VerifyError::Missing) };
    if values.next().is_some() {
        return Err(VerifyError::BadRequest("there is more than one Authorization header"));
    }
    let value = value.as_bytes();
    let scheme = value.split(|byte| *byte == b' ').next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Err(VerifyError::Missing);
    }
    let token = value[scheme.len()..].trim_ascii();
    match std::str::from_utf8(token) {
        Ok(token) if is_b64token(token) => Ok(token),
        _ => Err(VerifyError::BadRequest("the Authorization header holds no bearer token")),
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

    fn of(values: &[&str]) -> Result<String, VerifyError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn rfc6750_s2_1_reads_one_bearer_token() {
        for (value, token) in [("Bearer a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="), ("bearer x", "x"), ("BEARER   x", "x")] {
            assert_eq!(of(&[value]).unwrap(), token);
        }
        for value in ["Basic YTpi", "DPoP x", "Bearerx", "", "Bearer\tx"] {
            assert_eq!(of(&[value]), Err(VerifyError::Missing), "{value}");
        }
        for values in [&["Bearer x", "Bearer x"][..], &["Basic YTpi", "Bearer x"]] {
            assert!(matches!(of(values), Err(VerifyError::BadRequest(_))), "{values:?}");
        }
        for value in ["Bearer", "Bearer ", "Bearer a b", "Bearer =", "Bearer a=b", "Bearer a,b", "Bearer \u{e9}"] {
            assert!(matches!(of(&[value]), Err(VerifyError::BadRequest(_))), "{value}");
        }
    }
}
