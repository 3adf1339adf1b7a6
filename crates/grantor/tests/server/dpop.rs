//! DPoP at the token endpoint, with what the server remembers: RFC 9449 §4.3, §8, §11.1.

use crate::call::{Answered, Call};
use crate::common::{API, CLIENT, ISSUER, TestApp, VAULT, test_app};
use grantor::clock::now_s;
use grantor_core::binding::DpopKey;
use grantor_core::jose::SigningKey;
use std::sync::atomic::{AtomicU32, Ordering};

struct Sender {
    key: DpopKey,
    made: AtomicU32,
}

impl Sender {
    fn new() -> Self {
        let (key, _) = SigningKey::generate(Default::default()).unwrap();
        Self { key: DpopKey::new(key).unwrap(), made: AtomicU32::new(0) }
    }

    fn proof(&self, nonce: Option<&str>) -> String {
        let jti = format!("proof-{}", self.made.fetch_add(1, Ordering::Relaxed));
        self.key.proof("POST", &format!("{ISSUER}/connect/token"), None, nonce, jti, now_s()).unwrap()
    }
}

async fn send(app: &TestApp, proof: &str) -> Answered {
    app.call_as_client(Call::token("").header("dpop", proof)).await
}

#[tokio::test]
async fn rfc9449_s5_a_bound_token_and_what_introspection_tells_of_it() {
    let (app, sender) = (test_app().await, Sender::new());
    for resource in [API, VAULT] {
        let call = Call::token(&format!("&audience={resource}")).header("dpop", &sender.proof(None));
        let answer = app.call_as_client(call).await.ok();
        assert_eq!(answer.json()["token_type"], "DPoP");
        assert_eq!(answer.header("dpop-nonce"), "", "no nonce where none is required");
        let told = app.call_as_client(Call::introspect(&answer.access_token())).await.ok().json();
        assert_eq!((&told["active"], &told["token_type"]), (&true.into(), &"DPoP".into()));
        assert_eq!(told["cnf"]["jkt"], sender.key.jkt());
    }
}

#[tokio::test]
async fn rfc9449_s11_1_a_proof_serves_once_also_after_a_restart() {
    let (app, sender) = (test_app().await, Sender::new());
    let proof = sender.proof(None);
    send(&app, &proof).await.ok();
    let again = send(&app, &proof).await;
    again.refused(400, "invalid_dpop_proof");
    assert!(again.json()["error_description"].as_str().unwrap().contains("used before"));
    let app = app.reopen().await;
    send(&app, &proof).await.refused(400, "invalid_dpop_proof");
    send(&app, &sender.proof(None)).await.ok();
    // The same jti under another key is another proof.
    send(&app, &Sender::new().proof(None)).await.ok();
}

#[tokio::test]
async fn rfc9449_s11_1_a_request_that_is_refused_for_something_else_leaves_the_proof_usable() {
    let (app, sender) = (test_app().await, Sender::new());
    let proof = sender.proof(None);
    let wrong = Call::token("&scope=nothing").header("dpop", &proof);
    app.call_as_client(wrong).await.refused(400, "invalid_scope");
    send(&app, &proof).await.ok();
}

#[tokio::test]
async fn rfc9449_s8_a_required_nonce_is_given_out_and_taken() {
    let app = TestApp::start(&[("dpop.nonce_required", "true")]).await;
    let sender = Sender::new();
    let first = send(&app, &sender.proof(None)).await;
    first.refused(400, "use_dpop_nonce");
    let nonce = first.header("dpop-nonce").to_owned();
    assert!(nonce.len() >= 16, "{nonce}");
    let second = send(&app, &sender.proof(Some(&nonce))).await.ok();
    assert!(!second.header("dpop-nonce").is_empty(), "section 8.2: a later one in time");
    send(&app, &sender.proof(Some("AAAAAAAAAAAAAAAAAAAAAA"))).await.refused(400, "use_dpop_nonce");
    // Stateless: any server with this master key takes it.
    let app = app.reopen().await;
    send(&app, &sender.proof(Some(&nonce))).await.ok();
    // Who sends no proof is not asked for a nonce.
    let without = app.call_as_client(Call::token("")).await.ok();
    assert_eq!((without.header("dpop-nonce"), &without.json()["token_type"]), ("", &"Bearer".into()));
}

#[tokio::test]
async fn rfc9449_s8_a_nonce_of_nobody_is_refused_with_one_of_ours_also_where_none_is_required() {
    let (app, sender) = (test_app().await, Sender::new());
    let answer = send(&app, &sender.proof(Some("made-up"))).await;
    answer.refused(400, "use_dpop_nonce");
    send(&app, &sender.proof(Some(answer.header("dpop-nonce")))).await.ok();
}

#[tokio::test]
async fn the_audit_log_tells_the_key_and_the_cause() {
    let (app, sender) = (test_app().await, Sender::new());
    send(&app, &sender.proof(None)).await.ok();
    let stale = sender.key.proof("POST", &format!("{ISSUER}/connect/token"), None, None, "x".into(), now_s() - 600);
    send(&app, &stale.unwrap()).await.refused(400, "invalid_dpop_proof");
    app.close().await;
    let folder = &app.config.audit.folder;
    let lines: String =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(lines.contains(&format!("\"cnf\":{{\"jkt\":\"{}\"}}", sender.key.jkt())), "{lines}");
    assert!(lines.contains("\"reason\":\"dpop_expired\""), "{lines}");
    assert!(lines.contains(&format!("\"client_id\":\"{CLIENT}\"")), "{lines}");
}
