//! A second server, made of one that runs.

use super::{Server, append};
use crate::installation::Installation;
use crate::owner::Owner;
use crate::supervisor::Supervisor;
use crate::{Outcome, must};

impl Server {
    /// A server that follows this one by streaming, and takes connections that read. It is set as this one is, apart
    /// from these lines. Whether commits wait for it is up to `synchronous_standby_names` of this one.
    #[must_use]
    #[track_caller]
    pub fn standby(&self, settings: &[(&str, &str)]) -> Self {
        must(self.copied("follow", settings))
    }

    /// A server of its own on a base backup of this one, as it is while this one goes on.
    #[must_use]
    #[track_caller]
    pub fn base_backup(&self) -> Self {
        must(self.copied("copy", &[]))
    }

    /// Makes a server that follows another one independent of it; when this returns it takes writes.
    #[track_caller]
    pub fn promote(&mut self) {
        must(self.keeper().and_then(|keeper| keeper.order("promote")));
    }

    fn copied(&self, order: &str, settings: &[(&str, &str)]) -> Outcome<Self> {
        let installation = Installation::find()?;
        let mut keeper = Supervisor::start(Owner::find()?, &installation, "QUIT")?;
        keeper.order(&format!("{order} {}", self.url("postgres")))?;
        append(&keeper.folder().join("data/postgresql.conf"), settings)?;
        Self::begin(installation, keeper, self.password().to_owned())
    }
}
