//! Reads the settings: defaults, then a TOML file, then the environment (design decision 21).
//!
//! Both are merged into one tree that knows where each leaf stands. The tree is compared with the generated schema, which
//! finds every unknown key and every bad leaf; what fits is deserialised and cross-checked. So one start tells everything
//! that is wrong. No message repeats a secret.

mod environment;
mod secrets;
pub(crate) mod shape;
pub(crate) mod tree;
mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use vestibule::settings::Settings;

use self::shape::Shape;
pub(crate) use self::tree::Source;
use self::tree::{Content, Node};
use self::walk::Walk;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "vestibule.toml";

/// Settings that may be used, and where each was written; what is not among the sources has its default.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) sources: BTreeMap<String, Source>,
}

/// Something that must be changed before the server starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The setting; empty when it is about a file as a whole.
    pub(crate) key: String,
    /// Where it was written; nothing if it was not.
    pub(crate) source: Option<Source>,
    /// What is wrong, to follow the key in a sentence.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.key.as_str()) {
            (Some(source), "") => write!(f, "{source}")?,
            (Some(source), key) => write!(f, "{key} ({source})")?,
            (None, key) => f.write_str(key)?,
        }
        write!(f, " {}. {}", self.what, self.remedy)
    }
}

/// All problems at once; `Display` gives the message for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "The settings have a problem:")?,
            n => write!(f, "The settings have {n} problems:")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for Problems {}

/// Reads and checks the settings.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn load(config: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Loaded, Problems> {
    let file = match (config, std::fs::read_to_string(config.unwrap_or(Path::new(DEFAULT_FILE)))) {
        (None, Err(e)) if e.kind() == ErrorKind::NotFound => None,
        (config, read) => {
            let name = config.map_or_else(|| DEFAULT_FILE.to_owned(), |path| path.display().to_string());
            let text = read.map_err(|e| {
                let what = format!("cannot be read: {e}");
                let remedy = "Name a file that exists and is readable, with --config.".into();
                Problems(vec![Problem { key: name.clone(), source: None, what, remedy }])
            })?;
            Some((name, text))
        }
    };
    from_parts(file.as_ref().map(|(name, text)| (name.as_str(), text.as_str())), env)
}

/// Reads and checks settings from a file's name and text and from variables.
fn from_parts(file: Option<(&str, &str)>, env: impl Iterator<Item = (String, String)>) -> Result<Loaded, Problems> {
    let schema = Settings::schema();
    let schema = Shape(&schema);
    let mut tree = match file {
        Some((name, text)) => tree::from_toml(name, text).map_err(syntax)?,
        None => Node { content: Content::Table(BTreeMap::new()), source: Source::File(DEFAULT_FILE.into(), 1) },
    };
    let mut walk = Walk::new(schema);
    tree.overlay(environment::read(env, schema, &mut walk.problems));
    let mut sources = BTreeMap::new();
    tree.sources("", &mut sources);
    let mut kept = walk.node("", tree, schema);
    let mut problems = walk.problems;
    if let Some(tree) = &mut kept {
        secrets::read(tree, "", schema, &mut problems);
        tree.sources("", &mut sources);
    }
    let written = kept.map(|tree| tree.to_json()).unwrap_or_default();
    let Ok(settings) = serde_json::from_value::<Settings>(written) else {
        if problems.is_empty() {
            problems.push(misfit());
        }
        return Err(Problems(problems));
    };
    cross_check(&settings, &sources, &mut problems);
    if problems.is_empty() { Ok(Loaded { settings, sources }) } else { Err(Problems(problems)) }
}

/// Adds what does not go together. What depends on a leaf that was taken out is told by that leaf's own problem.
fn cross_check(settings: &Settings, sources: &BTreeMap<String, Source>, problems: &mut Vec<Problem>) {
    let bad: Vec<String> = problems.iter().map(|p| p.key.clone()).collect();
    for problem in settings.check() {
        if !bad.iter().any(|key| within(key, &problem.key) || within(&problem.key, key)) {
            let source = nearest_source(&problem.key, sources);
            problems.push(Problem { key: problem.key, source, what: problem.what, remedy: problem.remedy });
        }
    }
}

/// Whether `key` is `outer` or a part of it.
fn within(key: &str, outer: &str) -> bool {
    key.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn nearest_source(key: &str, sources: &BTreeMap<String, Source>) -> Option<Source> {
    let below = |outer: &str| sources.iter().find(|(key, _)| within(key, outer)).map(|(_, source)| source.clone());
    // A member that is missing in a field of the owner's is told with the place of the field.
    let item = || key.rsplit_once('.').map(|(item, _)| item).filter(|item| item.ends_with(']'));
    below(key).or_else(|| below(item()?))
}

fn syntax(errors: Vec<tree::SyntaxError>) -> Problems {
    let one = |e: tree::SyntaxError| {
        let what = format!("is not TOML: {}", e.what);
        Problem { key: String::new(), source: Some(e.source), what, remedy: "Correct the line.".into() }
    };
    let mut problems: Vec<_> = errors.into_iter().map(one).collect();
    problems.sort_by_key(|p| if let Some(Source::File(_, line)) = p.source { line } else { 0 });
    Problems(problems)
}

/// A leaf that fits the schema and not the struct is our own fault. What the reader says is not repeated: it may hold a secret.
fn misfit() -> Problem {
    let remedy = "Please report this as a fault of Vestibule.".into();
    Problem { key: "The settings".into(), source: None, what: "fit their description and could not be read".into(), remedy }
}

#[cfg(test)]
pub(crate) mod tests;
