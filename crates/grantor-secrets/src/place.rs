//! What comes after the scheme: parts that are checked here once, so that they can be put into addresses.

/// Longest reference, in bytes.
pub(crate) const REFERENCE_MAX_BYTES: usize = 1024;

/// `PATH#PART`, both there.
pub(crate) fn with_part<'a>(text: &'a str, usage: &str) -> Result<(&'a str, &'a str), String> {
    match text.split_once('#') {
        Some((path, part)) if is_path(path) && is_name(part) => Ok((path, part)),
        _ => Err(usage.to_owned()),
    }
}

/// Segments between slashes; none is empty or walks.
pub(crate) fn is_path(text: &str) -> bool {
    text.split('/').all(is_name)
}

/// One segment: nothing that an address would read as something else.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | '?' | '#' | '%');
    !matches!(text, "" | "." | "..") && text.trim() == text && text.chars().all(plain)
}

/// Letters, digits, `-`, `_` and `.`: what the names of cloud resources are made of.
pub(crate) fn is_plain(text: &str) -> bool {
    is_name(text) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
