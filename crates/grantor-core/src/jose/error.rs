use std::borrow::Cow;

/// What is wrong with a key, a signature or a token: a sentence for operators that repeats no part of a token but short,
/// cleaned names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoseError(Cow<'static, str>);

impl JoseError {
    pub(crate) fn new(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self(sentence.into())
    }
}

impl std::fmt::Display for JoseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JoseError {}
