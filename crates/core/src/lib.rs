//! Doorward's rules: what is allowed, and what follows from it.
//!
//! Nothing here waits, reads a clock, draws a random number or talks to anybody: time and chance come in as values,
//! and what is to be written goes out as values. That is why every rule can be tested with a table.

pub mod assertion;
pub mod attempt;
pub mod base;
pub mod caller;
pub mod challenge;
pub mod check;
pub mod failure;
pub mod intent;
pub mod jwt;
pub mod machine_key;
pub mod master;
pub mod message;
pub mod otp;
pub mod passkey;
pub mod password;
pub mod recovery;
pub mod scope;
pub mod seal;
pub mod search;
pub mod session;
pub mod signature;
pub mod spki;
pub mod token;
pub mod totp;
pub mod url_template;
pub mod user;
