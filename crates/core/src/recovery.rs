//! Recovery codes: for the day on which the phone lies in the river. Each works once.

use crate::base::Secret;

/// 32 letters and digits that nobody takes for one another: neither 0 and O nor 1 and I.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// How many characters a code has: 60 bits.
const LENGTH: usize = 12;

/// How many characters stand together.
const GROUP: usize = 4;

/// Codes of a user, if nothing is said.
pub const USUAL_COUNT: u32 = 10;

/// Codes that a user can have at most.
pub const MOST: u32 = 50;

/// Draws a code, such as `7KXW-2MPA-Q4HD`. Five bits make a character, so every one is equally likely.
#[must_use]
pub fn draw(chance: u64) -> Secret {
    let mut code = String::with_capacity(LENGTH + LENGTH / GROUP);
    let mut rest = chance;
    for place in 0..LENGTH {
        if place > 0 && place % GROUP == 0 {
            code.push('-');
        }
        let letter = ALPHABET.iter().cycle().nth((rest % 32) as usize);
        code.extend(letter.map(|letter| char::from(*letter)));
        rest /= 32;
    }
    Secret::new(code)
}

/// What was typed, without what nobody has to get right: case, dashes and blanks.
#[must_use]
pub fn normalised(typed: &str) -> Secret {
    let kept = typed.chars().filter(|letter| !letter.is_whitespace() && !is_dash(*letter));
    Secret::new(kept.map(|letter| letter.to_ascii_uppercase()).collect::<String>())
}

/// Text fields like to make a longer dash of a short one.
const fn is_dash(letter: char) -> bool {
    matches!(letter, '-' | '_' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_has_three_groups_of_four_without_look_alikes() {
        let code = draw(0x0123_4567_89ab_cdef);
        let groups: Vec<_> = code.expose().split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4, 4, 4]);
        assert!(!code.expose().contains(['0', 'O', '1', 'I']));
    }

    #[test]
    fn sixty_bits_make_the_code_and_each_of_them_matters() {
        let codes: BTreeSet<_> = (0..60).map(|bit| draw(1 << bit).expose().to_owned()).collect();
        assert_eq!(codes.len(), 60);
        assert!(!codes.contains(draw(0).expose()));
        let letters: BTreeSet<_> =
            (0..32).filter_map(|chance| draw(chance).expose().chars().next()).collect();
        assert_eq!(letters.len(), 32);
    }

    #[test]
    fn case_dashes_and_blanks_do_not_matter() {
        for typed in
            ["7KXW-2MPA-Q4HD", "7kxw2mpaq4hd", " 7kxw 2mpa\tq4hd\n", "7KXW–2MPA—Q4HD", "7KXW−2MPA\u{a0}Q4HD"]
        {
            assert_eq!(normalised(typed).expose(), "7KXW2MPAQ4HD", "{typed}");
        }
        assert_ne!(normalised("7KXW-2MPA-Q4HE"), normalised("7KXW-2MPA-Q4HD"));
    }
}
