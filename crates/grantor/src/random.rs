//! The only place that makes random bytes.
//!
//! A request needs a few: an id for itself, a `jti`, perhaps a nonce. Asking the generator for each costs a
//! call and a reseed check every time, so each thread keeps a small buffer, filled in one call.
//! What was handed out is zeroed there, and so is the rest when the thread ends.

use std::cell::RefCell;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const BUFFER: usize = 512;

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool { bytes: Zeroizing::new([0; BUFFER]), left: 0 });
}

/// The last `left` bytes are random and not yet handed out; all others are zero.
struct Pool {
    bytes: Zeroizing<[u8; BUFFER]>,
    left: usize,
}

impl Pool {
    fn fill(&mut self, out: &mut [u8]) {
        if self.left < out.len() {
            fresh(self.bytes.as_mut_slice());
            self.left = BUFFER;
        }
        let start = BUFFER - self.left;
        let taken = &mut self.bytes[start..start + out.len()];
        out.copy_from_slice(taken);
        taken.zeroize();
        self.left -= out.len();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one door to the random generator")]
fn fresh(out: &mut [u8]) {
    aws_lc_rs::rand::fill(out).expect("the operating system has random bytes");
}

/// Fills `out` with random bytes fit for keys.
pub fn fill(out: &mut [u8]) {
    if out.len() > BUFFER / 4 {
        return fresh(out);
    }
    // While a thread is being torn down its buffer may be gone already.
    if POOL.try_with(|pool| pool.borrow_mut().fill(out)).is_err() {
        fresh(out);
    }
}

/// `N` random bytes fit for keys.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// Lower-case base 32 without the letters that are mistaken for digits when read aloud (Crockford's).
const SPOKEN: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const REQUEST_ID: usize = 16;

/// Names one request in logs, in the response and in `grantor explain`: 80 random bits in 16 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; REQUEST_ID]);

impl RequestId {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a request id is ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub fn request_id() -> RequestId {
    RequestId(bytes::<REQUEST_ID>().map(|byte| SPOKEN[usize::from(byte & 31)]))
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` letters and digits, all equally likely: 5.95 bits each, so 43 of them hold 256 bits.
pub fn base62(length: usize) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(length));
    while out.len() < length {
        let [byte] = bytes::<1>();
        // 248 is the largest multiple of 62 below 256; the few bytes above would favour the first digits.
        if byte < 248 {
            out.push(char::from(BASE62[usize::from(byte % 62)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_value_is_handed_out_twice() {
        let seen: HashSet<[u8; 16]> = (0..10_000).map(|_| bytes()).collect();
        assert_eq!(seen.len(), 10_000);
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(bytes::<16>)).collect();
        let ids: HashSet<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn the_buffer_forgets_what_it_handed_out() {
        let mut pool = Pool { bytes: Zeroizing::new([0; BUFFER]), left: 0 };
        let mut out = [0; 100];
        for _ in 0..20 {
            pool.fill(&mut out);
            let used = BUFFER - pool.left;
            assert!(pool.bytes[..used].iter().all(|byte| *byte == 0));
            assert!(pool.left == 0 || pool.bytes[used..].iter().any(|byte| *byte != 0));
            assert!(out.iter().any(|byte| *byte != 0));
        }
    }

    #[test]
    fn any_length_can_be_asked_for() {
        for length in [0, 1, 127, 128, 129, 511, 512, 513, 5000] {
            let mut out = vec![0; length];
            fill(&mut out);
            assert!(length < 100 || out.iter().collect::<HashSet<_>>().len() > 20);
        }
    }

    #[test]
    fn request_ids_and_keys_are_letters_and_digits() {
        let id = request_id();
        assert_eq!(id.as_str().len(), 16);
        assert!(id.as_str().bytes().all(|byte| SPOKEN.contains(&byte)), "{id}");
        let key = base62(43);
        assert!(key.len() == 43 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let many = base62(20_000);
        assert_eq!(many.bytes().collect::<HashSet<_>>().len(), 62);
    }
}
