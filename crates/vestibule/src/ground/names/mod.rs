//! The one canonical form of user names and addresses (T66, T71).
//!
//! A name is two texts: `shown`, which people and mails see, and `key`, by which it is found, counted and held unique. Whoever
//! looks up, limits or compares a name does it by the key made here, so two spellings of one account are never two accounts.

mod derive;
mod email;
mod phone;
mod username;

pub use email::EmailAddress;
pub use phone::PhoneNumber;
pub use username::Username;

use unicode_normalization::char::is_combining_mark;

/// A letter, a number or an underscore, in any script.
///
/// This is the reference's idea of a character in a word: no combining marks, and no letters that only symbols contain (Ⓐ).
/// The Hangul fillers count as letters in Unicode and show as nothing, so they are left out (T71).
pub(crate) fn in_word(c: char) -> bool {
    match c {
        '_' => true,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => false,
        'Ⓐ'..='ⓩ' | '🄰'..='🆉' => false,
        _ => c.is_alphanumeric() && !is_combining_mark(c),
    }
}

/// What the reference said of many inputs, recorded over HTTP and in its validators.
#[cfg(test)]
pub(crate) fn recorded(part: &str) -> Vec<serde_json::Value> {
    let all: serde_json::Value = serde_json::from_str(include_str!("../../../tests/data/validators.json")).unwrap();
    all[part].as_array().unwrap().clone()
}
