//! The look of a secret made here: `grsec`, 43 base62 characters (256 random bits), 6 of CRC-32.
//! Letters and digits only, so percent-encoding cannot break it; the prefix lets scanners find a leaked one,
//! the checksum tells a typing error from a wrong secret.

use zeroize::Zeroizing;

const PREFIX: &str = "grsec";
const BODY: usize = 43;
const CHECK: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a secret looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFormat {
    /// Made by Grantor, and whole.
    Generated,
    /// Starts like one made by Grantor, but the length or checksum is wrong: cut or mistyped.
    Damaged,
    /// Anything else: chosen by a person or another server.
    Other,
}

/// Makes a secret from 256 random bits.
pub fn generate(random: &[u8; 32]) -> Zeroizing<String> {
    let mut secret = Zeroizing::new(String::with_capacity(PREFIX.len() + BODY + CHECK));
    secret.push_str(PREFIX);
    secret.push_str(&base62(random, BODY));
    let check = crc32fast::hash(secret.as_bytes());
    secret.push_str(&base62(&check.to_be_bytes(), CHECK));
    secret
}

pub fn examine(secret: &str) -> SecretFormat {
    if !secret.starts_with(PREFIX) {
        return SecretFormat::Other;
    }
    let whole = secret.len() == PREFIX.len() + BODY + CHECK && secret.is_ascii() && {
        let (body, check) = secret.split_at(secret.len() - CHECK);
        *base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK) == *check
    };
    if whole { SecretFormat::Generated } else { SecretFormat::Damaged }
}

/// A big-endian number in base 62, padded with zeros to `digits`.
fn base62(number: &[u8], digits: usize) -> Zeroizing<String> {
    let mut rest = Zeroizing::new(number.to_vec());
    let mut out = Zeroizing::new(vec![b'0'; digits]);
    for place in out.iter_mut().rev() {
        let mut remainder = 0u32;
        for byte in rest.iter_mut() {
            let value = remainder << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        *place = ALPHABET[remainder as usize];
    }
    Zeroizing::new(out.iter().map(|b| char::from(*b)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_is_letters_and_digits_and_checks() {
        for random in [[0u8; 32], [0xff; 32], [7; 32]] {
            let secret = generate(&random);
            assert_eq!(secret.len(), 54);
            assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric()));
            assert_eq!(examine(&secret), SecretFormat::Generated);
        }
        assert_ne!(*generate(&[0; 32]), *generate(&[1; 32]));
    }

    #[test]
    fn typing_errors_are_told_from_other_secrets() {
        let secret = generate(&[9; 32]);
        assert_eq!(examine(&secret[..53]), SecretFormat::Damaged);
        let mut typo = secret.to_string().into_bytes();
        typo[10] = if typo[10] == b'a' { b'b' } else { b'a' };
        assert_eq!(examine(std::str::from_utf8(&typo).unwrap()), SecretFormat::Damaged);
        assert_eq!(examine("hunter2"), SecretFormat::Other);
    }

    #[test]
    fn base62_holds_the_whole_number() {
        assert_eq!(*base62(&[0xff; 4], 6), "4gfFC3");
        assert_eq!(*base62(&[61], 2), "0z");
    }
}
