//! Catalogues as translators write them: the `.po` files of GNU gettext, in UTF-8.
//!
//! Read: sentences with and without a number, the `Plural-Forms` of the header, comments, texts over several lines. Entries that
//! are marked `fuzzy`, have a context or are empty are as if they were not there.

use std::collections::{BTreeSet, HashMap};

use super::placeholders;
use super::plural::Plural;

/// The largest catalogue that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// Why a catalogue cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Unusable {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in words.
    pub what: String,
}

/// The sentences of one language.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    plural: Plural,
    sentences: HashMap<String, Vec<String>>,
}

impl Catalogue {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// The first line that cannot be understood, or a translation with a placeholder that its sentence does not have.
    pub(super) fn parse(text: &str) -> Result<Self, Unusable> {
        let entries = entries(text)?;
        let mut catalogue = Self { plural: plural(&entries)?, sentences: HashMap::new() };
        for entry in entries.into_iter().filter(Entry::counts) {
            entry.check(&catalogue.plural)?;
            let line = entry.line;
            if catalogue.sentences.insert(entry.sentence, entry.translations).is_some() {
                return Err(Unusable { line, what: "this msgid was there before".into() });
            }
        }
        Ok(catalogue)
    }

    /// The sentence in this language; with a number, in the form that goes with it.
    pub(super) fn find(&self, sentence: &str, count: Option<u64>) -> Option<&str> {
        let forms = self.sentences.get(sentence)?;
        let form = if forms.len() > 1 { count.map_or(0, |count| self.plural.form(count)) } else { 0 };
        forms.get(form).map(String::as_str)
    }
}

/// One sentence with its translations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins, from 1.
    pub line: usize,
    /// The sentence in English; empty in the header.
    pub sentence: String,
    /// The sentence for other numbers than 1.
    pub plural: Option<String>,
    /// The translation, or one for each form.
    pub translations: Vec<String>,
    /// Whether it waits for a translator's eye.
    pub fuzzy: bool,
    /// Whether it has a context.
    pub context: bool,
}

impl Entry {
    fn counts(&self) -> bool {
        let translated = self.translations.iter().any(|translation| !translation.is_empty());
        !self.sentence.is_empty() && translated && !self.fuzzy && !self.context
    }

    fn check(&self, plural: &Plural) -> Result<(), Unusable> {
        let wrong = |what: String| Err(Unusable { line: self.line, what });
        let forms = if self.plural.is_some() { plural.forms() } else { 1 };
        if self.translations.len() != forms || self.translations.iter().any(String::is_empty) {
            return wrong(format!("this sentence needs {forms} forms in this language"));
        }
        let known: BTreeSet<&str> =
            placeholders(&self.sentence).chain(self.plural.iter().flat_map(|text| placeholders(text))).collect();
        let strange = self.translations.iter().flat_map(|text| placeholders(text)).find(|name| !known.contains(name));
        strange.map_or(Ok(()), |name| wrong(format!("the English sentence has no {{{name}}}")))
    }
}

fn plural(entries: &[Entry]) -> Result<Plural, Unusable> {
    let header = entries.iter().find(|entry| entry.sentence.is_empty() && !entry.context);
    let lines = header.into_iter().flat_map(|entry| Some((entry.line, entry.translations.first()?)));
    let rules = lines.flat_map(|(line, text)| text.lines().map(move |field| (line, field)));
    let rule = rules.filter_map(|(line, field)| Some((line, field.strip_prefix("Plural-Forms:")?))).next();
    rule.map_or(Ok(Plural::default()), |(line, rule)| Plural::parse(rule).map_err(|what| Unusable { line, what }))
}

/// Every entry of a catalogue, the header too.
///
/// # Errors
/// The first line that cannot be understood.
pub fn entries(text: &str) -> Result<Vec<Entry>, Unusable> {
    if text.len() > LARGEST {
        return Err(Unusable { line: 1, what: format!("the file has more than {LARGEST} bytes") });
    }
    let mut reader = Reader::default();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        reader.line(number + 1, line.trim())?;
    }
    reader.end();
    Ok(reader.entries)
}

/// What the next text belongs to.
#[derive(Clone, Copy, Default, PartialEq)]
enum Part {
    #[default]
    Nothing,
    Context,
    Sentence,
    Plural,
    Translation,
}

#[derive(Default)]
struct Reader {
    entries: Vec<Entry>,
    entry: Entry,
    part: Part,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Unusable> {
        let wrong = |what: &str| Err(Unusable { line: number, what: what.into() });
        if line.is_empty() || line.starts_with('#') {
            if self.part == Part::Translation {
                self.end();
            }
            if let Some(flags) = line.strip_prefix("#,") {
                self.entry.fuzzy |= flags.split(',').any(|flag| flag.trim() == "fuzzy");
            }
            return Ok(());
        }
        if line.starts_with('"') {
            let Some(text) = quoted(line) else { return wrong("a text must stand in one pair of quotation marks") };
            return if self.add(&text) { Ok(()) } else { wrong("a text belongs to nothing") };
        }
        let Some((keyword, text)) = line.split_once([' ', '\t']) else { return wrong("a keyword and a text are expected") };
        let Some(text) = quoted(text.trim_start()) else { return wrong("a text must stand in one pair of quotation marks") };
        if !self.begin(number, keyword) {
            return wrong("`msgid`, `msgid_plural`, `msgstr` or `msgstr[0]` is expected, in this order");
        }
        self.add(&text);
        Ok(())
    }

    /// Begins a part, if it may stand here.
    fn begin(&mut self, line: usize, keyword: &str) -> bool {
        if matches!(keyword, "msgctxt" | "msgid") && self.part == Part::Translation {
            self.end();
        }
        let entry = &mut self.entry;
        let (part, fits) = match (keyword, self.part) {
            ("msgctxt", Part::Nothing) => (Part::Context, true),
            ("msgid", Part::Nothing | Part::Context) => (Part::Sentence, true),
            ("msgid_plural", Part::Sentence) => (Part::Plural, true),
            ("msgstr", Part::Sentence) => (Part::Translation, true),
            (_, Part::Plural | Part::Translation) if entry.plural.is_some() => {
                (Part::Translation, keyword == format!("msgstr[{}]", entry.translations.len()))
            }
            _ => (Part::Nothing, false),
        };
        self.part = part;
        match part {
            Part::Context => (entry.context, entry.line) = (true, line),
            Part::Sentence if entry.line == 0 => entry.line = line,
            Part::Plural => entry.plural = Some(String::new()),
            Part::Translation => entry.translations.push(String::new()),
            Part::Sentence | Part::Nothing => {}
        }
        fits
    }

    fn add(&mut self, text: &str) -> bool {
        match self.part {
            Part::Nothing => return false,
            Part::Context => {}
            Part::Sentence => self.entry.sentence.push_str(text),
            Part::Plural => self.entry.plural.get_or_insert_default().push_str(text),
            Part::Translation => self.entry.translations.last_mut().into_iter().for_each(|last| last.push_str(text)),
        }
        true
    }

    fn end(&mut self) {
        let entry = std::mem::take(&mut self.entry);
        if self.part == Part::Translation {
            self.entries.push(entry);
        }
        self.part = Part::Nothing;
    }
}

/// The text within one pair of quotation marks that is all there is.
fn quoted(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().trim().is_empty().then_some(out),
            '\\' => out.push(match characters.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: &str = r##"# Somebody
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n<5 ? 1 : 2);\n"

#. explained
msgid "Not \"found\"."
msgstr "Nie ma \"tego\"."

msgid "{count} day"
msgid_plural "{count} days"
msgstr[0] "{count} dzień"
msgstr[1] "{count} "
"dni"
msgstr[2] "{count} dni!"
#, fuzzy
msgid "Guess"
msgstr "Nie wiem"

msgctxt "button"
msgid "Send"
msgstr "Wyślij"

msgid "Later"
msgstr ""

#~ msgid "Old"
#~ msgstr "Stary"
"##;

    #[test]
    fn sentences_are_found_in_the_form_of_their_number() {
        let catalogue = Catalogue::parse(SMALL).unwrap();
        assert_eq!(catalogue.find("Not \"found\".", None), Some("Nie ma \"tego\"."));
        for (count, text) in [(1, "{count} dzień"), (3, "{count} dni"), (7, "{count} dni!")] {
            assert_eq!(catalogue.find("{count} day", Some(count)), Some(text));
        }
        for absent in ["Guess", "Send", "Later", "Old", ""] {
            assert_eq!(catalogue.find(absent, None), None, "{absent}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_named_with_its_line() {
        for (text, line) in [
            ("msgid \"a\"\nmsgstr b", 2),
            ("msgid \"a\" \"b\"", 1),
            ("\nmsgstr \"a\"", 2),
            ("msgid \"a\"\nmsgid_plural \"b\"\nmsgstr \"c\"", 3),
            ("msgid \"a\"\nmsgid_plural \"b\"\nmsgstr[1] \"c\"", 3),
            ("msgid \"a\"\nmsgid \"b\"", 2),
            ("\"a\"", 1),
            ("hello", 1),
            ("msgid \"{a}\"\nmsgstr \"{b}\"", 1),
            ("msgid \"a\"\nmsgid_plural \"b\"\nmsgstr[0] \"c\"", 1),
            ("msgid \"a\"\nmsgstr \"b\"\nmsgid \"a\"\nmsgstr \"c\"", 3),
            ("msgid \"\"\nmsgstr \"Plural-Forms: two\"", 1),
        ] {
            assert_eq!(Catalogue::parse(text).unwrap_err().line, line, "{text}");
        }
        assert!(Catalogue::parse(&"#".repeat(LARGEST + 1)).is_err());
    }

    proptest! {
        #[test]
        fn t75_no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = Catalogue::parse(&text);
        }

        #[test]
        fn t75_no_near_catalogue_makes_the_reader_panic(
            text in r#"(msgid|msgid_plural|msgstr|msgstr\[[0-2]\]|msgctxt|"|\\|\n| |"a"|"\{b\}"|#, fuzzy|#~|Plural-Forms:){0,40}"#
        ) {
            let _ = Catalogue::parse(&text);
        }
    }
}
