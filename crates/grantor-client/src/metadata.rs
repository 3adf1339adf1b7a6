//! Where an issuer's endpoints are (RFC 8414).

use crate::endpoint::{self, PlainHttp};
use crate::error::printable;
use crate::outgoing::{NoReply, Outgoing, send};
use grantor_core::metadata::{OAUTH_METADATA_PATH, OPENID_METADATA_PATH};
use http::StatusCode;
use serde::Deserialize;
use url::Url;

const DOCUMENT_MAX: usize = 256 * 1024;

/// What a client or a protected API needs of the metadata document. Endpoints that are named are fit to be used.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) endpoints: Endpoints<Url>,
    /// Where they are for clients that show a certificate (RFC 8705 §5); those that are not named are where they are for
    /// all.
    pub(crate) mtls_endpoint_aliases: Endpoints<Url>,
    pub(crate) jwks_uri: Option<Url>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Endpoints<U> {
    pub(crate) token_endpoint: Option<U>,
    pub(crate) introspection_endpoint: Option<U>,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    #[serde(flatten)]
    endpoints: Endpoints<String>,
    mtls_endpoint_aliases: Option<Endpoints<String>>,
    jwks_uri: Option<String>,
}

/// Fetches the metadata of `issuer`, which must be checked already. The OpenID Connect document is tried where the issuer
/// has no other: many servers know only that one.
pub(crate) async fn discover(outgoing: &Outgoing, issuer: &str, plain: PlainHttp) -> Result<Metadata, NoReply> {
    let lasting = |why: String| NoReply { why, transient: false };
    let at = Url::parse(issuer).map_err(|error| lasting(error.to_string()))?;
    let mut reply = send(outgoing.get(&oauth_location(&at))?, DOCUMENT_MAX).await?;
    if reply.status == StatusCode::NOT_FOUND {
        reply = send(outgoing.get(&openid_location(&at))?, DOCUMENT_MAX).await?;
    }
    if reply.status != StatusCode::OK {
        let transient = reply.status.is_server_error() || reply.status == StatusCode::TOO_MANY_REQUESTS;
        let why = format!("{issuer} answered {} when asked for its metadata", reply.status.as_u16());
        return Err(NoReply { why, transient });
    }
    let document: Document = serde_json::from_slice(&reply.body)
        .map_err(|error| lasting(format!("the metadata of {issuer} is not what RFC 8414 asks for: {error}")))?;
    if document.issuer != issuer {
        let found = printable(&document.issuer, 200);
        return Err(lasting(format!(
            "the metadata names the issuer {found}, not {issuer}; they must be the same to the letter (RFC 8414 section 3.3)"
        )));
    }
    let checked = |what: &str, text: Option<String>| {
        let url = text.map(|text| endpoint::endpoint(what, &text, plain)).transpose();
        let url = url.map_err(|error| lasting(format!("in the metadata of {issuer}: {error}")))?;
        match url {
            Some(url) if url.scheme() == "http" && at.scheme() == "https" => {
                Err(lasting(format!("in the metadata of {issuer}: the {what} is http where the issuer is https")))
            }
            url => Ok(url),
        }
    };
    let all = |endpoints: Endpoints<String>| {
        Ok::<_, NoReply>(Endpoints {
            token_endpoint: checked("token_endpoint", endpoints.token_endpoint)?,
            introspection_endpoint: checked("introspection_endpoint", endpoints.introspection_endpoint)?,
        })
    };
    Ok(Metadata {
        endpoints: all(document.endpoints)?,
        mtls_endpoint_aliases: all(document.mtls_endpoint_aliases.unwrap_or_default())?,
        jwks_uri: checked("jwks_uri", document.jwks_uri)?,
    })
}

/// RFC 8414 §3.1: the well-known part goes between the host and the issuer's path.
fn oauth_location(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    url.set_path(&format!("{OAUTH_METADATA_PATH}{}", issuer.path().trim_end_matches('/')));
    url
}

/// OpenID Connect Discovery §4: it goes behind the issuer's path.
fn openid_location(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    url.set_path(&format!("{}{OPENID_METADATA_PATH}", issuer.path().trim_end_matches('/')));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8414_s3_1_the_path_follows_the_well_known_part() {
        for (issuer, oauth, openid) in [
            ("https://a.example", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"),
            (
                "https://a.example/x/",
                "/.well-known/oauth-authorization-server/x",
                "/x/.well-known/openid-configuration",
            ),
        ] {
            let issuer = Url::parse(issuer).unwrap();
            assert_eq!(oauth_location(&issuer).path(), oauth);
            assert_eq!(openid_location(&issuer).path(), openid);
        }
    }
}
