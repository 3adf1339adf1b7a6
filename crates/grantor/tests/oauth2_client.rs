//! The `oauth2` crate, unmodified, against the real binary over TLS. Other languages' clients are in e2e/.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped here is a failed test")]

#[expect(dead_code, reason = "the parts that other tests use")]
mod dev_server;

use dev_server::DevServer;
use oauth2::basic::{BasicClient, BasicErrorResponse, BasicErrorResponseType, BasicTokenType};
use oauth2::{
    AccessToken, AuthType, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IntrospectionUrl, RequestTokenError, RevocationUrl, Scope, StandardRevocableToken,
    StandardTokenResponse, TokenIntrospectionResponse, TokenResponse, TokenUrl,
};
use serde_json::Value;

/// `grantor dev --tls`, and an HTTP client that knows its CA.
struct Server {
    dev: DevServer,
    http: reqwest::Client,
}

impl Server {
    fn start() -> Self {
        let dev = DevServer::start_with(&["--tls"]);
        let ca = std::fs::read(dev.get("ca")).unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(std::time::Duration::from_secs(30))
            .build()
            .unwrap();
        Self { dev, http }
    }

    /// The admin API; the answer's JSON, if it has any.
    async fn admin(&self, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/v1/domain/default/{path}", self.dev.get("admin_url"));
        let request = self.http.request(method, url).bearer_auth(self.dev.get("admin_key")).json(body);
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    fn demo(&self) -> Client {
        self.client(self.dev.get("client_id"), self.dev.get("client_secret"))
    }

    fn client(&self, id: &str, secret: &str) -> Client {
        let url = |path: &str| format!("{}/connect/{path}", self.dev.issuer());
        BasicClient::new(ClientId::new(id.into()))
            .set_client_secret(ClientSecret::new(secret.into()))
            .set_token_uri(TokenUrl::new(url("token")).unwrap())
            .set_introspection_url(IntrospectionUrl::new(url("introspect")).unwrap())
            .set_revocation_url(RevocationUrl::new(url("revocation")).unwrap())
    }

    /// How the crate is handed an HTTP client of one's own.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
        let answer = self.http.execute(request.try_into()?).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    async fn token(&self, client: &Client, method: &AuthType, more: &[(&str, &str)]) -> Answer {
        let client = client.clone().set_auth_type(method.clone());
        let request = more.iter().fold(client.exchange_client_credentials(), |request, (name, value)| match *name {
            "scope" => request.add_scope(Scope::new((*value).into())),
            name => request.add_extra_param(name.to_owned(), (*value).to_owned()),
        });
        request.request_async(&|request| self.send(request)).await
    }
}

type Client = BasicClient<EndpointNotSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointSet>;
type Token = StandardTokenResponse<EmptyExtraTokenFields, BasicTokenType>;
type Answer = Result<Token, RequestTokenError<reqwest::Error, BasicErrorResponse>>;

const METHODS: [AuthType; 2] = [AuthType::BasicAuth, AuthType::RequestBody];

fn refusal(answer: Answer) -> BasicErrorResponseType {
    match answer.unwrap_err() {
        RequestTokenError::ServerResponse(refusal) => refusal.error().clone(),
        other => panic!("the crate did not understand the refusal: {other:?}"),
    }
}

#[tokio::test]
async fn gets_tokens_for_scope_and_target() {
    let server = Server::start();
    for method in METHODS {
        let token = server.token(&server.demo(), &method, &[]).await.unwrap();
        assert_eq!(*token.token_type(), BasicTokenType::Bearer);
        assert!(token.expires_in().unwrap().as_secs() > 0);
        assert!(token.refresh_token().is_none());

        let target = server.dev.get("resource");
        for name in ["resource", "audience"] {
            let token = server.token(&server.demo(), &method, &[("scope", "read"), (name, target)]).await.unwrap();
            assert_eq!(token.scopes().unwrap(), &[Scope::new("read".into())]);
            assert_eq!(token.access_token().secret().matches('.').count(), 2);
        }
    }
}

#[tokio::test]
async fn understands_refusals() {
    let server = Server::start();
    for method in METHODS {
        let wrong = server.client(server.dev.get("client_id"), "wrong");
        assert_eq!(refusal(server.token(&wrong, &method, &[]).await), BasicErrorResponseType::InvalidClient);
        let wide = server.token(&server.demo(), &method, &[("scope", "read everything")]).await;
        assert_eq!(refusal(wide), BasicErrorResponseType::InvalidScope);
        let elsewhere = server.token(&server.demo(), &method, &[("resource", "https://unknown.example.com")]).await;
        assert_eq!(refusal(elsewhere), BasicErrorResponseType::Extension("invalid_target".into()));
    }
}

#[tokio::test]
async fn introspects_and_revokes() {
    let server = Server::start();
    let client = server.demo();
    for resource in [server.dev.get("resource"), "https://opaque.example.com"] {
        let token = server.token(&client, &AuthType::BasicAuth, &[("resource", resource)]).await.unwrap();
        let token: &AccessToken = token.access_token();
        let ask = async || client.introspect(token).request_async(&|request| server.send(request)).await.unwrap();
        let answer = ask().await;
        assert!(answer.active());
        assert_eq!(answer.client_id().unwrap().as_str(), "demo");
        assert_eq!(answer.aud().unwrap(), &[resource.to_owned()]);
        let token: StandardRevocableToken = token.clone().into();
        client.revoke_token(token).unwrap().request_async(&|request| server.send(request)).await.unwrap();
        assert!(!ask().await.active());
    }
}

/// The crate form-encodes both halves of the Basic header, as RFC 6749 §2.3.1 demands.
#[tokio::test]
async fn encodes_special_characters() {
    let server = Server::start();
    let (id, secret) = ("team:a/b c+d%41\"e'", "s:/ +%25\"'&=?");
    let path = "client/team%3Aa%2Fb%20c%2Bd%2541%22e%27";
    let methods = ["client_secret_basic", "client_secret_post"];
    let metadata = serde_json::json!({
        "scope": "read", "resources": [server.dev.get("resource")], "token_endpoint_auth_methods": methods
    });
    server.admin(reqwest::Method::PUT, path, &metadata).await;
    let credential = serde_json::json!({ "secret": secret });
    server.admin(reqwest::Method::POST, &format!("{path}/credential"), &credential).await;
    for method in METHODS {
        server.token(&server.client(id, secret), &method, &[]).await.unwrap();
    }
}
