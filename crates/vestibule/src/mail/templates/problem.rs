//! What is wrong with a template.

use std::error::Error as _;
use std::fmt;

use minijinja::{Error, ErrorKind};

use super::context;
use super::sources::Sources;

/// Something about a template that must be changed before mails can be made from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The owner's file, or the path of a built-in template.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, to follow the place in a sentence.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}:")?;
        }
        write!(f, " {}. {}", self.what, self.remedy)
    }
}

impl Problem {
    /// A problem of the template of that name.
    pub(super) fn of(sources: &Sources, name: &str, line: Option<usize>, what: String, remedy: &str) -> Self {
        let file = sources.get(name).and_then(|source| source.file.as_ref());
        let file = file.map_or_else(|| name.to_owned(), |file| file.display().to_string());
        Self { file, line, what, remedy: remedy.to_owned() }
    }

    /// What the engine says, at the innermost place that it names.
    pub(super) fn of_error(sources: &Sources, name: &str, error: &Error) -> Self {
        let mut inner = error;
        while let Some(deeper) =
            inner.source().and_then(|source| source.downcast_ref::<Error>()).filter(|error| error.line().is_some())
        {
            inner = deeper;
        }
        let name = inner.name().unwrap_or(name);
        let what = inner.detail().map_or_else(|| inner.kind().to_string(), |detail| format!("{}: {detail}", inner.kind()));
        let text = sources.get(name).map_or("", |source| source.text.as_ref());
        Self::of(sources, name, inner.line(), what, &remedy(inner.kind(), text))
    }
}

fn remedy(kind: ErrorKind, text: &str) -> String {
    let django = ["{% load", "blocktrans", "{% trans", "{% url", "{% comment"].iter().any(|tag| text.contains(tag));
    match kind {
        _ if django => "It looks like a Django template: `vestibule templates convert` makes one for here of it.".into(),
        ErrorKind::UndefinedError => format!("A mail knows {}, and your own fields as `user.<name>`.", context::NAMES.join(", ")),
        ErrorKind::UnknownFunction => "Give the library a function of that name, or take it out.".into(),
        ErrorKind::TemplateNotFound => "Put that file into templates.dir, or correct its name.".into(),
        _ => "Correct it, or remove the file to have the built-in text.".into(),
    }
}
