//! Which users and sessions a filled store holds: all of it follows from four numbers, so that a store that was kept
//! can be used again without asking it.

use doorward_core::base::{Timestamp, mint_id};
use serde::{Deserialize, Serialize};

use crate::call::Created;
use crate::row::{Field, Row};

/// A user for so many sessions.
const SESSIONS_OF_A_USER: u64 = 100;
/// The first user has exactly so many.
pub const OF_THE_FIRST: u64 = 50;
/// The sessions were made in the 30 days before the store was filled.
const AGE: i64 = 30 * 24 * 3600 * 1_000_000;
/// Every other session ends by itself a year after it was made.
const LIFETIME: i64 = 365 * 24 * 3600 * 1_000_000;

/// The contents of a filled store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    pub sessions: u64,
    pub users: u64,
    /// When the first session was made, in microseconds since 1970, and how long after it each following one.
    first: i64,
    step: i64,
}

impl Filled {
    /// So many sessions, the last of them made just now.
    pub fn until(now: i64, sessions: u64) -> Self {
        let step = AGE / i64::try_from(sessions).unwrap_or(i64::MAX).max(1);
        Self { sessions, users: (sessions / SESSIONS_OF_A_USER).max(2), first: now - AGE, step }
    }

    fn time(&self, number: u64) -> i64 {
        self.first + self.step * i64::try_from(number).unwrap_or(0)
    }

    /// The id of a session; ascending with its number.
    pub fn session_id(&self, number: u64) -> String {
        mint_id(Timestamp(self.time(number)), mixed(number))
    }

    /// The last id; whatever is greater was made later.
    pub fn last_id(&self) -> String {
        self.session_id(self.sessions.saturating_sub(1))
    }

    /// The id of a user; users were made just before the first session.
    pub fn user_id(&self, number: u64) -> String {
        let before = i64::try_from(self.users - number).unwrap_or(0);
        mint_id(Timestamp(self.first - before), mixed(!number))
    }

    /// The first user has its sessions evenly among those of all; whose the others are follows from nothing.
    fn user_of(&self, session: u64) -> u64 {
        let every = self.sessions / OF_THE_FIRST;
        if session.is_multiple_of(every) && session / every < OF_THE_FIRST {
            return 0;
        }
        1 + mixed(session ^ 0x5bd1) % (self.users - 1)
    }

    /// Some sessions, spread evenly over all.
    pub fn some_sessions(&self, number: u64) -> Vec<Created> {
        let number = number.min(self.sessions);
        let pick = |nth: u64| nth * self.sessions / number;
        (0..number).map(|nth| Created { id: self.session_id(pick(nth)), token: String::new() }).collect()
    }

    /// Some users but the first.
    pub fn some_users(&self, number: u64) -> Vec<String> {
        let others = self.users - 1;
        let number = number.min(others);
        (0..number).map(|nth| self.user_id(1 + nth * others / number)).collect()
    }

    /// A user like the pattern.
    pub fn user(&self, pattern: &Row, number: u64) -> Row {
        let name = format!("filled-{number}@example.com");
        let change = |(column, value): &(String, Field)| {
            let value = match column.as_str() {
                "id" => Field::Text(self.user_id(number)),
                "username" | "username_key" | "email" => Field::Text(name.clone()),
                _ => value.clone(),
            };
            (column.clone(), value)
        };
        pattern.iter().map(change).collect()
    }

    /// A session like the pattern.
    pub fn session(&self, pattern: &Row, number: u64) -> Row {
        let (time, user) = (self.time(number), self.user_of(number));
        let change = |(column, value): &(String, Field)| {
            let value = match column.as_str() {
                "id" => Field::Text(self.session_id(number)),
                "created" | "changed" | "user_verified" => Field::Number(time),
                "expires" if number.is_multiple_of(2) => Field::Number(time + LIFETIME),
                "expires" => Field::Null,
                "user_id" => Field::Text(self.user_id(user)),
                "token" => Field::Bytes(digest(number)),
                "fingerprint" => Field::Text(format!("device-{user}")),
                _ => value.clone(),
            };
            (column.clone(), value)
        };
        pattern.iter().map(change).collect()
    }
}

/// A number without any pattern (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// As long as the hash of a token; nobody has the token.
fn digest(number: u64) -> Vec<u8> {
    (1..=4_u64).flat_map(|part| mixed(number.wrapping_mul(part) ^ part).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_and_the_first_user_has_exactly_its_sessions() {
        let filled = Filled::until(1_763_632_800_123_456, 20_050);
        let ids: Vec<String> = (0..filled.sessions).map(|number| filled.session_id(number)).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 36));
        assert_eq!(ids.last(), Some(&filled.last_id()));
        let of_first = (0..filled.sessions).filter(|number| filled.user_of(*number) == 0).count();
        assert_eq!(of_first as u64, OF_THE_FIRST);
        assert!((0..filled.sessions).all(|number| filled.user_of(number) < filled.users));
    }

    #[test]
    fn users_have_ids_of_their_own() {
        let filled = Filled::until(1_763_632_800_123_456, 10_000);
        let mut ids: Vec<String> = (0..filled.users).map(|number| filled.user_id(number)).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len() as u64, filled.users);
        assert!(ids.iter().all(|id| id.len() == 36 && *id < filled.session_id(0)));
        assert_eq!(filled.some_users(50).len(), 50);
    }
}
