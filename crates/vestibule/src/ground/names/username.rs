//! User names.

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;

use super::in_word;
use crate::ground::Message;

/// The most characters of a name.
pub(super) const LONGEST: usize = 150;

/// The most characters of a text that is normalised at all. At most four become one, so nothing longer comes out as a name.
const LONGEST_TYPED: usize = 5 * LONGEST;

/// A name that an account is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username {
    shown: String,
    key: String,
}

impl Username {
    /// Reads a name that somebody wants to have; white space around it does not count.
    ///
    /// The name is judged as typed, as the reference does, and again after normalisation, which may turn a permitted character
    /// into others (T71). So `e` with a combining accent is refused, although `é` is welcome.
    ///
    /// `denylist` holds names that nobody may have, in any spelling.
    ///
    /// # Errors
    /// As recorded, in this order: [`Message::Blank`]; [`Message::TooLong`] and [`Message::TooShort`], lengths in characters;
    /// [`Message::NullCharacters`]; [`Message::InvalidUsername`]; [`Message::UsernameDenied`].
    pub fn parse(text: &str, min_length: usize, denylist: &[String]) -> Result<Self, Vec<Message>> {
        let text = text.trim();
        if text.is_empty() {
            return Err(vec![Message::Blank]);
        }
        if text.chars().nth(LONGEST_TYPED).is_some() {
            return Err(vec![Message::TooLong(LONGEST)]);
        }
        let shown: String = text.nfkc().collect();
        let shape = misshapen(text, &shown, min_length);
        if !shape.is_empty() {
            return Err(shape);
        }
        if !text.chars().chain(shown.chars()).all(in_name) {
            return Err(vec![Message::InvalidUsername]);
        }
        let key = fold(&shown);
        if denylist.iter().any(|denied| Self::key_of(denied) == key) {
            return Err(vec![Message::UsernameDenied]);
        }
        Ok(Self { shown, key })
    }

    /// A name as a row keeps it: the two texts that [`Username::parse`] once made.
    pub fn from_stored(shown: impl Into<String>, key: impl Into<String>) -> Self {
        Self { shown: shown.into(), key: key.into() }
    }

    /// The key of whatever somebody gave as a name, for look-ups and limits, where a text that cannot be a name is only unknown.
    ///
    /// Of an overlong text only the beginning counts, which no account's key equals; so the work is bounded.
    pub fn key_of(text: &str) -> String {
        let head: String = text.trim().chars().take(LONGEST_TYPED).collect();
        fold(&head)
    }

    /// The name as people read it: NFKC of what was typed.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The name as it is looked up, counted and held unique: NFKC and full case folding. Two names with one key are one account.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl std::fmt::Display for Username {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

fn misshapen(typed: &str, shown: &str, min_length: usize) -> Vec<Message> {
    let length = shown.chars().count();
    let mut messages = Vec::new();
    if length > LONGEST {
        messages.push(Message::TooLong(LONGEST));
    }
    if length < min_length {
        messages.push(Message::TooShort(min_length));
    }
    if typed.contains('\0') {
        messages.push(Message::NullCharacters);
    }
    messages
}

pub(super) fn in_name(c: char) -> bool {
    in_word(c) || matches!(c, '@' | '.' | '+' | '-')
}

/// Normalising what was folded can bring up letters that fold again, so both are done twice; a third time changes nothing.
fn fold(text: &str) -> String {
    let once: String = text.nfkc().default_case_fold().nfkc().collect();
    once.chars().default_case_fold().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::recorded;
    use super::*;

    fn parse(text: &str) -> Result<Username, Vec<Message>> {
        Username::parse(text, 1, &[])
    }

    fn key(text: &str) -> String {
        parse(text).unwrap_or_else(|messages| panic!("{text:?}: {messages:?}")).key
    }

    #[test]
    fn names_are_judged_as_recorded() {
        let rows = recorded("username");
        assert_eq!(rows.len(), 18);
        for row in rows {
            let input = row["input"].as_str().unwrap();
            // Recorded below the form, which takes the white space away before anything is judged.
            let valid = row["valid"] == true || input == "a\n";
            assert_eq!(parse(input).is_ok(), valid, "{input:?}: {row}");
            if !valid {
                assert_eq!(parse(input), Err(vec![Message::InvalidUsername]), "{input:?}");
            }
        }
        assert!(parse("ﬁgature").is_ok() && parse(" padded ").is_ok() && parse("ümlaut").is_ok() && parse("名前").is_ok());
    }

    #[test]
    fn t71_every_spelling_of_a_name_has_one_key() {
        for same in ["ADMIN_x", "ａｄｍｉｎ_x", "𝐚dmin_x", " admin_x\t", "ADMIN_X"] {
            assert_eq!(key(same), "admin_x", "{same}");
        }
        assert_eq!(key("ﬁne"), key("FINE"));
        assert_eq!(key("straße"), key("STRASSE"));
        assert_eq!(key("\u{212a}im"), "kim");
        assert_eq!(parse("ＡＢ").unwrap().shown(), "AB");
        assert_eq!(Username::key_of("e\u{301}te\u{301}"), key("ÉTÉ"), "a look-up takes decomposed letters too");
        assert_ne!(key("admın_x"), key("admin_x"), "a dotless i is another name with another key");
        assert_ne!(key("аdmin_x"), key("admin_x"), "a Cyrillic а is another name with another key");
    }

    #[test]
    fn t71_t72_invisible_and_directing_characters_are_no_part_of_a_name() {
        for c in "\u{200b}\u{200d}\u{202e}\u{ad}\u{feff}\u{2060}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{34f}\u{fe0f}\u{1}\u{7f}\u{2028}\u{e0001}½\u{1f170}".chars() {
            assert_eq!(parse(&format!("ad{c}min")), Err(vec![Message::InvalidUsername]), "U+{:04X}", u32::from(c));
        }
        assert_eq!(parse("ad\0min"), Err(vec![Message::NullCharacters]));
        assert_eq!(parse("new\nline"), Err(vec![Message::InvalidUsername]));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(parse(&"é".repeat(150)).is_ok());
        assert_eq!(parse(&"é".repeat(151)), Err(vec![Message::TooLong(150)]));
        assert_eq!(parse(&"\u{fdfa}".repeat(20)), Err(vec![Message::TooLong(150)]), "counted after normalisation");
        assert_eq!(parse(&"x".repeat(1 << 20)), Err(vec![Message::TooLong(150)]));
        assert_eq!(Username::parse("ab", 3, &[]), Err(vec![Message::TooShort(3)]));
        assert_eq!(parse(""), Err(vec![Message::Blank]));
        assert!(Username::key_of(&"\u{fdfa}".repeat(1 << 20)).chars().count() < 20_000);
    }

    #[test]
    fn a_denied_name_is_denied_in_every_spelling() {
        let denylist = ["Admin".to_owned(), "straße".to_owned()];
        for name in ["admin", "ADMIN", "ａdmin", "STRASSE"] {
            assert_eq!(Username::parse(name, 1, &denylist), Err(vec![Message::UsernameDenied]), "{name}");
        }
        assert!(Username::parse("admin2", 1, &denylist).is_ok());
    }

    /// Unicode 17 pairs these, the folding table (Unicode 16) not yet: each is a name of its own. So is a dotless i.
    fn has_no_fold(c: char) -> bool {
        matches!(c, 'ı' | '\u{a7ce}'..='\u{a7cf}' | '\u{a7d2}'..='\u{a7d5}' | '\u{16ea0}'..='\u{16ed3}')
    }

    #[test]
    fn t71_folding_rests_and_ignores_case_for_every_character() {
        for c in '\0'..='\u{1ffff}' {
            let key = fold(&c.to_string());
            assert_eq!(fold(&key), key, "{c:?}");
            if in_name(c) && !has_no_fold(c) {
                assert_eq!(fold(&c.to_uppercase().to_string()), key, "{c:?}");
                assert_eq!(fold(&c.to_lowercase().to_string()), key, "{c:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_rests_where_it_ends(text in any::<String>(), letters in "[\\p{L}\\p{N}@.+_-]{1,20}") {
            for text in [text, letters] {
                prop_assert_eq!(fold(&fold(&text)), fold(&text));
                let Ok(name) = parse(&text) else { continue };
                prop_assert_eq!(parse(&name.shown), Ok(name.clone()));
                prop_assert_eq!(Username::key_of(&text), Username::key_of(&name.shown));
                prop_assert_eq!(Username::key_of(&name.key), name.key);
            }
        }

        #[test]
        fn t71_case_never_makes_a_second_name(text in "[a-zA-ZäÖßéЖж0-9@.+_-]{1,20}") {
            let name = key(&text);
            prop_assert_eq!(key(&text.to_lowercase()), name.clone());
            prop_assert_eq!(key(&text.to_uppercase()), name);
        }
    }
}
