//! Token revocation: the request. What happens then is the server's to test.

use crate::world::{ID, Request, SECRET};
use grantor_core::error::ErrorCode;
use grantor_core::token::TokenQuery;

#[test]
fn s2_1_the_request_names_a_token_and_perhaps_its_type() {
    let parse = |request: &Request| request.read(|incoming| TokenQuery::parse(incoming, &Default::default()));
    for (body, fine) in [
        ("token=x", true),
        ("token=x&token_type_hint=refresh_token", true),
        ("token=x&token_type_hint=made_up", true),
        ("token=x&unknown=y", true),
        ("token_type_hint=access_token", false),
        ("token=x&token=y", false),
    ] {
        let parsed = parse(&Request::form(body).basic(ID, SECRET));
        assert_eq!(parsed.is_ok(), fine, "{body}");
        assert!(fine || parsed.unwrap_err().code == ErrorCode::InvalidRequest);
    }
    let in_url = Request { uri: "/connect/revocation?token=x".into(), ..Request::form("token=x").basic(ID, SECRET) };
    assert_eq!(parse(&in_url).unwrap_err().code, ErrorCode::InvalidRequest);
    assert_eq!(parse(&Request::form("token=x")).unwrap_err().code, ErrorCode::InvalidClient);
    assert!(!format!("{:?}", parse(&Request::form("token=s3cr3t").basic(ID, SECRET)).unwrap()).contains("s3cr3t"));
}
