//! Every path of the admin API: what serves it and how it is described. Routing and OpenAPI both come from here.

use super::{allowance, certificate, client, credential, domain, key, log, service};
use crate::App;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, post, put};
use std::sync::Arc;

type Route = MethodRouter<Arc<App>>;

/// One operation.
pub(super) struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub route: fn() -> Route,
    pub summary: &'static str,
    /// Query parameters.
    pub query: &'static [&'static str],
    /// Schemas of the request and of the successful answer.
    pub body: Option<&'static str>,
    pub answer: (u16, Option<&'static str>),
}

macro_rules! operations {
    ($($method:ident $path:literal => $handler:path, $summary:literal, query $query:expr, body $body:expr, answer $status:literal $answer:expr;)+) => {
        &[$(Operation {
            method: stringify!($method),
            path: $path,
            route: || $method($handler),
            summary: $summary,
            query: $query,
            body: $body,
            answer: ($status, $answer),
        }),+]
    };
}

const PAGE: &[&str] = &["after", "limit"];
const NONE: &[&str] = &[];

/// For administrators only.
pub(super) const GUARDED: &[Operation] = operations! {
    get "/v1/domain" => domain::list, "List domains", query PAGE, body None, answer 200 Some("DomainList");
    get "/v1/domain/{domain}" => domain::get, "Show a domain", query NONE, body None, answer 200 Some("Domain");
    put "/v1/domain/{domain}" => domain::put, "Create or update a domain", query NONE, body Some("DomainBody"), answer 200 Some("Domain");
    delete "/v1/domain/{domain}" => domain::delete, "Delete a domain, its clients, resources and keys; one that is no sandbox and has clients only with force=true", query &["force"], body None, answer 204 None;
    get "/v1/domain/{domain}/resource" => domain::list_resources, "List the resources of a domain", query PAGE, body None, answer 200 Some("ResourceList");
    get "/v1/domain/{domain}/resource/{name}" => domain::get_resource, "Show a resource", query NONE, body None, answer 200 Some("Resource");
    put "/v1/domain/{domain}/resource/{name}" => domain::put_resource, "Create or update a resource", query NONE, body Some("ResourceBody"), answer 200 Some("Resource");
    delete "/v1/domain/{domain}/resource/{name}" => domain::delete_resource, "Delete a resource", query NONE, body None, answer 204 None;
    get "/v1/domain/{domain}/client" => client::list, "List the clients of a domain", query PAGE, body None, answer 200 Some("ClientList");
    get "/v1/domain/{domain}/client/{client_id}" => client::get, "Show a client", query NONE, body None, answer 200 Some("ClientView");
    put "/v1/domain/{domain}/client/{client_id}" => client::put, "Create or update a client", query NONE, body Some("ClientBody"), answer 200 Some("Client");
    delete "/v1/domain/{domain}/client/{client_id}" => client::delete, "Delete a client and its credentials, and end its tokens", query NONE, body None, answer 204 None;
    post "/v1/domain/{domain}/client/{client_id}/rotate" => client::rotate, "Make a new secret; the present ones end after the overlap", query NONE, body Some("Rotate"), answer 201 Some("NewCredential");
    post "/v1/domain/{domain}/client/{client_id}/revoke-tokens" => client::revoke_tokens, "End all tokens that the client got until now", query NONE, body None, answer 204 None;
    get "/v1/domain/{domain}/client/{client_id}/credential" => credential::list, "List the credentials of a client", query NONE, body None, answer 200 Some("CredentialList");
    post "/v1/domain/{domain}/client/{client_id}/credential" => credential::create, "Make a credential; a secret made here is shown in this answer and never again", query NONE, body Some("CredentialBody"), answer 201 Some("NewCredential");
    get "/v1/domain/{domain}/client/{client_id}/credential/{credential}" => credential::get, "Show a credential", query NONE, body None, answer 200 Some("CredentialView");
    put "/v1/domain/{domain}/client/{client_id}/credential/{credential}" => credential::put, "Make a credential of this id, or change label, start and end of it", query NONE, body Some("CredentialBody"), answer 200 Some("CredentialView");
    delete "/v1/domain/{domain}/client/{client_id}/credential/{credential}" => credential::delete, "Delete a credential", query NONE, body None, answer 204 None;
    post "/v1/domain/{domain}/client/{client_id}/credential/{credential}/revoke" => credential::revoke, "Revoke a credential at once; its record stays", query NONE, body None, answer 200 Some("CredentialView");
    post "/v1/domain/{domain}/test-certificate" => certificate::test, "Tell which clients a certificate would be let in as, and why not as others; changes nothing", query NONE, body Some("TestCertificate"), answer 200 Some("CertificateTest");
    get "/v1/domain/{domain}/allowance" => allowance::list, "List the clients that used an allowance since the server was started", query PAGE, body None, answer 200 Some("AllowanceList");
    get "/v1/domain/{domain}/key" => key::list, "List the keys of a domain", query NONE, body None, answer 200 Some("KeyList");
    post "/v1/domain/{domain}/key/rotate" => key::rotate, "Publish successors of all keys now; they are used once every cached key set has expired", query NONE, body Some("RotateKeys"), answer 200 Some("KeyList");
    get "/v1/domain/{domain}/change" => log::changes, "List what administrators changed, newest first", query &["before", "limit"], body None, answer 200 Some("ChangeList");
    get "/v1/decision/{request_id}" => log::decision, "Show what was decided about a request, and why", query NONE, body None, answer 200 Some("Decision");
};

/// For whoever reaches the admin listener.
pub(super) const OPEN: &[Operation] = operations! {
    get "/livez" => service::livez, "Whether the process answers", query NONE, body None, answer 200 None;
    get "/readyz" => service::readyz, "Whether the database answers and the server is not stopping", query NONE, body None, answer 200 None;
    get "/metrics" => service::metrics, "Metrics in the OpenMetrics text format", query NONE, body None, answer 200 None;
};

fn routed(operations: &[Operation]) -> Router<Arc<App>> {
    operations.iter().fold(Router::new(), |router, operation| router.route(operation.path, (operation.route)()))
}

pub(super) fn guarded() -> Router<Arc<App>> {
    routed(GUARDED)
}

pub(super) fn open() -> Router<Arc<App>> {
    routed(OPEN)
}
