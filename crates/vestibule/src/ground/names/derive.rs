//! Names for accounts that were opened without one.

use unicode_normalization::UnicodeNormalization as _;

use super::username::{LONGEST, Username, in_name};
use crate::ground::Entropy;

/// The name of somebody of whom nothing usable is known.
const NOBODY: &str = "user";

/// How many of the plain numbers 2, 3, … are tried before longer, random ones; so a name that thousands would get costs few tries.
const PLAIN: u64 = 9;

/// The digits of the longest number put behind a name.
const LONGEST_NUMBER: u32 = 9;

impl Username {
    /// Names to try, one after the other, for an account opened without one: `john.doe`, `john.doe2`, … `john.doe9`, then with
    /// random numbers that grow. They come from the first of `sources` with a usable character; of an address only the part
    /// before the `@` is used. Names that [`Username::parse`] would refuse are left out.
    ///
    /// It ends after a hundred, or when there is no randomness: nine random digits are never all taken.
    pub fn candidates(
        sources: &[&str],
        min_length: usize,
        denylist: &[String],
        entropy: &Entropy,
    ) -> impl Iterator<Item = Username> {
        let min_length = min_length.min(LONGEST);
        let base = base(sources, min_length);
        (1..=100)
            .map_while(move |turn| numbered(&base, turn, entropy))
            .filter_map(move |name| Self::parse(&name, min_length, denylist).ok())
    }
}

fn base(sources: &[&str], min_length: usize) -> String {
    let usable = sources.iter().map(|source| reduced(source)).find(|name| name.contains(char::is_alphanumeric));
    let mut name = usable.unwrap_or_else(|| NOBODY.into());
    while name.chars().count() < min_length {
        name.push('0');
    }
    name
}

fn reduced(source: &str) -> String {
    let local = source.rsplit_once('@').map_or(source, |(local, _)| local);
    local.to_lowercase().chars().take(LONGEST).nfkc().filter(|&c| in_name(c) && c != '@').take(LONGEST).collect()
}

fn numbered(base: &str, turn: u64, entropy: &Entropy) -> Option<String> {
    let number = match turn {
        1 => return Some(base.to_owned()),
        2..=PLAIN => turn,
        _ => {
            let digits = u32::try_from(turn - PLAIN).unwrap_or(LONGEST_NUMBER).saturating_add(1).min(LONGEST_NUMBER);
            let low = 10_u64.pow(digits);
            low + u64::from_be_bytes(entropy.bytes().ok()?) % (9 * low)
        }
    };
    let number = number.to_string();
    let room = LONGEST - number.len();
    Some(base.chars().take(room).chain(number.chars()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[&str], min_length: usize, denylist: &[&str]) -> Vec<String> {
        let denylist: Vec<String> = denylist.iter().map(ToString::to_string).collect();
        let entropy = Entropy::seeded(1);
        Username::candidates(sources, min_length, &denylist, &entropy).map(|name| name.shown().to_owned()).collect()
    }

    #[test]
    fn a_name_comes_from_the_address_and_is_numbered_when_taken() {
        let names = names(&["John.Doe@example.com"], 1, &[]);
        assert_eq!(names[..4], ["john.doe", "john.doe2", "john.doe3", "john.doe4"]);
        assert_eq!(names.len(), 100);
        assert!(names[30..].iter().all(|name| name.len() == "john.doe".len() + 10), "long numbers: {names:?}");
    }

    #[test]
    fn what_a_name_may_not_hold_is_left_out() {
        assert_eq!(names(&["\"a@b\"@example.com"], 1, &[])[0], "ab");
        assert_eq!(names(&["o'hara!x@example.com"], 1, &[])[0], "oharax");
        assert_eq!(names(&["", "!!@example.com", "Jörg"], 1, &[])[0], "jörg");
        assert_eq!(names(&["!#@example.com"], 1, &[])[0], "user");
    }

    #[test]
    fn a_derived_name_keeps_the_rules_for_names() {
        assert_eq!(names(&["ab@example.com"], 6, &[])[0], "ab0000");
        assert_eq!(names(&["admin@example.com"], 1, &["ADMIN"])[0], "admin2");
        assert_eq!(names(&["a@example.com"], 9999, &[])[0].len(), LONGEST);
        let long = names(&[&"x".repeat(400)], 1, &[]);
        assert!(long.iter().all(|name| name.len() == LONGEST));
        assert_eq!(long[1].chars().last(), Some('2'));
    }
}
