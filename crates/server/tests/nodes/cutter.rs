//! A line to PostgreSQL that sometimes breaks at the worst moment: when a commit was asked for and not answered yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, oneshot};

use crate::chance::Chance;

/// One in so many commits is not answered.
const ONE_IN: u64 = 40;
/// What a commit looks like on the line.
const COMMIT: &[u8] = b"COMMIT\0";

/// What breaks lines.
pub struct Cutter {
    pub port: u16,
    counts: Arc<Counts>,
}

/// How often what happened.
#[derive(Default)]
struct Counts {
    /// Whether lines break at all.
    armed: AtomicBool,
    /// The commit never arrived.
    lost: AtomicU64,
    /// The commit was made.
    made: AtomicU64,
}

impl Cutter {
    /// Listens in front of a server.
    pub async fn start(port: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cutter = Self { port: listener.local_addr().unwrap().port(), counts: Arc::default() };
        let (chance, counts) = (Arc::new(Mutex::new(Chance(seed))), Arc::clone(&cutter.counts));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (chance, counts) = (Arc::clone(&chance), Arc::clone(&counts));
                tokio::spawn(async move { join(near, far, chance, counts).await });
            }
        });
        cutter
    }

    /// Lines begin to break: what came before has come through.
    pub fn begin(&self) {
        self.counts.armed.store(true, Ordering::Relaxed);
    }

    /// How many commits were not answered: those that never arrived, and those that were made.
    pub fn counts(&self) -> (u64, u64) {
        (self.counts.lost.load(Ordering::Relaxed), self.counts.made.load(Ordering::Relaxed))
    }
}

/// Passes on what comes from either side, until one of them ends or the line breaks.
async fn join(near: TcpStream, far: TcpStream, chance: Arc<Mutex<Chance>>, counts: Arc<Counts>) {
    drop((near.set_nodelay(true), far.set_nodelay(true)));
    let (from_node, to_node) = near.into_split();
    let (from_server, to_server) = far.into_split();
    let (cut, is_cut) = oneshot::channel();
    tokio::select! {
        _ = ask(from_node, to_server, (chance, counts.as_ref()), cut) => {}
        _ = answer(from_server, to_node, counts.as_ref(), is_cut) => {}
    }
}

/// From the node to the server. A commit may be kept back for ever, or be the last thing that passes.
async fn ask(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (chance, counts): (Arc<Mutex<Chance>>, &Counts),
    cut: oneshot::Sender<()>,
) -> Option<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let size = from.read(&mut buffer).await.ok().filter(|size| *size > 0)?;
        let armed = counts.armed.load(Ordering::Relaxed);
        let commits = armed && buffer[..size].windows(COMMIT.len()).any(|window| window == COMMIT);
        let drawn = if commits { chance.lock().await.below(2 * ONE_IN) } else { u64::MAX };
        match drawn {
            0 => {
                counts.lost.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            1 => {
                cut.send(()).ok()?;
                to.write_all(&buffer[..size]).await.ok()?;
                // The other direction ends the line, when the server has answered.
                return std::future::pending().await;
            }
            _ => to.write_all(&buffer[..size]).await.ok()?,
        }
    }
}

/// From the server to the node, until the line is cut: then the next answer is the commit's, and is lost.
async fn answer(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    counts: &Counts,
    mut cut: oneshot::Receiver<()>,
) -> Option<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let size = from.read(&mut buffer).await.ok().filter(|size| *size > 0)?;
        if cut.try_recv().is_ok() {
            counts.made.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        to.write_all(&buffer[..size]).await.ok()?;
    }
}
