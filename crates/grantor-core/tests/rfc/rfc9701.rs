//! Signed introspection answers.

use crate::world::{ID, ISSUER, NOW, Request, World};
use grantor_core::token::{introspect, introspection_jwt_claims};
use grantor_core::token_request::TokenRequest;
use serde_json::json;

#[test]
fn s5_the_claims_name_the_caller_and_hold_the_answer() {
    let world = World::new();
    let parsed = Request::grant("").read(|incoming| TokenRequest::parse(incoming, &world.limits)).unwrap();
    let claims = world.authenticated(&parsed.client_auth, |caller| {
        Ok(introspection_jwt_claims(ISSUER, caller, &introspect(None), NOW))
    });
    // Neither sub nor exp: the answer must not pass for an access token (§8.1).
    let expected = json!({ "iss": ISSUER, "aud": ID, "iat": NOW, "token_introspection": { "active": false } });
    assert_eq!(claims.unwrap(), expected);
}

#[test]
fn s8_1_a_signed_answer_is_no_access_token() {
    let world = World::new();
    let token = world.check(&world.token(&Request::grant("")).unwrap().token).unwrap();
    let claims = json!({ "iss": ISSUER, "aud": ID, "iat": NOW, "token_introspection": introspect(Some(&token)) });
    assert!(world.check(&world.sign("token-introspection+jwt", &claims)).is_err());
}
