//! What servers say when they refuse.

use super::Mail;

/// The most characters of a reply that are kept.
const MOST: usize = 200;

/// The fewest characters of a word that could be a key or a code.
const SHORTEST: usize = 6;

/// A reply in one short line, without the words that the mail carries too: a spam filter repeats the link that it does not like,
/// and what is kept of a failure is stored and logged (T80).
pub(super) fn shown(said: &str, mail: &Mail) -> String {
    let carried = [Some(&mail.text), mail.html.as_ref(), mail.link.as_ref()];
    let gives_away = |word: &str| word.len() >= SHORTEST && carried.iter().flatten().any(|text| text.contains(word));
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let mut shown = String::new();
    for part in said.split_inclusive(|c| !in_word(c)) {
        let word = part.trim_end_matches(|c| !in_word(c));
        shown.push_str(if gives_away(word) { "…" } else { word });
        shown.extend(part[word.len()..].chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
    shown.trim().chars().take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::mail;
    use super::*;

    #[test]
    fn t80_a_reply_is_kept_without_what_the_mail_carries() {
        let mail = Mail { text: "Your code: BCDF-GHJK".into(), ..mail() };
        for (said, kept) in [
            ("5.1.1 user unknown", "5.1.1 user unknown"),
            ("blocked: https://auth.example.org/confirm/s3cretkey0123456789.", "blocked: https://auth.…"),
            ("code BCDF-GHJK\r\nseen", "code …  seen"),
        ] {
            let shown = shown(said, &mail);
            assert!(
                shown.starts_with(kept.trim_end_matches('…')) && !shown.contains("s3cret") && !shown.contains("BCDF"),
                "{shown}"
            );
        }
        assert_eq!(shown(&"a".repeat(1 << 16), &mail).len(), MOST);
    }
}
