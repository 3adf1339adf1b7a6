//! A set of claims (RFC 7519 §4), read by type: a claim of the wrong type is an error, not an absent claim.

use super::{JoseError, strict_json};
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub fn parse(json: &[u8]) -> Result<Self, JoseError> {
        strict_json::object(json).map(Self)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    pub fn opt_str(&self, name: &'static str) -> Result<Option<&str>, JoseError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "a string")),
        }
    }

    /// A NumericDate (RFC 7519 §2) in whole seconds; fractions are cut.
    pub fn opt_time(&self, name: &'static str) -> Result<Option<i64>, JoseError> {
        /// Year 5138: what lies beyond is a mistake, such as milliseconds.
        const LATEST: i64 = 99_999_999_999;
        let Some(value) = self.0.get(name) else { return Ok(None) };
        #[expect(clippy::cast_possible_truncation, reason = "a float out of range saturates, and is then refused")]
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
        match seconds {
            Some(seconds) if (0..=LATEST).contains(&seconds) => Ok(Some(seconds)),
            _ => Err(wrong(name, "a time in seconds since 1970")),
        }
    }

    /// A string or a list of strings, as `aud` may be (RFC 7519 §4.1.3).
    pub fn opt_strings(&self, name: &'static str) -> Result<Option<Vec<String>>, JoseError> {
        let text = |value: &Value| {
            value.as_str().map(str::to_owned).ok_or_else(|| wrong(name, "a string or a list of strings"))
        };
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items.iter().map(text).collect::<Result<_, _>>().map(Some),
            Some(value) => Ok(Some(vec![text(value)?])),
        }
    }
}

fn wrong(name: &str, expected: &str) -> JoseError {
    JoseError::new(format!("the claim {name} is not {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8725_s2_8_a_wrong_type_is_not_an_absent_claim() {
        let claims = Claims::parse(br#"{"exp":"1","nbf":-1,"iat":1e300,"a":1.9,"aud":["x",1],"sub":1}"#).unwrap();
        for name in ["exp", "nbf", "iat"] {
            assert!(claims.opt_time(name).is_err(), "{name}");
        }
        assert_eq!(claims.opt_time("a"), Ok(Some(1)));
        assert_eq!(claims.opt_time("none"), Ok(None));
        assert!(claims.opt_strings("aud").is_err());
        assert!(claims.opt_str("sub").is_err());
    }
}
