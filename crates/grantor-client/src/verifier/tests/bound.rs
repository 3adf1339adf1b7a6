//! Tokens that are bound to a key, and what thieves may do with them (RFC 8705 §3, RFC 9449 §7).

use super::*;
use crate::DpopKey;
use crate::testing_tls::Authority;
use crate::verifier::Request;
use grantor_core::jose::{b64url_encode, sha256};
use http::{HeaderMap, HeaderValue};
use std::time::Duration;

const URL: &str = "https://api.example.com/things";
const ALGS: &str = "algs=\"ES256 ES384 EdDSA RS256 PS256\"";

/// A client with a DPoP key and a token that is bound to it.
struct Owner {
    key: DpopKey,
    token: String,
}

impl Owner {
    fn of(issuer: &Issuer) -> Self {
        let key = DpopKey::generate().unwrap();
        let token = issuer.token(value!({ "cnf": { "jkt": key.jkt() } }));
        Self { key, token }
    }

    fn proof(&self) -> HeaderValue {
        self.key.proof("GET", URL, Some(&self.token)).unwrap()
    }

    fn headers(&self) -> HeaderMap {
        headers("DPoP", &self.token, &[self.proof()])
    }
}

fn headers(scheme: &str, token: &str, proofs: &[HeaderValue]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("{scheme} {token}").parse().unwrap());
    for proof in proofs {
        headers.append("dpop", proof.clone());
    }
    headers
}

async fn shown(verifier: &Verifier, headers: &HeaderMap) -> Result<VerifiedToken, VerifyError> {
    verifier.verify_request(Request::new(headers).target("GET", URL)).await
}

/// The challenge of a refusal with status 401.
fn challenge(result: Result<VerifiedToken, VerifyError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.status(), 401, "{error}");
    error.headers()["www-authenticate"].to_str().unwrap().to_owned()
}

fn bad_proof(result: Result<VerifiedToken, VerifyError>) -> String {
    let error = result.unwrap_err();
    let Cause::InvalidProof(why) = error.cause() else { panic!("{error:?}") };
    let why = why.clone();
    let challenge = challenge(Err(error));
    assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\", ") && challenge.ends_with(ALGS), "{challenge}");
    why
}

#[tokio::test]
async fn rfc9449_s7_1_the_owner_is_let_in_with_a_proof_for_each_request() {
    let issuer = Issuer::start().await;
    let (verifier, owner) = (issuer.verifier(), Owner::of(&issuer));
    for scheme in ["DPoP", "dpop"] {
        let headers = headers(scheme, &owner.token, &[owner.proof()]);
        let token = shown(&verifier, &headers).await.unwrap();
        assert_eq!((token.jkt(), token.dpop_nonce()), (Some(owner.key.jkt()), None));
        let lacking = token.require_scope("admin").unwrap_err();
        assert_eq!(lacking.status(), 403);
        let challenge = lacking.www_authenticate().unwrap();
        let challenge = challenge.to_str().unwrap();
        assert!(challenge.starts_with("DPoP error=\"insufficient_scope\", ") && challenge.ends_with(ALGS));
    }
    let headers = owner.headers();
    let elsewhere = Request::new(&headers).target("GET", "HTTPS://API.example.com:443/things?page=2");
    verifier.verify_request(elsewhere).await.unwrap();
}

#[tokio::test]
async fn rfc9449_s7_1_a_thief_without_the_key_is_kept_out() {
    let issuer = Issuer::start().await;
    let (verifier, owner, thief) = (issuer.verifier(), Owner::of(&issuer), DpopKey::generate().unwrap());

    assert!(bad_proof(shown(&verifier, &headers("DPoP", &owner.token, &[])).await).contains("no DPoP header"));

    let own = thief.proof("GET", URL, Some(&owner.token)).unwrap();
    let error = shown(&verifier, &headers("DPoP", &owner.token, &[own])).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Invalid(InvalidToken::WrongKey(_))), "{error}");
    let told = challenge(Err(error));
    assert!(told.starts_with("DPoP error=\"invalid_token\", ") && told.ends_with(ALGS), "{told}");

    let seen = owner.headers();
    shown(&verifier, &seen).await.unwrap();
    assert!(bad_proof(shown(&verifier, &seen).await).contains("used before"), "RFC 9449 section 11.1");

    for (method, url, access_token, why) in [
        ("POST", URL, Some(owner.token.as_str()), "htm"),
        ("GET", "https://api.example.com/other", Some(&owner.token), "htu"),
        ("GET", "https://other.example.com/things", Some(&owner.token), "htu"),
        ("GET", URL, Some("another"), "ath"),
        ("GET", URL, None, "ath"),
    ] {
        let proof = owner.key.proof(method, url, access_token).unwrap();
        let found = bad_proof(shown(&verifier, &headers("DPoP", &owner.token, &[proof])).await);
        assert!(found.contains(why), "{found}");
    }

    let two = headers("DPoP", &owner.token, &[owner.proof(), owner.proof()]);
    assert!(bad_proof(shown(&verifier, &two).await).contains("more than one"));
    assert!(
        bad_proof(shown(&verifier, &headers("DPoP", &owner.token, &["x".parse().unwrap()])).await).contains("proof")
    );
}

#[tokio::test]
async fn rfc9449_s4_3_a_proof_is_good_for_seconds() {
    let issuer = Issuer::start().await;
    let (verifier, owner) = (issuer.verifier(), Owner::of(&issuer));
    let old = owner.headers();
    issuer.clock.skip(Duration::from_secs(62));
    assert!(bad_proof(shown(&verifier, &old).await).contains("iat"));
    // From a clock that is ahead: a little is forgiven.
    let (signing, _) = SigningKey::generate(Alg::ES256).unwrap();
    let key = grantor_core::binding::DpopKey::new(signing).unwrap();
    let token = issuer.token(value!({ "cnf": { "jkt": key.jkt() } }));
    for (ahead, good) in [(5, true), (30, false)] {
        let proof = key.proof("GET", URL, Some(&token), None, format!("{ahead}"), issuer.now() + ahead).unwrap();
        let result = shown(&verifier, &headers("DPoP", &token, &[proof.parse().unwrap()])).await;
        assert_eq!(result.is_ok(), good, "{ahead}");
    }
    let longer = issuer.builder().dpop_window(Duration::from_secs(120)).build().unwrap();
    shown(&longer, &old).await.unwrap();
}

#[tokio::test]
async fn rfc9449_s7_2_a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound() {
    let issuer = Issuer::start().await;
    let (verifier, owner) = (issuer.verifier(), Owner::of(&issuer));
    for proofs in [vec![], vec![owner.proof()]] {
        let error = shown(&verifier, &headers("Bearer", &owner.token, &proofs)).await.unwrap_err();
        assert_eq!(error.cause(), &Cause::Invalid(InvalidToken::DpopAsBearer));
        let told = challenge(Err(error));
        assert!(told.starts_with("Bearer error=\"invalid_token\", ") && told.ends_with(&format!(", DPoP {ALGS}")));
    }
    let unbound = issuer.token(value!({}));
    let proof = owner.key.proof("GET", URL, Some(&unbound)).unwrap();
    let error = shown(&verifier, &headers("DPoP", &unbound, &[proof])).await.unwrap_err();
    assert_eq!(error.cause(), &Cause::Invalid(InvalidToken::BearerAsDpop));
    assert!(challenge(Err(error)).starts_with("DPoP error=\"invalid_token\", "));
    shown(&verifier, &headers("Bearer", &unbound, &[])).await.unwrap();

    assert_eq!(challenge(shown(&verifier, &HeaderMap::new()).await), format!("Bearer, DPoP {ALGS}"));
    let mut both = owner.headers();
    both.append("authorization", format!("Bearer {}", owner.token).parse().unwrap());
    assert_eq!(shown(&verifier, &both).await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn rfc9449_s9_a_nonce_is_asked_for_and_then_taken() {
    let issuer = Issuer::start().await;
    let owner = Owner::of(&issuer);
    let verifier = issuer.builder().dpop_nonce_key([7; 32]).build().unwrap();
    let error = shown(&verifier, &owner.headers()).await.unwrap_err();
    assert_eq!(error.cause(), &Cause::UseNonce);
    let told = challenge(Err(error.clone()));
    assert!(told.starts_with("DPoP error=\"use_dpop_nonce\", ") && told.ends_with(ALGS), "{told}");
    assert!(owner.key.remember_nonce(URL, &error.headers()));
    let token = shown(&verifier, &owner.headers()).await.unwrap();
    assert_eq!(token.dpop_nonce(), Some(&error.headers()["dpop-nonce"]));

    let same_key = issuer.builder().dpop_nonce_key([7; 32]).build().unwrap();
    shown(&same_key, &owner.headers()).await.unwrap();
    let own_key = issuer.builder().dpop_nonces().build().unwrap();
    let error = shown(&own_key, &owner.headers()).await.unwrap_err();
    assert_eq!(error.cause(), &Cause::UseNonce);
    // Other refusals bring none.
    assert!(!shown(&verifier, &HeaderMap::new()).await.unwrap_err().headers().contains_key("dpop-nonce"));
}

#[tokio::test]
async fn rfc9449_s11_1_what_cannot_be_remembered_is_not_accepted() {
    let issuer = Issuer::start().await;
    let owner = Owner::of(&issuer);
    let verifier = issuer.builder().dpop_proofs_max(2).build().unwrap();
    for _ in 0..2 {
        shown(&verifier, &owner.headers()).await.unwrap();
    }
    let error = shown(&verifier, &owner.headers()).await.unwrap_err();
    assert_eq!((error.cause(), error.status().as_u16(), error.headers().len()), (&Cause::TooManyProofs, 503, 0));
}

#[tokio::test]
async fn rfc8705_s3_a_token_is_good_on_a_connection_with_its_certificate_alone() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let authority = Authority::new();
    let [own, other] = [authority.client().der(), authority.client().der()];
    let x5t_s256 = b64url_encode(&sha256(&own));
    let headers = headers("Bearer", &issuer.token(value!({ "cnf": { "x5t#S256": x5t_s256 } })), &[]);
    let with = |der| verifier.verify_request(Request::new(&headers).client_certificate(der));
    assert_eq!(with(Some(&own)).await.unwrap().x5t_s256(), Some(x5t_s256.as_str()));
    for stolen in [Some(other.as_slice()), Some(b""), None] {
        let error = with(stolen).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Invalid(InvalidToken::WrongCertificate(_))), "{error}");
        assert!(challenge(Err(error)).starts_with("Bearer error=\"invalid_token\""));
    }
}

#[tokio::test]
async fn a_token_that_is_bound_twice_needs_both_keys() {
    let issuer = Issuer::start().await;
    let (verifier, key) = (issuer.verifier(), DpopKey::generate().unwrap());
    let der = Authority::new().client().der();
    let token = issuer.token(value!({ "cnf": { "x5t#S256": b64url_encode(&sha256(&der)), "jkt": key.jkt() } }));
    let proof = || key.proof("GET", URL, Some(&token)).unwrap();
    for (scheme, proofs, certificate, good) in [
        ("DPoP", vec![proof()], Some(der.as_slice()), true),
        ("DPoP", vec![proof()], None, false),
        ("Bearer", vec![], Some(&der), false),
        ("DPoP", vec![], Some(&der), false),
    ] {
        let headers = headers(scheme, &token, &proofs);
        let request = Request::new(&headers).target("GET", URL).client_certificate(certificate);
        assert_eq!(verifier.verify_request(request).await.is_ok(), good);
    }
}

#[tokio::test]
async fn what_cannot_be_checked_is_refused() {
    let issuer = Issuer::start().await;
    let verifier = issuer.verifier();
    let thumbprint = b64url_encode(&sha256(b"x"));
    for cnf in [
        value!({}),
        value!("x"),
        value!([]),
        value!({ "jkt": "x" }),
        value!({ "jkt": 1 }),
        value!({ "x5t#S256": "x" }),
        value!({ "jwk": { "kty": "EC" } }),
        value!({ "kid": "a" }),
        value!({ "x5t": thumbprint }),
        value!({ "jkt": thumbprint, "kid": "a" }),
        value!({ "jkt": thumbprint }),
        value!({ "x5t#S256": thumbprint }),
    ] {
        let token = issuer.token(value!({ "cnf": cnf }));
        for result in [verifier.verify(&token).await, verifier.verify_request(&headers("Bearer", &token, &[])).await] {
            assert!(matches!(invalid(result), InvalidToken::SenderConstrained(_)), "{cnf}");
        }
    }
    let owner = Owner::of(&issuer);
    // Bound to more than is known here, and its owner has the part that is.
    let token = issuer.token(value!({ "cnf": { "jkt": owner.key.jkt(), "kid": "a" } }));
    let proof = owner.key.proof("GET", URL, Some(&token)).unwrap();
    let result = shown(&verifier, &headers("DPoP", &token, &[proof])).await;
    assert!(matches!(invalid(result), InvalidToken::SenderConstrained(_)));

    let error = verifier.verify_request(&owner.headers()).await.unwrap_err();
    assert_eq!(error.cause(), &Cause::Missing, "the scheme is not understood where proofs cannot be checked");
    assert_eq!(challenge(Err(error)), "Bearer");
}

#[tokio::test]
async fn bound_tokens_can_be_made_a_must() {
    let issuer = Issuer::start().await;
    let verifier = issuer.builder().sender_constraint_required().build().unwrap();
    let owner = Owner::of(&issuer);
    shown(&verifier, &owner.headers()).await.unwrap();
    let unbound = headers("Bearer", &issuer.token(value!({})), &[]);
    let error = shown(&verifier, &unbound).await.unwrap_err();
    assert_eq!(error.cause(), &Cause::Invalid(InvalidToken::NotSenderConstrained));
}

#[tokio::test]
async fn rfc9449_s6_2_an_introspected_token_is_its_owners_too() {
    let issuer = Issuer::start().await;
    let verifier = issuer.builder().introspection("api", "hunter2").build().unwrap();
    let key = DpopKey::generate().unwrap();
    let mut answer = issuer.claims(value!({ "cnf": { "jkt": key.jkt() }, "token_type": "DPoP" }));
    answer["active"] = true.into();
    issuer.answer_about_tokens(move |_| json(200, &answer));
    let proof = || key.proof("GET", URL, Some("opaque")).unwrap();
    let own = headers("DPoP", "opaque", &[proof()]);
    shown(&verifier, &own).await.unwrap();
    bad_proof(shown(&verifier, &own).await);
    bad_proof(shown(&verifier, &headers("DPoP", "opaque", &[])).await);
    assert_eq!(invalid(shown(&verifier, &headers("Bearer", "opaque", &[])).await), InvalidToken::DpopAsBearer);
    assert!(matches!(invalid(verifier.verify("opaque").await), InvalidToken::SenderConstrained(_)));

    for (at, changes) in [
        value!({ "token_type": "DPoP" }),
        value!({ "token_type": "dpop", "cnf": { "x5t#S256": b64url_encode(&sha256(b"x")) } }),
        value!({ "cnf": { "kid": "a" } }),
    ]
    .into_iter()
    .enumerate()
    {
        let mut answer = issuer.claims(changes);
        answer["active"] = true.into();
        issuer.answer_about_tokens(move |_| json(200, &answer));
        let result = shown(&verifier, &headers("Bearer", &format!("opaque{at}"), &[])).await;
        assert!(matches!(invalid(result), InvalidToken::SenderConstrained(_)), "{at}");
    }
}
