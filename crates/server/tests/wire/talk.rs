//! Small ways to speak that the client of the API does not have.

use http::HeaderMap;

use crate::client::Answer;
use crate::rig::Rig;

pub const SESSIONS: &str = "/zitadel.session.v2.SessionService";
pub const USERS: &str = "/zitadel.user.v2.UserService";

/// A Connect call with a body of any bytes.
pub async fn connect(rig: &Rig, path: &str, kind: &str, token: Option<&str>, body: &[u8]) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let auth = bearer.as_deref().map(|value| ("authorization", value));
    let headers: Vec<_> = [("content-type", kind)].into_iter().chain(auth).collect();
    rig.http.raw("POST", path, &headers, body.to_vec(), false).await
}

/// A gRPC or gRPC-Web call with a message of any bytes.
pub async fn grpc(rig: &Rig, path: &str, kind: &str, token: Option<&str>, message: &[u8]) -> GrpcAnswer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let auth = bearer.as_deref().map(|value| ("authorization", value));
    let headers: Vec<_> = [("content-type", kind), ("te", "trailers")].into_iter().chain(auth).collect();
    let h2 = !kind.contains("web");
    read_grpc(rig.http.raw("POST", path, &headers, frame(0, message), h2).await)
}

/// A length-prefixed frame.
pub fn frame(flags: u8, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![flags];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

/// What a gRPC answer says.
#[derive(Debug)]
pub struct GrpcAnswer {
    pub http: u16,
    pub headers: HeaderMap,
    pub code: u32,
    pub text: String,
    pub messages: Vec<Vec<u8>>,
}

/// Takes a gRPC or gRPC-Web answer apart.
pub fn read_grpc(answer: Answer) -> GrpcAnswer {
    let mut ends: Vec<(String, String)> = [&answer.trailers, &answer.headers]
        .iter()
        .flat_map(|map| map.iter())
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let (mut messages, mut rest) = (Vec::new(), &answer.bytes[..]);
    while rest.len() >= 5 {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        let (head, tail) = rest.split_at(5 + length);
        if head[0] & 0x80 == 0 {
            messages.push(head[5..].to_vec());
        } else {
            let lines = std::str::from_utf8(&head[5..]).unwrap().lines();
            ends.extend(
                lines
                    .filter_map(|line| line.split_once(':'))
                    .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())),
            );
        }
        rest = tail;
    }
    let find = |wanted: &str| ends.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let text = find("grpc-message").unwrap_or_default();
    GrpcAnswer {
        http: answer.status.as_u16(),
        headers: answer.headers.clone(),
        code: find("grpc-status").and_then(|code| code.parse().ok()).unwrap_or(u32::MAX),
        text: percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned(),
        messages,
    }
}

/// The text of a header.
pub fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name).map(|value| value.to_str().unwrap())
}
