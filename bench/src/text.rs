//! Growing texts.

use std::fmt::{Arguments, Write as _};

/// Appends to a text, which cannot fail.
pub fn say(text: &mut String, words: Arguments<'_>) {
    _ = text.write_fmt(words);
}
