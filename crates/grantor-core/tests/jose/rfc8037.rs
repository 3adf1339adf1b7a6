use grantor_core::jose::{Alg, UnverifiedJws, VerifyingKey};
use grantor_core::jwk::Jwk;
use serde_json::json;

fn a2_key() -> Jwk {
    Jwk::parse(&json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })).unwrap()
}

/// Appendix A.4. Its payload is plain text, so the signature is checked and the claims are then refused as no JSON.
#[test]
fn appendix_a4_signature_verifies() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let key = VerifyingKey::from_jwk(&a2_key(), Alg::EdDSA).unwrap();
    let error = UnverifiedJws::parse(token).unwrap().verify(&key).unwrap_err().to_string();
    assert!(error.contains("JSON"), "{error}");
    let bent = token.replace("hgyY", "hgyZ");
    let error = UnverifiedJws::parse(&bent).unwrap().verify(&key).unwrap_err().to_string();
    assert!(error.contains("signature"), "{error}");
}

#[test]
fn appendix_a3_thumbprint() {
    assert_eq!(a2_key().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}
