//! Turns the usual Django mail templates into ours: `vestibule templates convert`.
//!
//! Turned: `load`, `extends`, `block`, `include`, `if`, `for`, `with`, `comment`, `autoescape`, `filter`, `firstof`, `spaceless`,
//! `verbatim`, `trans`/`translate`, `blocktrans`/`blocktranslate` with `with`, `count`, `trimmed`, `asvar`, the usual filters, the
//! values that django-allauth's and Django's mails have, `user_display`, and links: `{{ activate_url }}`, and
//! `{{ protocol }}://{{ domain }}{% url 'password_reset_confirm' … %}` whole, are `{{ link }}`. A tag of one's own that reads a
//! setting is `{{ vars.<name> }}`. Whatever has no counterpart is named with its line, and nothing is written in its place.
//!
//! A sentence keeps its words; where Django's catalogues say `%(site_name)s`, ours say `{site_name}`.

mod lexer;
mod sentences;
mod tags;
#[cfg(test)]
mod tests;
mod values;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use crate::mail::templates::{Functions, empty_engine, files, is_of_a_mail, looks_like_html};

use writer::Writer;

/// Something in a template that has no counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertProblem {
    /// The line, from 1.
    pub line: usize,
    /// What it is, in words.
    pub what: String,
}

impl fmt::Display for ConvertProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A template of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The template.
    pub text: String,
    /// The names that it reads from `templates.vars`, to be set there.
    pub vars: BTreeSet<String>,
}

/// Turns the Django template of that path.
///
/// # Errors
/// Everything in it that has no counterpart.
pub fn template(path: &str, source: &str) -> Result<Converted, Vec<ConvertProblem>> {
    let unclosed = |line| vec![ConvertProblem { line, what: "a `{%`, `{{` or `{#` is never closed".into() }];
    let tokens = lexer::tokens(source).map_err(unclosed)?;
    let html = path.ends_with(".html") && looks_like_html(source);
    let (text, vars, mut problems) = Writer::new(&tokens, html).write();
    if problems.is_empty()
        && let Err(error) = empty_engine(&Functions::default()).add_template_owned(path.to_owned(), text.clone())
    {
        let what = format!("what came of it cannot be read: {}", error.detail().unwrap_or("a mistake"));
        problems.push(ConvertProblem { line: error.line().unwrap_or(1), what });
    }
    if problems.is_empty() { Ok(Converted { text, vars }) } else { Err(problems) }
}

/// What became of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The templates that were turned, by the path that they have below `templates.dir`.
    pub converted: BTreeMap<String, String>,
    /// The names that they read from `templates.vars`, to be set there.
    pub vars: BTreeSet<String>,
    /// The files that no mail is made from.
    pub skipped: Vec<String>,
    /// What has no counterpart, each with its file and line.
    pub problems: Vec<String>,
}

/// Turns the mail templates of a folder: those that the reference overwrites, and what they extend or include. The folder is the
/// one that has `account/email` or `registration`, or one above it.
pub fn folder(dir: &Path) -> Folder {
    let mut out = Folder::default();
    let all = match files(dir) {
        Ok(all) => all,
        Err(problems) => {
            out.problems = problems.iter().map(ToString::to_string).collect();
            return out;
        }
    };
    let prefix = all.keys().find_map(|name| prefix(name)).unwrap_or_default().to_owned();
    let texts: BTreeMap<&str, &str> =
        all.iter().filter_map(|(name, text)| Some((name.strip_prefix(&prefix)?, text.as_str()))).collect();
    let mut wanted: Vec<&str> = texts.keys().copied().filter(|name| is_of_a_mail(name)).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        let Some((name, text)) = texts.get_key_value(name).filter(|_| seen.insert(name)) else { continue };
        wanted.extend(texts.keys().filter(|other| mentions(text, other)));
        match template(name, text) {
            Ok(converted) => {
                out.vars.extend(converted.vars);
                out.converted.insert((*name).to_owned(), converted.text);
            }
            Err(problems) => out.problems.extend(problems.iter().map(|problem| format!("{prefix}{name}, {problem}"))),
        }
    }
    out.problems.sort();
    out.skipped =
        all.keys().filter(|name| !name.strip_prefix(&prefix).is_some_and(|name| seen.contains(name))).cloned().collect();
    out
}

/// What stands before the path of a mail's template.
fn prefix(name: &str) -> Option<&str> {
    let starts = std::iter::once(0).chain(name.match_indices('/').map(|(at, _)| at + 1));
    starts.into_iter().find(|at| name.get(*at..).is_some_and(is_of_a_mail)).and_then(|at| name.get(..at))
}

/// Whether a template extends or includes another.
fn mentions(text: &str, other: &str) -> bool {
    let quoted = [format!("\"{other}\""), format!("'{other}'")];
    let tags = text.split("{%").skip(1).filter_map(|tag| tag.split("%}").next());
    tags.filter(|tag| ["extends", "include"].iter().any(|word| tag.trim_start().starts_with(word)))
        .any(|tag| quoted.iter().any(|quoted| tag.contains(quoted)))
}
