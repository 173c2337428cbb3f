//! Turns proto names into those of Go, which validation texts show, and those of the generated Rust.

use prost_reflect::{MessageDescriptor, OneofDescriptor};

/// `session_id` -> `SessionId`, as protoc-gen-go does it: a digit ends a word too.
pub fn go_field(name: &str) -> String {
    let mut out = String::new();
    let mut word_starts = true;
    for letter in name.chars() {
        match letter {
            '_' => word_starts = true,
            '0'..='9' => {
                out.push(letter);
                word_starts = true;
            }
            _ if word_starts => {
                out.push(letter.to_ascii_uppercase());
                word_starts = false;
            }
            _ => out.push(letter),
        }
    }
    out
}

/// `RequestChallenges.OTPEmail` -> `RequestChallenges_OTPEmail`.
pub fn go_message(message: &MessageDescriptor) -> String {
    inside_package(message).replace('.', "_")
}

/// The name of the message without its package.
pub fn inside_package(message: &MessageDescriptor) -> String {
    message
        .full_name()
        .strip_prefix(&format!("{}.", message.package_name()))
        .unwrap_or(message.full_name())
        .to_owned()
}

/// The name that the same message has in v2beta.
pub fn in_v2beta(full_name: &str) -> String {
    full_name.replacen(".v2.", ".v2beta.", 1)
}

/// The name that the same message has in v2, which is the one that has a Rust type.
pub fn in_v2(full_name: &str) -> String {
    full_name.replacen(".v2beta.", ".v2.", 1)
}

/// The path of the package's module, as the generated files see it.
fn rust_package(package: &str) -> String {
    format!("crate::generated::{}", package.replace('.', "::"))
}

/// The path of the Rust type of a message.
pub fn rust_message(message: &MessageDescriptor) -> String {
    let name = inside_package(message);
    let (outer, own) = name.rsplit_once('.').unwrap_or(("", &name));
    let modules: String =
        outer.split('.').filter(|part| !part.is_empty()).map(|part| snake(part) + "::").collect();
    format!("{}::{modules}{own}", rust_package(message.package_name()))
}

/// The path of the Rust enum of a oneof.
pub fn rust_oneof(oneof: &OneofDescriptor) -> String {
    let message = oneof.parent_message();
    let modules: String = inside_package(message).split('.').map(|part| snake(part) + "::").collect();
    format!("{}::__buffa::oneof::{modules}{}", rust_package(message.package_name()), pascal(oneof.name()))
}

/// The name of a field in a Rust struct.
pub fn rust_field(name: &str) -> String {
    if name == "type" { "r#type".to_owned() } else { name.to_owned() }
}

/// `ids_query` -> `IdsQuery`.
pub fn pascal(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('_') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// `OTPEmail` -> `otp_email`.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    let mut before: Option<char> = None;
    for (index, &letter) in letters.iter().enumerate() {
        let next_is_lower = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        let word_starts = before.is_some_and(|c| c.is_lowercase() || (c.is_uppercase() && next_is_lower));
        if letter.is_uppercase() && word_starts {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
        before = Some(letter);
    }
    out
}
