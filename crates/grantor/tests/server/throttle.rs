//! Failed authentications are limited by client and source together.

use crate::call::Call;
use crate::common::{API, CLIENT, TestApp, metadata};

const WRONG: &str = "wrong";

#[tokio::test]
async fn whoever_guesses_is_stopped_and_nobody_else() {
    let app = TestApp::start(&[("limits.failed_auth_per_minute", "1"), ("limits.failed_auth_burst", "3")]).await;
    let other = app.client("other", &metadata(&[API])).await;
    let guess = || Call::token("").basic(CLIENT, WRONG);
    for _ in 0..3 {
        app.call(guess()).await.refused(401, "invalid_client");
    }
    for call in [guess(), Call::token("").basic(CLIENT, &app.secret), Call::introspect("x").basic(CLIENT, &app.secret)]
    {
        let stopped = app.call(call).await;
        stopped.refused(429, "temporarily_unavailable");
        let wait: u32 = stopped.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(stopped.header("cache-control"), "no-store");
    }
    // The client elsewhere, another client here, and an IPv6 neighbour.
    app.call(Call::token("").basic(CLIENT, &app.secret).from("192.0.2.2")).await.ok();
    app.call(Call::token("").basic("other", &other)).await.ok();
    app.call(Call::token("").basic(CLIENT, &app.secret).from("2001:db8::1")).await.ok();
    // A name that does not exist is limited alike, so the limit tells nothing.
    for _ in 0..3 {
        app.call(Call::token("").basic("nobody", WRONG)).await.refused(401, "invalid_client");
    }
    app.call(Call::token("").basic("nobody", WRONG)).await.refused(429, "temporarily_unavailable");
}

#[tokio::test]
async fn what_is_no_failed_authentication_does_not_count() {
    let app = TestApp::start(&[("limits.failed_auth_per_minute", "1"), ("limits.failed_auth_burst", "1")]).await;
    for _ in 0..5 {
        app.call_as_client(Call::token("&scope=admin")).await.refused(400, "invalid_scope");
        app.call(Call::token("").header("authorization", "Basic !")).await.refused(401, "invalid_client");
        app.call(Call::token("&client_id=svc")).await.refused(401, "invalid_client");
        app.call_as_client(Call::token("")).await.ok();
    }
}

#[tokio::test]
async fn the_limit_can_be_switched_off() {
    let app = TestApp::start(&[("limits.failed_auth_per_minute", "0"), ("limits.failed_auth_burst", "1")]).await;
    for _ in 0..30 {
        app.call(Call::token("").basic(CLIENT, WRONG)).await.refused(401, "invalid_client");
    }
    app.call_as_client(Call::token("")).await.ok();
}

#[tokio::test]
async fn parsing_limits_are_settings() {
    let form = "&x=1".repeat(80);
    let app = TestApp::start(&[]).await;
    app.call_as_client(Call::token(&form)).await.refused(400, "invalid_request");
    let off = [("limits.form_parameters_max", "0"), ("limits.scope_tokens_max", "0"), ("limits.resources_max", "0")];
    let app = TestApp::start(&off).await;
    let scope = "read+".repeat(100) + "read";
    let resources = format!("&resource={API}").repeat(50);
    app.call_as_client(Call::token(&format!("{form}&scope={scope}{resources}"))).await.ok();
}
