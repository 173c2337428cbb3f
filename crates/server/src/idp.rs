//! Identity providers: other servers that tell who somebody is. This is the client's side of it, without the store.

pub(crate) mod claims;
pub(crate) mod discovery;
mod id_token;
pub(crate) mod outbound;
mod provider;
mod redeem;
pub(crate) mod signed;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use outbound::Outbound;

pub use claims::{Mapping, Person};
pub use provider::{Opening, Provider};
pub use redeem::{Answer, Told};

/// What can go wrong with a provider. The texts are for the operator's log; they never hold a code or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It does not answer, or not in time.
    #[error("it does not answer: {0}")]
    Unreachable(String),
    /// It refuses, with an error of its own. What it says besides is left out, since it may repeat a code.
    #[error("it refuses: {0}")]
    Refused(String),
    /// It answers something that cannot be trusted.
    #[error("its answer cannot be trusted: {0}")]
    Untrusted(String),
}

impl Trouble {
    /// What is wrong, without the words that tell of what kind it is.
    pub(crate) fn why(&self) -> &str {
        match self {
            Self::Unreachable(why) | Self::Refused(why) | Self::Untrusted(why) => why,
        }
    }

    pub(crate) fn untrusted(why: impl Into<String>) -> Self {
        Self::Untrusted(why.into())
    }

    pub(crate) fn too_late() -> Self {
        Self::Unreachable("it takes too long".to_owned())
    }
}

/// The providers of the configuration, by id.
#[derive(Debug, Default)]
pub struct Idps {
    providers: HashMap<String, Arc<Provider>>,
}

impl Idps {
    /// The providers that the configuration names. Nothing is sent yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        if config.idp.is_empty() {
            return Ok(Self::default());
        }
        let timeout = Duration::from_millis(u64::from(config.intents.provider_timeout_ms));
        let outbound = Outbound::new(timeout)?;
        let callback = format!("{}/idps/callback", config.public_url());
        let provider = |idp: &crate::config::Idp| {
            let provider = Provider::new(idp, callback.clone(), outbound.clone())?;
            Ok((idp.id.clone(), Arc::new(provider)))
        };
        Ok(Self { providers: config.idp.iter().map(provider).collect::<anyhow::Result<_>>()? })
    }

    /// The provider with that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Provider>> {
        self.providers.get(id)
    }
}
