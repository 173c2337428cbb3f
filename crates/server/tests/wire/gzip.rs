//! Compressed requests: read, and measured after they are unpacked.

use serde_json::json;

use crate::rig::Rig;
use crate::talk::{SESSIONS, frame, read_grpc};

/// Writes bits, the lowest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= u8::try_from(value >> bit & 1).unwrap() << (self.used % 8);
            self.used += 1;
        }
    }

    /// A Huffman code, whose highest bit comes first.
    fn code(&mut self, value: u32, count: u32) {
        self.put(value.reverse_bits() >> (32 - count), count);
    }

    fn literal(&mut self, byte: u8) {
        match u32::from(byte) {
            byte @ 0..=143 => self.code(0x30 + byte, 8),
            byte => self.code(0x190 + byte - 144, 9),
        }
    }
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// `head`, then `run` times 258 bytes of `x`, then `tail`, as gzip with the fixed codes of RFC 1951.
fn gzip(head: &str, run: usize, tail: &str) -> Vec<u8> {
    let plain = [head, &"x".repeat(run * 258), tail].concat();
    let mut bits = Bits::default();
    bits.put(0b011, 3);
    head.bytes().for_each(|byte| bits.literal(byte));
    for _ in 0..run {
        // The longest length, at a distance of one.
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    tail.bytes().for_each(|byte| bits.literal(byte));
    bits.code(0, 7);
    let mut all = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    all.extend(bits.bytes);
    all.extend(crc32(plain.as_bytes()).to_le_bytes());
    all.extend(u32::try_from(plain.len()).unwrap().to_le_bytes());
    all
}

#[tokio::test]
async fn a_compressed_request_is_read_over_connect_and_grpc() {
    let rig = Rig::start().await;
    let bearer = format!("Bearer {}", rig.login);
    let path = format!("{SESSIONS}/CreateSession");
    let connect =
        [("content-type", "application/json"), ("content-encoding", "gzip"), ("authorization", &bearer)];
    let body = gzip(r#"{"userAgent":{"description":"x"#, 4, r#""}}"#);
    let answer = rig.http.raw("POST", &path, &connect, body.clone(), false).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    let shown = rig.shown(answer.json()["sessionId"].as_str().unwrap()).await;
    assert_eq!(shown["userAgent"], json!({ "description": "x".repeat(4 * 258 + 1) }));
    for (kind, h2) in [("application/grpc+json", true), ("application/grpc-web+json", false)] {
        let headers = [("content-type", kind), ("grpc-encoding", "gzip"), ("authorization", &bearer)];
        let answer = read_grpc(rig.http.raw("POST", &path, &headers, frame(1, &body), h2).await);
        assert_eq!(answer.code, 0, "{kind} {answer:?}");
    }
}

#[tokio::test]
async fn a_bomb_is_refused_by_its_unpacked_size() {
    let rig = Rig::start().await;
    let bearer = format!("Bearer {}", rig.login);
    let path = format!("{SESSIONS}/CreateSession");
    let bomb = gzip(r#"{"unknown":"x"#, 40_000, r#""}"#);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let headers =
        [("content-type", "application/json"), ("content-encoding", "gzip"), ("authorization", &bearer)];
    let answer = rig.http.raw("POST", &path, &headers, bomb.clone(), false).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (429, &json!("resource_exhausted")));
    let headers =
        [("content-type", "application/grpc"), ("grpc-encoding", "gzip"), ("authorization", &bearer)];
    let answer = read_grpc(rig.http.raw("POST", &path, &headers, frame(1, &bomb), true).await);
    assert_eq!(answer.code, 8, "{answer:?}");
}

#[tokio::test]
async fn an_unknown_compression_and_a_broken_one_are_refused() {
    let rig = Rig::start().await;
    let path = format!("{SESSIONS}/CreateSession");
    let mut broken = gzip("{", 0, "}");
    broken.truncate(12);
    for (encoding, body) in [("br", b"{}".to_vec()), ("gzip", b"{}".to_vec()), ("gzip", broken)] {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        let answer = rig.http.raw("POST", &path, &headers, body, false).await;
        assert!(answer.status.is_client_error() || answer.status == 501, "{encoding} {answer:?}");
    }
}
