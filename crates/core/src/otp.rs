//! Codes that a session sends by SMS or mail: how they are drawn, and how the two ways are told apart.

use crate::attempt::Counted;
use crate::base::Secret;
use crate::failure::{self, Failure};
pub use crate::message::Channel;

impl Channel {
    /// What wrong codes are counted for.
    #[must_use]
    pub const fn counted(self) -> Counted {
        match self {
            Self::Sms => Counted::OtpSms,
            Self::Email => Counted::OtpEmail,
        }
    }

    /// A code is asked for in a session without a user.
    #[must_use]
    pub const fn challenge_no_user(self) -> Failure {
        match self {
            Self::Sms => failure::OTP_SMS_CHALLENGE_NO_USER,
            Self::Email => failure::OTP_EMAIL_CHALLENGE_NO_USER,
        }
    }

    /// A code is asked for, and the user does not take codes this way.
    #[must_use]
    pub const fn challenge_not_ready(self) -> Failure {
        match self {
            Self::Sms => failure::OTP_SMS_CHALLENGE_NOT_READY,
            Self::Email => failure::OTP_EMAIL_CHALLENGE_NOT_READY,
        }
    }

    /// The user takes codes this way already.
    #[must_use]
    pub const fn already(self) -> Failure {
        match self {
            Self::Sms => failure::OTP_SMS_ALREADY,
            Self::Email => failure::OTP_EMAIL_ALREADY,
        }
    }

    /// Nobody has shown yet that the phone or the address is the user's.
    #[must_use]
    pub const fn unverified(self) -> Failure {
        match self {
            Self::Sms => failure::OTP_SMS_UNVERIFIED,
            Self::Email => failure::OTP_EMAIL_UNVERIFIED,
        }
    }

    /// The user does not take codes this way.
    #[must_use]
    pub const fn not_found(self) -> Failure {
        match self {
            Self::Sms => failure::OTP_SMS_NOT_FOUND,
            Self::Email => failure::OTP_EMAIL_NOT_FOUND,
        }
    }
}

/// Draws a code of `length` digits from random numbers. Rejection keeps it unbiased.
pub fn draw_digits(length: usize, mut chance: impl FnMut() -> u64) -> Secret {
    let mut code = String::with_capacity(length);
    while code.len() < length {
        for byte in chance().to_le_bytes() {
            if byte < 250 && code.len() < length {
                code.push(char::from(b'0'.saturating_add(byte % 10)));
            }
        }
    }
    Secret::new(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_length_and_all_ten_digits() {
        let mut number = 1_u64;
        let mut chance = || {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            number
        };
        let mut seen = [0_u32; 10];
        for length in [1, 6, 8, 9, 20] {
            assert_eq!(draw_digits(length, &mut chance).expose().len(), length);
        }
        for digit in draw_digits(10_000, &mut chance).expose().bytes() {
            seen[usize::from(digit - b'0')] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
    }

    #[test]
    fn bytes_that_would_favour_some_digits_are_thrown_away() {
        let mut numbers = [u64::from_le_bytes([250, 251, 252, 253, 254, 255, 249, 0]), 0].into_iter();
        assert_eq!(draw_digits(3, || numbers.next().unwrap()).expose(), "900");
    }

    #[test]
    fn the_ways_have_nothing_in_common() {
        let [email, sms] = Channel::ALL;
        assert_ne!(sms.name(), email.name());
        assert_ne!(sms.counted(), email.counted());
        for failure in [
            Channel::challenge_no_user,
            Channel::challenge_not_ready,
            Channel::already,
            Channel::unverified,
            Channel::not_found,
        ] {
            assert_ne!(failure(sms).id, failure(email).id);
        }
    }
}
