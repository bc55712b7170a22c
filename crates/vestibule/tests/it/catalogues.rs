//! The catalogues of `locales/`: nothing missing, nothing left over. `scripts/messages` writes what this compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use vestibule::ground::language::po::{self, Entry};
use vestibule::ground::language::{Sentence, placeholders, words};
use vestibule::ground::message::LABELS;
use vestibule::ground::{Language, Message};

/// Set by `scripts/messages`: write the catalogues instead of comparing them.
const WRITE: &str = "VESTIBULE_WRITE_MESSAGES";

/// One sentence of the source.
#[derive(Clone, Debug)]
struct Wanted {
    text: String,
    plural: Option<String>,
    /// What a translator should know.
    note: &'static str,
    places: BTreeSet<String>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Every sentence that is translated, in the order of the source.
fn wanted() -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    let mut add =
        |text: &str, plural: Option<&str>, note: &'static str, place: &str| match all.iter_mut().find(|known| known.text == text)
        {
            Some(known) => known.places.extend([place.to_owned()]),
            None => all.push(Wanted {
                text: text.to_owned(),
                plural: plural.map(str::to_owned),
                note,
                places: BTreeSet::from([place.to_owned()]),
            }),
        };
    for Sentence { text, plural } in Message::sentences() {
        add(text, plural, "", "src/ground/message.rs");
    }
    for Sentence { text, plural } in LABELS {
        add(text, plural, "The end of: The password is too similar to the {to}.", "src/ground/message.rs");
    }
    for (_, Sentence { text, plural }) in words::UNITS {
        add(text, plural, "After: is valid for", "src/ground/language/words.rs");
    }
    for (path, template) in templates() {
        for said in said(&template) {
            add(&said[0], said.get(1).map(String::as_str), "", &path);
        }
    }
    all
}

fn templates() -> BTreeMap<String, String> {
    let root = folder("templates");
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                found.insert(format!("templates/{name}"), fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// The sentences of a template: one text for `_("…")` and `_html("…")`, two for `_n("…", "…")`.
fn said(template: &str) -> Vec<Vec<String>> {
    let calls =
        ["_(", "_html(", "_n("].map(|call| template.match_indices(call).map(move |(at, _)| (at, call)).collect::<Vec<_>>());
    let mut calls: Vec<(usize, &str)> = calls.into_iter().flatten().collect();
    calls.sort_unstable();
    let begins_a_name = |at: usize| !template[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    calls.retain(|(at, _)| begins_a_name(*at));
    let texts = calls.into_iter().map(|(at, call)| {
        let rest = &template[at + call.len()..];
        let first = literal(rest).unwrap_or_else(|| panic!("a sentence must be written out: {}", &rest[..rest.len().min(60)]));
        let second = (call == "_n(").then(|| literal(first.1.trim_start_matches([',', ' '])).unwrap());
        std::iter::once(first.0).chain(second.map(|second| second.0)).collect()
    });
    texts.collect()
}

fn literal(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut characters = text.strip_prefix('"')?.chars();
    loop {
        match characters.next()? {
            '"' => return Some((out, characters.as_str())),
            '\\' => out.push(characters.next()?),
            other => out.push(other),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A catalogue with those translations.
fn written(header: &str, forms: usize, translations: &BTreeMap<String, Vec<String>>) -> String {
    let mut out = header.trim_end().to_owned() + "\n";
    for Wanted { text, plural, note, places } in wanted() {
        out.push('\n');
        if !note.is_empty() {
            writeln!(out, "#. {note}").unwrap();
        }
        writeln!(out, "#: {}", places.into_iter().collect::<Vec<_>>().join(" ")).unwrap();
        writeln!(out, "msgid {}", quoted(&text)).unwrap();
        let translated = translations.get(&text);
        let form = |form: usize| quoted(translated.and_then(|forms| forms.get(form)).map_or("", String::as_str));
        match plural {
            None => writeln!(out, "msgstr {}", form(0)).unwrap(),
            Some(plural) => {
                writeln!(out, "msgid_plural {}", quoted(&plural)).unwrap();
                (0..forms).for_each(|number| writeln!(out, "msgstr[{number}] {}", form(number)).unwrap());
            }
        }
    }
    out
}

/// The built-in languages other than English with their files.
fn catalogues() -> Vec<(Language, PathBuf)> {
    let file = |language: &Language| folder("locales").join(format!("{}.po", language.tag().replace('-', "_")));
    Language::all_built_in().into_iter().skip(1).map(|language| (language.clone(), file(&language))).collect()
}

const TEMPLATE_HEADER: &str = "# The sentences of Vestibule, for translators: copy this file to a name such as nl.po and fill it in.\n\
    msgid \"\"\nmsgstr \"\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n\"Plural-Forms: nplurals=2; plural=(n != 1);\\n\"\n";

/// What a catalogue should be: its own header and translations, and every sentence of the source.
fn current(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let entries = po::entries(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let header = text.split("\n\n").next().unwrap();
    let forms = header.split("nplurals=").nth(1).and_then(|rest| rest[..1].parse().ok()).unwrap();
    let of_entry = |entry: Entry| (entry.sentence, entry.translations);
    written(header, forms, &entries.into_iter().map(of_entry).collect())
}

#[test]
fn no_message_is_missing_from_a_catalogue_and_none_is_left_over() {
    let files = catalogues().into_iter().map(|(_, path)| (path.clone(), current(&path)));
    let template = (folder("locales/vestibule.pot"), written(TEMPLATE_HEADER, 2, &BTreeMap::new()));
    for (path, should) in files.chain([template]) {
        if std::env::var_os(WRITE).is_some() {
            fs::write(&path, should).unwrap();
        } else {
            assert!(fs::read_to_string(&path).unwrap() == should, "{} is not current: run scripts/messages", path.display());
        }
    }
}

#[test]
fn every_sentence_is_translated_into_every_language() {
    let mut missing = String::new();
    for (language, path) in catalogues() {
        for wanted in wanted().iter().filter(|wanted| language.find(&wanted.text, Some(5)).is_none()) {
            writeln!(missing, "{}: {}", path.file_name().unwrap().display(), wanted.text).unwrap();
        }
    }
    assert!(missing.is_empty(), "not translated:\n{missing}");
}

#[test]
fn a_translation_has_the_placeholders_of_its_sentence() {
    for (language, _) in catalogues() {
        for wanted in wanted() {
            let names = |text: &str| placeholders(text).map(str::to_owned).collect::<BTreeSet<_>>();
            for count in [2, 5] {
                let translated = language.find(&wanted.text, Some(count)).unwrap_or_default();
                assert_eq!(names(translated), names(&wanted.text), "{language:?}: {translated}");
            }
        }
    }
}

#[test]
fn a_translation_is_not_english() {
    for (language, _) in catalogues() {
        for wanted in wanted() {
            let said = language.find(&wanted.text, Some(5)).unwrap_or_default();
            // French and Italian have the very words.
            let shared = [("fr", "{count} minutes"), ("it", "Password")].contains(&(language.tag(), said));
            assert!(shared || (said != wanted.text && Some(said) != wanted.plural.as_deref()), "{language:?}: {said}");
        }
    }
}

#[test]
fn sentences_of_templates_need_no_escaping() {
    for (path, template) in templates() {
        for text in said(&template).concat() {
            assert!(!text.contains(['<', '>', '&']), "{path}: {text}");
        }
    }
}
