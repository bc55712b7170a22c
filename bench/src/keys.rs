//! The sessions of a seeded database: every key follows from its number, so nothing has to be written down.

use vestibule::ground::secrets::Digest;

/// What every key is derived from; also in the SQL of [`crate::seed`].
const SEED: &str = "vestibule-bench:";

/// The password of every seeded user.
pub(crate) const PASSWORD: &str = "Tr1cky-pass-9x";

/// The key of session `number`, counted from 1: 40 hexadecimal digits.
pub(crate) fn key(number: u64) -> String {
    hex::encode(&Digest::of(format!("{SEED}{number}").as_bytes()).as_bytes()[..20])
}

/// The name of user `number`, counted from 1.
pub(crate) fn username(number: u64) -> String {
    format!("user{number}")
}
