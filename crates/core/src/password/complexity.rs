//! The complexity policy: what a new password must contain.

use serde::{Deserialize, Serialize};

/// What a new password must contain. The default asks for everything and at least 8 characters.
///
/// Letters and digits are those of ASCII, and a symbol is every character that is none of them, so that `ä` and a
/// space are symbols: the reference tests with `[a-z]`, `[A-Z]`, `[0-9]` and `[^A-Za-z0-9]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Complexity {
    /// Least number of Unicode code points.
    pub min_length: u32,
    /// Whether a lower case letter is needed.
    pub lower: bool,
    /// Whether an upper case letter is needed.
    pub upper: bool,
    /// Whether a digit is needed.
    pub number: bool,
    /// Whether a symbol is needed.
    pub symbol: bool,
}

impl Default for Complexity {
    fn default() -> Self {
        Self { min_length: 8, lower: true, upper: true, number: true, symbol: true }
    }
}

/// The first rule that a password breaks, in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComplexityViolation {
    /// Fewer than `min_length` code points.
    TooShort,
    /// No lower case letter.
    Lower,
    /// No upper case letter.
    Upper,
    /// No digit.
    Number,
    /// No symbol.
    Symbol,
}

impl Complexity {
    /// Checks a new password.
    ///
    /// # Errors
    /// The first rule that it breaks, in the order of [`ComplexityViolation`].
    pub fn check(&self, password: &str) -> Result<(), ComplexityViolation> {
        let lacks = |class: fn(&char) -> bool| !password.chars().any(|character| class(&character));
        let length = u32::try_from(password.chars().count()).unwrap_or(u32::MAX);
        let rules = [
            (length < self.min_length, ComplexityViolation::TooShort),
            (self.lower && lacks(char::is_ascii_lowercase), ComplexityViolation::Lower),
            (self.upper && lacks(char::is_ascii_uppercase), ComplexityViolation::Upper),
            (self.number && lacks(char::is_ascii_digit), ComplexityViolation::Number),
            (
                self.symbol && lacks(|character| !character.is_ascii_alphanumeric()),
                ComplexityViolation::Symbol,
            ),
        ];
        rules.into_iter().find(|(broken, _)| *broken).map_or(Ok(()), |(_, violation)| Err(violation))
    }
}

#[cfg(test)]
mod tests {
    use super::ComplexityViolation::{Lower, Number, Symbol, TooShort, Upper};
    use super::*;

    #[test]
    fn the_first_broken_rule_is_named_in_the_order_of_the_reference() {
        let policy = Complexity::default();
        for (password, expected) in [
            ("", Err(TooShort)),
            ("Aa1!Aa1", Err(TooShort)),
            ("        ", Err(Lower)),
            ("AAAA1111", Err(Lower)),
            ("aaaaaaaa", Err(Upper)),
            ("aaaaAAAA", Err(Number)),
            ("aaAA1111", Err(Symbol)),
            ("aaAA11!!", Ok(())),
        ] {
            assert_eq!(policy.check(password), expected, "{password:?}");
        }
    }

    #[test]
    fn letters_and_digits_beyond_ascii_count_as_symbols() {
        let policy = Complexity::default();
        assert_eq!(policy.check("ÄÖÜäöü12"), Err(Lower));
        assert_eq!(policy.check("aA१२३४५६"), Err(Number));
        assert_eq!(policy.check("aaaaAA1ß"), Ok(()));
        assert_eq!(policy.check("aaaaAA1 "), Ok(()));
    }

    #[test]
    fn length_is_counted_in_code_points() {
        let policy = Complexity { min_length: 4, lower: false, upper: false, number: false, symbol: false };
        assert_eq!(policy.check("😀😀😀"), Err(TooShort));
        assert_eq!(policy.check("😀😀😀😀"), Ok(()));
    }

    #[test]
    fn each_rule_can_be_switched_off() {
        let none = Complexity { min_length: 0, lower: false, upper: false, number: false, symbol: false };
        assert_eq!(none.check(""), Ok(()));
        assert_eq!(Complexity { lower: true, ..none }.check("A1!"), Err(Lower));
        assert_eq!(Complexity { upper: true, ..none }.check("a1!"), Err(Upper));
        assert_eq!(Complexity { number: true, ..none }.check("aA!"), Err(Number));
        assert_eq!(Complexity { symbol: true, ..none }.check("aA1"), Err(Symbol));
        assert_eq!(Complexity { min_length: 1, ..none }.check(""), Err(TooShort));
    }
}
