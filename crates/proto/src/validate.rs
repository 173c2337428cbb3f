//! The limits of requests, and the texts that tell which one was broken.

use std::borrow::Cow;
use std::fmt;

/// The version through which a request came. v2beta leaves out some limits of v2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    V2,
    V2beta,
}

/// Messages that know their limits.
pub trait Validate {
    /// Looks depth first and stops at the first broken limit.
    ///
    /// # Errors
    /// The broken limit.
    fn validate(&self, surface: Surface) -> Result<(), Violation>;
}

/// A broken limit. Its text is what the caller is told, word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    message: &'static str,
    field: Cow<'static, str>,
    reason: &'static str,
    cause: Option<Cause>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    Inner(Box<Violation>),
    Text(String),
}

impl Violation {
    pub(crate) fn new(
        message: &'static str,
        field: impl Into<Cow<'static, str>>,
        reason: &'static str,
    ) -> Self {
        Self { message, field: field.into(), reason, cause: None }
    }

    pub(crate) fn because(mut self, cause: String) -> Self {
        self.cause = Some(Cause::Text(cause));
        self
    }

    /// The same violation as the message around it reports it.
    pub(crate) fn inside(self, message: &'static str, field: impl Into<Cow<'static, str>>) -> Self {
        let cause = Some(Cause::Inner(Box::new(self)));
        Self { message, field: field.into(), reason: "embedded message failed validation", cause }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "invalid {}.{}: {}", self.message, self.field, self.reason)?;
        match &self.cause {
            None => Ok(()),
            Some(Cause::Inner(inner)) => write!(out, " | caused by: {inner}"),
            Some(Cause::Text(text)) => write!(out, " | caused by: {text}"),
        }
    }
}

impl std::error::Error for Violation {}
