#[derive(Debug, Clone)]
pub struct Jwk(pub serde_json::Value, pub Vec<u8>);
impl serde::Serialize for Jwk {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}
