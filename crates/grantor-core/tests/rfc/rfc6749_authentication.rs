//! Client authentication: RFC 6749 §2.3, §3.2, §3.2.1, §5.2, appendices A and B.

use crate::encoding::{basic, form, least, lower_hex, upper_hex};
use crate::world::{ID, NOW, Request, SECRET, World};
use grantor_core::client::{CLIENT_ID_MAX, Credential, CredentialKind};
use grantor_core::client_auth::Method;
use grantor_core::error::{ErrorCode, OAuthError};
use grantor_core::secret::{SECRET_MAX, phc};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

/// Names and secrets that migrated clients bring.
const ODD: [(&str, &str); 8] = [
    ("svc", "plain"),
    ("urn:svc/eu 1", "a:b c"),
    ("a+b", "c+d"),
    ("100%", "%41"),
    ("%3A", "%2B%"),
    ("a&b=c", "&=?#\"\\"),
    (" lead", "trail "),
    ("~!@$^*()_-|{}[]<>;',.`", "~!@$^*()_-|{}[]<>;',.`"),
];

fn basic_form(id: &str, secret: &str) -> Request {
    Request::form("grant_type=client_credentials").authorization(basic(id, secret))
}

#[test]
fn s2_3_1_decodes_both_halves_once() {
    for (id, secret) in ODD {
        let world = World::of(id, secret);
        for encode in [form, upper_hex, lower_hex, least] {
            let issued = world.token(&basic_form(&encode(id), &encode(secret))).unwrap();
            assert!(!issued.unencoded_basic);
            assert_eq!(issued.claims["client_id"], id);
        }
        // Twice is once too often, and not at all is once too few.
        if form(id) != id {
            assert!(world.token(&basic_form(&form(&form(id)), &form(secret))).is_err(), "{id}");
        }
        if form(secret) != form(&form(secret)) {
            assert!(world.token(&basic_form(&form(id), &form(&form(secret)))).is_err(), "{secret}");
        }
    }
}

#[test]
fn s2_3_1_reads_the_body_form_alike() {
    for (id, secret) in ODD {
        for encode in [form, upper_hex, lower_hex] {
            let body =
                format!("grant_type=client_credentials&client_id={}&client_secret={}", encode(id), encode(secret));
            assert!(World::of(id, secret).token(&Request::form(body)).is_ok(), "{id}");
        }
    }
}

#[test]
fn s2_3_1_the_raw_form_is_for_clients_with_the_allowance() {
    // What does not decode, decodes to another id, or decodes to another secret.
    for (id, secret) in [("100%", "x"), ("svc", "100%"), ("a+b", "x"), ("a%41", "x"), ("svc", "c+d"), ("svc", "%41/+=")]
    {
        let mut world = World::of(id, secret);
        let request = basic_form(id, secret);
        let refused = world.refusal(&request);
        assert_eq!((refused.code, &*refused.public), (ErrorCode::InvalidClient, "client authentication failed"));
        world.metadata.allow_unencoded_basic = true;
        assert!(world.token(&request).unwrap().unencoded_basic, "{id} {secret}");
        assert!(!world.token(&basic_form(&form(id), &form(secret))).unwrap().unencoded_basic);
        assert!(world.token(&basic_form(id, "wrong+%41")).is_err());
    }
    let refused = World::of("svc", "c+d").refusal(&basic_form("svc", "c+d"));
    assert_eq!(refused.reason(), "unencoded_basic");
}

#[test]
fn s2_3_1_the_allowance_covers_imported_secrets() {
    let mut world = World::new();
    world.credentials.clear();
    world.add(CredentialKind::ImportedSecret { phc: phc::hash("c+d", &[1; 16]).unwrap() });
    assert!(world.token(&basic_form(ID, "c%2Bd")).is_ok());
    assert!(world.token(&basic_form(ID, "c+d")).is_err());
    world.metadata.allow_unencoded_basic = true;
    assert!(world.token(&basic_form(ID, "c+d")).unwrap().unencoded_basic);
}

#[test]
fn s2_3_exactly_one_method() {
    let secret = form(SECRET);
    let ways = [
        format!("&client_id={ID}&client_secret={secret}"),
        "&client_assertion=x.y.z&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer".into(),
        "&client_assertion=x".into(),
        "&client_assertion_type=x".into(),
    ];
    let mut several: Vec<Request> = ways.iter().map(|way| Request::grant(way)).collect();
    several.extend(ways[1..].iter().map(|way| Request::form(format!("grant_type=client_credentials{}{way}", ways[0]))));
    several.push(Request::form(format!("grant_type=client_credentials{}", ways[0])).authorization("Bearer x"));
    for request in several {
        let error = World::new().refusal(&request);
        assert_eq!((error.code, error.reason()), (ErrorCode::InvalidRequest, "several_auth_methods"));
    }
}

#[test]
fn s2_3_no_method_at_all() {
    for body in ["", &format!("&client_id={ID}"), "&client_secret="] {
        let error = World::new().refusal(&Request::form(format!("grant_type=client_credentials{body}")));
        assert_eq!((error.code, error.challenge), (ErrorCode::InvalidClient, true), "{body}");
    }
    let error = World::new().refusal(&Request::form("grant_type=client_credentials&client_secret=x"));
    assert_eq!(error.code, ErrorCode::InvalidRequest);
    let error = World::new().refusal(&Request::form("grant_type=client_credentials&client_assertion=x"));
    assert_eq!(error.code, ErrorCode::InvalidRequest);
}

#[test]
fn s3_2_1_client_id_in_the_body_equals_the_one_in_the_header() {
    assert!(World::new().token(&Request::grant("&client_id=svc")).is_ok());
    assert!(World::new().token(&Request::grant("&client_id=")).is_ok());
    for other in ["SVC", "svc2", "sv", "%20svc", "svc%00"] {
        let error = World::new().refusal(&Request::grant(&format!("&client_id={other}")));
        assert_eq!(error.code, ErrorCode::InvalidRequest, "{other}");
    }
}

#[test]
fn s3_2_1_client_id_in_the_body_says_which_reading_was_meant() {
    let mut world = World::of("a%41", "x");
    world.metadata.allow_unencoded_basic = true;
    let request = |body_id: &str| Request {
        body: format!("grant_type=client_credentials&client_id={}", form(body_id)).into(),
        ..basic_form("a%41", "x")
    };
    assert!(world.token(&request("a%41")).unwrap().unencoded_basic);
    // This names the client "aA", which there is not.
    assert!(world.token(&request("aA")).is_err());
    world = World::of("aA", "x");
    assert!(world.token(&request("aA")).is_ok());
    assert!(world.token(&request("a%41")).is_err());
}

#[test]
fn s5_2_all_failures_look_alike() {
    let change = |change: fn(&mut World)| {
        let mut world = World::new();
        change(&mut world);
        world
    };
    let seen = |error: OAuthError| (error.code, error.public, error.challenge, error.retry_after_s);
    let right = Request::grant("");
    let wrong = Request::form("grant_type=client_credentials").basic(ID, "wrong");
    let unknown = seen(World::of("another", SECRET).refusal(&right));
    assert_eq!(unknown, (ErrorCode::InvalidClient, "client authentication failed".into(), true, None));
    assert_eq!(unknown, seen(World::new().refusal(&wrong)));
    for (reason, world) in [
        ("client_disabled", change(|world| world.metadata.enabled = false)),
        ("credential_revoked", change(|world| world.credentials[0].revoked_at = Some(NOW + 99))),
        ("credential_expired", change(|world| world.credentials[0].expires_at = Some(NOW))),
        ("credential_not_yet_valid", change(|world| world.credentials[0].not_before = Some(NOW + 1))),
        ("wrong_secret", change(|world| world.credentials.clear())),
        (
            "pepper_missing",
            change(|world| {
                world.credentials[0].kind = match world.credentials[0].kind.clone() {
                    CredentialKind::Secret(mut hashed) => {
                        hashed.pepper = "lost".into();
                        CredentialKind::Secret(hashed)
                    }
                    other => other,
                }
            }),
        ),
    ] {
        let error = world.refusal(&right);
        assert_eq!(error.reason(), reason);
        assert_eq!(seen(error), unknown, "{reason}");
    }
    // In the body they look alike too, without a challenge for a scheme that was not used.
    let unknown = seen(World::of("another", SECRET).refusal(&Request::post(ID, SECRET)));
    assert_eq!(unknown, seen(World::new().refusal(&Request::post(ID, "wrong"))));
    assert!(!unknown.2);
}

#[test]
fn s5_2_a_cause_never_holds_what_was_presented() {
    for secret in ["hunter2hunter2", "grsecDAMAGEDdamagedDAMAGED"] {
        for request in [Request::form("grant_type=client_credentials").basic(ID, secret), Request::post(ID, secret)] {
            for world in [World::new(), World::of("another", "x")] {
                let error = world.refusal(&request);
                assert!(!format!("{error} {error:?}").contains(secret));
            }
            let parsed = request.read(|incoming| {
                grantor_core::token_request::TokenRequest::parse(incoming, &Default::default()).unwrap()
            });
            assert!(!format!("{parsed:?}").contains(secret));
        }
    }
}

#[test]
fn s2_3_1_credentials_count_within_their_time() {
    let at = |change: fn(&mut Credential)| {
        let mut world = World::new();
        change(&mut world.credentials[0]);
        world.token(&Request::grant("")).is_ok()
    };
    assert!(at(|credential| credential.not_before = Some(NOW)));
    assert!(!at(|credential| credential.not_before = Some(NOW + 1)));
    assert!(at(|credential| credential.expires_at = Some(NOW + 1)));
    assert!(!at(|credential| credential.expires_at = Some(NOW)));
    assert!(!at(|credential| credential.revoked_at = Some(NOW)));
}

#[test]
fn s2_3_1_several_secrets_work_side_by_side() {
    let mut world = World::new();
    world.add_secret("second");
    world.add(CredentialKind::ImportedSecret { phc: phc::hash("third", &[1; 16]).unwrap() });
    let by =
        |world: &World, secret| world.token(&Request::form("grant_type=client_credentials").basic(ID, secret)).is_ok();
    assert!(by(&world, SECRET) && by(&world, "second") && by(&world, "third"));
    world.credentials[0].revoked_at = Some(NOW);
    assert!(!by(&world, SECRET) && by(&world, "second") && by(&world, "third"));
    world.credentials[2].expires_at = Some(NOW);
    assert!(by(&world, "second") && !by(&world, "third") && !by(&world, "fourth"));
}

#[test]
fn s2_3_only_a_registered_method() {
    for (only, right, other) in [
        (Method::ClientSecretBasic, Request::grant(""), Request::post(ID, SECRET)),
        (Method::ClientSecretPost, Request::post(ID, SECRET), Request::grant("")),
    ] {
        let world = World::with(|metadata| metadata.token_endpoint_auth_methods = vec![only]);
        assert!(world.token(&right).is_ok());
        let error = world.refusal(&other);
        assert_eq!((error.code, error.reason()), (ErrorCode::InvalidClient, "auth_method_not_registered"));
        assert!(error.public.contains(only.as_str()));
    }
    // Whoever does not know the secret learns nothing about methods.
    let world = World::with(|metadata| metadata.token_endpoint_auth_methods = vec![Method::ClientSecretBasic]);
    assert_eq!(world.refusal(&Request::post(ID, "wrong")).public, "client authentication failed");
}

#[test]
fn s3_2_a_parameter_without_value_counts_as_omitted() {
    for more in
        ["&client_secret=", "&client_secret", "&scope=", "&resource=", "&audience=", "&client_assertion=", "&&", "&="]
    {
        assert!(World::new().token(&Request::grant(more)).is_ok(), "{more}");
    }
    let error = World::new().refusal(&Request::form("grant_type=").basic(ID, SECRET));
    assert_eq!(error.code, ErrorCode::InvalidRequest);
}

#[test]
fn s3_2_a_repeated_parameter_is_refused() {
    for more in [
        "&grant_type=client_credentials",
        "&grant_type=",
        "&scope=read&scope=read",
        "&scope=read&scope=",
        "&scope&scope",
        "&client_id=svc&client_id=svc",
        "&client_secret=&client_secret=",
        "&client_assertion=&client_assertion=",
        "&client_assertion_type=&client_assertion_type=",
        "&%67rant_type=client_credentials",
    ] {
        assert_eq!(World::new().refusal(&Request::grant(more)).code, ErrorCode::InvalidRequest, "{more}");
    }
    let twice = Request {
        body: b"grant_type=client_credentials&client_id=svc&client_secret=x&client_secret=x".into(),
        ..Request::form("")
    };
    assert_eq!(World::new().refusal(&twice).code, ErrorCode::InvalidRequest);
}

#[test]
fn s3_2_unknown_parameters_are_ignored() {
    for more in [
        "&__proto__=x&constructor=x&a%5Bb%5D=c&a[b]=c",
        "&client_secret[]=x&client_secret.x=y&Client_Secret=x&CLIENT_ID=other&Scope=admin&SCOPE=%00",
        "&x=1&x=2&nonce=1&state=2&code=x&username=u&password=p",
        "&scope%00=admin&%20scope=admin&scope%20=admin",
        "&=x&%00=%00",
    ] {
        assert_eq!(World::new().token(&Request::grant(more)).unwrap().scope(), "read write", "{more}");
    }
}

#[test]
fn s3_2_a_form_that_is_none_is_refused() {
    for more in ["&a=%", "&a=%2", "&a=%zz", "&%=1", "&a=%ff", "&a=%c0%af", "&a=%ed%a0%80"] {
        assert_eq!(World::new().refusal(&Request::grant(more)).code, ErrorCode::InvalidRequest, "{more}");
    }
    let mut request = Request::grant("&a=");
    request.body.push(0xff);
    assert_eq!(World::new().refusal(&request).code, ErrorCode::InvalidRequest);
    let many = "&x=1".repeat(64);
    assert_eq!(World::new().refusal(&Request::grant(&many)).code, ErrorCode::InvalidRequest);
}

#[test]
fn s2_3_1_nothing_about_the_client_in_the_url() {
    for query in [
        "client_secret=x",
        "client_secret",
        "client%5Fsecret=x",
        "a=b&client_id=svc",
        "client_assertion=x",
        "grant_type=client_credentials",
        "scope=read",
        "access_token=x",
        "token=x",
    ] {
        let request = Request { uri: format!("/connect/token?{query}"), ..Request::grant("") };
        let error = World::new().refusal(&request);
        assert_eq!((error.code, error.reason()), (ErrorCode::InvalidRequest, "parameter_in_url"), "{query}");
    }
    for query in ["", "x=1", "CLIENT_SECRET=x", "tenant=%", "%zz"] {
        let request = Request { uri: format!("/connect/token?{query}"), ..Request::grant("") };
        assert!(World::new().token(&request).is_ok(), "{query}");
    }
}

#[test]
fn s4_4_2_only_the_form_media_type() {
    let request = |media_type: &'static str| {
        let mut request = Request::grant("");
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        request
    };
    for media_type in [
        "application/x-www-form-urlencoded",
        "APPLICATION/X-WWW-Form-UrlEncoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "application/x-www-form-urlencoded;charset=utf-8;x=\"y;z\"",
        "application/x-www-form-urlencoded ; x",
    ] {
        assert!(World::new().token(&request(media_type)).is_ok(), "{media_type}");
    }
    for media_type in [
        "",
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencoded2",
        "application/x-www-form-urlencoded, text/plain",
        "x/application/x-www-form-urlencoded",
        "application",
    ] {
        assert_eq!(World::new().refusal(&request(media_type)).code, ErrorCode::InvalidRequest, "{media_type}");
    }
    let mut none = Request::grant("");
    none.headers.remove(CONTENT_TYPE);
    assert_eq!(World::new().refusal(&none).code, ErrorCode::InvalidRequest);
    for (coding, fine) in [("identity", true), ("gzip", false), ("identity, gzip", false), ("br", false)] {
        assert_eq!(World::new().token(&Request::grant("").header(CONTENT_ENCODING, coding)).is_ok(), fine, "{coding}");
    }
}

#[test]
fn appendix_a_the_longest_and_one_more() {
    let (id, secret) = ("i".repeat(CLIENT_ID_MAX), "s".repeat(SECRET_MAX));
    let world = World::of(&id, &secret);
    for encode in [form, upper_hex, lower_hex] {
        assert!(world.token(&basic_form(&encode(&id), &encode(&secret))).is_ok());
    }
    assert!(world.token(&Request::post(&id, &secret)).is_ok());
    // Nothing is cut: every character counts.
    for i in [0, 71, 72, 255, 1022, 1023] {
        let mut other = secret.clone();
        other.replace_range(i..=i, "t");
        assert!(world.token(&Request::post(&id, &other)).is_err(), "{i}");
    }
    for (id, secret) in [
        (format!("{id}i"), secret.clone()),
        (id.clone(), format!("{secret}s")),
        (id.clone(), secret[1..].to_owned()),
        (id[1..].to_owned(), secret.clone()),
        (String::new(), secret.clone()),
    ] {
        assert!(world.token(&Request::post(&id, &secret)).is_err());
        assert!(world.token(&basic_form(&form(&id), &form(&secret))).is_err());
    }
}

#[test]
fn appendix_a_what_is_out_of_bounds_works_not_even_where_it_is_registered() {
    let long = |max: usize| "x".repeat(max + 1);
    for (id, secret) in [
        (long(CLIENT_ID_MAX), "x".to_owned()),
        ("svc".into(), long(SECRET_MAX)),
        ("svc\0".into(), "x".into()),
        ("svc".into(), "x\0".into()),
        ("svc".into(), "\u{7f}".into()),
        ("s\tvc".into(), "x".into()),
        ("süc".into(), "x".into()),
        ("svc".into(), String::new()),
    ] {
        let world = World::of(&id, &secret);
        assert!(world.token(&Request::post(&id, &secret)).is_err(), "{id:?} {secret:?}");
        assert!(world.token(&basic_form(&form(&id), &form(&secret))).is_err(), "{id:?} {secret:?}");
    }
}

#[test]
fn appendix_a_an_imported_secret_is_compared_whole_too() {
    let secret = "s".repeat(SECRET_MAX);
    let mut world = World::new();
    world.credentials.clear();
    world.add(CredentialKind::ImportedSecret { phc: phc::hash(&secret, &[1; 16]).unwrap() });
    assert!(world.token(&Request::post(ID, &secret)).is_ok());
    assert!(world.token(&Request::post(ID, &secret[1..])).is_err());
}

#[test]
fn appendix_a_comparison_is_exact() {
    let world = World::of("Svc", "Se cret");
    assert!(world.token(&Request::post("Svc", "Se cret")).is_ok());
    for (id, secret) in [
        ("svc", "Se cret"),
        ("Svc ", "Se cret"),
        (" Svc", "Se cret"),
        ("Svc", "se cret"),
        ("Svc", "Se cret "),
        ("Svc", " Se cret"),
        ("Svc", "Secret"),
        ("Svc", "Se\u{a0}cret"),
        ("Svc", "Se cret\0"),
        ("Svc\0", "Se cret"),
        ("Svc", "Se cret\r\n"),
        ("Svc", "Se%20cret"),
        ("Svc", "Se cre_"),
        ("Svc", "%"),
        ("Sv_", "Se cret"),
        ("Ѕvc", "Se cret"),
    ] {
        let post = world.refusal(&Request::post(id, secret));
        assert_eq!(post.code, ErrorCode::InvalidClient, "{id:?} {secret:?}");
        let header = world.refusal(&basic_form(&form(id), &form(secret)));
        assert_eq!((header.code, header.challenge), (ErrorCode::InvalidClient, true), "{id:?} {secret:?}");
    }
}
