//! What the database keeps of a password, in all the forms that are understood.

use super::legacy::Legacy;
use super::phc::Phc;
use super::workspace::Workspace;
use crate::ground::Result;

/// A stored password that a sent one can be checked against.
pub(super) enum Stored {
    /// Argon2, ours or imported.
    Argon2(Phc),
    /// Another algorithm, imported.
    Legacy(Legacy),
}

/// Why nothing can match a stored password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The account has no password, and says so: nothing stored, or `!` and anything (T07).
    Unusable,
    /// Not a format that is understood. Fast hashes such as Django's `md5$` belong here: they can be guessed at billions a
    /// second, and a login that takes no time would tell imported accounts apart (T09). Their owners reset the password.
    Unsupported,
    /// More memory or time than one login may take.
    TooCostly,
}

impl Stored {
    /// Reads a PHC string or a value of Django's `password` column.
    ///
    /// # Errors
    /// Why nothing can match it.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() || text.starts_with('!') {
            return Err(Refusal::Unusable);
        }
        // Django writes the name of the algorithm's family before the PHC string.
        let phc = text.strip_prefix("argon2").filter(|rest| rest.starts_with('$')).unwrap_or(text);
        if phc.starts_with('$') { Phc::parse(phc).map(Self::Argon2) } else { Legacy::parse(text).map(Self::Legacy) }
    }

    /// Whether `password` is the one. Exactly one computation.
    ///
    /// # Errors
    /// When there is no memory, or our own fault.
    pub(super) fn matches(&self, password: &[u8], workspace: &mut Workspace) -> Result<bool> {
        match self {
            Self::Argon2(phc) => phc.matches(password, workspace),
            Self::Legacy(legacy) => legacy.matches(password, workspace),
        }
    }
}

/// A number in plain decimal digits: no sign, no space.
pub(super) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../tests/data/password_hashes.json")).unwrap()
    }

    fn rows() -> Vec<(String, String, String)> {
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = vectors()["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| (text(row, "algorithm"), text(row, "password"), text(row, "encoded"))).collect()
    }

    fn matches(password: &str, stored: &str) -> bool {
        let mut workspace = Workspace::new(0, Arc::default());
        Stored::parse(stored).is_ok_and(|stored| stored.matches(password.as_bytes(), &mut workspace).unwrap())
    }

    /// The same text with another last character.
    fn changed(text: &str) -> String {
        let mut out = text.to_owned();
        let last = out.pop();
        out.push(if last == Some('A') { 'B' } else { 'A' });
        out
    }

    #[test]
    fn t05_every_recorded_hash_matches_its_password_and_no_other() {
        let rows: Vec<_> = rows().into_iter().filter(|(algorithm, ..)| algorithm != "md5").collect();
        assert_eq!(rows.len(), 56);
        let queue = Mutex::new(rows.into_iter());
        let next = || queue.lock().unwrap().next();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some((_, password, encoded)) = next() {
                        assert!(matches(&password, &encoded), "{encoded}");
                        assert!(!matches(&changed(&password), &encoded), "{encoded} with another password");
                        assert!(!matches(&password, &changed(&encoded)), "{encoded} with another end");
                    }
                });
            }
        });
    }

    #[test]
    fn fast_hashes_are_not_supported() {
        let rows: Vec<_> = rows().into_iter().filter(|(algorithm, ..)| algorithm == "md5").collect();
        assert!(!rows.is_empty());
        for (_, _, encoded) in rows {
            assert_eq!(Stored::parse(&encoded).err(), Some(Refusal::Unsupported), "{encoded}");
        }
    }

    #[test]
    fn t07_an_unusable_password_is_known_as_such() {
        for row in vectors()["unusable"].as_array().unwrap() {
            let Some(stored) = row["encoded"].as_str() else { continue };
            let expected = if stored == "plaintext" { Refusal::Unsupported } else { Refusal::Unusable };
            assert_eq!(Stored::parse(stored).err(), Some(expected), "{stored}");
        }
    }
}
