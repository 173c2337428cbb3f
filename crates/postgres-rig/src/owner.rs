//! The user that PostgreSQL runs as, since it refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// Names of sockets end at 107 bytes; the folder and `/.s.PGSQL.65535` have to fit.
const LONGEST_ROOM: usize = 60;

/// Whom the servers and their folders belong to.
#[derive(Clone, Copy)]
pub struct Owner {
    uid: u32,
    gid: u32,
    /// Whether that is somebody else than this process, which is root then.
    other: bool,
}

impl Owner {
    /// The user of this process, or an unprivileged one if that is root.
    pub fn find() -> Outcome<Self> {
        let own = fs::metadata("/proc/self").map_err(|error| format!("/proc/self: {error}"))?;
        if own.uid() != 0 {
            return Ok(Self { uid: own.uid(), gid: own.gid(), other: false });
        }
        let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
        let ids = ids(&users, "postgres").or_else(|| ids(&users, "nobody"));
        let (uid, gid) = ids.ok_or(
            "PostgreSQL does not run as root, and there is neither a user `postgres` nor a user `nobody`",
        )?;
        Ok(Self { uid, gid, other: true })
    }

    /// The number of the user.
    pub fn uid(self) -> u32 {
        self.uid
    }

    /// A program that runs as this user.
    pub fn command(self, program: impl AsRef<Path>) -> Command {
        let mut command = bare(program);
        if self.other {
            command.gid(self.gid).uid(self.uid);
        }
        command.current_dir("/");
        command
    }

    /// Hands a file or a folder to this user.
    pub fn give(self, path: &Path) -> Outcome<()> {
        if self.other {
            chown(path, Some(self.uid), Some(self.gid))
                .map_err(|error| format!("{} cannot be given away: {error}", path.display()))?;
        }
        Ok(())
    }

    /// The folder for what is temporary: the usual one, unless its name is too long or this user cannot write there.
    pub fn room(self) -> PathBuf {
        let usual = std::env::temp_dir();
        let lets = |folder: &Path, bits| {
            fs::metadata(folder).is_ok_and(|about| about.permissions().mode() & bits == bits)
        };
        let open = !self.other || (lets(&usual, 0o3) && usual.ancestors().all(|folder| lets(folder, 0o1)));
        if usual.is_absolute() && usual.as_os_str().len() <= LONGEST_ROOM && open {
            usual
        } else {
            PathBuf::from("/tmp")
        }
    }
}

/// A program that speaks English and does not hear what the environment would tell PostgreSQL's programs.
pub fn bare(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG") || text.starts_with("LC_") || text == "LANGUAGE" {
            command.env_remove(&name);
        }
    }
    command.env("LC_ALL", "C");
    command
}

fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_user_are_found_by_the_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\npostgres-old:x:7:8::/:\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(ids(users, "postgres"), Some((101, 104)));
        assert_eq!(ids(users, "nobody"), None);
    }
}
