//! Sentences in other languages than English: ours are our own, so they must be there and be translated, and nothing more.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::cut;
use crate::steps::Exchange;

/// The languages of the server, by the first part of their tags.
const OURS: [&str; 9] = ["en", "es", "pt", "fr", "de", "it", "pl", "ja", "zh"];

/// A catalogue of the server: of all sentences it tells the English, which is what the other side is compared with.
const CATALOGUE: &str = include_str!("../../../vestibule/locales/es.po");

/// Places where an answer has a sentence for people; what stands elsewhere is the same in every language.
const SENTENCES: [&str; 5] = [".detail", ".message", ".label", ".help_text", ".display_name"];

/// How the sentences of an answer are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Word by word.
    Exact,
    /// Recorded in another language than English.
    Translated,
}

impl Words {
    /// How the words of a recorded answer are compared.
    pub fn of(exchange: &Exchange) -> Self {
        let language = asked_language(exchange);
        if language.is_some_and(|language| base(language) != "en") { Self::Translated } else { Self::Exact }
    }

    /// Compares a text that is not the recorded one.
    ///
    /// # Errors
    /// How it differs.
    pub(super) fn compare(self, expected: &str, ours: &str, place: &str) -> Result<(), String> {
        let is_sentence = place.ends_with(']') || SENTENCES.iter().any(|end| place.ends_with(end));
        match self {
            Self::Translated if is_sentence && is_english(expected) => Ok(()),
            Self::Translated if is_sentence && !is_english(ours) => Ok(()),
            Self::Translated if is_sentence => Err(format!("{place} is {:?}, which is not translated", cut(ours))),
            _ => Err(format!("{place} is {:?} instead of {expected:?}", cut(ours))),
        }
    }
}

/// The language that the reference answered in, where the client had a wish.
pub fn asked_language(exchange: &Exchange) -> Option<&str> {
    exchange.request_header("accept-language")?;
    exchange.recorded_header("content-language")
}

/// The first part of a tag.
pub fn base(tag: &str) -> &str {
    tag.split(['-', '_', ';']).next().unwrap_or(tag).trim()
}

/// Whether the server speaks a language. Its Chinese is written in simplified characters.
pub fn is_ours(tag: &str) -> bool {
    let tag = tag.split(';').next().unwrap_or(tag).trim().to_ascii_lowercase();
    let traditional = ["hant", "tw", "hk", "mo"].iter().any(|part| tag.split(['-', '_']).any(|found| found == *part));
    !traditional && OURS.iter().any(|ours| ours.eq_ignore_ascii_case(base(&tag)))
}

/// Whether a text is one of the server's English sentences, whatever its values; the reference writes some in another case.
fn is_english(text: &str) -> bool {
    static SENTENCES: LazyLock<(HashSet<String>, Vec<regex::Regex>)> = LazyLock::new(|| {
        let (open, fixed): (Vec<String>, Vec<String>) = sentences(CATALOGUE).into_iter().partition(|text| text.contains('{'));
        let open = open.iter().filter_map(|text| with_values(text)).collect();
        (fixed.into_iter().map(|text| text.to_lowercase()).collect(), open)
    });
    let (fixed, open) = &*SENTENCES;
    fixed.contains(&text.to_lowercase()) || open.iter().any(|sentence| sentence.is_match(text))
}

/// The sentence with any value where a value belongs.
fn with_values(text: &str) -> Option<regex::Regex> {
    let mut source = String::from(r"(?is)\A");
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (_, tail) = after.split_once('}')?;
        source.push_str(&format!("{}.*", regex::escape(before)));
        rest = tail;
    }
    source.push_str(&format!(r"{}\z", regex::escape(rest)));
    regex::Regex::new(&source).ok()
}

/// The `msgid`s and plurals of a catalogue.
fn sentences(catalogue: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut inside = false;
    for line in catalogue.lines() {
        if line.starts_with("msgid") {
            out.push(String::new());
            inside = true;
        } else if !line.starts_with('"') {
            inside = false;
        }
        let text = line.find('"').and_then(|start| serde_json::from_str::<String>(&line[start..]).ok());
        if let (true, Some(text), Some(last)) = (inside, text, out.last_mut()) {
            last.push_str(&text);
        }
    }
    out.retain(|text| !text.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_known_with_and_without_values() {
        assert!(is_english("This field is required.") && is_english("NOT FOUND."));
        assert!(is_english("This password is too short. It must contain at least 8 characters."));
        assert!(is_english("Method \"GET\" not allowed."));
        assert!(!is_english("Este campo es obligatorio.") && !is_english(""));
    }

    #[test]
    fn a_translation_is_any_text_that_is_not_english() {
        let compare = |expected: &str, ours: &str, place: &str| Words::Translated.compare(expected, ours, place);
        assert!(compare("Ce champ est obligatoire.", "Ce champ doit être rempli.", ".password[0]").is_ok());
        assert!(compare("Ce champ est obligatoire.", "This field is required.", ".password[0]").is_err());
        assert!(compare("Invalid value", "Valeur non valable", ".uid[0]").is_ok(), "the reference left it in English");
        assert!(compare("Ok", "ok", ".detail").is_ok());
        assert!(compare("a@example.com", "b@example.com", ".user.email").is_err(), "no sentence");
        assert!(Words::Exact.compare("a", "b", ".detail").is_err());
    }

    #[test]
    fn a_language_is_known_by_the_first_part_of_its_tag() {
        assert!(is_ours("pt-br") && is_ours("zh-Hans") && is_ours("DE") && !is_ours("ar") && !is_ours("*"));
        assert!(!is_ours("zh-hant") && !is_ours("zh-TW;q=0.5"));
    }
}
