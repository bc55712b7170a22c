//! When a password says too much of its owner or of the site.

use zeroize::Zeroizing;

use crate::ground::names::in_word;

/// Own words shorter than this are no words to speak of: a lone initial would take letters out of any password.
const SHORTEST_WORD: usize = 3;

/// The shortest name of a site that is looked for.
const SHORTEST_SITE_NAME: usize = 4;

/// How many own words are looked for; who gives an account more words than this weakens only that account.
const MOST_WORDS: usize = 256;

/// Whether the password shares so many characters with the value, or with one word of it, that seven tenths of both together
/// are common: the reference's rule. The order of the characters does not count.
pub(super) fn is_near(password: &str, value: &str) -> bool {
    let password = sorted(password);
    let value = value.to_lowercase();
    value.split(|c| !in_word(c)).chain([value.as_str()]).any(|part| shares_most(&password, part))
}

fn shares_most(password: &[char], part: &str) -> bool {
    let length = part.chars().count();
    // Comparing only what can succeed keeps the whole work linear in the value, however many words it has (CVE-2021-45115).
    if !is_most(password.len().min(length), password.len() + length) {
        return false;
    }
    is_most(common(password, &sorted(part)), password.len() + length)
}

/// Whether so many pairs make up at least 0.7 of that many characters.
fn is_most(pairs: usize, characters: usize) -> bool {
    characters > 0 && 20 * pairs >= 7 * characters
}

/// How many characters two sorted texts have in common, each counted as often as it is in both.
fn common(a: &[char], b: &[char]) -> usize {
    let (mut i, mut j, mut count) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        i += usize::from(x <= y);
        j += usize::from(y <= x);
        count += usize::from(x == y);
    }
    count
}

fn sorted(text: &str) -> Zeroizing<Vec<char>> {
    let mut characters = Zeroizing::new(text.to_lowercase().chars().collect::<Vec<_>>());
    characters.sort_unstable();
    characters
}

/// Whether the password is the site's name with too little around it: fewer than `enough` characters remain when the name and
/// the account's own words are taken out (T03, ASVS 6.2.11).
pub(super) fn is_built_on(site_name: &str, password: &str, values: &[&str], enough: usize) -> bool {
    let mut left = Zeroizing::new(password.to_lowercase());
    let site_name = site_name.to_lowercase();
    let joined: String = site_name.chars().filter(|&c| in_word(c)).collect();
    let names = [site_name.as_str(), &joined];
    if !names.iter().any(|name| name.chars().count() >= SHORTEST_SITE_NAME && left.contains(name)) {
        return false;
    }
    for word in names.into_iter().map(str::to_owned).chain(words(&site_name, values)).filter(|word| !word.is_empty()) {
        // A mark in its place, so that what stood on both sides does not grow together to another word.
        left = Zeroizing::new(left.replace(&word, "\0"));
    }
    left.chars().filter(|&c| c != '\0').count() < enough
}

/// The words of the site's name and of the account, the longest first.
fn words(site_name: &str, values: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = [site_name]
        .iter()
        .chain(values)
        .flat_map(|value| value.split(|c| !in_word(c)))
        .filter(|word| word.chars().nth(SHORTEST_WORD - 1).is_some())
        .take(MOST_WORDS)
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_tenths_are_near_and_less_is_not() {
        assert!(is_near("abcdefgxxx", "gfedcbayyy"), "7 of 10 each: 14/20");
        assert!(!is_near("abcdefxxxx", "fedcbayyyy"), "6 of 10 each: 12/20");
        assert!(is_near("ALICIA99", "alicia") && is_near("alicia99", "Alicia"));
        assert!(!is_near("alicia", ""));
        assert!(!is_near("alicia", "--- ---"));
    }

    #[test]
    fn t03_only_values_of_like_length_are_compared() {
        for (password, value, compared) in
            [(1024, 551, false), (1024, 552, true), (8, 1, false), (8, 5, true), (8, 14, true), (8, 15, false)]
        {
            assert_eq!(is_most(std::cmp::min(password, value), password + value), compared, "{password} {value}");
        }
    }

    #[test]
    fn repeated_characters_count_as_often_as_both_have_them() {
        assert_eq!(common(&sorted("aabbb"), &sorted("abbcc")), 3);
        assert_eq!(common(&sorted(""), &sorted("a")), 0);
    }

    #[test]
    fn taking_words_out_makes_no_new_words() {
        assert!(!is_built_on("Acme", "acme-mariacmean-9x7", &["marian"], 8), "`mari` and `an` stay apart");
        assert!(is_built_on("Acme", "acme-marian-9x7", &["marian"], 8));
    }
}
