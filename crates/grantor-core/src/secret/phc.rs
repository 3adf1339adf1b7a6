//! Slow hashes of secrets that may be weak, as PHC strings: argon2id, bcrypt, PBKDF2-SHA-256 and -SHA-512.
//!
//! A hash sits in the registration and is run once per first use, so its cost is bounded when it is registered:
//! an imported hash must not become a way to stop the server.

use crate::jose::{constant_time_eq, pbkdf2};
use argon2::password_hash::{PasswordVerifier, phc::PasswordHash};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Longest PHC string accepted.
const PHC_MAX: usize = 512;
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;
const BCRYPT_COST_MAX: u32 = 16;
const ARGON2_KIB_MAX: u32 = 1 << 20;
const ARGON2_PASSES_MAX: u32 = 32;
/// bcrypt looks at no more than this; a longer secret would match by its beginning alone.
const BCRYPT_SECRET_MAX: usize = 72;

/// Whether `phc` can be verified here; if not, why, and what can.
pub fn check(phc: &str) -> Result<(), String> {
    parse(phc).map(drop)
}

/// Runs the slow hash: tens of milliseconds and more. False for anything that does not match or parse.
pub fn verify(phc: &str, secret: &str) -> bool {
    match parse(phc) {
        Ok(Hash::Argon2(hash)) => argon2::Argon2::default().verify_password(secret.as_bytes(), &*hash).is_ok(),
        Ok(Hash::Bcrypt) => secret.len() <= BCRYPT_SECRET_MAX && bcrypt::verify(secret, phc).unwrap_or(false),
        Ok(Hash::Pbkdf2 { sha512, rounds, salt, hash }) => {
            let mut computed = vec![0u8; hash.len()];
            pbkdf2(sha512, rounds, &salt, secret.as_bytes(), &mut computed);
            constant_time_eq(&computed, &hash)
        }
        Err(_) => false,
    }
}

/// Hashes a secret chosen by a person, with argon2id at the cost OWASP names (19 MiB, 2 passes).
pub fn hash(secret: &str, salt: &[u8; 16]) -> Result<String, String> {
    use argon2::password_hash::CustomizedPasswordHasher as _;
    argon2::Argon2::default()
        .hash_password_customized(secret.as_bytes(), salt, None, None, argon2::Params::default())
        .map(|hash| hash.to_string())
        .map_err(|error| error.to_string())
}

/// The scheme's name, for lists.
pub fn scheme(phc: &str) -> &str {
    phc.split('$').nth(1).unwrap_or_default()
}

enum Hash {
    Argon2(Box<PasswordHash>),
    Bcrypt,
    Pbkdf2 { sha512: bool, rounds: u32, salt: Vec<u8>, hash: Vec<u8> },
}

fn parse(phc: &str) -> Result<Hash, String> {
    if phc.len() > PHC_MAX {
        return Err(format!("a PHC string has at most {PHC_MAX} characters"));
    }
    match scheme(phc) {
        "argon2id" => argon2id(phc),
        "2a" | "2b" | "2y" => bcrypt_hash(phc),
        "pbkdf2-sha256" => pbkdf2_hash(phc, false),
        "pbkdf2-sha512" => pbkdf2_hash(phc, true),
        _ => {
            Err("not a PHC string known here; use $argon2id$…, $2b$… (bcrypt), $pbkdf2-sha256$… or $pbkdf2-sha512$…"
                .into())
        }
    }
}

fn argon2id(phc: &str) -> Result<Hash, String> {
    let hash = PasswordHash::new(phc).map_err(|error| format!("not a valid argon2id PHC string: {error}"))?;
    let cost = argon2::Params::try_from(&hash).map_err(|error| format!("not a valid argon2id PHC string: {error}"))?;
    if hash.hash.is_none() || hash.salt.is_none() {
        return Err("the argon2id PHC string lacks its salt or hash".into());
    }
    if cost.m_cost() > ARGON2_KIB_MAX || cost.t_cost() > ARGON2_PASSES_MAX {
        return Err(format!("argon2id may cost at most m={ARGON2_KIB_MAX} (KiB) and t={ARGON2_PASSES_MAX}"));
    }
    Ok(Hash::Argon2(Box::new(hash)))
}

fn bcrypt_hash(phc: &str) -> Result<Hash, String> {
    let parts: bcrypt::HashParts =
        phc.parse().map_err(|_| "not a valid bcrypt hash; expected $2b$COST$ and 53 characters".to_owned())?;
    if parts.get_cost() > BCRYPT_COST_MAX {
        return Err(format!("bcrypt may cost at most {BCRYPT_COST_MAX}"));
    }
    Ok(Hash::Bcrypt)
}

/// `$pbkdf2-sha256$i=600000[,l=32]$SALT$HASH`, base64 without padding; passlib's form, with a bare number of rounds
/// and `.` for `+`, is read too.
fn pbkdf2_hash(phc: &str, sha512: bool) -> Result<Hash, String> {
    let bad = || {
        format!(
            "not a valid PBKDF2 PHC string; expected ${}$i=ROUNDS$SALT$HASH with base64 without padding",
            scheme(phc)
        )
    };
    let mut fields = phc.split('$').skip(2);
    let (Some(cost), Some(salt), Some(hash), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(bad());
    };
    let rounds = cost.split(',').next().and_then(|i| i.strip_prefix("i=").unwrap_or(i).parse().ok()).ok_or_else(bad)?;
    if rounds == 0 || rounds > PBKDF2_ROUNDS_MAX {
        return Err(format!("PBKDF2 may take 1 to {PBKDF2_ROUNDS_MAX} rounds"));
    }
    let bytes = |text: &str| STANDARD_NO_PAD.decode(text.replace('.', "+")).map_err(|_| bad());
    let (salt, hash) = (bytes(salt)?, bytes(hash)?);
    if salt.is_empty() || !(16..=64).contains(&hash.len()) {
        return Err(bad());
    }
    Ok(Hash::Pbkdf2 { sha512, rounds, salt, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_other_tools_verify() {
        // bcrypt: the vector of the crypt_blowfish test suite; PBKDF2: RFC 7914 §11 (80,000 rounds, NaCl).
        let bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        assert!(verify(bcrypt, "U*U"));
        assert!(!verify(bcrypt, "U*V"));
        let sha256 = "$pbkdf2-sha256$i=80000$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ";
        assert!(verify(sha256, "Password"));
        assert!(!verify(sha256, "password"));
    }

    #[test]
    fn a_fresh_argon2id_hash_verifies_and_is_whole() {
        let long = "x".repeat(1024);
        let phc = hash(&long, &[1; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(check(&phc).is_ok());
        assert!(verify(&phc, &long));
        assert!(!verify(&phc, &long[..1023]));
    }

    #[test]
    fn bcrypt_never_matches_by_the_first_72_bytes_alone() {
        let secret = "a".repeat(72);
        let phc = bcrypt::hash_with_salt(&secret, 4, [1; 16]).unwrap().to_string();
        assert!(verify(&phc, &secret));
        assert!(!verify(&phc, &format!("{secret}b")));
    }

    #[test]
    fn costs_that_would_stop_the_server_are_refused() {
        for phc in [
            "$pbkdf2-sha256$i=99999999$TmFDbA$Td3Y9gGD1gTphNiD8+an+KFgml6YRhrNegvxsf0krIM",
            "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$argon2id$v=19$m=4194304,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$n2iAc8aNM3yQmpJ5o8yWZXZBgtBDSkA3Zr2oQJxcRHY",
            "$argon2i$v=19$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$n2iAc8aNM3yQmpJ5o8yWZXZBgtBDSkA3Zr2oQJxcRHY",
            "$1$abc$def",
            "plain",
        ] {
            assert!(check(phc).is_err(), "{phc}");
            assert!(!verify(phc, "x"));
        }
    }
}
