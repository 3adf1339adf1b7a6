//! The verifier against a small issuer that can be told to misbehave.

mod bound;
mod introspected;
mod jwt;
mod keys;

use crate::testing::{Reply, TestServer, json};
use crate::verifier::{Cause, InvalidToken, VerifiedToken, Verifier, VerifyError};
use crate::{clock::Clock, verifier::Builder};
use grantor_core::jose::{Alg, SigningKey};
use serde_json::{Value, json as value};
use std::sync::{Arc, Mutex};

const API: &str = "https://api.example.com";
const JWKS: &str = "/keys";
const INTROSPECT: &str = "/introspect";

type Answer = Box<dyn Fn(&str) -> Reply + Send>;

struct Issuer {
    server: TestServer,
    key: SigningKey,
    clock: Clock,
    /// What is answered when the keys are fetched.
    jwks: Arc<Mutex<Answer>>,
    /// What is answered about a token; gets the body of the question.
    introspection: Arc<Mutex<Answer>>,
}

impl Issuer {
    async fn start() -> Self {
        let key = key(Alg::ES256);
        let jwks: Arc<Mutex<Answer>> = Arc::new(Mutex::new(publish(&[&key])));
        let introspection: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Box::new(|_| json(500, &Value::Null))));
        let (keys, about) = (jwks.clone(), introspection.clone());
        let server = TestServer::start(move |seen| match seen.path.as_str() {
            JWKS => (keys.lock().unwrap())(&seen.body),
            INTROSPECT => (about.lock().unwrap())(&seen.body),
            _ => json(
                200,
                &value!({
                    "issuer": seen.base,
                    "jwks_uri": format!("{}{JWKS}", seen.base),
                    "introspection_endpoint": format!("{}{INTROSPECT}", seen.base),
                }),
            ),
        })
        .await;
        Self { server, key, clock: Clock::default(), jwks, introspection }
    }

    fn builder(&self) -> Builder {
        Verifier::builder(&self.server.url).audience(API).clock(self.clock.clone())
    }

    fn verifier(&self) -> Verifier {
        self.builder().build().unwrap()
    }

    fn answer_keys(&self, answer: Answer) {
        *self.jwks.lock().unwrap() = answer;
    }

    fn answer_about_tokens(&self, answer: impl Fn(&str) -> Reply + Send + 'static) {
        *self.introspection.lock().unwrap() = Box::new(answer);
    }

    fn fetches(&self) -> usize {
        self.server.count(JWKS)
    }

    fn now(&self) -> i64 {
        self.clock.now().unix_s()
    }

    /// Claims of a good token, with some of them replaced. `null` leaves one out.
    fn claims(&self, changes: Value) -> Value {
        let mut claims = value!({
            "iss": self.server.url,
            "sub": "demo",
            "aud": API,
            "exp": self.now() + 300,
            "iat": self.now(),
            "jti": "t-1",
            "client_id": "demo",
            "scope": "read write",
        });
        for (name, change) in changes.as_object().unwrap() {
            match change {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
                change => claims[name] = change.clone(),
            }
        }
        claims
    }

    fn token(&self, changes: Value) -> String {
        sign(&self.key, &self.claims(changes))
    }
}

fn key(alg: Alg) -> SigningKey {
    SigningKey::generate(alg).unwrap().0
}

fn sign(key: &SigningKey, claims: &Value) -> String {
    key.sign_jwt("at+jwt", claims.to_string().as_bytes()).unwrap()
}

fn jwk(key: &SigningKey) -> Value {
    serde_json::to_value(key.public_jwk().unwrap()).unwrap()
}

fn publish(keys: &[&SigningKey]) -> Answer {
    let keys: Vec<_> = keys.iter().map(|key| jwk(key)).collect();
    Box::new(move |_| json(200, &value!({ "keys": keys })).header("cache-control", "public, max-age=600"))
}

fn invalid(result: Result<VerifiedToken, VerifyError>) -> InvalidToken {
    match result {
        Err(error) => {
            let Cause::Invalid(why) = error.cause() else { panic!("{error:?}") };
            assert_eq!(error.status(), 401);
            let challenge = error.www_authenticate().unwrap();
            let (_, challenge) = challenge.to_str().unwrap().split_once(' ').unwrap();
            assert!(challenge.starts_with("error=\"invalid_token\", error_description=\""));
            why.clone()
        }
        Ok(token) => panic!("{token:?}"),
    }
}
