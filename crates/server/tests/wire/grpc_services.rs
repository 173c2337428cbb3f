//! The standard services beside ours: health and reflection, spoken in bytes made by hand.

use crate::rig::Rig;
use crate::talk::grpc;

const SERVICES: [&str; 3] = [
    "zitadel.session.v2.SessionService",
    "zitadel.session.v2beta.SessionService",
    "zitadel.user.v2.UserService",
];

/// A field of texts or messages.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost_reflect::prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn the_health_of_the_server_and_of_each_service_is_serving() {
    let rig = Rig::start().await;
    for service in ["", SERVICES[0], SERVICES[1], SERVICES[2]] {
        let request = if service.is_empty() { Vec::new() } else { field(1, service.as_bytes()) };
        for kind in ["application/grpc", "application/grpc-web"] {
            let answer = grpc(&rig, "/grpc.health.v1.Health/Check", kind, None, &request).await;
            assert_eq!(answer.code, 0, "{service:?} {answer:?}");
            assert_eq!(answer.messages, [vec![0x08, 0x01]], "{service:?} is serving");
        }
    }
    let request = field(1, b"zitadel.nothing.v2.Service");
    let answer = grpc(&rig, "/grpc.health.v1.Health/Check", "application/grpc", None, &request).await;
    assert_eq!(answer.code, 5, "{answer:?}");
}

#[tokio::test]
async fn reflection_lists_every_service_in_both_versions() {
    let rig = Rig::start().await;
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let answer = grpc(&rig, &path, "application/grpc", None, &field(7, b"")).await;
        assert_eq!((answer.code, answer.messages.len()), (0, 1), "{answer:?}");
        for service in SERVICES {
            assert!(has(&answer.messages[0], service), "{version} {service}");
        }
    }
}

#[tokio::test]
async fn reflection_knows_the_file_of_a_method_and_refuses_what_it_does_not_know() {
    let rig = Rig::start().await;
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let request = field(4, b"zitadel.session.v2.SessionService.CreateSession");
    let answer = grpc(&rig, path, "application/grpc", None, &request).await;
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(has(&answer.messages[0], "CreateSessionRequest"));
    let answer = grpc(&rig, path, "application/grpc", None, &field(4, b"zitadel.Nothing")).await;
    // Field 7 is the error of one request; the stream goes on.
    assert_eq!(answer.code, 0, "{answer:?}");
    assert!(!has(&answer.messages[0], "CreateSessionRequest"));
    assert!(answer.messages[0].contains(&(7 << 3 | 2)));
}
