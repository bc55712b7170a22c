//! The texts of mails, and how an owner changes them.
//!
//! The built-in templates are embedded (`crates/vestibule/templates/`); a file of the same path in the folder `templates.dir` wins.
//! The paths are the reference's, so that people find them. They are written for minijinja (`{{ value }}`, `{% if … %}`); a Django
//! template is turned into one by `vestibule templates convert`.
//!
//! - Whoever overrides a text and not the HTML beside it gets a mail of text alone: readers would see the built-in HTML instead.
//! - `registration/password_reset_email.html` is where the reference has the *text* of the reset mail. A file there without any
//!   HTML element is taken for the text, one with elements for the HTML.
//! - A text at `account/email/email_confirmation_message.txt` serves the mail at sign-up too, unless that one has its own.
//! - In `.html` every value is escaped; `.txt` is written as it is. A subject is one line, whatever its template says.
//! - `_("A sentence with a {name}", name=value)` is said in the reader's language, if `languages.dir` or a built-in catalogue has it.
//!
//! With a folder of one's own, [`Templates::load`] renders every mail in every language before the service starts. In development
//! the folder is read anew for each mail; a mistake that has come in since keeps the mails back that it is in.

mod check;
mod context;
mod engine;
mod kinds;
mod problem;
mod sources;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use minijinja::Environment;

use crate::ground::{Language, Languages};
use crate::settings::Settings;

pub(crate) use context::NAMES;
pub(crate) use engine::{empty as empty_engine, sentences};
pub(crate) use kinds::is_of_a_mail;
pub(crate) use sources::looks_like_html;

pub use context::{About, Person};
pub use engine::Functions;
pub use kinds::Kind;
pub use problem::Problem as TemplateProblem;

use context::Shared;
use problem::Problem;
use sources::Sources;

/// The texts of all mails, ready to be filled in.
#[derive(Debug)]
pub struct Templates {
    made: Made,
    /// Where to read them again for each mail.
    live: Option<Live>,
    preview: Settings,
}

#[derive(Debug)]
struct Live {
    dir: PathBuf,
    functions: Functions,
}

/// The templates of one moment.
#[derive(Debug)]
struct Made {
    sources: Sources,
    engine: Environment<'static>,
    shared: Shared,
    prefix: String,
}

/// A mail in words. Nothing prints it: it holds a link or a code (T80).
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, with the prefix of the settings.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML, unless the owner has a text of their own and no HTML to it.
    pub html: Option<String>,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendered").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Templates {
    /// Reads the templates and, with a folder of the owner's, tries every mail in every language that is spoken here.
    ///
    /// # Errors
    /// Everything that is wrong: a file that cannot be read, a mistake in a template with its line, a value that no mail has, a
    /// text without the link or code that its reader needs.
    pub fn load(settings: &Settings, languages: &Languages, functions: Functions) -> Result<Self, Vec<TemplateProblem>> {
        let dir = settings.templates.dir.clone();
        let sources = Sources::read(dir.as_deref())?;
        let engine = engine::engine(&sources, &functions)?;
        let made = Made { sources, engine, shared: Shared::new(settings), prefix: settings.subject_prefix() };
        if dir.is_some() {
            let problems = check::check(&made, settings, languages);
            if !problems.is_empty() {
                return Err(problems);
            }
        }
        let live = dir.filter(|_| !settings.production()).map(|dir| Live { dir, functions });
        Ok(Self { made, live, preview: settings.clone() })
    }

    /// Writes a mail.
    ///
    /// # Errors
    /// What is wrong with a template: in production only what the samples of [`Templates::load`] did not show.
    pub fn render(&self, kind: Kind, about: &About, language: &Language) -> Result<Rendered, TemplateProblem> {
        let Some(live) = &self.live else { return self.made.render(kind, about, language) };
        let first = |problems: Vec<Problem>| {
            problems.into_iter().next().unwrap_or_else(|| Problem {
                file: live.dir.display().to_string(),
                line: None,
                what: "cannot be read".into(),
                remedy: "Look at its files.".into(),
            })
        };
        let sources = Sources::read(Some(&live.dir)).map_err(first)?;
        let engine = engine::lazy(&sources, &live.functions);
        let (shared, prefix) = (self.made.shared.clone(), self.made.prefix.clone());
        Made { sources, engine, shared, prefix }.render(kind, about, language)
    }

    /// Writes a mail about an invented account, to look at.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn preview(&self, kind: Kind, language: &Language) -> Result<Rendered, TemplateProblem> {
        let settings = &self.preview;
        let link = format!("{}{}/example-of-a-link", settings.public_url(), settings.server.base_path.trim_end_matches('/'));
        let about = About::sample(settings, kind, true, check::offers_code(kind, settings), &link);
        self.render(kind, &about, language)
    }
}

impl Made {
    fn render(&self, kind: Kind, about: &About, language: &Language) -> Result<Rendered, Problem> {
        let parts = self.sources.parts(kind);
        let mut values = self.shared.values(kind.name(), about, language);
        values.extend(engine::sentences(language));
        let fill = |name: &str, values: &std::collections::BTreeMap<&'static str, minijinja::Value>| {
            let template = self.engine.get_template(name);
            let text = template.and_then(|template| template.render(minijinja::Value::from(values.clone())));
            text.map_err(|error| Problem::of_error(&self.sources, name, &error))
        };
        let subject = one_line(&fill(parts.subject, &values)?);
        values.insert("subject", subject.as_str().into());
        let text = body(&fill(parts.text, &values)?);
        let html = parts.html.map(|name| fill(name, &values)).transpose()?.as_deref().map(body);
        for (name, empty) in [(parts.subject, subject.is_empty()), (parts.text, text.trim().is_empty())] {
            if empty {
                let what = "comes out empty".to_owned();
                return Err(Problem::of(&self.sources, name, None, what, "Write something, or remove the file."));
            }
        }
        Ok(Rendered { subject: one_line(&format!("{}{subject}", self.prefix)), text, html })
    }
}

/// The templates of a folder, by their paths below it.
pub(crate) fn files(dir: &std::path::Path) -> Result<std::collections::BTreeMap<String, String>, Vec<TemplateProblem>> {
    Sources::files(dir)
}

/// Folds every line break and control character away: a subject is a header, and headers are lines (T20, T72).
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Without empty lines around it, with one kind of line break.
fn body(text: &str) -> String {
    let mut body = text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned();
    body.push('\n');
    body
}
