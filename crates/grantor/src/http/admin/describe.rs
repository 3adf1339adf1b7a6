//! The description of the admin API: OpenAPI 3.1 built from the route table, a page to browse it, and the reference.

use super::allowance::{AllowanceList, AllowanceUsed};
use super::certificate::{CertificateMatch, CertificateTest, Refusal, TestCertificate};
use super::client::Rotate;
use super::credential::{CredentialBody, CredentialView};
use super::key::RotateKeys;
use super::problem::Problem;
use super::routes::{GUARDED, OPEN, Operation};
use crate::App;
use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use std::sync::Arc;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, Required, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

mod schema {
    //! What the API takes and shows, for its description. A test holds these to what is really sent.
    #![expect(dead_code, reason = "described, not built: the values come from the protocol's own types")]

    use serde_json::{Map, Value};
    use utoipa::ToSchema;

    macro_rules! described {
        ($(#[doc = $about:literal])+ $Body:ident, $Shown:ident named $name:ident, $List:ident { $($(#[doc = $field_about:literal])+ $field:ident: $ty:ty,)+ }) => {
            $(#[doc = $about])+
            #[derive(ToSchema)]
            pub struct $Body { $($(#[doc = $field_about])+ $field: Option<$ty>,)+ }

            $(#[doc = $about])+
            #[derive(ToSchema)]
            pub struct $Shown {
                $name: String,
                /// Counts the writes; the entity tag.
                version: i64,
                /// Seconds since 1970.
                created_at: i64,
                /// Seconds since 1970.
                updated_at: i64,
                $($(#[doc = $field_about])+ $field: Option<$ty>,)+
            }

            #[derive(ToSchema)]
            pub struct $List {
                items: Vec<$Shown>,
                /// Send it as `after` for the next page; absent on the last.
                next: Option<String>,
            }
        };
    }

    described! {
        /// An isolated realm with its own issuer, keys, clients and resources.
        DomainBody, Domain named name, DomainList {
            /// The issuer (RFC 8414 section 2). By default the server's, followed by /NAME.
            issuer: String,
            /// Can be created and thrown away freely.
            sandbox: bool,
            /// Seconds. Goes before the server's default.
            access_token_lifetime_s: u32,
            /// Certificates of the authorities that vouch for clients with tls_client_auth: PEM texts, or file:/PATH on
            /// each server.
            trust_anchors: Vec<String>,
            /// Their revocation lists, written likewise. With any, a certificate that no list covers is refused.
            crls: Vec<String>,
        }
    }
    described! {
        /// A protected API.
        ResourceBody, Resource named name, ResourceList {
            /// What stands in aud: an absolute URI (RFC 8707 section 2), or a plain name.
            identifier: String,
            /// The scopes it owns, separated by spaces.
            scope: String,
            /// jwt or opaque.
            access_token_format: String,
            /// ES256, ES384, EdDSA, RS256 or PS256.
            access_token_signing_alg: String,
            /// Seconds. Goes before the lifetime of the domain.
            access_token_lifetime_s: u32,
            /// What its tokens must be bound to: dpop, mtls or any of the two. By default they may be unbound.
            sender_constraint: String,
        }
    }
    described! {
        /// A confidential client, in the metadata names of RFC 7591 section 2.
        ClientBody, Client named client_id, ClientList {
            /// A name for people.
            client_name: String,
            /// A disabled client gets no token, and its tokens are inactive at introspection.
            enabled: bool,
            /// client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth,
            /// self_signed_tls_client_auth.
            token_endpoint_auth_methods: Vec<String>,
            /// client_credentials.
            grant_types: Vec<String>,
            /// All it may ask for, separated by spaces.
            scope: String,
            /// What it gets when a request names no scope.
            default_scope: String,
            /// Identifiers of the resources it may get tokens for.
            resources: Vec<String>,
            /// The one meant when a request names none.
            default_resource: String,
            /// Seconds. Goes before the lifetime of the resource.
            access_token_lifetime_s: u32,
            /// Extra claims for each of its access tokens.
            claims: Map<String, Value>,
            /// Resources whose tokens it may introspect (RFC 7662).
            introspect_resources: Vec<String>,
            /// May introspect tokens for any resource.
            introspect_any: bool,
            /// Also accept Basic credentials that were not form-encoded first (RFC 6749 section 2.3.1).
            allow_unencoded_basic: bool,
            /// Also accept assertions whose audience is the token endpoint instead of the issuer.
            allow_token_endpoint_audience: bool,
            /// The one algorithm of its assertions; by default any that its keys are for.
            token_endpoint_auth_signing_alg: String,
            /// All its tokens are bound to the certificate of its connection (RFC 8705 section 3.4).
            tls_client_certificate_bound_access_tokens: bool,
            /// All its tokens are bound to a DPoP key (RFC 9449 section 5.2).
            dpop_bound_access_tokens: bool,
        }
    }

    /// A client, and what an administrator may want to mend.
    #[derive(ToSchema)]
    pub struct ClientView {
        #[schema(inline)]
        #[serde(flatten)]
        client: Client,
        /// Its allowances, set or used, to see which can be withdrawn.
        allowances: Option<Vec<super::AllowanceUsed>>,
        /// It still proves itself by a secret that another server made.
        has_imported_secret: Option<bool>,
        hint: Option<String>,
    }

    #[derive(ToSchema)]
    pub struct CredentialList {
        items: Vec<super::CredentialView>,
    }

    /// A credential just made. The secret is in no other answer.
    #[derive(ToSchema)]
    pub struct NewCredential {
        #[schema(inline)]
        #[serde(flatten)]
        credential: super::CredentialView,
        secret: Option<String>,
    }

    /// Where a key is in its life.
    #[derive(ToSchema)]
    pub struct Key {
        kid: String,
        /// A signature algorithm, or A256GCMSIV for a key of opaque tokens.
        alg: String,
        /// pending, active or retiring.
        status: String,
        created_at: i64,
        activates_at: i64,
        expires_at: Option<i64>,
    }

    #[derive(ToSchema)]
    pub struct KeyList {
        items: Vec<Key>,
    }

    /// One change, by whom and to what.
    #[derive(ToSchema)]
    pub struct Change {
        seq: i64,
        at: i64,
        actor: String,
        domain: String,
        kind: String,
        subject: String,
        /// create, update or delete.
        op: String,
        before: Option<Value>,
        after: Option<Value>,
    }

    #[derive(ToSchema)]
    pub struct ChangeList {
        items: Vec<Change>,
        /// Send it as `before` for the next page.
        next: Option<i64>,
    }

    /// What was decided about one request, and on what grounds.
    #[derive(ToSchema)]
    pub struct Decision {
        at: i64,
        request_id: String,
        /// token, introspection or revocation.
        endpoint: String,
        domain: String,
        outcome: String,
        client_id: Option<String>,
        source: String,
        auth_method: Option<String>,
        credential_id: Option<String>,
        grant_type: Option<String>,
        scope: Option<String>,
        audience: Option<Vec<String>>,
        token_format: Option<String>,
        jti: Option<String>,
        lifetime_s: Option<u32>,
        error: Option<String>,
        error_description: Option<String>,
        reason: Option<String>,
        detail: Option<String>,
        duration_us: u64,
    }
}

/// The description of the whole API.
pub fn openapi() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Grantor admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "PUT merges: members that are not written keep their value, null resets one to its default. Errors are problem details (RFC 9457). Times are seconds since 1970.",
        ))
        .build();
    let mut paths = PathsBuilder::new();
    for (operations, guarded) in [(GUARDED, true), (OPEN, false)] {
        for operation in operations {
            paths = paths.path(operation.path, described(operation, guarded));
        }
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The bootstrap key, or an access token for urn:grantor:admin with admin:read or admin:write"))
        .build();
    let components = components().security_scheme("administrator", SecurityScheme::Http(bearer)).build();
    OpenApiBuilder::new().info(info).paths(paths.build()).components(Some(components)).build()
}

fn components() -> ComponentsBuilder {
    macro_rules! schemas {
        ($($ty:ty),+ $(,)?) => { ComponentsBuilder::new()$(.schema(<$ty as ToSchema>::name(), <$ty as PartialSchema>::schema()))+ };
    }
    schemas!(
        schema::DomainBody,
        schema::Domain,
        schema::DomainList,
        schema::ResourceBody,
        schema::Resource,
        schema::ResourceList,
        schema::ClientBody,
        schema::Client,
        schema::ClientList,
        schema::ClientView,
        AllowanceUsed,
        AllowanceList,
        CredentialBody,
        CredentialView,
        schema::CredentialList,
        schema::NewCredential,
        Rotate,
        TestCertificate,
        CertificateTest,
        CertificateMatch,
        Refusal,
        RotateKeys,
        schema::Key,
        schema::KeyList,
        schema::Change,
        schema::ChangeList,
        schema::Decision,
        Problem,
    )
}

fn described(operation: &Operation, guarded: bool) -> PathItem {
    let reference = |name: &str| Ref::from_schema_name(name.to_owned());
    let (status, answer) = operation.answer;
    let mut success = ResponseBuilder::new().description("Done");
    if let Some(name) = answer {
        success = success.content("application/json", ContentBuilder::new().schema(Some(reference(name))).build());
    }
    let problem = ContentBuilder::new().schema(Some(reference("Problem"))).build();
    let refused = ResponseBuilder::new()
        .description("Refused; nothing was changed")
        .content("application/problem+json", problem)
        .build();
    let mut described = OperationBuilder::new()
        .summary(Some(operation.summary))
        .operation_id(Some(operation_id(operation)))
        .response(status.to_string(), success.build())
        .response("default", refused);
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    for name in in_path {
        described = described.parameter(parameter(name, ParameterIn::Path));
    }
    for name in operation.query {
        described = described.parameter(parameter(name, ParameterIn::Query));
    }
    if let Some(name) = operation.body {
        let content = ContentBuilder::new().schema(Some(reference(name))).build();
        described =
            described.request_body(Some(RequestBodyBuilder::new().content("application/json", content).build()));
    }
    if operation.method == "put" {
        for name in ["If-Match", "If-None-Match"] {
            described = described.parameter(parameter(name, ParameterIn::Header));
        }
    }
    if guarded {
        described = described.security(SecurityRequirement::new("administrator", Vec::<String>::new()));
    }
    PathItem::new(http_method(operation.method), described.build())
}

fn parameter(name: &str, place: ParameterIn) -> Parameter {
    let required = if matches!(place, ParameterIn::Path) { Required::True } else { Required::False };
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(String::schema())).build()
}

fn http_method(name: &str) -> HttpMethod {
    match name {
        "put" => HttpMethod::Put,
        "post" => HttpMethod::Post,
        "delete" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// Such as `put_domain_client`.
fn operation_id(operation: &Operation) -> String {
    let parts = operation.path.split('/').filter(|part| !part.is_empty() && *part != "v1");
    let of_one = operation.path.ends_with('}');
    let nouns: Vec<_> = parts.filter(|part| !part.starts_with('{')).map(|part| part.replace('-', "_")).collect();
    let verb = match (operation.method, of_one) {
        ("get", false) if operation.path.starts_with("/v1") => "list",
        (method, _) => method,
    };
    format!("{verb}_{}", nouns.join("_"))
}

/// The description as JSON, and a page to browse it by. Neither asks any other host for anything.
pub(super) fn page() -> Router<Arc<App>> {
    let config = utoipa_swagger_ui::Config::default().validator_url("none");
    let swagger = utoipa_swagger_ui::SwaggerUi::new("/v1/docs").url("/v1/openapi.json", openapi()).config(config);
    let swagger: Router<Arc<App>> = swagger.into();
    swagger
        .layer(axum::middleware::map_response(guard_page))
        .route("/v1", get(|| async { axum::response::Redirect::temporary("/v1/docs/") }))
}

async fn guard_page(mut answer: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

/// The reference page, in Markdown, from the same description.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Admin API\n\nGenerated from the code: `UPDATE_DOCS=1 cargo test -p grantor --test admin_api` rewrites it. The whole description is at\n`/v1/openapi.json` on the admin listener, with a page to browse it at `/v1/docs/`.\n\nSend `Authorization: Bearer` with the bootstrap key (`admin.key` in the data folder), or with an access token for\n`urn:grantor:admin` of the domain `default` whose scope is `admin:read` or `admin:write`.\n\n- PUT merges: members that are not written keep their value, `null` resets one to its default.\n- `ETag` names a version; `If-Match` and `If-None-Match: *` make a write conditional (412 otherwise).\n- Lists take `limit` (1 to 1000, default 100) and `after`; `next` in the answer is the `after` of the next page.\n- Errors are problem details (RFC 9457): `detail` says what to do, `errors` names each field.\n- Times are seconds since 1970. A secret is shown in the answer that makes it, and never again.\n\n| operation | what | body | answer |\n|---|---|---|---|\n",
    );
    for operation in GUARDED.iter().chain(OPEN) {
        let (status, answer) = operation.answer;
        page.push_str(&format!(
            "| `{} {}` | {} | {} | {status} {} |\n",
            operation.method.to_uppercase(),
            operation.path,
            operation.summary,
            operation.body.unwrap_or_default(),
            answer.unwrap_or_default()
        ));
    }
    page.push_str("\n## Members\n");
    let description = serde_json::to_value(openapi()).unwrap_or_default();
    for name in ["DomainBody", "ResourceBody", "ClientBody", "CredentialBody", "Rotate", "RotateKeys"] {
        page.push_str(&format!("\n### {name}\n\n| member | meaning |\n|---|---|\n"));
        let members = &description["components"]["schemas"][name]["properties"];
        for (member, schema) in members.as_object().into_iter().flatten() {
            let about = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
            page.push_str(&format!("| `{member}` | {about} |\n"));
        }
    }
    page
}

/// The names of the members of a schema: for the test that holds them to what is really read and sent.
#[doc(hidden)]
pub fn members_of(schema: &str) -> Vec<String> {
    let description = serde_json::to_value(openapi()).unwrap_or_default();
    let schema = &description["components"]["schemas"][schema];
    let parts = std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten());
    parts.filter_map(|part| part["properties"].as_object()).flat_map(|members| members.keys().cloned()).collect()
}
