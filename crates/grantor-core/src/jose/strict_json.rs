//! JSON objects as JOSE wants them: one object, no member twice at any depth (RFC 7515 §4, RFC 7519 §4), bounded depth.

use super::JoseError;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Nesting that no sensible token reaches.
const DEPTH_MAX: usize = 32;

pub(super) fn object(json: &[u8]) -> Result<Map<String, Value>, JoseError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = Strict(DEPTH_MAX).deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(JoseError::new("it is not a JSON object")),
        Err(error) if error.is_data() => Err(JoseError::new("its JSON has a member twice or is nested too deeply")),
        Err(_) => Err(JoseError::new("it is not valid JSON")),
    }
}

/// How many levels are left.
#[derive(Clone, Copy)]
struct Strict(usize);

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(deeper)?;
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_and_each_member_once() {
        assert!(object(br#"{"a":[1,-2,2.5,"x",null,true,{"b":{}}]}"#).is_ok());
        for bad in
            [r#"{"a":1,"a":2}"#, r#"{"x":{"a":1,"a":2}}"#, "[]", "1", "{} {}", "{", "", r#"{"a":NaN}"#, "\u{feff}{}"]
        {
            assert!(object(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(nested(DEPTH_MAX - 1).as_bytes()).is_ok());
        for depth in [DEPTH_MAX, 100_000] {
            assert!(object(nested(depth).as_bytes()).is_err());
        }
    }
}
