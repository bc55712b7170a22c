//! The languages that people are spoken to in.
//!
//! A sentence is named by its English text, with placeholders such as `{name}`; a [`Language`] has it in its own words or not at
//! all, and then the English one is said. Built-in languages come from `locales/*.po`, embedded and read when first needed; a
//! folder of the owner's adds languages or replaces sentences ([`Languages::load`]). English, too, can be replaced that way.

mod negotiate;
mod plural;
pub mod po;
mod set;
pub mod words;

use std::fmt;
use std::sync::{Arc, LazyLock};

use negotiate::Range;
use po::Catalogue;

pub use set::Languages;
pub use words::expiry_in_words;

/// A sentence that is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The sentence in English; where it has a number, for 1.
    pub text: &'static str,
    /// The sentence for other numbers, where it has one.
    pub plural: Option<&'static str>,
}

impl Sentence {
    /// A sentence without a number.
    pub const fn plain(text: &'static str) -> Self {
        Self { text, plural: None }
    }

    /// A sentence with a number.
    pub const fn counted(one: &'static str, many: &'static str) -> Self {
        Self { text: one, plural: Some(many) }
    }
}

/// One language with its sentences. Cheap to clone.
#[derive(Clone)]
pub struct Language(Arc<Spoken>);

struct Spoken {
    /// As in RFC 5646: `en`, `pt-BR`, `zh-Hans`.
    tag: String,
    /// The same, taken apart.
    range: Range,
    /// The owner's sentences, which win.
    own: Option<Catalogue>,
    built_in: Option<&'static LazyLock<Catalogue>>,
}

/// A language that comes with the program.
struct BuiltIn {
    tag: &'static str,
    catalogue: LazyLock<Catalogue>,
}

macro_rules! built_in {
    ($tag:literal, $file:literal) => {
        BuiltIn {
            tag: $tag,
            // That each of them can be read is tested.
            catalogue: LazyLock::new(|| {
                Catalogue::parse(include_str!(concat!("../../../locales/", $file, ".po"))).unwrap_or_default()
            }),
        }
    };
}

static BUILT_IN: [BuiltIn; 8] = [
    built_in!("es", "es"),
    built_in!("pt-BR", "pt_BR"),
    built_in!("fr", "fr"),
    built_in!("de", "de"),
    built_in!("it", "it"),
    built_in!("pl", "pl"),
    built_in!("ja", "ja"),
    built_in!("zh-Hans", "zh_Hans"),
];

/// The language of the sentences in the source.
const ENGLISH: &str = "en";

impl Language {
    /// English, as the program is written.
    pub fn english() -> Self {
        Self::new(ENGLISH, None)
    }

    /// A language that comes with the program, by its tag (`pt-BR`).
    pub fn built_in(tag: &str) -> Option<Self> {
        let known = tag == ENGLISH || BUILT_IN.iter().any(|language| language.tag == tag);
        known.then(|| Self::new(tag, None))
    }

    /// All languages that come with the program, English first.
    pub fn all_built_in() -> Vec<Self> {
        std::iter::once(ENGLISH).chain(BUILT_IN.iter().map(|language| language.tag)).map(|tag| Self::new(tag, None)).collect()
    }

    /// The language of that tag with sentences of its own before the built-in ones.
    fn new(tag: &str, own: Option<Catalogue>) -> Self {
        let built_in = BUILT_IN.iter().find(|language| language.tag == tag).map(|language| &language.catalogue);
        Self(Arc::new(Spoken { tag: tag.to_owned(), range: Range::new(tag), own, built_in }))
    }

    /// Its tag, as in `Content-Language` (RFC 5646).
    pub fn tag(&self) -> &str {
        &self.0.tag
    }

    /// Which way it is written, for `dir` in HTML.
    pub fn direction(&self) -> &'static str {
        let main = self.tag().split('-').next().unwrap_or_default();
        if ["ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"].contains(&main) { "rtl" } else { "ltr" }
    }

    /// The sentence in this language, if it has it; with a number, in the form that goes with it.
    pub fn find(&self, sentence: &str, count: Option<u64>) -> Option<&str> {
        let own = self.0.own.as_ref().and_then(|own| own.find(sentence, count));
        own.or_else(|| self.0.built_in.and_then(|built_in| built_in.find(sentence, count)))
    }

    /// Says a sentence, with values for its placeholders.
    pub fn say(&self, sentence: &str, values: &[(&str, &str)]) -> String {
        fill(self.find(sentence, None).unwrap_or(sentence), values)
    }

    /// Says a sentence with a number in it, with values for its placeholders.
    pub fn say_count(&self, one: &str, many: &str, count: u64, values: &[(&str, &str)]) -> String {
        let english = if count == 1 { one } else { many };
        fill(self.find(one, Some(count)).unwrap_or(english), values)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Language").field(&self.tag()).finish()
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.tag() == other.tag()
    }
}

/// The names of the placeholders in a sentence.
pub fn placeholders(sentence: &str) -> impl Iterator<Item = &str> {
    pieces(sentence).filter_map(|piece| match piece {
        Piece::Placeholder(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// Puts values in the place of their names, in one pass: what a value holds is never looked at (T77).
pub fn fill(sentence: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(sentence.len());
    for piece in pieces(sentence) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Placeholder(name) => match values.iter().find(|(given, _)| *given == name) {
                Some((_, value)) => out.push_str(value),
                None => out.extend(["{", name, "}"]),
            },
        }
    }
    out
}

enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

fn pieces(sentence: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = sentence;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) =
            rest.strip_prefix('{').and_then(|inner| inner.split_once('}')).filter(|(name, _)| is_name(name))
        {
            rest = after;
            return Some(Piece::Placeholder(name));
        }
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest.get(first..).and_then(|later| later.find('{')).map_or(rest.len(), |at| at + first);
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(text))
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_values_are_never_read() {
        assert_eq!(fill("{a} and {b}, {c} {} {x y}", &[("a", "{b}"), ("b", "2")]), "{b} and 2, {c} {} {x y}");
        assert_eq!(fill("{{a}} é{a}", &[("a", "1")]), "{1} é1");
        assert_eq!(placeholders("{a}{b} {").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn every_built_in_catalogue_can_be_read() {
        for language in &BUILT_IN {
            let file = format!("{}/locales/{}.po", env!("CARGO_MANIFEST_DIR"), language.tag.replace('-', "_"));
            Catalogue::parse(&std::fs::read_to_string(&file).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }

    #[test]
    fn a_sentence_that_a_language_lacks_is_said_in_english() {
        let german = Language::built_in("de").unwrap();
        assert_eq!(german.say("Nobody translates {this}.", &[("this", "that")]), "Nobody translates that.");
        assert_ne!(german.say("Not found.", &[]), "Not found.");
        assert_eq!(german.say_count("one {x}", "many {x}", 2, &[("x", "y")]), "many y");
        assert_eq!(Language::built_in("xx"), None);
    }
}
