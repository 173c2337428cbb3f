//! Signed requests: what a receiver checks to know who sent it, that nothing of it was changed, and that it is fresh.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::Timestamp;

/// The value of the header that signs a body: `t=<seconds since 1970>,v1=<HMAC-SHA-256 in hex>` over the seconds, a dot
/// and the body. The time is signed too, so that an old request cannot be sent again.
#[must_use]
pub fn sign(key: &[u8], body: &[u8], now: Timestamp) -> String {
    let (seconds, _) = now.seconds_and_nanos();
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={seconds},v1={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_others_compute() {
        // printf '1763632800.{"id":"1"}' | openssl dgst -sha256 -hmac 'a key of some length'
        let signed = sign(b"a key of some length", br#"{"id":"1"}"#, Timestamp(1_763_632_800_123_456));
        assert_eq!(
            signed,
            "t=1763632800,v1=2e621bc83dc00ee446d4c98b15ac47be126e8c728a84b2f97d61fe2d42f4058c"
        );
    }

    #[test]
    fn another_key_time_or_body_gives_another_signature() {
        let signed = sign(b"key", b"body", Timestamp(1_000_000));
        assert_ne!(signed, sign(b"kez", b"body", Timestamp(1_000_000)));
        assert_ne!(signed, sign(b"key", b"bodz", Timestamp(1_000_000)));
        assert_ne!(signed, sign(b"key", b"body", Timestamp(2_000_000)));
    }
}
