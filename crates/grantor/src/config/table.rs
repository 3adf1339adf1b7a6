//! Turns the one table of settings into structs, defaults, known keys and documentation.

/// One setting, as the documentation and the readers of files and variables see it.
#[derive(Debug)]
pub struct Setting {
    /// Empty for the settings outside all sections.
    pub section: &'static str,
    pub name: &'static str,
    /// As it is written with its section: `limits.body_max_bytes`.
    pub key: &'static str,
    /// The environment variable: `GRANTOR_LIMITS__BODY_MAX_BYTES`.
    pub env: String,
    /// What kind of value it takes, in words.
    pub kind: &'static str,
    /// As it would be written in the file.
    pub default: Option<String>,
    pub range: Option<std::ops::RangeInclusive<u64>>,
    /// A limit that 0 switches off.
    pub zero_is_off: bool,
    pub about: String,
}

/// `section: Struct { name: type = default, range; }`, each with the comment that documents it. The section
/// `top` stands for the settings outside all sections.
macro_rules! settings {
    ($(
        $(#[doc = $section_about:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $about:literal])+
                $name:ident: $ty:ty = $default:expr $(, $range:expr)?;
            )+
        }
    )+) => {
        $(
            $(#[doc = $section_about])+
            #[derive(Debug, Clone, PartialEq)]
            pub struct $Section {
                $($(#[doc = $about])+ pub $name: $ty,)+
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $($name: $default,)+ }
                }
            }
        )+

        /// The configuration as written: every value is of its kind and in its range, but they have not been
        /// held against each other.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct RawConfig {
            $(pub $section: $Section,)+
        }

        impl RawConfig {
            /// Sets `key`, which is a known one, to what is written. The error says what to write instead.
            pub(super) fn set(&mut self, key: &str, written: &Written<'_>) -> Result<(), String> {
                $($(
                    if key == settings!(@key $section $name) {
                        self.$section.$name = Value::read(written, settings!(@range $($range)?))?;
                        return Ok(());
                    }
                )+)+
                Err(format!("{key} is no setting; see docs/reference/configuration.md"))
            }

            /// The value of `key` as it would be written in the file; `None` when it has none.
            pub(super) fn show(&self, key: &str) -> Option<String> {
                $($(
                    if key == settings!(@key $section $name) {
                        return self.$section.$name.show();
                    }
                )+)+
                None
            }
        }

        /// Sections in the order of the table, with what they are about.
        pub(super) fn sections() -> Vec<(&'static str, String)> {
            vec![$((settings!(@section $section), concat!($($section_about, "\n"),+).trim().replace("\n ", "\n"))),+]
        }

        fn all() -> Vec<Setting> {
            let defaults = RawConfig::default();
            vec![$($(
                {
                    let key = settings!(@key $section $name);
                    Setting {
                        section: settings!(@section $section),
                        name: stringify!($name),
                        key,
                        env: format!("GRANTOR_{}", key.replace('.', "__").to_ascii_uppercase()),
                        kind: <$ty as Value>::KIND,
                        default: defaults.show(key),
                        range: settings!(@range $($range)?),
                        zero_is_off: <$ty as Value>::ZERO_IS_OFF,
                        about: concat!($($about),+).trim().to_owned(),
                    }
                }
            ),+),+]
        }
    };

    (@section top) => { "" };
    (@section $section:ident) => { stringify!($section) };
    (@key top $name:ident) => { stringify!($name) };
    (@key $section:ident $name:ident) => { concat!(stringify!($section), ".", stringify!($name)) };
    (@range) => { None };
    (@range $range:expr) => { Some($range) };
}

pub(super) use settings;
