//! The description of a key: what it means, which values it takes, and its names. Loading, messages, the printed
//! configuration and the example file all read these descriptions, so none of them can forget a key.

use toml::Value;

/// Which values a key takes.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// A whole number between two bounds, both included, in a unit.
    Whole { least: i64, most: i64, unit: &'static str },
    /// True or false.
    Switch,
    /// One word of a list.
    OneOf(&'static [&'static str]),
    /// A text of some shape.
    Text { shape: &'static str, fits: fn(&str) -> bool },
    /// A text of some shape; the empty text means that it is not set.
    Optional { shape: &'static str, fits: fn(&str) -> bool },
    /// As `Optional`, and never shown.
    Secret { shape: &'static str, fits: fn(&str) -> bool },
    /// A list of texts.
    List { shape: &'static str, fits: fn(&str) -> bool },
    /// Texts that stand for other texts: a table.
    Map { shape: &'static str, fits: fn(&str, &str) -> bool },
}

/// One key of a section.
pub(super) struct Key {
    pub name: &'static str,
    pub doc: &'static [&'static str],
    pub rule: Rule,
}

/// One section: its keys, then the sections inside it.
pub(super) struct Section {
    /// Dotted path; empty for the root.
    pub path: &'static str,
    pub about: &'static [&'static str],
    pub keys: &'static [Key],
    pub inner: &'static [&'static Section],
    /// Sections that there may be any number of, none by default: each is written with two pairs of brackets.
    pub many: &'static [&'static Section],
    /// The defaults of its keys.
    pub defaults: fn() -> toml::Table,
}

/// A key together with its dotted path.
pub(super) struct Leaf {
    pub path: String,
    pub key: &'static Key,
}

impl Section {
    /// This section and those inside it, outermost first.
    pub fn walk(&'static self) -> Vec<&'static Section> {
        let mut all = vec![self];
        all.extend(self.inner.iter().flat_map(|section| section.walk()));
        all
    }

    pub fn leaves(&'static self) -> Vec<Leaf> {
        self.walk()
            .into_iter()
            .flat_map(|section| section.keys.iter().map(|key| Leaf { path: section.path_of(key.name), key }))
            .collect()
    }

    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// The environment variable that sets the key with this path.
pub(super) fn env_name(path: &str) -> String {
    format!("{}{}", super::layer::PREFIX, path.replace('.', "_").to_uppercase())
}

impl Rule {
    /// Says in words what is allowed.
    pub fn allowed(&self) -> String {
        match self {
            Self::Whole { least, most, unit: "" } => {
                format!("a whole number from {least} to {most}")
            }
            Self::Whole { least, most, unit } => {
                format!("a whole number of {unit} from {least} to {most}")
            }
            Self::Switch => "true or false".to_owned(),
            Self::OneOf(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                quoted.join(" or ")
            }
            Self::Text { shape, .. } => (*shape).to_owned(),
            Self::Optional { shape, .. } | Self::Secret { shape, .. } => {
                format!("{shape}, or empty for none")
            }
            Self::List { shape, .. } => format!("a list of {shape}"),
            Self::Map { shape, .. } => format!("a table of {shape}"),
        }
    }

    pub fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Whole { least, most, .. }, Value::Integer(number)) => (least..=most).contains(&number),
            (Self::Switch, Value::Boolean(_)) => true,
            (Self::OneOf(words), Value::String(text)) => words.contains(&text.as_str()),
            (Self::Text { fits, .. }, Value::String(text)) => fits(text),
            (Self::Optional { fits, .. } | Self::Secret { fits, .. }, Value::String(text)) => {
                text.is_empty() || fits(text)
            }
            (Self::List { fits, .. }, Value::Array(items)) => {
                items.iter().all(|item| item.as_str().is_some_and(fits))
            }
            (Self::Map { fits, .. }, Value::Table(table)) => {
                table.iter().all(|(name, value)| value.as_str().is_some_and(|value| fits(name, value)))
            }
            _ => false,
        }
    }

    /// Reads a value as it is written in an environment variable or behind a flag. What does not read stays a text,
    /// which `accepts` then refuses with the words of the rule.
    pub fn read(&self, text: &str) -> Value {
        match self {
            Self::Whole { .. } => text.parse().map(Value::Integer).ok(),
            Self::Switch => text.parse().map(Value::Boolean).ok(),
            Self::List { .. } => Some(Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::String(item.to_owned()))
                    .collect(),
            )),
            _ => None,
        }
        .unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// True for a value that says "not set".
    pub fn is_unset(&self, value: &Value) -> bool {
        matches!(self, Self::Optional { .. } | Self::Secret { .. }) && value.as_str() == Some("")
    }

    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { .. })
    }
}

/// Declares a section once: the struct, its defaults and the description of its keys.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident($path:literal) {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr, $rule:expr;)*
        $(in $inner:ident: $inner_type:ident;)*
        $(many $many:ident: $many_type:ident;)*
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)*
            $(pub $inner: $inner_type,)*
            $(#[serde(skip_serializing_if = "Vec::is_empty")] pub $many: Vec<$many_type>,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* $($inner: $inner_type::default(),)* $($many: Vec::new(),)* }
            }
        }

        impl $name {
            pub(super) const SECTION: crate::config::rule::Section = crate::config::rule::Section {
                path: $path,
                about: &[$($about),+],
                keys: &[$(crate::config::rule::Key {
                    name: stringify!($field),
                    doc: &[$($doc),+],
                    rule: $rule,
                }),*],
                inner: &[$(&$inner_type::SECTION),*],
                many: &[$(&$many_type::SECTION),*],
                defaults: || toml::Table::try_from($name::default()).unwrap_or_default(),
            };
        }
    };
}

pub(super) use section;
