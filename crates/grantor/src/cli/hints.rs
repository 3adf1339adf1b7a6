//! What to change, for every reason why a request can be refused.

mod proof;

/// By reason. `{client}` stands for the client of the request, `{domain}` for the flag that names its domain.
const HINTS: &[(&str, &str)] = &[
    // Who is calling
    (
        "unknown_client",
        "Check the spelling of the client_id and which domain's issuer it was sent to, or register it: grantor client \
         create {client}{domain}",
    ),
    (
        "wrong_secret",
        "Give the service the right secret, or make a new one for it: grantor credential rotate {client}{domain}\nSee what \
         it has: grantor credential list {client}{domain}",
    ),
    ("client_disabled", "Enable it: grantor client update {client} --enable{domain}"),
    (
        "credential_revoked",
        "Give the service its newer secret, or make one: grantor credential create {client}{domain}",
    ),
    (
        "credential_expired",
        "Give the service its newer secret, or make one: grantor credential create {client}{domain}\nOr let this one live \
         longer: grantor credential update {client} CREDENTIAL --expires-at 30d{domain}",
    ),
    (
        "credential_not_yet_valid",
        "Wait, check this machine's clock, or let it begin now: grantor credential update {client} CREDENTIAL --unset \
         not-before{domain}",
    ),
    (
        "pepper_missing",
        "Bring back the pepper: restore pepper.key in the data folder, or what the setting `pepper` refers to, from a \
         backup. Without it, rotate the secret: grantor credential rotate {client}{domain}",
    ),
    (
        "unencoded_basic",
        "Form-encode client_id and secret before they are joined and base64-encoded (RFC 6749 section 2.3.1), or \
         accept the raw form: grantor client update {client} --allow-unencoded-basic{domain}",
    ),
    (
        "auth_method_not_registered",
        "Let the service authenticate in the registered way, or register both: grantor client update {client} \
         --auth-method METHOD{domain}",
    ),
    (
        "several_auth_methods",
        "Send the secret in one place: either the Authorization header, or client_secret in the body.",
    ),
    (
        "client_ids_differ",
        "Leave client_id out of the body, or send the same one as in the Authorization header (RFC 6749 section 2.3).",
    ),
    ("no_client_auth", "Send credentials, for instance: curl -u {client}:SECRET -d grant_type=client_credentials …"),
    (
        "malformed_basic",
        "The header is `Authorization: Basic ` and the base64 of `client_id:secret`, both form-encoded before (RFC \
         6749 section 2.3.1). With curl: -u ID:SECRET",
    ),
    (
        "malformed_credentials",
        "client_id and client_secret are visible ASCII characters and spaces (RFC 6749 appendix A); look for a newline \
         or a stray character where the service reads them.",
    ),
    (
        "failed_auth_limit",
        "This client failed too often from this address. Repair the service first; the limits are \
         `limits.failed_auth_per_minute` and `limits.failed_auth_burst`.",
    ),
    // What they ask for
    (
        "parameter_in_url",
        "Send all parameters in the body. What was in the URL may be in logs now: if that was a secret, rotate it: \
         grantor credential rotate {client}{domain}",
    ),
    (
        "grant_type_not_registered",
        "Let it use the grant type: grantor client update {client} --grant-type client_credentials{domain}",
    ),
    (
        "client_without_resource",
        "Give it a resource: grantor client update {client} --resource URI{domain}\nSee which there are: grantor resource \
         list{domain}",
    ),
    (
        "resource_needed",
        "Let the service send `resource`, or give the client a default: grantor client update {client} \
         --default-resource URI{domain}",
    ),
    (
        "resource_not_allowed",
        "Correct what the service sends as `resource` or `audience`, or add it to the client's resources, all of which \
         are named: grantor client update {client} --resource URI --resource URI{domain}",
    ),
    (
        "scope_not_allowed",
        "Ask for less, or let the client and the resource have the scope: grantor client update {client} --scope \
         SCOPES{domain} and grantor resource update NAME --scope SCOPES{domain}",
    ),
    (
        "token_too_long",
        "Let the service ask for fewer scopes or resources at once, or shorten the client's extra claims: grantor \
         client show {client}{domain}",
    ),
    (
        "token_of_another_client",
        "Only the client that got a token can revoke it (RFC 7009 section 2.1). An administrator can end all of a \
         client's tokens: grantor client revoke-tokens OWNER{domain}",
    ),
    // Why a token is not active
    ("token_not_valid", "Get a new token. If it should still be good, look at it with: grantor inspect TOKEN"),
    (
        "not_for_this_caller",
        "Let the caller introspect tokens of that API: grantor client update {client} --introspect-resource URI{domain}",
    ),
    ("token_revoked", "It was revoked, which is final; get a new token."),
    ("client_gone", "The client that got the token was deleted; its tokens ended with it."),
    // Plain error codes, where the answer itself says all there is
    ("invalid_request", "The answer says what to change in the request."),
    ("invalid_client", "The answer says what to change in how the service authenticates."),
    (
        "unauthorized_client",
        "The answer says what this client may not do; its registration: grantor client show {client}{domain}",
    ),
    ("unsupported_grant_type", "Send grant_type=client_credentials."),
    ("invalid_scope", "Correct the scope; what the client may ask for: grantor client show {client}{domain}"),
    ("invalid_target", "Correct the resource; what the client may ask for: grantor client show {client}{domain}"),
    ("unsupported_token_type", "Only access tokens exist here."),
    ("server_error", "Look at the server's log around this request id."),
    ("temporarily_unavailable", "Try again; if it lasts, look at the server's log around this request id."),
    // The server itself
    (
        "replay_ids_full",
        "Raise `limits.replay_ids_max`, or let clients make assertions and proofs that live shorter: each is remembered \
         for as long as it could be used again.",
    ),
    (
        "replay_unavailable",
        "Make room on the server's disk, or repair it; the detail says what failed. Without a place to remember spent ids, \
         no assertion and no DPoP proof is accepted.",
    ),
    (
        "slow_hash_queue_full",
        "Imported secrets are slow to check. Rotate them to generated ones (grantor credential rotate {client}{domain}), \
         or raise `limits.slow_hash_concurrency` and `limits.slow_hash_queue_max`.",
    ),
    (
        "tokens_ended_ahead",
        "All tokens of this client were ended at a time that this machine has not reached: set the clocks of all \
         nodes (NTP), and look whether this one went back.",
    ),
    ("not_ready", "The server is stopping, or its database does not answer; look at its log."),
    ("store", "The database does not answer. Look at the disk of the data folder and at the server's log."),
    ("keys", "The signing keys cannot be read or made; look at the server's log, and at: grantor key list{domain}"),
    ("sign", "A signing key does not work; look at the server's log, and replace it with: grantor key rotate{domain}"),
    ("claims", "The client's extra claims cannot be written; see: grantor client show {client}{domain}"),
    ("slow_hash", "The server is stopping, or a thread of it failed; try again, and look at its log."),
    ("render", "An answer could not be written, which is a fault of Grantor; please report it with the log."),
];

/// What to change about a request that was refused for `reason`.
pub fn hint(reason: &str) -> Option<&'static str> {
    all().find(|(name, _)| *name == reason).map(|(_, hint)| *hint)
}

fn all() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    HINTS.iter().chain(proof::HINTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Calls whose first argument names a reason.
    const NAMING: [&str; 8] =
        ["because(", "internal(", "refused(", "inactive(", "wrong(", "problem(", "invalid(", "reason: \""];

    fn reasons_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("grantor/src/cli") {
                continue;
            }
            if path.is_dir() {
                reasons_in(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                for naming in NAMING {
                    let arguments = code.split(naming).skip(1).map(str::trim_start);
                    let quoted = arguments.filter_map(|rest| match naming.ends_with('"') {
                        true => rest.split('"').next(),
                        false => rest.strip_prefix('"')?.split('"').next(),
                    });
                    let is_name = |text: &&str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                    found.extend(quoted.filter(is_name).map(str::to_owned));
                }
            }
        }
    }

    fn reasons() -> BTreeSet<String> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = BTreeSet::new();
        reasons_in(&crates.join("grantor-core/src"), &mut found);
        reasons_in(&crates.join("grantor/src"), &mut found);
        found
    }

    #[test]
    fn every_reason_has_a_hint() {
        let reasons = reasons();
        assert!(reasons.len() > 25, "the reasons were not found: {reasons:?}");
        let without: Vec<_> = reasons.iter().filter(|reason| hint(reason).is_none()).collect();
        assert!(without.is_empty(), "say in cli/hints.rs what to change for {without:?}");
    }

    #[test]
    fn every_error_code_has_a_hint() {
        use grantor_core::error::ErrorCode::*;
        let codes = [
            InvalidRequest,
            InvalidClient,
            UnauthorizedClient,
            UnsupportedGrantType,
            InvalidScope,
            InvalidTarget,
            UnsupportedTokenType,
            ServerError,
            TemporarilyUnavailable,
            TooManyRequests,
        ];
        for code in codes {
            assert!(hint(code.as_str()).is_some(), "{code:?}");
        }
    }

    #[test]
    fn no_hint_is_left_over() {
        let codes = "invalid_request invalid_client unauthorized_client unsupported_grant_type invalid_scope \
                     invalid_target unsupported_token_type server_error temporarily_unavailable";
        let reasons = reasons();
        for (name, _) in all() {
            assert!(reasons.contains(*name) || codes.contains(name), "{name} is the reason of nothing");
        }
    }
}
