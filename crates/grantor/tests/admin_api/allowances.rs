//! Who still needs to be let off from a rule.

use crate::Server;
use grantor_core::client_auth::Allowance::{TokenEndpointAudience, UnencodedBasic};
use serde_json::{Value, json};

const SVC: &str = "/v1/domain/default/client/svc";
const ALLOWANCES: &str = "/v1/domain/default/allowance";

fn row(item: &Value) -> (&str, &str, u64) {
    let text = |member: &str| item[member].as_str().unwrap();
    (text("client_id"), text("allowance"), item["count"].as_u64().unwrap())
}

#[tokio::test]
async fn an_allowance_of_a_client_is_shown_with_its_use() {
    let server = Server::with_client().await;
    assert!(server.get(SVC).await.expect(200)["allowances"].is_null());
    server.put(SVC, json!({ "allow_unencoded_basic": true })).await.expect(200);
    let unused = server.get(SVC).await.expect(200)["allowances"].take();
    assert_eq!(row(&unused[0]), ("svc", "allow_unencoded_basic", 0));
    assert!(unused[0]["since"].is_i64() && unused[0]["last_used_at"].is_null());
    server.app.allowances.used("default", "svc", UnencodedBasic, 5);
    server.app.allowances.used("default", "svc", UnencodedBasic, 7);
    let used = server.get(SVC).await.expect(200)["allowances"].take();
    assert_eq!((row(&used[0]), &used[0]["last_used_at"]), (("svc", "allow_unencoded_basic", 2), &json!(7)));
    let etag = server.get(SVC).await.header("etag").to_owned();
    assert_eq!(server.call("GET", SVC, &[("if-none-match", &etag)], None).await.status, 200, "a use is no change");
    // One that was withdrawn after its use is told as long as it is remembered.
    server.put(SVC, json!({ "allow_unencoded_basic": null })).await.expect(200);
    assert_eq!(server.get(SVC).await.expect(200)["allowances"], used);
}

#[tokio::test]
async fn those_who_used_allowances_are_listed_page_by_page() {
    let server = Server::with_client().await;
    for (client, allowance) in
        [("a", UnencodedBasic), ("b", UnencodedBasic), ("b", TokenEndpointAudience), ("c", UnencodedBasic)]
    {
        server.app.allowances.used("default", client, allowance, 1);
        server.app.allowances.used("other", client, allowance, 1);
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = server.get(&format!("{ALLOWANCES}?limit=2&after={after}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| format!("{:?}", row(item))));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let all = [
        ("a", "allow_unencoded_basic", 1),
        ("b", "allow_token_endpoint_audience", 1),
        ("b", "allow_unencoded_basic", 1),
        ("c", "allow_unencoded_basic", 1),
    ];
    assert_eq!((seen, pages), (all.map(|row| format!("{row:?}")).to_vec(), 2));
    server.get("/v1/domain/nowhere/allowance").await.expect(404);
}

#[tokio::test]
async fn a_client_of_the_same_name_starts_at_nought() {
    let server = Server::with_client().await;
    server.app.allowances.used("default", "svc", UnencodedBasic, 1);
    server.delete(SVC).await.expect(204);
    assert_eq!(server.get(ALLOWANCES).await.expect(200), json!({ "items": [] }));
}
