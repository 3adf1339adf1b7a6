//! How a value is read from a file, a variable or a flag. The setting's own type says what is expected, so text
//! that merely looks like a number (`00123`, `1e5`) stays text where text is due.
//!
//! A message has two halves, joined by `; `: what is wrong, and what to write instead.

use crate::secrets::SecretRef;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// What stands in a file, a variable or a flag.
pub(super) struct Written<'a> {
    pub form: Form<'a>,
    /// Relative paths are taken from here: the folder of the file they are written in, else empty.
    pub folder: &'a Path,
}

#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    Toml(&'a DeValue<'a>),
    /// From a variable or a flag, which have no types.
    Text(&'a str),
}

pub(super) trait Value: Sized {
    /// In words, for the reference page.
    const KIND: &'static str;
    const ZERO_IS_OFF: bool = false;
    fn read(written: &Written<'_>, range: Option<RangeInclusive<u64>>) -> Result<Self, String>;
    /// As it would be written in the file; `None` when there is no value.
    fn show(&self) -> Option<String>;
}

impl Written<'_> {
    fn text(&self, example: &str) -> Result<&str, String> {
        match self.form {
            Form::Text("") => Err(format!("it is empty; unset it, or write a value such as {example}")),
            Form::Text(text) => Ok(text),
            Form::Toml(DeValue::String(text)) if text.is_empty() => {
                Err(format!("it is empty; leave the line out, or write a value such as \"{example}\""))
            }
            Form::Toml(DeValue::String(text)) => Ok(text),
            Form::Toml(other) => Err(format!("it is {}; write it in quotes, such as \"{example}\"", article(other))),
        }
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

impl Value for String {
    const KIND: &'static str = "text";

    fn read(written: &Written<'_>, _: Option<RangeInclusive<u64>>) -> Result<Self, String> {
        written.text("text").map(str::to_owned)
    }

    fn show(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "path";

    fn read(written: &Written<'_>, _: Option<RangeInclusive<u64>>) -> Result<Self, String> {
        let text = written.text("/var/lib/grantor")?;
        if text.contains('\0') {
            return Err("it holds a NUL character; write a path".into());
        }
        Ok(written.folder.join(text))
    }

    fn show(&self) -> Option<String> {
        Some(format!("{:?}", self.display().to_string()))
    }
}

impl Value for SecretRef {
    const KIND: &'static str = "secret reference";

    fn read(written: &Written<'_>, _: Option<RangeInclusive<u64>>) -> Result<Self, String> {
        let text = written.text("file:/run/secrets/name")?;
        Ok(SecretRef::parse(text)?.built_in()?.relative_to(written.folder))
    }

    /// The kind only, as in `Debug`.
    fn show(&self) -> Option<String> {
        Some(format!("\"{}:…\"", self.scheme()))
    }
}

impl Value for SocketAddr {
    const KIND: &'static str = "address and port";

    fn read(written: &Written<'_>, _: Option<RangeInclusive<u64>>) -> Result<Self, String> {
        let text = written.text("127.0.0.1:8080")?;
        text.parse().map_err(|_| {
            format!(
                "'{text}' is not an IP address with a port; write 127.0.0.1:8080, [::1]:8080, or 0.0.0.0:8080 for all \
                 addresses"
            )
        })
    }

    fn show(&self) -> Option<String> {
        Some(format!("\"{self}\""))
    }
}

/// A network, or a single address. Both in the family that connections show: never IPv4 in IPv6's clothes.
impl Value for IpNet {
    const KIND: &'static str = "network";

    fn read(written: &Written<'_>, _: Option<RangeInclusive<u64>>) -> Result<Self, String> {
        let text = written.text("10.0.0.0/24")?;
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.to_canonical().into());
        }
        let example = "write 10.0.0.0/24, 2001:db8::/64, or an address";
        let network: Self = text.parse().map_err(|_| format!("'{text}' is no network; {example}"))?;
        if network.prefix_len() == 0 {
            return Err(format!("'{text}' is every address there is; name only what is meant: {example}"));
        }
        if network.addr().to_canonical() != network.addr() {
            return Err(format!("'{text}' is a network of IPv4 in the form of IPv6; write it as IPv4"));
        }
        match network.trunc() {
            whole if whole == network => Ok(network),
            whole => Err(format!("'{text}' begins inside a network; write {whole}, or {} alone", network.addr())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(if self.prefix_len() == self.max_prefix_len() {
            format!("\"{}\"", self.addr())
        } else {
            format!("\"{self}\"")
        })
    }
}

impl Value for bool {
    const KIND: &'static str = "true or false";

    fn read(written: &Written<'_>, _: Option<RangeInclusive<u64>>) -> Result<Self, String> {
        match written.form {
            Form::Toml(DeValue::Boolean(value)) => Ok(*value),
            Form::Text("true") => Ok(true),
            Form::Text("false") => Ok(false),
            Form::Text(text) => Err(format!("'{text}' is neither true nor false; write one of them")),
            Form::Toml(other) => Err(format!("it is {}; write true or false, without quotes", article(other))),
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

fn read_number(written: &Written<'_>, range: Option<RangeInclusive<u64>>) -> Result<u64, String> {
    let range = range.unwrap_or(0..=u64::MAX);
    let (low, high) = (range.start(), range.end());
    let (number, shown) = match written.form {
        Form::Toml(DeValue::Integer(number)) => {
            (i128::from_str_radix(number.as_str(), number.radix()).ok(), number.as_str())
        }
        // `parse` alone would take a plus sign.
        Form::Text(text) if text.starts_with('+') => (None, text),
        Form::Text(text) => (text.parse().ok(), text),
        Form::Toml(other) => {
            return Err(format!("it is {}; write a whole number from {low} to {high}, without quotes", article(other)));
        }
    };
    match number {
        None => Err(format!("'{shown}' is not a whole number; write one from {low} to {high}")),
        Some(number) => u64::try_from(number)
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| format!("{number} is out of range; write a whole number from {low} to {high}")),
    }
}

macro_rules! numbers {
    ($($ty:ty)+) => {$(
        impl Value for $ty {
            const KIND: &'static str = "whole number";

            fn read(written: &Written<'_>, range: Option<RangeInclusive<u64>>) -> Result<Self, String> {
                let number = read_number(written, range)?;
                <$ty>::try_from(number).map_err(|_| format!("{number} is too large; write at most {}", <$ty>::MAX))
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }

        /// A limit: 0 switches it off.
        impl Value for Option<$ty> {
            const KIND: &'static str = <$ty as Value>::KIND;
            const ZERO_IS_OFF: bool = true;

            fn read(written: &Written<'_>, range: Option<RangeInclusive<u64>>) -> Result<Self, String> {
                <$ty as Value>::read(written, range).map(|number| (number != 0).then_some(number))
            }

            fn show(&self) -> Option<String> {
                Some(self.unwrap_or_default().to_string())
            }
        }
    )+};
}

numbers!(u32 u64 usize);

macro_rules! optional {
    ($($ty:ty)+) => {$(
        impl Value for Option<$ty> {
            const KIND: &'static str = <$ty as Value>::KIND;

            fn read(written: &Written<'_>, range: Option<RangeInclusive<u64>>) -> Result<Self, String> {
                <$ty as Value>::read(written, range).map(Some)
            }

            fn show(&self) -> Option<String> {
                self.as_ref().and_then(Value::show)
            }
        }
    )+};
}

optional!(String PathBuf SecretRef SocketAddr);

macro_rules! choices {
    ($($(#[doc = $about:literal])+ $Name:ident { $($Variant:ident = $text:literal),+ })+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name { $($Variant),+ }

        impl $Name {
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$Variant => $text),+ }
            }
        }

        impl Value for $Name {
            const KIND: &'static str = concat!("one of", $(" `", $text, "`"),+);

            fn read(written: &Written<'_>, _: Option<RangeInclusive<u64>>) -> Result<Self, String> {
                let known = [$($text),+];
                match written.text(known[0])? {
                    $($text => Ok(Self::$Variant),)+
                    other => Err(format!("'{other}' is not a choice; write one of {}", known.join(", "))),
                }
            }

            fn show(&self) -> Option<String> {
                Some(format!("{:?}", self.as_str()))
            }
        }
    )+};
}

choices! {
    /// How log lines look.
    LogFormat { Text = "text", Json = "json" }
    /// In which header a proxy passes a client's certificate on.
    CertificateHeader {
        None = "none",
        ClientCert = "client-cert",
        XForwardedClientCert = "x-forwarded-client-cert",
        XSslClientCert = "x-ssl-client-cert",
        XForwardedTlsClientCert = "x-forwarded-tls-client-cert"
    }
    /// In which header proxies note the address they were called from.
    AddressHeader { None = "none", Forwarded = "forwarded", XForwardedFor = "x-forwarded-for" }
    /// The least severe messages that are written.
    LogLevel { Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace" }
    /// A version of TLS.
    TlsVersion { V1_3 = "1.3", V1_2 = "1.2" }
}

/// In the file a TOML array; in a variable or flag the same, or items between commas.
impl<T: Value> Value for Vec<T> {
    const KIND: &'static str = "list";

    fn read(written: &Written<'_>, range: Option<RangeInclusive<u64>>) -> Result<Self, String> {
        let item = |form| T::read(&Written { form, folder: written.folder }, range.clone());
        match written.form {
            Form::Toml(DeValue::Array(items)) => items.iter().map(|value| item(Form::Toml(value.get_ref()))).collect(),
            Form::Toml(other) => Err(format!("it is {}; write a list, such as [\"a\", \"b\"]", article(other))),
            Form::Text(text) if text.trim_start().starts_with('[') => match DeValue::parse(text.trim()) {
                Ok(value) => Self::read(&Written { form: Form::Toml(value.get_ref()), folder: written.folder }, range),
                Err(_) => Err("it is not a list; write items between commas, or [\"a\", \"b\"]".into()),
            },
            Form::Text(text) => text.split(',').map(|text| item(Form::Text(text.trim()))).collect(),
        }
    }

    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.iter().filter_map(Value::show).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}
