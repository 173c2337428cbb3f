//! A real OpenID Provider in a process of its own: `tests-sdk/provider`, which `cargo xtask test` installs.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Where it sends people back.
pub const CALLBACK: &str = "https://doorward.example/idps/callback";

/// The provider; it ends with its test.
pub struct Provider {
    child: Child,
    pub issuer: String,
    /// It ends when nobody hears it any more.
    _hearing: BufReader<ChildStdout>,
}

impl Provider {
    pub fn start() -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests-sdk/provider");
        let installed = folder.join("node_modules/oidc-provider/package.json");
        assert!(installed.exists(), "{} is missing: `cargo xtask test` installs it", installed.display());
        let mut child = Command::new("node")
            .arg(folder.join("provider.mjs"))
            .arg(CALLBACK)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut hearing = BufReader::new(child.stdout.take().unwrap());
        let mut issuer = String::new();
        hearing.read_line(&mut issuer).unwrap();
        Self { child, issuer: issuer.trim().to_owned(), _hearing: hearing }
    }

    /// The configuration of a server that knows it under the id `real`.
    pub fn configuration(&self) -> String {
        format!(
            "public_url = \"https://doorward.example\"\n[[idp]]\nid = \"real\"\nissuer = \"{}\"\n\
             client_id = \"doorward\"\nclient_secret = \"a secret: with odd characters %\"\n",
            self.issuer
        )
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
