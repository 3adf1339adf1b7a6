//! Administrators who work at the same time.

use crate::{Answer, Server};
use serde_json::{Value, json};
use std::future::poll_fn;
use std::task::Poll;

const SVC: &str = "/v1/domain/default/client/svc";

async fn statuses(requests: impl IntoIterator<Item = impl Future<Output = Answer>>) -> Vec<u16> {
    let mut all: Vec<_> = requests.into_iter().map(|request| (Box::pin(request), None)).collect();
    poll_fn(|cx| {
        for (request, answer) in all.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(ready) = request.as_mut().poll(cx) {
                *answer = Some(ready.status.as_u16());
            }
        }
        if all.iter().all(|(_, answer)| answer.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all.into_iter().filter_map(|(_, answer)| answer).collect()
}

#[tokio::test]
async fn no_change_of_a_credential_undoes_its_revocation() {
    let server = Server::with_client().await;
    for round in 0..30 {
        let made = server.post(&format!("{SVC}/credential"), json!({})).await.expect(201);
        let path = format!("{SVC}/credential/{}", made["id"].as_str().unwrap());
        let (revoke, rotate) = (format!("{path}/revoke"), format!("{SVC}/rotate"));
        let (label, revoked, rotated) = tokio::join!(
            server.put(&path, json!({ "label": "changed" })),
            server.post(&revoke, json!({})),
            server.post(&rotate, json!({})),
        );
        assert_eq!([label.status, revoked.status, rotated.status], [200, 200, 201], "{}", label.text);
        let shown = server.get(&path).await.expect(200);
        assert_eq!((&shown["status"], &shown["label"]), (&json!("revoked"), &json!("changed")), "round {round}");
    }
}

#[tokio::test]
async fn rotations_at_once_leave_no_secret_without_an_end_but_the_last() {
    let server = Server::with_client().await;
    let rotate = || server.post("/v1/domain/default/client/svc/rotate", json!({ "overlap_s": 60 }));
    assert_eq!(statuses((0..8).map(|_| rotate())).await, [201; 8]);
    let shown = server.get(&format!("{SVC}/credential")).await.expect(200);
    let endless = shown["items"].as_array().unwrap().iter().filter(|item| item["expires_at"] == Value::Null).count();
    assert_eq!((shown["items"].as_array().unwrap().len(), endless), (8, 1));
}

#[tokio::test]
async fn writes_without_a_condition_do_not_fail_for_one() {
    let server = Server::with_api().await;
    let path = "/v1/domain/default/client/new";
    let mut done = statuses((0..8).map(|_| server.put(path, json!({ "scope": "read" })))).await;
    done.sort_unstable();
    assert_eq!(done, [200, 200, 200, 200, 200, 200, 200, 201], "one makes it, the others find it as they want it");
    let members = ["client_name", "access_token_lifetime_s", "introspect_any", "allow_unencoded_basic"];
    let values = [json!("x"), json!(60), json!(true), json!(true)];
    let written = members.iter().zip(&values).map(|(member, value)| server.put(path, json!({ *member: value })));
    assert_eq!(statuses(written).await, [200; 4]);
    let shown = server.get(path).await.expect(200);
    for (member, value) in members.iter().zip(&values) {
        assert_eq!(shown[member], *value, "no write undoes another");
    }
}

#[tokio::test]
async fn writes_with_a_condition_are_done_once() {
    let server = Server::with_client().await;
    let writes = (0..8).map(|i| {
        let body = Some(json!({ "client_name": format!("{i}") }));
        let server = &server;
        async move { server.call("PUT", SVC, &[("if-match", "\"1\"")], body).await }
    });
    let mut done = statuses(writes).await;
    done.sort_unstable();
    assert_eq!(done, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn an_issuer_belongs_to_one_domain() {
    let server = Server::start().await;
    let body = json!({ "issuer": "https://acme.example.com" });
    let paths = ["a", "b", "c", "d"].map(|name| format!("/v1/domain/{name}"));
    let mut done = statuses(paths.iter().map(|path| server.put(path, body.clone()))).await;
    done.sort_unstable();
    assert_eq!(done, [201, 409, 409, 409]);
}
