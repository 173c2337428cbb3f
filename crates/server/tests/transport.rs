//! The network edge, over real sockets: what clients may do, and what becomes of those who do more.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test panics")]

#[path = "transport/rig.rs"]
mod rig;

use std::sync::Arc;
use std::time::Duration;

use doorward::transport::{Limits, Tls};
use http::StatusCode;
use rig::{PREFACE, Rig, SHORT, certificate, frame, get, http2, limits, soon, to_end};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[tokio::test]
async fn a_connection_that_never_sends_a_byte_is_closed() {
    let rig = Rig::start(Limits { first_byte_timeout: SHORT, ..limits() }).await;
    assert_eq!(to_end(&mut rig.connect().await).await, "");
    assert!(rig.metrics.encode().contains("dropped_total{reason=\"first_byte_timeout\"} 1"));
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let rig = Rig::start(Limits { header_timeout: SHORT, ..limits() }).await;
    for beginning in [&b"G"[..], b"GET / HTTP/1.1\r\nhost: a\r\nx-a: ", b"PRI * HTTP/2.0\r\n"] {
        let mut stream = rig.connect().await;
        stream.write_all(beginning).await.unwrap();
        assert_eq!(to_end(&mut stream).await, "");
    }
    assert!(rig.metrics.encode().contains("dropped_total{reason=\"header_timeout\"} 3"));
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_last_request() {
    let rig = Rig::start(Limits { idle_timeout: SHORT * 2, ..limits() }).await;
    let mut stream = rig.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(to_end(&mut stream).await.contains("hello HTTP/1.1 127.0.0.1:"));
    let (client, connection) = http2(rig.connect().await).await;
    assert_eq!(get(&client, "/").await.unwrap().0, StatusCode::OK);
    soon(connection).await.unwrap().expect("the connection ends with GOAWAY, not with an error");
    assert!(rig.metrics.encode().contains("dropped_total{reason=\"idle_timeout\"} 2"));
}

#[tokio::test]
async fn both_protocols_are_served_on_one_port() {
    let rig = Rig::start(limits()).await;
    assert!(rig.ask("GET / HTTP/1.1").await.contains("hello HTTP/1.1 127.0.0.1:"));
    let (client, _connection) = http2(rig.connect().await).await;
    let (status, text) = get(&client, "/").await.unwrap();
    assert_eq!((status, text.starts_with("hello HTTP/2.0 127.0.0.1:")), (StatusCode::OK, true), "{text}");
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_refused() {
    let rig = Rig::start(Limits { header_bytes: 8_192, ..limits() }).await;
    let many: String = (0..150).map(|n| format!("\r\nx-{n}: 1")).collect();
    let large = format!("\r\nx: {}", "y".repeat(20_000));
    for headers in [many, large.clone()] {
        let answer = rig.ask(&format!("GET / HTTP/1.1{headers}")).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let (client, _connection) = http2(rig.connect().await).await;
    let mut ready = soon(client.clone().ready()).await.unwrap();
    let request = http::Request::get("http://a/").header("x", "y".repeat(20_000)).body(()).unwrap();
    let answer = soon(ready.send_request(request, true).unwrap().0).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));
    assert!(rig.ask("GET / HTTP/1.1").await.contains("hello"));
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once() {
    let rig = Rig::start(Limits { max_connections: 1, ..limits() }).await;
    let (client, connection) = http2(rig.connect().await).await;
    get(&client, "/").await.unwrap();
    assert_eq!(to_end(&mut rig.connect().await).await, "");
    assert!(rig.metrics.encode().contains("doorward_connections_refused_total{reason=\"limit\"} 1"));
    assert_eq!(get(&client, "/").await.unwrap().0, StatusCode::OK);
    drop(client);
    soon(connection).await.unwrap().unwrap();
    // The place becomes free a moment after the client has seen the end.
    soon(async { while !rig.ask("GET / HTTP/1.1").await.contains("hello") {} }).await;
}

#[tokio::test]
async fn a_panicking_handler_answers_as_an_internal_error() {
    let rig = Rig::start(limits()).await;
    let rest = rig.ask("GET /panic HTTP/1.1").await;
    assert!(rest.starts_with("HTTP/1.1 500 ") && rest.contains("{\"code\":13,"), "{rest}");
    let connect = rig.ask("POST /panic HTTP/1.1\r\nconnect-protocol-version: 1").await;
    assert!(connect.starts_with("HTTP/1.1 500 ") && connect.contains("{\"code\":\"internal\","), "{connect}");
    let grpc = rig.ask("POST /panic HTTP/1.1\r\ncontent-type: application/grpc-web+proto").await;
    assert!(grpc.starts_with("HTTP/1.1 200 ") && grpc.contains("grpc-status: 13\r\n"), "{grpc}");
    let (client, _connection) = http2(rig.connect().await).await;
    assert_eq!(get(&client, "/panic").await.unwrap().0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(get(&client, "/").await.unwrap().0, StatusCode::OK);
    assert!(rig.metrics.encode().contains("doorward_panics_total 4\n"));
}

#[tokio::test]
async fn a_handler_that_takes_too_long_answers_as_an_exceeded_deadline() {
    let rig = Rig::start(Limits { request_timeout: SHORT, ..limits() }).await;
    let rest = rig.ask("GET /wait HTTP/1.1").await;
    assert!(rest.starts_with("HTTP/1.1 504 ") && rest.contains("{\"code\":4,"), "{rest}");
    let grpc = rig.ask("POST /wait HTTP/1.1\r\ncontent-type: application/grpc").await;
    assert!(grpc.contains("grpc-status: 4\r\n"), "{grpc}");
    assert!(rig.metrics.encode().contains("doorward_request_timeouts_total 2\n"));
}

#[tokio::test]
async fn a_body_that_stops_coming_fails() {
    let rig = Rig::start(limits()).await;
    let mut stream = rig.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    let answer = to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("did not arrive in time"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let rig = Rig::start(Limits { write_timeout: SHORT, ..limits() }).await;
    let mut stream = rig.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let dropped = "doorward_connections_dropped_total{reason=\"write_timeout\"} 1";
    soon(async {
        while !rig.metrics.encode().contains(dropped) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_graceful_stop_finishes_what_runs_and_lets_nobody_in() {
    let mut rig = Rig::start(limits()).await;
    let mut first = rig.connect().await;
    first.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    soon(rig.entered.notified()).await;
    let (client, connection) = http2(rig.connect().await).await;
    let second = tokio::spawn({
        let client = client.clone();
        async move { get(&client, "/wait").await }
    });
    soon(rig.entered.notified()).await;
    let mut idle = rig.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut some = [0; 12];
    soon(idle.read_exact(&mut some)).await.unwrap();

    rig.stop();
    // An idle connection is closed without waiting for the others, and by then the listener is gone.
    to_end(&mut idle).await;
    soon(async { while TcpStream::connect(rig.address).await.is_ok() {} }).await;
    assert!(!rig.server.is_finished());
    rig.go_on.notify_waiters();
    assert!(to_end(&mut first).await.ends_with("waited"));
    assert_eq!(soon(second).await.unwrap().unwrap(), (StatusCode::OK, "waited".to_owned()));
    assert!(get(&client, "/").await.is_err(), "after GOAWAY no request is taken");
    soon(connection).await.unwrap().unwrap();
    assert_eq!(soon(&mut rig.server).await.unwrap(), 0);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off() {
    let mut rig = Rig::start(Limits { drain_timeout: SHORT, ..limits() }).await;
    let mut stream = rig.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    soon(rig.entered.notified()).await;
    rig.stop();
    assert_eq!(to_end(&mut stream).await, "");
    assert_eq!(soon(&mut rig.server).await.unwrap(), 1);
}

/// `HEADERS` of a GET that ends its stream, and the reset of that stream with CANCEL.
fn request_and_reset(stream: u32) -> Vec<u8> {
    let mut bytes = frame(1, 0x5, stream, &[0x82, 0x86, 0x84, 0x41, 1, b'a']);
    bytes.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    bytes
}

#[tokio::test]
async fn a_flood_of_resets_ends_its_connection_and_no_other() {
    let rig = Rig::start(limits()).await;
    let (client, _connection) = http2(rig.connect().await).await;
    let mut flood = rig.connect().await;
    flood.write_all(PREFACE).await.unwrap();
    flood.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    let bytes: Vec<u8> = (0..2_000_u32).flat_map(|n| request_and_reset(2 * n + 1)).collect();
    // The server may close before it has read everything.
    let _ = flood.write_all(&bytes).await;
    to_end(&mut flood).await;
    assert_eq!(get(&client, "/").await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn resets_one_at_a_time_end_the_connection_too() {
    let rig = Rig::start(limits()).await;
    let (client, mut connection) = http2(rig.connect().await).await;
    let mut cancelled = 0;
    while let Ok(mut ready) = soon(client.clone().ready()).await {
        let request = http::Request::get("http://a/wait").body(()).unwrap();
        let Ok((_, mut stream)) = ready.send_request(request, true) else { break };
        // Waiting for the handler keeps each request out of the reach of the limit on pending resets.
        tokio::select! {
            () = rig.entered.notified() => (),
            _ = soon(&mut connection) => break,
        }
        stream.send_reset(h2::Reason::CANCEL);
        cancelled += 1;
        assert!(cancelled < 1_000, "cancelling goes on for ever");
    }
    assert!(cancelled >= 150, "{cancelled} cancelled requests are not yet an attack");
    assert!(rig.metrics.encode().contains("dropped_total{reason=\"cancellations\"} 1"));
    assert!(rig.ask("GET / HTTP/1.1").await.contains("hello"));
}

#[tokio::test]
async fn an_http2_client_that_answers_no_ping_is_dropped() {
    let rig = Rig::start(Limits { ping_interval: SHORT, ping_timeout: SHORT, ..limits() }).await;
    let mut silent = rig.connect().await;
    let settings = frame(4, 0, 0, &[]);
    let request = frame(1, 0x5, 1, &[0x82, 0x86, 0x04, 5, b'/', b'w', b'a', b'i', b't', 0x41, 1, b'a']);
    silent.write_all(&[PREFACE, &settings, &request].concat()).await.unwrap();
    soon(rig.entered.notified()).await;
    // The request still runs, so nothing but the missing answer ends this connection.
    to_end(&mut silent).await;
}

async fn tls_connect(rig: &Rig, root: Vec<u8>, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    soon(TlsConnector::from(Arc::new(config)).connect(name, rig.connect().await)).await
}

#[tokio::test]
async fn tls_serves_the_protocol_that_alpn_chose() {
    let directory = tempfile::tempdir().unwrap();
    let root = certificate(directory.path());
    let tls = Tls::load(&directory.path().join("cert.pem"), &directory.path().join("key.pem")).unwrap();
    let limits = Limits { first_byte_timeout: SHORT * 2, handshake_timeout: SHORT * 2, ..limits() };
    let rig = Rig::start_with(limits, Some(tls)).await;

    let stream = tls_connect(&rig, root.clone(), &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, _connection) = http2(stream).await;
    assert!(get(&client, "/").await.unwrap().1.starts_with("hello HTTP/2.0"));

    let mut stream = tls_connect(&rig, root, &["http/1.1"]).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(to_end(&mut stream).await.contains("hello HTTP/1.1"));

    assert_eq!(to_end(&mut rig.connect().await).await, "", "a silent client is closed");
    let mut half = rig.connect().await;
    half.write_all(&[22]).await.unwrap();
    to_end(&mut half).await;
    let text = rig.metrics.encode();
    assert!(text.contains("refused_total{reason=\"first_byte_timeout\"} 1"), "{text}");
    assert!(text.contains("refused_total{reason=\"handshake_timeout\"} 1"), "{text}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let old = certificate(directory.path());
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let tls = Tls::load(&cert, &key).unwrap();
    let limits = Limits { tls_reload_interval: Duration::from_millis(10), ..limits() };
    let rig = Rig::start_with(limits, Some(Arc::clone(&tls))).await;
    tls_connect(&rig, old.clone(), &[]).await.unwrap();

    std::fs::write(&key, "no key").unwrap();
    assert!(tls.reload().is_err());
    tls_connect(&rig, old, &[]).await.expect("the old certificate stays in use");
    let new = certificate(directory.path());
    soon(async { while tls_connect(&rig, new.clone(), &[]).await.is_err() {} }).await;
}
