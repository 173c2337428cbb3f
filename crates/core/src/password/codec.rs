//! The text encodings that password hashes share: decimal costs, both base64 families, constant-time comparison.

use super::Unsupported;
use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;

/// The alphabet of crypt(5), lowest six bits first; not the order of RFC 4648.
pub(super) const ITOA64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writers of the same format disagree about padding, so both are read; loose trailing bits are not, so that one
/// digest has one spelling.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Splits at every `$` into exactly `N` fields.
pub(super) fn fields<const N: usize>(text: &str) -> Result<[&str; N], Unsupported> {
    split(text, '$')
}

/// Splits `a=1,b=2` into the values of exactly these names, in this order, as the PHC string format prescribes.
pub(super) fn named<const N: usize>(text: &str, names: [&str; N]) -> Result<[u32; N], Unsupported> {
    let mut values = [0; N];
    let pairs: [&str; N] = split(text, ',')?;
    for ((value, pair), name) in values.iter_mut().zip(pairs).zip(names) {
        let digits = pair.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).ok_or(Unsupported)?;
        *value = decimal(digits)?;
    }
    Ok(values)
}

fn split<const N: usize>(text: &str, separator: char) -> Result<[&str; N], Unsupported> {
    // One more than wanted is enough to see that there are too many.
    let parts: Vec<&str> = text.split(separator).take(N + 1).collect();
    parts.try_into().map_err(|_| Unsupported)
}

/// Reads a minimal decimal: digits only, no sign, no leading zero, within `u32`.
pub(super) fn decimal(text: &str) -> Result<u32, Unsupported> {
    let minimal = text == "0" || !text.starts_with('0');
    if !minimal || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unsupported);
    }
    text.parse().map_err(|_| Unsupported)
}

/// Decodes RFC 4648 base64 with or without padding, and passlib's `ab64`, which writes `.` for `+`.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, Unsupported> {
    STANDARD.decode(text.replace('.', "+")).map_err(|_| Unsupported)
}

/// Encodes as RFC 4648 base64 without padding, as the PHC string format wants it.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Encodes in crypt(5)'s base64: groups of three bytes, little-endian, lowest six bits first, no padding.
pub(super) fn to_hash64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 2);
    for group in bytes.chunks(3) {
        let bits = group.iter().rev().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
        for position in 0..=group.len() {
            let digit = usize::try_from((bits >> (6 * position)) & 63).unwrap_or(0);
            text.push(ITOA64.get(digit).copied().map_or('.', char::from));
        }
    }
    text
}

/// Puts digest bytes into the order in which a crypt(5) method prints them.
pub(super) fn reorder(digest: &[u8], order: &[u8]) -> Vec<u8> {
    order.iter().filter_map(|index| digest.get(usize::from(*index)).copied()).collect()
}

/// The value of one crypt(5) base64 digit, 0..64.
pub(super) fn hash64_digit(digit: u8) -> Result<u32, Unsupported> {
    let position = ITOA64.iter().position(|known| *known == digit).ok_or(Unsupported)?;
    u32::try_from(position).map_err(|_| Unsupported)
}

/// Passes `text` on if it is exactly `length` crypt(5) base64 digits.
pub(super) fn hash64(text: &str, length: usize) -> Result<&str, Unsupported> {
    let good = text.len() == length && text.bytes().all(|byte| ITOA64.contains(&byte));
    good.then_some(text).ok_or(Unsupported)
}

/// Passes a crypt(5) salt on: at most `longest` printable ASCII characters other than those that separate fields
/// in the hash (`$`) or in the files it comes from (`:`).
pub(super) fn crypt_salt(text: &str, longest: usize) -> Result<&str, Unsupported> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'$' && byte != b':');
    (text.len() <= longest && printable).then_some(text).ok_or(Unsupported)
}

/// Compares in time that depends on the lengths only.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_one_spelling() {
        assert_eq!(decimal("0"), Ok(0));
        assert_eq!(decimal("4294967295"), Ok(u32::MAX));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "4294967296", "१"] {
            assert_eq!(decimal(bad), Err(Unsupported), "{bad:?}");
        }
    }

    #[test]
    fn base64_is_read_with_any_padding_and_either_plus_but_without_loose_bits() {
        for good in ["+/8", "+/8=", "./8", "./8="] {
            assert_eq!(base64(good), Ok(vec![0xfb, 0xff]), "{good:?}");
        }
        for bad in ["+/9", "+/8==", "+", "+/8 ", "-_8", "é"] {
            assert_eq!(base64(bad), Err(Unsupported), "{bad:?}");
        }
    }

    #[test]
    fn crypt_base64_writes_the_lowest_bits_first() {
        assert_eq!(to_hash64(&[]), "");
        assert_eq!(to_hash64(&[1]), "/.");
        assert_eq!(to_hash64(&[0xff]), "z1");
        assert_eq!(to_hash64(&[0xff, 0xff]), "zzD");
        assert_eq!(to_hash64(&[1, 2, 3]), "/6k.");
    }

    #[test]
    fn named_costs_must_come_in_the_order_of_the_format() {
        assert_eq!(named("m=64,t=2,p=1", ["m", "t", "p"]), Ok([64, 2, 1]));
        for bad in ["t=2,m=64,p=1", "m=64,t=2", "m=64,t=2,p=1,p=1", "m=64,t=2,p=", "m64,t=2,p=1", ""] {
            assert_eq!(named(bad, ["m", "t", "p"]), Err(Unsupported), "{bad:?}");
        }
    }

    #[test]
    fn comparison_sees_every_byte_and_the_length() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
        assert!(!same(b"abc", b""));
    }
}
