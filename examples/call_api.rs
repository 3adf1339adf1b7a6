//! Calls a protected API. The token is fetched when it is first needed, and renewed before it expires; it is bound to a
//! key if `DPOP` or `CLIENT_CERT` is set.
//!
//! ```sh
//! cargo run -p grantor-client --example call_api
//! ```

use grantor_client::{Authentication, DpopKey, TlsIdentity, TokenSource};
use reqwest::{Method, RequestBuilder, Response};
use std::env::var;
use std::error::Error;
use std::fs::read;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What calls need.
struct Caller {
    tokens: TokenSource,
    client: reqwest::Client,
}

impl Caller {
    async fn call(
        &self,
        method: Method,
        url: &str,
        complete: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response> {
        let token = self.tokens.token().await?;
        let send = || -> Result<_> {
            let headers = token.headers(method.as_str(), url)?;
            Ok(complete(self.client.request(method.clone(), url)).headers(headers).send())
        };
        let answer = send()?.await?;
        // An API may want to see a nonce of its own in the proof, and says so once.
        let again = token.remember_nonce(url, answer.headers());
        Ok(if again { send()?.await? } else { answer })
    }
}

/// How this client proves itself, and what its tokens are bound to.
fn caller() -> Result<Caller> {
    let id = var("GRANTOR_CLIENT_ID")?;
    let identity = match (var("CLIENT_CERT"), var("CLIENT_KEY")) {
        (Ok(certificate), Ok(key)) => Some((read(certificate)?, read(key)?)),
        _ => None,
    };
    let own = identity.as_ref().map(|(certificate, key)| TlsIdentity::from_pem(certificate, key)).transpose()?;
    let mut tokens = match (var("GRANTOR_CLIENT_SECRET"), own) {
        (Ok(secret), None) => TokenSource::builder(id, secret),
        (Ok(secret), Some(own)) => TokenSource::builder(id, secret).client_certificate(own),
        (Err(_), Some(own)) => TokenSource::with(id, Authentication::MutualTls(own)),
        (Err(_), None) => return Err("set GRANTOR_CLIENT_SECRET, or CLIENT_CERT and CLIENT_KEY".into()),
    };
    if var("DPOP").is_ok() {
        tokens = tokens.dpop(DpopKey::generate()?);
    }
    let mut client = reqwest::Client::builder();
    if let Ok(ca) = var("CA") {
        let pem = read(ca)?;
        client = client.tls_certs_merge(reqwest::Certificate::from_pem_bundle(&pem)?);
        tokens = tokens.root_certificate_pem(pem);
    }
    if let Some((certificate, key)) = identity {
        client = client.identity(reqwest::Identity::from_pem(&[certificate, key].concat())?);
    }
    let issuer = var("GRANTOR_ISSUER").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    Ok(Caller { tokens: tokens.issuer(issuer).scope("read").build()?, client: client.build()? })
}

#[tokio::main]
async fn main() -> Result<()> {
    let api = var("API_URL").unwrap_or_else(|_| "http://127.0.0.1:3000".to_owned());
    let (caller, url) = (caller()?, format!("{api}/things"));

    let token = caller.tokens.token().await?;
    println!("a {} token for {} seconds", token.token_type(), token.lifetime().as_secs());

    let answer = caller.call(Method::GET, &url, |request| request).await?;
    println!("{} {}", answer.status().as_u16(), answer.text().await?);

    let answer = caller.call(Method::POST, &url, |request| request.json("a chair")).await?;
    let told = answer.headers().get("www-authenticate").and_then(|told| told.to_str().ok());
    println!("{} {}", answer.status().as_u16(), told.unwrap_or_default());
    Ok(())
}
