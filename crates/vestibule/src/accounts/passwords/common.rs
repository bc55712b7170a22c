//! The passwords that everybody tries first, built in, so that no other machine hears of a password (T03).
//!
//! `data/README.md` says where they come from and how the file is made: sorted, in lower case, printable ASCII, each line one
//! digit to base 36 for the bytes shared with the entry before, then the rest.

use std::sync::LazyLock;

use zeroize::Zeroizing;

const LIST: &str = include_str!("../../../data/common_passwords.txt");

/// Where in the list the entries of each first byte begin: to look through all of it would cost a twentieth of a hash.
static BEGINNINGS: LazyLock<[Option<usize>; 128]> = LazyLock::new(|| {
    let mut beginnings = [None; 128];
    let mut offset = 0;
    for line in LIST.split_inclusive('\n') {
        if let [b'0', first, ..] = line.as_bytes()
            && let Some(beginning) = beginnings.get_mut(usize::from(*first))
        {
            *beginning = Some(offset);
        }
        offset += line.len();
    }
    beginnings
});

/// Whether a password is on the list; case and white space around it do not count.
pub fn contains(password: &str) -> bool {
    let wanted = Zeroizing::new(password.trim().to_lowercase());
    let wanted = wanted.as_bytes();
    let beginning = wanted.first().and_then(|first| *BEGINNINGS.get(usize::from(*first))?);
    let Some(beginning) = beginning else { return false };
    // How much of `wanted` the entry before shares. While the next shares more with that entry than `wanted` does, it still
    // comes before `wanted`; once it shares less, all that follows comes after.
    let mut matched = 0;
    for (shared, rest) in lines(&LIST[beginning..]) {
        if shared > matched {
            continue;
        }
        if shared < matched {
            return false;
        }
        let left = &wanted[matched..];
        let more = rest.bytes().zip(left).take_while(|(a, b)| a == *b).count();
        if more == rest.len() && more == left.len() {
            return true;
        }
        matched += more;
    }
    false
}

/// Every password on the list, in lower case.
pub fn entries() -> impl Iterator<Item = String> {
    let mut entry = String::new();
    lines(LIST).map(move |(shared, rest)| {
        entry.truncate(shared);
        entry.push_str(rest);
        entry.clone()
    })
}

fn lines(list: &'static str) -> impl Iterator<Item = (usize, &'static str)> {
    list.lines().filter_map(|line| {
        let (digit, rest) = line.split_at_checked(1)?;
        Some((usize::from_str_radix(digit, 36).ok()?, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t03_the_list_is_long_sorted_and_finds_each_of_its_entries() {
        let entries: Vec<String> = entries().collect();
        assert_eq!(entries.len(), LIST.lines().count());
        assert!(entries.len() >= 20_000, "{}", entries.len());
        assert!(entries.is_sorted_by(|a, b| a < b));
        assert!(entries.iter().all(|entry| *entry == entry.trim().to_lowercase() && entry.is_ascii() && !entry.is_empty()));
        for entry in entries.iter().step_by(499).chain(entries.first()).chain(entries.last()) {
            assert!(contains(entry), "{entry}");
        }
    }

    #[test]
    fn runs_are_common_however_short_as_recorded() {
        for run in ["12", "123", "1234", "12345", "321", "abc", "qwerty"] {
            assert!(contains(run), "{run}");
        }
    }

    #[test]
    fn t03_what_is_near_an_entry_is_not_on_the_list() {
        let entries: std::collections::HashSet<String> = entries().collect();
        for entry in entries.iter().take(40) {
            for near in [format!("{entry}~"), format!("!{entry}"), entry[1..].to_owned(), format!("{entry}{entry}")] {
                assert_eq!(contains(&near), entries.contains(near.trim()), "{near}");
            }
        }
        for absent in ["", " ", "~~~~~~~~~~~~", "Tr1cky-pass-9x", "пароль-☃-x9"] {
            assert!(!contains(absent), "{absent}");
        }
    }

    #[test]
    fn t03_case_and_space_around_do_not_hide_a_common_password() {
        for password in
            ["password123", "PassWord123", " iloveyou ", "SUNSHINE", "michael", "dragon", "Qwerty123", "12345", "123", "aaaaaaaa"]
        {
            assert!(contains(password), "{password}");
        }
    }
}
