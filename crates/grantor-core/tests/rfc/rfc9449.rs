//! DPoP proofs: RFC 9449.

use grantor_core::binding::{
    DPOP_JWT, DpopErrorKind, DpopExpected, DpopKey, DpopProof, IAT_AHEAD_S, IAT_WINDOW_S, Nonces, PROOF_MAX,
    VerifiedProof,
};
use grantor_core::jose::{Alg, SigningKey, b64url_encode, hmac_sha256, sha256};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const URI: &str = "https://as.example/token";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

const RFC_HEADER: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik",
    "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR",
    "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE",
    "QSIsImNydiI6IlAtMjU2In19"
);
/// Figure 2.
const RFC_TOKEN_REQUEST: &str = concat!(
    "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIj",
    "oiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia",
    "WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg",
    "4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
);
/// Figure 13.
const RFC_RESOURCE_REQUEST: &str = concat!(
    "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj",
    "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z",
    "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF",
    "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E",
    "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
);
/// §6.1.
const RFC_JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

fn key(alg: Alg) -> SigningKey {
    SigningKey::generate(alg).unwrap().0
}

fn expected() -> DpopExpected<'static> {
    DpopExpected::new("POST", &[URI], NOW)
}

fn claims() -> Value {
    json!({ "jti": "one", "htm": "POST", "htu": URI, "iat": NOW })
}

/// A proof as a client may make one, to be spoilt.
struct Forge {
    key: SigningKey,
    header: Value,
    claims: Value,
}

impl Forge {
    fn new() -> Self {
        let key = key(Alg::ES256);
        let header = json!({ "typ": DPOP_JWT, "jwk": key.public_jwk().unwrap() });
        Self { key, header, claims: claims() }
    }

    /// `null` takes the claim away.
    fn claim(mut self, name: &str, value: Value) -> Self {
        set(&mut self.claims, name, value);
        self
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        set(&mut self.header, name, value);
        self
    }

    fn proof(&self) -> String {
        self.key.sign_with_header(self.header.as_object().unwrap(), self.claims.to_string().as_bytes()).unwrap()
    }

    /// The same with a header that the key would not sign, under a signature by nobody.
    fn unsigned(&self) -> String {
        [self.header.to_string().as_bytes(), self.claims.to_string().as_bytes(), &[1; 64]].map(b64url_encode).join(".")
    }

    fn check(&self, expected: &DpopExpected<'_>) -> Result<VerifiedProof, &'static str> {
        check(&self.proof(), expected)
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    match value {
        Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
        value => object[name] = value,
    }
}

fn check(proof: &str, expected: &DpopExpected<'_>) -> Result<VerifiedProof, &'static str> {
    let refusal = DpopProof::parse(proof).and_then(|proof| proof.verify(expected));
    refusal.map_err(|error| {
        assert_eq!(error.kind == DpopErrorKind::UseNonce, error.reason == "dpop_nonce", "{error}");
        assert!(!error.detail.is_empty() && error.detail.is_ascii() && error.detail.len() < 400, "{error}");
        error.reason
    })
}

#[test]
fn s4_1_the_token_request_of_the_rfc_is_accepted() {
    let proof = format!("{RFC_HEADER}.{RFC_TOKEN_REQUEST}");
    let expected = DpopExpected::new("POST", &["https://server.example.com/token"], 1_562_262_616);
    let verified = check(&proof, &expected).unwrap();
    assert_eq!((verified.jkt.as_str(), verified.jti.as_str()), (RFC_JKT, "-BwC3ESc6acc2lTc"));
    assert_eq!((verified.iat, verified.spend_until), (1_562_262_616, 1_562_262_616 + IAT_WINDOW_S + 1));
    assert_eq!(check(&proof, &DpopExpected { method: "GET", ..expected }), Err("dpop_htm"));
}

#[test]
fn s7_1_the_resource_request_of_the_rfc_is_accepted_with_its_token_and_key_alone() {
    let proof = format!("{RFC_HEADER}.{RFC_RESOURCE_REQUEST}");
    let expected = DpopExpected {
        access_token: Some(TOKEN),
        jkt: Some(RFC_JKT),
        ..DpopExpected::new("GET", &["https://resource.example.org/protectedresource"], 1_562_262_618)
    };
    assert_eq!(check(&proof, &expected).unwrap().jti, "e1j3V_bKic8-LAEB");
    assert_eq!(check(&proof, &DpopExpected { access_token: Some("other"), ..expected }), Err("dpop_ath"));
    assert_eq!(check(&proof, &DpopExpected { jkt: Some(&"A".repeat(43)), ..expected }), Err("dpop_binding"));
}

#[test]
fn s4_2_what_our_client_makes_is_accepted_under_every_algorithm() {
    let nonces = Nonces::new(&[1; 32], 300);
    for alg in Alg::ALL {
        let key = DpopKey::new(key(alg)).unwrap();
        let nonce = nonces.current("main", NOW);
        let proof = key.proof("POST", "https://as.example/token?a=b#c", Some(TOKEN), Some(&nonce), "j".into(), NOW);
        let expected = DpopExpected {
            access_token: Some(TOKEN),
            jkt: Some(key.jkt()),
            nonces: Some(&nonces),
            nonce_domain: "main",
            nonce_required: true,
            ..expected()
        };
        assert_eq!(check(&proof.unwrap(), &expected).unwrap().jkt, key.jkt(), "{}", alg.as_str());
    }
}

#[test]
fn s4_2_our_client_sends_its_key_and_nothing_beside_it() {
    let proof = DpopKey::new(key(Alg::ES256)).unwrap().proof("GET", URI, None, None, "j".into(), NOW).unwrap();
    let header = jsonwebtoken::decode_header(&proof).unwrap();
    assert_eq!((header.typ.as_deref(), header.kid), (Some(DPOP_JWT), None));
    let jwk = json!(header.jwk.unwrap());
    let members: Vec<_> = jwk.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()).collect();
    assert_eq!(members.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["crv", "kty", "x", "y"]);
}

#[test]
fn s4_2_a_proof_that_another_library_made_is_accepted() {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    let (key, pkcs8) = SigningKey::generate(Alg::ES256).unwrap();
    let jwk = serde_json::from_value(json!(key.public_jwk().unwrap())).unwrap();
    let header = Header { typ: Some(DPOP_JWT.into()), jwk: Some(jwk), ..Header::new(Algorithm::ES256) };
    let proof = encode(&header, &claims(), &EncodingKey::from_ec_der(&pkcs8)).unwrap();
    assert_eq!(check(&proof, &expected()).unwrap().jkt, key.public_jwk().unwrap().thumbprint());
}

#[test]
fn s4_3_1_a_request_has_one_proof_at_most() {
    let proof = HeaderValue::try_from(Forge::new().proof()).unwrap();
    let mut headers = HeaderMap::new();
    assert!(DpopProof::from_headers(&headers).unwrap().is_none());
    headers.insert("DPoP", proof.clone());
    assert!(DpopProof::from_headers(&headers).unwrap().is_some());
    headers.append("dpop", proof);
    assert_eq!(DpopProof::from_headers(&headers).unwrap_err().reason, "dpop_repeated");
    for bad in [&b""[..], b"x", b"\xff", b"a.b.c, d.e.f"] {
        headers.insert("dpop", HeaderValue::from_bytes(bad).unwrap());
        assert_eq!(DpopProof::from_headers(&headers).unwrap_err().reason, "dpop_malformed", "{bad:?}");
    }
}

#[test]
fn s4_3_2_what_is_no_jwt_is_refused() {
    let proof = Forge::new().proof();
    let twice = format!("{}.x.y", b64url_encode(br#"{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"ES256"}"#));
    let parts: Vec<_> = proof.split('.').collect();
    for bad in [
        "".into(),
        "..".into(),
        ".".repeat(PROOF_MAX),
        "a".repeat(PROOF_MAX + 1),
        parts[..2].join("."),
        format!("{proof}."),
        format!("{proof}=="),
        format!("{proof} "),
        format!("{proof}, {proof}"),
        format!("Bearer {proof}"),
        twice,
        Forge::new().header("crit", json!(["exp"])).proof(),
        Forge::new().header("b64", json!(false)).proof(),
        Forge::new().header("kid", json!(1)).proof(),
        Forge::new().header("typ", json!(1)).proof(),
        Forge::new().claim("pad", json!("x".repeat(PROOF_MAX))).proof(),
    ] {
        assert_eq!(check(&bad, &expected()), Err("dpop_malformed"), "{bad}");
    }
    let list = Forge { claims: json!([1]), ..Forge::new() };
    assert_eq!(list.check(&expected()), Err("dpop_signature"), "claims are read beneath the signature");
}

#[test]
fn s4_3_3_each_required_claim_is_there_and_of_its_type() {
    for name in ["jti", "htm", "htu", "iat"] {
        assert_eq!(Forge::new().claim(name, json!(null)).check(&expected()), Err("dpop_claims"), "{name}");
        for wrong in [json!(true), json!([NOW]), json!({})] {
            assert_eq!(Forge::new().claim(name, wrong).check(&expected()), Err("dpop_claims"), "{name}");
        }
    }
    for (name, wrong) in [
        ("jti", json!(1)),
        ("jti", json!("")),
        ("jti", json!("x".repeat(257))),
        ("iat", json!(NOW.to_string())),
        ("iat", json!(-1)),
        ("iat", json!(1e300)),
        ("iat", json!(NOW * 1000)),
        ("exp", json!("never")),
        ("nbf", json!(false)),
        ("nonce", json!(1)),
    ] {
        assert_eq!(Forge::new().claim(name, wrong).check(&expected()), Err("dpop_claims"), "{name}");
    }
    assert!(Forge::new().claim("jti", json!("x".repeat(256))).check(&expected()).is_ok());
}

#[test]
fn s4_3_4_another_type_of_jwt_is_no_proof() {
    for typ in [json!(null), json!(""), json!("JWT"), json!("at+jwt"), json!("dpop"), json!("dpop+jwt2")] {
        assert_eq!(Forge::new().header("typ", typ.clone()).check(&expected()), Err("dpop_typ"), "{typ}");
    }
    assert!(Forge::new().header("typ", json!("application/dpop+jwt")).check(&expected()).is_ok());
}

#[test]
fn s4_3_5_no_algorithm_but_asymmetric_ones() {
    for alg in ["none", "None", "HS256", "HS512", "ES256K", "RS1", "", "es256", "dir"] {
        let mut forge = Forge::new();
        forge.header["alg"] = alg.into();
        assert_eq!(check(&forge.unsigned(), &expected()), Err("dpop_malformed"), "{alg}");
    }
    let mut forge = Forge::new();
    forge.header["alg"] = "HS256".into();
    let unsigned = forge.unsigned();
    let (input, _) = unsigned.rsplit_once('.').unwrap();
    let secret = json!(forge.key.public_jwk().unwrap()).to_string();
    let mac = b64url_encode(&hmac_sha256(secret.as_bytes(), input.as_bytes()));
    assert_eq!(check(&format!("{input}.{mac}"), &expected()), Err("dpop_malformed"), "the key as a secret");
}

#[test]
fn s4_3_6_the_signature_is_by_the_key_in_the_header() {
    let other = json!(key(Alg::ES256).public_jwk().unwrap());
    assert_eq!(Forge::new().header("jwk", other).check(&expected()), Err("dpop_signature"));
    assert_eq!(
        check(&Forge { header: signed_header(), ..Forge::new() }.unsigned(), &expected()),
        Err("dpop_signature")
    );
    let (proof, changed) = (Forge::new().proof(), Forge::new().claim("jti", json!("two")).proof());
    let [header, _, signature] = proof.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let payload = changed.split('.').nth(1).unwrap();
    assert_eq!(check(&format!("{header}.{payload}.{signature}"), &expected()), Err("dpop_signature"));
    assert_eq!(check(&format!("{header}.{payload}."), &expected()), Err("dpop_signature"));
    let zeros = b64url_encode(&[0; 64]);
    assert_eq!(check(&format!("{header}.{payload}.{zeros}"), &expected()), Err("dpop_signature"), "CVE-2022-21449");
}

fn signed_header() -> Value {
    json!({ "typ": DPOP_JWT, "alg": "ES256", "jwk": key(Alg::ES256).public_jwk().unwrap() })
}

#[test]
fn s4_3_7_the_key_is_public_and_sound() {
    let own = |forge: &Forge| json!(forge.key.public_jwk().unwrap());
    for (name, value) in [
        ("d", json!("AAAA")),
        ("d", json!(null)),
        ("k", json!("AAAA")),
        ("p", json!("AAAA")),
        ("oth", json!([])),
        ("kty", json!("oct")),
        ("kty", json!(1)),
        ("crv", json!("P-521")),
        ("crv", json!("secp256k1")),
        ("x", json!("AAAA")),
        ("x", json!(b64url_encode(&[0; 32]))),
        ("y", json!(b64url_encode(&[1; 32]))),
        ("alg", json!("ES384")),
        ("use", json!("enc")),
    ] {
        let forge = Forge::new();
        let mut jwk = own(&forge);
        jwk[name] = value;
        assert_eq!(forge.header("jwk", jwk).check(&expected()), Err("dpop_key"), "{name}");
    }
    for jwk in [json!(null), json!("x"), json!([]), json!({}), json!({ "kty": "EC" })] {
        assert_eq!(Forge::new().header("jwk", jwk.clone()).check(&expected()), Err("dpop_key"), "{jwk}");
    }
    let rsa = |bytes: usize, e: &str| json!({ "kty": "RSA", "n": b64url_encode(&vec![0xff; bytes]), "e": e });
    for jwk in [rsa(128, "AQAB"), rsa(255, "AQAB"), rsa(1025, "AQAB"), rsa(256, "AQ"), rsa(256, "AAEAAQ"), rsa(256, "")]
    {
        let mut forge = Forge::new().header("jwk", jwk.clone());
        forge.header["alg"] = "RS256".into();
        assert_eq!(check(&forge.unsigned(), &expected()), Err("dpop_key"), "{jwk}");
    }
}

#[test]
fn s4_3_7_other_keys_in_the_header_are_not_looked_at() {
    let other = json!(key(Alg::ES256).public_jwk().unwrap());
    let forge = Forge::new()
        .header("kid", json!("other"))
        .header("jku", json!("https://evil.example/keys"))
        .header("x5u", json!(1))
        .header("x5c", json!(["AAAA"]))
        .header("x5t#S256", other);
    let jkt = forge.key.public_jwk().unwrap().thumbprint();
    assert_eq!(forge.check(&expected()).unwrap().jkt, jkt);
}

#[test]
fn s4_3_8_the_method_is_compared_with_case() {
    for htm in ["GET", "post", "Post", "POST ", "", "POSTPOST"] {
        assert_eq!(Forge::new().claim("htm", json!(htm)).check(&expected()), Err("dpop_htm"), "{htm}");
    }
}

#[test]
fn s4_3_9_the_uri_is_compared_normalised_and_without_query() {
    for htu in [URI, "HTTPS://AS.EXAMPLE:443/x/../%74oken", "https://as.example/token?a=b#c"] {
        assert!(Forge::new().claim("htu", json!(htu)).check(&expected()).is_ok(), "{htu}");
    }
    for htu in [
        "",
        "/token",
        "http://as.example/token",
        "https://as.example:8443/token",
        "https://as.example/Token",
        "https://as.example/token/",
        "https://as.example/",
        "https://as.example//token",
        "https://as.example%2Ftoken",
        "https://as.example./token",
        "https://as.example@evil.example/token",
        "https://evil.example/token?https://as.example/token",
        "https://evil.example#https://as.example/token",
        "https://as.example\\token",
        " https://as.example/token",
    ] {
        assert_eq!(Forge::new().claim("htu", json!(htu)).check(&expected()), Err("dpop_htu"), "{htu}");
    }
    let uris = &["https://mtls.as.example/token", URI][..];
    assert!(Forge::new().check(&DpopExpected { uris, ..expected() }).is_ok(), "any of them");
    let asked = &["https://AS.example/token?tenant=1"][..];
    assert!(Forge::new().check(&DpopExpected { uris: asked, ..expected() }).is_ok(), "as the request had it");
    for uris in [&[][..], &["not a uri"]] {
        assert_eq!(Forge::new().check(&DpopExpected { uris, ..expected() }), Err("dpop_htu"));
        let same = Forge::new().claim("htu", json!("not a uri"));
        assert_eq!(same.check(&DpopExpected { uris, ..expected() }), Err("dpop_htu"));
    }
}

#[test]
fn s4_3_10_a_nonce_is_one_of_ours_or_the_client_is_told_one() {
    let nonces = Nonces::new(&[1; 32], 300);
    let good = nonces.current("main", NOW);
    let optional = DpopExpected { nonces: Some(&nonces), nonce_domain: "main", ..expected() };
    let required = DpopExpected { nonce_required: true, ..optional };
    let with = |nonce: &str| Forge::new().claim("nonce", json!(nonce));
    assert!(with(&good).check(&required).is_ok());
    assert!(with(&good).check(&optional).is_ok());
    assert!(Forge::new().check(&optional).is_ok());
    assert_eq!(Forge::new().check(&required), Err("dpop_nonce"));
    let old = nonces.current("main", NOW - 300);
    let foreign = nonces.current("other", NOW);
    for bad in [&old, &foreign, "", "x", "\"\\"] {
        assert_eq!(with(bad).check(&required), Err("dpop_nonce"), "{bad}");
        assert_eq!(with(bad).check(&optional), Err("dpop_nonce"), "{bad}");
        assert!(with(bad).check(&expected()).is_ok(), "nobody asked for one");
    }
    let mut stranger = with("x");
    stranger.header = Forge::new().header;
    assert_eq!(stranger.check(&required), Err("dpop_signature"), "no nonce for who has no key");
    let nothing_to_check_by = DpopExpected { nonces: None, ..required };
    assert_eq!(with(&good).check(&nothing_to_check_by), Err("dpop_nonce"));
}

#[test]
fn s4_3_11_a_proof_is_good_for_its_window_alone() {
    let at = |iat: i64| Forge::new().claim("iat", json!(iat));
    assert!(at(NOW - IAT_WINDOW_S).check(&expected()).is_ok());
    assert_eq!(at(NOW - IAT_WINDOW_S - 1).check(&expected()), Err("dpop_expired"));
    assert!(at(NOW + IAT_AHEAD_S).check(&expected()).is_ok());
    assert_eq!(at(NOW + IAT_AHEAD_S + 1).check(&expected()), Err("dpop_early"));
    assert_eq!(at(0).check(&expected()), Err("dpop_expired"));
    let wide = DpopExpected { iat_window_s: 300, iat_ahead_s: 0, ..expected() };
    assert!(at(NOW - 300).check(&wide).is_ok());
    assert_eq!(at(NOW + 1).check(&wide), Err("dpop_early"));
    assert!(Forge::new().claim("iat", json!(NOW as f64 + 0.5)).check(&expected()).is_ok(), "RFC 7519 §2");
}

#[test]
fn s4_3_11_a_proof_is_remembered_for_as_long_as_it_is_good() {
    for iat in [NOW - IAT_WINDOW_S, NOW, NOW + IAT_AHEAD_S] {
        let forge = Forge::new().claim("iat", json!(iat));
        let until = forge.check(&expected()).unwrap().spend_until;
        assert!(forge.check(&DpopExpected { now: until - 1, ..expected() }).is_ok());
        assert_eq!(forge.check(&DpopExpected { now: until, ..expected() }), Err("dpop_expired"));
    }
}

#[test]
fn s4_2_exp_and_nbf_count_where_a_client_adds_them() {
    let with = |name: &str, at: i64| Forge::new().claim(name, json!(at)).check(&expected()).map(drop);
    assert_eq!(with("exp", NOW + 1), Ok(()));
    assert_eq!(with("exp", NOW), Err("dpop_expired"));
    assert_eq!(with("exp", 0), Err("dpop_expired"));
    assert_eq!(with("nbf", NOW + IAT_AHEAD_S), Ok(()));
    assert_eq!(with("nbf", NOW + IAT_AHEAD_S + 1), Err("dpop_early"));
}

#[test]
fn s4_3_12_at_a_resource_the_proof_is_for_this_token_and_by_its_key() {
    let forge = |ath: Value| Forge::new().claim("ath", ath);
    let ath = b64url_encode(&sha256(TOKEN.as_bytes()));
    let expected = DpopExpected { access_token: Some(TOKEN), ..expected() };
    assert!(forge(json!(ath)).check(&expected).is_ok());
    assert_eq!(forge(json!(null)).check(&expected), Err("dpop_ath"));
    assert_eq!(forge(json!(1)).check(&expected), Err("dpop_claims"));
    for bad in ["", TOKEN, &ath[1..], &format!("{ath}="), &ath.to_lowercase()] {
        assert_eq!(forge(json!(bad)).check(&expected), Err("dpop_ath"), "{bad}");
    }
    let without_token = DpopExpected { access_token: None, ..expected };
    assert!(forge(json!("anything")).check(&without_token).is_ok(), "§5: ignored without a token");
    let forge = forge(json!(ath));
    let jkt = forge.key.public_jwk().unwrap().thumbprint();
    assert!(forge.check(&DpopExpected { jkt: Some(&jkt), ..expected }).is_ok());
    for bad in ["", RFC_JKT, &jkt[1..]] {
        assert_eq!(forge.check(&DpopExpected { jkt: Some(bad), ..expected }), Err("dpop_binding"), "{bad}");
    }
}

#[test]
fn s11_2_a_refusal_repeats_no_proof() {
    let forge = Forge::new().claim("htu", json!("https://evil.example/\u{1b}[2J\n\"é")).claim("htm", json!("\r\n"));
    let proof = forge.proof();
    for expected in [expected(), DpopExpected { method: "\r\n", ..expected() }] {
        let error = DpopProof::parse(&proof).unwrap().verify(&expected).unwrap_err();
        assert!(error.to_string().chars().all(|c| c.is_ascii() && !c.is_ascii_control() && c != '"'), "{error}");
    }
    let shown = format!("{:?}", DpopProof::parse(&proof).unwrap());
    assert!(proof.split('.').all(|part| !shown.contains(part)), "{shown}");
}
