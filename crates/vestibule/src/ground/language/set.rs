//! The languages of one installation.

use std::fs;
use std::path::Path;

use super::Language;
use super::po::Catalogue;

/// The most files that a folder of translations may hold.
const MOST_FILES: usize = 200;

/// The languages that people can ask for, and the one for all others.
#[derive(Clone, Debug)]
pub struct Languages {
    enabled: Vec<Language>,
    default: Language,
}

impl Default for Languages {
    /// All that come with the program; English for those who ask for none.
    fn default() -> Self {
        Self { enabled: Language::all_built_in(), default: Language::english() }
    }
}

impl Languages {
    /// The languages that the settings `languages.default`, `languages.enabled` and `languages.dir` name. A file of the folder is
    /// called after its language: `nl.po`, `pt_BR.po`.
    ///
    /// # Errors
    /// A sentence with a remedy for each thing that is wrong: a file that cannot be read, a language that does not exist.
    pub fn load(default: &str, enabled: Option<&[String]>, dir: Option<&Path>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut known = Language::all_built_in();
        for (tag, own) in dir.map_or_else(Vec::new, |dir| read(dir, &mut problems)) {
            let language = Language::new(&tag, Some(own));
            match known.iter_mut().find(|known| known.tag() == tag) {
                Some(place) => *place = language,
                None => known.push(language),
            }
        }
        let find = |tag: &str| known.iter().find(|known| known.tag().eq_ignore_ascii_case(&hyphened(tag))).cloned();
        let mut chosen = Vec::new();
        for tag in enabled.unwrap_or_default() {
            match find(tag) {
                Some(language) => chosen.push(language),
                None => problems.push(format!("languages.enabled names {tag:?}, which does not exist. {}", remedy(tag, &known))),
            }
        }
        let enabled = if enabled.is_some() { chosen } else { known.clone() };
        let Some(default) = find(default) else {
            problems.push(format!("languages.default is {default:?}, which does not exist. {}", remedy(default, &known)));
            return Err(problems);
        };
        if problems.is_empty() && !enabled.contains(&default) {
            let what = format!("languages.default is {:?}, which languages.enabled does not name", default.tag());
            problems.push(format!("{what}. Name it there, or set languages.default to one of those."));
        }
        if problems.is_empty() { Ok(Self { enabled, default }) } else { Err(problems) }
    }

    /// The languages that people can ask for.
    pub fn enabled(&self) -> &[Language] {
        &self.enabled
    }

    /// The language for those who ask for none of them.
    pub fn fallback(&self) -> &Language {
        &self.default
    }

    /// The language that suits an `Accept-Language` header best; see [`Language::negotiate`].
    pub fn negotiate(&self, header: Option<&str>) -> &Language {
        Language::negotiate(header, &self.enabled, &self.default)
    }

    /// The enabled language of that tag, else the default: for a tag that was kept while other languages were enabled.
    pub fn named(&self, tag: &str) -> &Language {
        self.enabled.iter().find(|language| language.tag() == tag).unwrap_or(&self.default)
    }
}

fn remedy(tag: &str, known: &[Language]) -> String {
    let tags: Vec<&str> = known.iter().map(Language::tag).collect();
    format!("Use one of {}, or put {}.po into languages.dir.", tags.join(", "), tag.replace('-', "_"))
}

fn hyphened(tag: &str) -> String {
    tag.replace('_', "-")
}

/// A tag as RFC 5646 §2.1.1 writes it: `pt-BR`, `zh-Hans`.
fn tag_of(file: &Path) -> Option<String> {
    if file.extension()? != "po" {
        return None;
    }
    let stem = file.file_stem()?.to_str()?;
    let subtags = stem.split(['-', '_']).enumerate().map(|(place, subtag)| match (place, subtag.len()) {
        (1.., 2) => subtag.to_ascii_uppercase(),
        (1.., 4) => {
            subtag.get(..1).unwrap_or_default().to_ascii_uppercase() + &subtag.get(1..).unwrap_or_default().to_ascii_lowercase()
        }
        _ => subtag.to_ascii_lowercase(),
    });
    let tag = subtags.collect::<Vec<_>>().join("-");
    let plain =
        tag.split('-').all(|subtag| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    (plain && tag.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(tag)
}

fn read(dir: &Path, problems: &mut Vec<String>) -> Vec<(String, Catalogue)> {
    let mut files = match fs::read_dir(dir) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).take(MOST_FILES).collect::<Vec<_>>(),
        Err(error) => {
            problems
                .push(format!("languages.dir is {}, which cannot be read: {error}. Name a folder, or remove it.", dir.display()));
            return Vec::new();
        }
    };
    files.sort();
    let mut found: Vec<(String, Catalogue)> = Vec::new();
    for file in files {
        let Some(tag) = tag_of(&file) else { continue };
        let read = fs::read_to_string(&file).map_err(|error| error.to_string());
        match read.and_then(|text| Catalogue::parse(&text).map_err(|error| error.to_string())) {
            Ok(_) if found.iter().any(|(other, _)| *other == tag) => {
                problems.push(format!("{} is a second file for {tag}. Keep one of the two.", file.display()));
            }
            Ok(catalogue) => found.push((tag, catalogue)),
            Err(what) => problems.push(format!("{}: {what}. Correct the file, or remove it.", file.display())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn tags(languages: &Languages) -> Vec<&str> {
        languages.enabled().iter().map(Language::tag).collect()
    }

    #[test]
    fn all_nine_languages_are_enabled_when_nothing_is_said() {
        let languages = Languages::load("en", None, None).unwrap();
        assert_eq!(tags(&languages), ["en", "es", "pt-BR", "fr", "de", "it", "pl", "ja", "zh-Hans"]);
        assert_eq!(languages.fallback().tag(), "en");
        assert_eq!(languages.named("pl").tag(), "pl");
        assert_eq!(languages.named("xx").tag(), "en");
    }

    #[test]
    fn a_folder_adds_languages_and_replaces_single_sentences() {
        let folder = folder(&[
            ("nl.po", "msgid \"Not found.\"\nmsgstr \"Niet gevonden.\"\n"),
            ("de.po", "msgid \"Not found.\"\nmsgstr \"Nix da.\"\n"),
            ("en.po", "msgid \"Not found.\"\nmsgstr \"Nothing here.\"\n"),
            ("README.md", "not a catalogue"),
        ]);
        let languages = Languages::load("nl", None, Some(folder.path())).unwrap();
        let said = |header| languages.negotiate(Some(header)).say("Not found.", &[]);
        assert_eq!([said("nl-BE"), said("de"), said("en")], ["Niet gevonden.", "Nix da.", "Nothing here."]);
        assert_ne!(languages.named("de").say("Invalid token.", &[]), "Invalid token.");
        assert_eq!(languages.named("nl").say("Invalid token.", &[]), "Invalid token.");
        assert_eq!(languages.negotiate(None).tag(), "nl");
    }

    #[test]
    fn only_enabled_languages_are_spoken() {
        let enabled = ["de".to_owned(), "pt_br".to_owned()];
        let languages = Languages::load("de", Some(&enabled), None).unwrap();
        assert_eq!(tags(&languages), ["de", "pt-BR"]);
        assert_eq!(languages.negotiate(Some("en, fr")).tag(), "de");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_a_remedy() {
        let folder = folder(&[("nl.po", "msgid \"a\"\nmsgstr b"), ("pt_BR.po", ""), ("pt-br.po", "")]);
        let enabled = ["de".to_owned(), "tlh".to_owned()];
        let problems = Languages::load("xx", Some(&enabled), Some(folder.path())).unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(problems[0].contains("nl.po: line 2: "), "{problems:?}");
        assert!(problems[1].contains("second file for pt-BR"), "{problems:?}");
        assert!(problems[2].starts_with("languages.enabled names \"tlh\""), "{problems:?}");
        assert!(problems[3].starts_with("languages.default is \"xx\""), "{problems:?}");
        let problems = Languages::load("en", Some(&enabled[..1]), None).unwrap_err();
        assert!(problems[0].contains("which languages.enabled does not name"), "{problems:?}");
        let problems = Languages::load("en", None, Some(Path::new("/nowhere/at/all"))).unwrap_err();
        assert!(problems[0].starts_with("languages.dir is /nowhere/at/all"), "{problems:?}");
    }
}
