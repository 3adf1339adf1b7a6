//! Hints about assertions, certificates and DPoP proofs: proof without a secret on the wire.

/// As [`super::HINTS`].
pub(super) const HINTS: &[(&str, &str)] = &[
    ("assertion_incomplete", "Send both client_assertion and client_assertion_type (RFC 7521 section 4.2)."),
    (
        "assertion_type",
        "Send client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer, URL-encoded once.",
    ),
    (
        "assertion_malformed",
        "Send a signed JWT (RFC 7519) in compact form, alg one of ES256, ES384, EdDSA, PS256, RS256 or HS256, times as \
         numbers. The detail says what cannot be read.",
    ),
    (
        "assertion_alg",
        "Let the service sign with the registered algorithm, or change the registration: grantor client update {client} \
         --auth-signing-alg ALG{domain}",
    ),
    (
        "assertion_key_unknown",
        "Register the key's public half: grantor credential create {client} --jwks FILE{domain}\nSee which keys it has: \
         grantor credential list {client}{domain}",
    ),
    (
        "assertion_signature",
        "The key is not the registered one, or the JWT was changed on its way. Compare the kid and the key with: grantor \
         credential list {client}{domain}\nFor client_secret_jwt, make a secret that can verify: grantor credential \
         create {client} --hmac-secret{domain}",
    ),
    ("assertion_typ", "Leave typ out of the header, or write client-authentication+jwt."),
    ("assertion_iss", "Write the client_id into both iss and sub (RFC 7523 section 3)."),
    (
        "assertion_aud",
        "Write the issuer, to the letter, as the only aud. While the service cannot be changed, accept the token \
         endpoint's URL: grantor client update {client} --allow-token-endpoint-audience{domain}",
    ),
    ("assertion_exp", "Write an exp into the assertion, a minute or so ahead (RFC 7523 section 3)."),
    (
        "assertion_expired",
        "Make an assertion for each request, and set the clocks of the service and of this machine (NTP).",
    ),
    (
        "assertion_too_long",
        "Let the service write an exp that is nearer: a minute ahead is enough. The longest is \
         `limits.assertion_lifetime_max_s`.",
    ),
    ("assertion_not_yet", "Set the clocks of the service and of this machine (NTP)."),
    ("assertion_jti", "Write a jti of at most 256 characters, a new one for each assertion."),
    (
        "assertion_replayed",
        "Make an assertion for each request, with a jti of its own, also when a request is repeated.",
    ),
    // Published keys
    (
        "jwks_uri_refused",
        "The settings allow no request to this jwks_uri any more, though it was registered once. Register one that begins \
         with https:// and leads to the public internet, or list its host in `jwks_fetch.allowed_hosts`: grantor credential \
         list {client}{domain}",
    ),
    (
        "jwks_uri_address_refused",
        "If the client may publish its keys inside your network, add the host that the detail names to \
         `jwks_fetch.allowed_hosts`. If not, look who registered it, and who answers for that name in DNS.",
    ),
    (
        "jwks_uri_unreachable",
        "Try it from the server's machine: curl -v URL. Requests go straight, through no proxy, so a firewall must let them \
         out. Keys fetched before go on being used for `jwks_fetch.stale_max_s`.",
    ),
    (
        "jwks_uri_timeout",
        "Let the client's server answer sooner, or raise `jwks_fetch.timeout_s`. Look also whether a firewall drops the \
         packets: curl -v URL from the server's machine.",
    ),
    (
        "jwks_uri_untrusted",
        "Let the client's server show a certificate for its name, with all intermediates. If it is of a CA of your own, name \
         that CA in `jwks_fetch.ca_certificates`.",
    ),
    (
        "jwks_uri_redirected",
        "Redirects are not followed. Register the URL that it leads to; a credential's URL does not change, so make a new \
         one and delete the old: grantor credential list {client}{domain}",
    ),
    (
        "jwks_uri_status",
        "Let the client's server answer with 200 and the key set, to whoever asks and without a login.",
    ),
    ("jwks_uri_too_long", "Let the client publish its present keys only, or raise `jwks_fetch.body_max_bytes`."),
    (
        "jwks_uri_malformed",
        "Let the client publish a JWK Set (RFC 7517 section 5): {\"keys\": [...]}, public halves only. The detail says what \
         cannot be read.",
    ),
    // Certificates
    (
        "no_client_certificate",
        "Send the request over mutual TLS to the token_endpoint in mtls_endpoint_aliases of the metadata, with a \
         certificate: curl --cert cert.pem --key key.pem … Behind a proxy, let it pass the certificate on.",
    ),
    (
        "certificate_no_match",
        "See which client the certificate is for, and what each expects: grantor credential test-certificate FILE{domain}\n\
         Register it, or its name: grantor credential create {client} --certificate FILE{domain}",
    ),
    (
        "certificate_untrusted",
        "Let the client send its certificate with the intermediates behind it, or name the CA that signed it: grantor domain \
         update DOMAIN --trust-anchors FILE",
    ),
    (
        "certificate_signature",
        "Let the client send the intermediates that really signed its certificate. If the CA has a new key, name its new \
         certificate too: grantor domain update DOMAIN --trust-anchors FILE",
    ),
    (
        "certificate_expired",
        "Renew the certificate that the detail names. Its name stays the same, so nothing else changes.",
    ),
    ("certificate_not_yet_valid", "Wait, or set the clock of this machine (NTP)."),
    (
        "certificate_revoked",
        "Give the service a new certificate. Its CA revoked this one, and takes that back only for one on hold.",
    ),
    (
        "certificate_revocation_unknown",
        "Name the revocation lists of all CAs of the path, or of none: grantor domain update DOMAIN --crls FILE",
    ),
    ("crl_expired", "Fetch the newer list of that CA and put it into its file; the server reads it again by itself."),
    (
        "crl_untrusted",
        "Take the list from the CA that signed the certificate, and see that the key usage of that CA has cRLSign.",
    ),
    (
        "certificate_wrong_usage",
        "Let the CA make a certificate for clients: extended key usage clientAuth, key usage digitalSignature, and no CA.",
    ),
    ("certificate_malformed", "Look at the certificate: openssl x509 -in cert.pem -text"),
    ("certificate_weak_key", "Give the service a key of its own with at least 2048 bits (RSA), or one on P-256."),
    (
        "certificate_path_length",
        "Let the CA that the detail names allow more CAs below itself, or sign with a higher one.",
    ),
    (
        "certificate_name_constraint",
        "Let the CA make a certificate within the names that the detail lists, or sign with a CA that may.",
    ),
    (
        "trust_anchors_missing",
        "Say whose certificates count in this domain: grantor domain update DOMAIN --trust-anchors FILE",
    ),
    (
        "trust_anchors_unreadable",
        "Put the file back that the detail names, readable for the user of the server, or name another: grantor domain \
         update DOMAIN --trust-anchors FILE",
    ),
    (
        "certificate_to_bind_missing",
        "Let the service send the request over mutual TLS, to the token_endpoint in mtls_endpoint_aliases of the metadata. \
         Or bind no longer: grantor client update {client} --certificate-bound-tokens=false{domain}",
    ),
    (
        "key_to_bind_missing",
        "Let the service send a DPoP proof or use mutual TLS, or let the resource take any token: grantor resource update \
         NAME --unset sender-constraint{domain}",
    ),
    // DPoP
    (
        "dpop_missing",
        "Let the service send a DPoP proof (RFC 9449), for instance: grantor token {client} --dpop{domain}\nOr bind no \
         longer: grantor client update {client} --dpop-bound-tokens=false{domain}",
    ),
    (
        "dpop_malformed",
        "Send one signed JWT in compact form in the DPoP header, of at most 8,192 characters. The detail says what cannot \
         be read.",
    ),
    ("dpop_repeated", "Send the DPoP header once."),
    ("dpop_typ", "Write typ dpop+jwt into the header of the proof (RFC 9449 section 4.2)."),
    (
        "dpop_key",
        "Write the public half of the key into the proof's header as jwk: EC (P-256, P-384), OKP (Ed25519) or RSA, and \
         never the private members.",
    ),
    ("dpop_signature", "Sign the proof with the private half of the very key in its header."),
    ("dpop_claims", "Write jti, htm, htu and iat into the proof, times as numbers (RFC 9449 section 4.2)."),
    ("dpop_htm", "Write the method of the request into htm: POST at the token endpoint."),
    (
        "dpop_htu",
        "Write the URL of the token endpoint into htu, as the metadata has it. Behind a proxy, the issuer is what counts.",
    ),
    ("dpop_nonce", "Nothing, if the service tries again with the nonce of the DPoP-Nonce header (RFC 9449 section 8)."),
    ("dpop_ath", "Write the SHA-256 of the access token, in base64url, into ath (RFC 9449 section 4.3)."),
    ("dpop_binding", "Make the proof with the key that the token was bound to when it was issued."),
    ("dpop_expired", "Make a proof for each request, and set the clocks of the service and of this machine (NTP)."),
    ("dpop_early", "Set the clocks of the service and of this machine (NTP)."),
    ("dpop_replayed", "Make a proof for each request, with a jti of its own, also when a request is repeated."),
];
