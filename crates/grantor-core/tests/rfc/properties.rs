//! What holds for whatever is sent.

use crate::encoding::{base64, form, lower_hex, upper_hex};
use crate::world::{API, BANK, ID, NOW, Request, SECRET, VAULT, World};
use grantor_core::form::{Form, decode};
use grantor_core::jose::{SealingKey, b64url_encode};
use grantor_core::scope::Scope;
use grantor_core::secret::{SecretFormat, examine, generate, phc};
use grantor_core::token::TokenQuery;
use grantor_core::token::opaque::Handle;
use grantor_core::token_request::TokenRequest;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

/// 1 to `max` VSCHARs.
fn vschar(max: usize) -> impl Strategy<Value = String> {
    vec(0x20u8..=0x7e, 1..=max).prop_map(|bytes| String::from_utf8(bytes).unwrap())
}

/// Text made of what parsers stumble over.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("%".to_owned()),
        Just("&".into()),
        Just("=".into()),
        Just("+".into()),
        Just(":".into()),
        Just("%00".into()),
        Just("%zz".into()),
        Just("grant_type".into()),
        Just("client_secret".into()),
        Just("client_credentials".into()),
        Just("scope".into()),
        Just("resource".into()),
        Just("Basic ".into()),
        Just("grat_".into()),
        Just("$argon2id$".into()),
        Just("$pbkdf2-sha256$i=1$".into()),
        Just("$2b$".into()),
        any::<String>(),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn all_scopes() -> Vec<&'static str> {
    vec!["read", "write", "pay", "unowned", "other", "admin", "openid"]
}

proptest! {
    #[test]
    fn parsing_any_bytes_never_panics(body in vec(any::<u8>(), 0..256), header in vec(any::<u8>(), 0..64)) {
        let _ = Form::parse(&body, 8);
        let mut request = Request::form(&body);
        if let Ok(value) = HeaderValue::from_bytes(&header) {
            request.headers.insert(AUTHORIZATION, value);
        }
        let encoded = request.clone().authorization(format!("Basic {}", base64(&header)));
        for request in [request, encoded] {
            request.read(|incoming| {
                let _ = TokenRequest::parse(incoming, &Default::default());
                let _ = TokenQuery::parse(incoming, &Default::default());
            });
        }
        let text = String::from_utf8_lossy(&body);
        let _ = Handle::parse(&text);
        let _ = Handle::parse(&format!("grat_{}", b64url_encode(&body)));
        let _ = Scope::parse(&text, 8);
        let _ = examine(&text);
    }

    #[test]
    fn parsing_tricky_text_never_panics(text in tricky()) {
        let _ = decode(&text);
        let _ = Form::parse(text.as_bytes(), 8);
        let _ = Handle::parse(&text);
        let _ = phc::check(&text);
        let request = Request::form(&text).basic(ID, SECRET);
        let _ = World::new().token(&request);
    }

    #[test]
    fn what_a_form_encodes_it_gives_back(pairs in vec((any::<String>(), "[^\0]{1,20}"), 0..8)) {
        for encode in [form, upper_hex, lower_hex] {
            let body: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            let body = body.join("&");
            let parsed = Form::parse(body.as_bytes(), 8).unwrap();
            for (name, _) in &pairs {
                let values: Vec<_> = pairs.iter().filter(|(have, _)| have == name).map(|(_, value)| value.as_str()).collect();
                prop_assert_eq!(parsed.all(name).collect::<Vec<_>>(), values.clone());
                prop_assert_eq!(parsed.one(name).is_ok(), values.len() == 1);
            }
        }
    }

    #[test]
    fn what_basic_encodes_it_gives_back(id in vschar(255), secret in vschar(64)) {
        let world = World::of(&id, &secret);
        for encode in [form, upper_hex, lower_hex] {
            let header = crate::encoding::basic(&encode(&id), &encode(&secret));
            let issued = world.token(&Request::form("grant_type=client_credentials").authorization(header)).unwrap();
            prop_assert_eq!(issued.claims["sub"].as_str(), Some(id.as_str()));
        }
    }

    #[test]
    fn an_unknown_client_and_a_wrong_secret_are_answered_alike(id in vschar(20), right in vschar(20), tried in vschar(20)) {
        prop_assume!(right != tried);
        for request in [Request::form("grant_type=client_credentials").basic(&id, &tried), Request::post(&id, &tried)] {
            let wrong = World::of(&id, &right).refusal(&request);
            let unknown = World::of(&format!("{id}x"), &right).refusal(&request);
            prop_assert_eq!((wrong.code, wrong.public, wrong.challenge), (unknown.code, unknown.public, unknown.challenge));
        }
    }

    #[test]
    fn granted_is_within_asked_registered_and_owned(
        asked in proptest::option::of(subsequence(all_scopes(), 0..=7)),
        registered in subsequence(all_scopes(), 0..=7),
        default in proptest::option::of(subsequence(all_scopes(), 0..=7)),
        targets in subsequence(vec![API, BANK, VAULT, "https://other.example.com"], 0..=4),
    ) {
        let world = World::with(|metadata| {
            metadata.scope = Scope::from_tokens(registered.clone());
            metadata.default_scope = default.map(Scope::from_tokens);
        });
        let mut more = String::new();
        if let Some(asked) = &asked {
            more.push_str(&format!("&scope={}", asked.join("+")));
        }
        for target in &targets {
            more.push_str(&format!("&resource={}", form(target)));
        }
        if let Ok(issued) = world.token(&Request::grant(&more)) {
            let audience = match &issued.claims["aud"] {
                serde_json::Value::String(one) => vec![one.clone()],
                many => serde_json::from_value(many.clone()).unwrap(),
            };
            for name in &audience {
                prop_assert!(world.metadata.resources.contains(name));
                prop_assert!(targets.is_empty() || targets.contains(&name.as_str()));
            }
            prop_assert!(targets.is_empty() || targets.len() == audience.len());
            for token in issued.scope().split(' ').filter(|token| !token.is_empty()) {
                prop_assert!(registered.contains(&token), "{}", token);
                prop_assert!(asked.as_ref().is_none_or(|asked| asked.is_empty() || asked.contains(&token)));
                prop_assert!(audience.iter().any(|name| world.domain.resources[name].scope.contains(token)));
            }
            // All that was asked for was granted, but for openid.
            for token in asked.iter().flatten().filter(|token| **token != "openid") {
                prop_assert!(issued.scope().split(' ').any(|have| have == *token), "{}", token);
            }
        }
    }

    #[test]
    fn a_scope_reads_what_it_writes(tokens in vec("[!#-\\[\\]-~]{1,20}", 1..8)) {
        let scope = Scope::from_tokens(tokens.iter().map(String::as_str));
        prop_assert_eq!(Scope::parse(&scope.to_string(), 8).unwrap(), scope);
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_else(nonce in any::<[u8; 12]>(), claims in vec(any::<u8>(), 0..64), aad in vec(any::<u8>(), 0..8)) {
        let key = SealingKey::new(&[3; 32]);
        let sealed = key.seal(nonce, &aad, &claims);
        prop_assert_eq!(&**key.open(&aad, &sealed).unwrap(), &claims[..]);
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            prop_assert!(key.open(&aad, &changed).is_none());
            prop_assert!(key.open(&aad, &sealed[..i]).is_none());
        }
        prop_assert!(key.open(&[&aad[..], b"x"].concat(), &sealed).is_none());
        prop_assert!(SealingKey::new(&[4; 32]).open(&aad, &sealed).is_none());
    }

    #[test]
    fn a_generated_secret_is_whole_and_any_other_is_not(random in any::<[u8; 32]>(), at in 0..54usize, letter in "[0-9A-Za-z]") {
        let secret = generate(&random).to_string();
        prop_assert_eq!(examine(&secret), SecretFormat::Generated);
        prop_assert_eq!(form(&secret), &*secret);
        let mut other = secret.clone();
        other.replace_range(at..=at, &letter);
        prop_assert_eq!(examine(&other) == SecretFormat::Generated, other == secret);
    }
}

/// Every single change to an opaque token, one by one: CVE-2026-27840 was a token accepted when cut.
#[test]
fn any_other_character_breaks_an_opaque_token() {
    let world = World::new();
    let token = world.token(&Request::grant(&format!("&audience={VAULT}"))).unwrap().token;
    assert_eq!(world.check(&token).unwrap().exp, NOW + 300);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. ";
    for (at, have) in token.char_indices() {
        for other in alphabet.chars().filter(|other| *other != have) {
            let mut changed = token.clone();
            changed.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
            assert!(world.check(&changed).is_err(), "{other} at {at}");
        }
        let mut shorter = token.clone();
        shorter.remove(at);
        // Taking one of two equal neighbours out is the same as taking out the other.
        assert!(world.check(&shorter).is_err(), "without {at}");
        let mut longer = token.clone();
        longer.insert(at, have);
        assert!(world.check(&longer).is_err(), "{have} twice at {at}");
    }
}
