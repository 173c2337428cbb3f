//! Time-based codes (RFC 6238): what an authenticator app shows, and which step a typed code belongs to.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::base::{Secret, Timestamp};
use crate::failure::{self, Failure};

/// How many digits a code has.
const DIGITS: u32 = 6;

/// How long a code is shown, in microseconds.
const PERIOD: u64 = 30_000_000;

/// How many bytes a new secret has: as many as the hash has.
pub const SECRET: usize = 20;

/// The step that a moment falls into.
#[must_use]
pub fn step_at(now: Timestamp) -> u64 {
    u64::try_from(now.0).unwrap_or(0) / PERIOD
}

/// The code of a step.
#[must_use]
pub fn code_at(secret: &[u8], step: u64) -> Secret {
    digits_at(secret, step, DIGITS)
}

/// The step whose code was typed: the present one or one of its neighbours, because clocks differ and people type
/// slowly. Steps up to the last accepted one are over, so no code counts twice.
#[must_use]
pub fn accepted_step(secret: &[u8], code: &str, now: Timestamp, last_step: Option<u64>) -> Option<u64> {
    let present = step_at(now);
    let mut accepted = None;
    for step in present.saturating_sub(1)..=present.saturating_add(1) {
        // All steps are computed whatever comes out, so that the time tells nothing.
        let same: Choice = code_at(secret, step).expose().as_bytes().ct_eq(code.trim().as_bytes());
        if bool::from(same) && last_step.is_none_or(|last| step > last) {
            accepted = accepted.or(Some(step));
        }
    }
    accepted
}

/// Reads a secret as people and other systems write it: upper or lower case, in groups, padded or not.
///
/// # Errors
/// `DOORWARD-T0tp1` if it is not base32, or has fewer than 10 or more than 64 bytes.
pub fn read_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut lenient = BASE32_NOPAD.specification();
    lenient.translate.from.push_str("abcdefghijklmnopqrstuvwxyz");
    lenient.translate.to.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    lenient.ignore.push_str(" \t\r\n-");
    // Letters that were drawn at random need not end with a byte. Apps drop the bits that are left over.
    lenient.check_trailing_bits = false;
    let encoding = lenient.encoding().map_err(|_| failure::INTERNAL)?;
    let text = text.trim_end_matches(|letter: char| letter == '=' || letter.is_whitespace());
    let secret = encoding.decode(text.as_bytes()).map(Zeroizing::new);
    let secret = secret.map_err(|_| failure::TOTP_SECRET_INVALID)?;
    if (10..=64).contains(&secret.len()) { Ok(secret) } else { Err(failure::TOTP_SECRET_INVALID) }
}

/// Writes a secret for people who type it.
#[must_use]
pub fn write_secret(secret: &[u8]) -> Secret {
    Secret::new(BASE32_NOPAD.encode(secret))
}

/// The address that authenticator apps read from a picture.
#[must_use]
pub fn uri(issuer: &str, login_name: &str, secret: &Secret) -> Secret {
    let issuer = percent_encoded(issuer);
    let account = percent_encoded(login_name);
    let query = format!("algorithm=SHA1&digits={DIGITS}&issuer={issuer}&period={}", PERIOD / 1_000_000);
    Secret::new(format!("otpauth://totp/{issuer}:{account}?{query}&secret={}", secret.expose()))
}

/// Everything but letters, digits and a few signs is encoded. A blank is never a plus, since apps would show it.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// RFC 4226: the last half-byte of the hash tells where the number is.
fn digits_at(secret: &[u8], step: u64, digits: u32) -> Secret {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return Secret::default() };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last().copied().unwrap_or(0) & 0x0f);
    let number = hash.iter().skip(offset).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    let number = (number & 0x7fff_ffff) % 10_u32.saturating_pow(digits);
    Secret::new(format!("{number:0width$}", width = digits as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the vectors of RFC 4226 and RFC 6238.
    const RFC: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn the_vectors_of_rfc_6238_come_out() {
        let vectors = [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ];
        for (seconds, code) in vectors {
            assert_eq!(digits_at(RFC, step_at(at(seconds)), 8).expose(), code, "at {seconds}");
            assert_eq!(code_at(RFC, step_at(at(seconds))).expose(), &code[2..], "at {seconds}");
        }
    }

    #[test]
    fn the_vectors_of_rfc_4226_come_out() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(code_at(RFC, step).expose(), code, "step {step}");
        }
    }

    #[test]
    fn the_present_step_and_its_neighbours_are_accepted_and_no_other() {
        let now = at(1_000_000_015);
        let present = step_at(now);
        for step in present - 3..=present + 3 {
            let near = present.abs_diff(step) <= 1;
            let accepted = accepted_step(RFC, code_at(RFC, step).expose(), now, None);
            assert_eq!(accepted, near.then_some(step), "step {step} at {present}");
        }
        let padded = format!(" {}\n", code_at(RFC, present).expose());
        assert_eq!(accepted_step(RFC, &padded, now, None), Some(present));
    }

    #[test]
    fn no_step_is_accepted_up_to_the_last_one() {
        let now = at(1_000_000_015);
        let present = step_at(now);
        let accepted =
            |step: u64, last: u64| accepted_step(RFC, code_at(RFC, step).expose(), now, Some(last)).is_some();
        assert!(accepted(present, present - 1));
        assert!(!accepted(present, present));
        assert!(!accepted(present - 1, present));
        assert!(accepted(present + 1, present));
        assert!(!accepted(present + 1, present + 1));
    }

    #[test]
    fn what_is_no_code_is_not_accepted() {
        let now = at(1_000_000_015);
        let right = code_at(RFC, step_at(now)).expose().to_owned();
        for wrong in ["", "0", "00000", &right[1..], &format!("{right}0"), &format!("0{right}"), "١٢٣٤٥٦"]
        {
            assert_eq!(accepted_step(RFC, wrong, now, None), None, "{wrong}");
        }
        assert_eq!(accepted_step(RFC, "755224", at(0), None), Some(0));
        assert_eq!(accepted_step(RFC, "755224", at(-100), None), Some(0));
    }

    #[test]
    fn a_secret_is_read_as_people_write_it() {
        let written = write_secret(RFC);
        assert_eq!(written.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for text in [
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "gezdgnbvgy3tqojqgezdgnbvgy3tqojq",
            " GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ \n",
            "gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ======",
        ] {
            assert_eq!(read_secret(text).unwrap().as_slice(), RFC, "{text}");
        }
        // Bits are left over.
        assert_eq!(read_secret("GEZDGNBVGY3TQOJQGF").unwrap().len(), 11);
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let long = write_secret(&[7; 65]);
        for text in ["", "=", "GEZDGNBVGY3TQO", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJQG", long.expose(), "häß"]
        {
            assert_eq!(read_secret(text), Err(failure::TOTP_SECRET_INVALID), "{text}");
        }
        assert_eq!(read_secret(write_secret(&[7; 64]).expose()).unwrap().len(), 64);
        assert_eq!(read_secret(write_secret(&[7; 10]).expose()).unwrap().len(), 10);
    }

    #[test]
    fn the_address_for_apps_has_its_parts_encoded() {
        let secret = Secret::new("GEZDGNBV");
        assert_eq!(
            uri("Doorward", "mini@mouse.com", &secret).expose(),
            "otpauth://totp/Doorward:mini@mouse.com?algorithm=SHA1&digits=6&issuer=Doorward&period=30&secret=GEZDGNBV"
        );
        assert_eq!(
            uri("Küche & Co", "a:b/c?d+e", &secret).expose(),
            "otpauth://totp/K%C3%BCche%20%26%20Co:a%3Ab%2Fc%3Fd%2Be?algorithm=SHA1&digits=6\
             &issuer=K%C3%BCche%20%26%20Co&period=30&secret=GEZDGNBV"
        );
    }
}
