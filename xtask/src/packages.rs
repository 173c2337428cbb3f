//! Packages of the system that tests need, installed where this may be done: on Debian and its kin, as root or with a
//! sudo that asks no password.

use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run::{must_do, printed};

/// The file keeps Debian from setting up and starting a server that nobody asked for; it is gone after.
const INSTALL: &str = r#"
set -e
export DEBIAN_FRONTEND=noninteractive
folder=/etc/postgresql-common/createcluster.d
file=$folder/doorward-tests.conf
trap 'rm -f "$file"' EXIT
mkdir -p "$folder"
echo 'create_main_cluster = false' >"$file"
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@"
"#;

/// Installs packages of Debian; `hint` says what else can be done.
pub fn install(packages: &[&str], hint: &str) -> anyhow::Result<()> {
    let names = packages.join(" ");
    if printed("apt-get", &["--version"]).is_none() {
        bail!("{hint} (on Debian: apt-get install {names})");
    }
    let mut command = match printed("id", &["-u"]).as_deref() {
        Some("0") => Command::new("sh"),
        _ if printed("sudo", &["-n", "true"]).is_some() => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "sh"]);
            sudo
        }
        _ => bail!("{hint}: sudo apt-get install {names}"),
    };
    eprintln!("    apt-get installs {names}");
    must_do(command.args(["-c", INSTALL, "install"]).args(packages))
        .with_context(|| format!("apt-get could not install {names}; {hint}"))
}
