//! tower-sessions behind axum, on SQLite or PostgreSQL: the URL of the database is the only argument.
//!
//! POST /sessions makes a session of a user, durably; GET /session reads the one that the cookie names.

use std::str::FromStr as _;

use anyhow::Context as _;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::net::TcpListener;
use tower_sessions::{Session, SessionManagerLayer, SessionStore};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

/// What is kept in a session.
const USER: &str = r#"{"id":"user-1","loginName":"user-1@example.com","verified":1763632800123}"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).context("the URL of a database")?;
    if url.starts_with("sqlite:") {
        // As durable and as concurrent as Doorward's.
        let options = SqliteConnectOptions::from_str(&url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let store = SqliteStore::new(SqlitePoolOptions::new().max_connections(4).connect_with(options).await?);
        store.migrate().await?;
        serve(store).await
    } else {
        let store = PostgresStore::new(PgPoolOptions::new().max_connections(16).connect(&url).await?);
        store.migrate().await?;
        serve(store).await
    }
}

async fn serve<S: SessionStore + Clone>(store: S) -> anyhow::Result<()> {
    let sessions = SessionManagerLayer::new(store).with_secure(false);
    let router = Router::new().route("/sessions", post(create)).route("/session", get(read)).layer(sessions);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ready on http://{}", listener.local_addr()?);
    axum::serve(listener.tap_io(|stream| drop(stream.set_nodelay(true))), router).await?;
    Ok(())
}

async fn create(session: Session) -> Result<StatusCode, StatusCode> {
    session.insert("user", USER).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::CREATED)
}

async fn read(session: Session) -> Result<String, StatusCode> {
    let user = session.get::<String>("user").await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    user.ok_or(StatusCode::UNAUTHORIZED)
}
