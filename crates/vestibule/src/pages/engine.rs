//! The templates of the pages.

use std::path::Path;

use minijinja::{AutoEscape, Environment, Value};

use crate::ground::{Error, Result};
use crate::settings::Settings;

const BUILT_IN: [(&str, &str); 5] = [
    ("pages/base.html", include_str!("../../templates/pages/base.html")),
    ("pages/email_confirm.html", include_str!("../../templates/pages/email_confirm.html")),
    ("pages/email_confirmed.html", include_str!("../../templates/pages/email_confirmed.html")),
    ("pages/password_reset_confirm.html", include_str!("../../templates/pages/password_reset_confirm.html")),
    ("pages/password_reset_done.html", include_str!("../../templates/pages/password_reset_done.html")),
];

/// The pages of an installation.
pub struct Pages {
    engine: Environment<'static>,
    site: String,
    login_url: Option<String>,
}

impl Pages {
    /// The pages of these settings; what stands in `templates.dir` replaces ours.
    ///
    /// # Errors
    /// Every page that cannot be read or understood, with its file and line.
    pub fn load(settings: &Settings) -> Result<Self, Vec<String>> {
        let mut engine = Environment::new();
        engine.set_auto_escape_callback(|_| AutoEscape::Html);
        let mut problems = Vec::new();
        for (name, text) in BUILT_IN {
            let text = match own(settings.templates.dir.as_deref(), name) {
                Ok(own) => own.unwrap_or_else(|| text.to_owned()),
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            if let Err(error) = engine.add_template_owned(name, text) {
                problems.push(format!("templates.dir: {name}: {error:#}"));
            }
        }
        let pages = Self { engine, site: settings.site.name.clone(), login_url: settings.frontend.login_url.clone() };
        for (name, _) in BUILT_IN.iter().filter(|_| problems.is_empty()) {
            if let Err(error) = pages.render(name, Value::from_pairs([("errors", Value::from(vec!["An example of an error."]))]))
            {
                return Err(vec![format!("templates.dir: {error:?}")]);
            }
        }
        if problems.is_empty() { Ok(pages) } else { Err(problems) }
    }

    /// A page as HTML.
    ///
    /// # Errors
    /// [`Error::Internal`] when the template fails.
    pub fn render(&self, name: &str, values: Value) -> Result<String> {
        let common = [("site_name", Value::from(self.site.as_str())), ("login_url", Value::from(self.login_url.as_deref()))];
        let all = minijinja::context! { ..values, ..Value::from_pairs(common) };
        let page = self.engine.get_template(name).and_then(|template| template.render(all));
        page.map_err(|error| Error::internal(format!("{error:#}")))
    }
}

/// The owner's page of that path, if there is one.
fn own(dir: Option<&Path>, name: &str) -> std::result::Result<Option<String>, String> {
    let Some(path) = dir.map(|dir| dir.join(name)) else { return Ok(None) };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("templates.dir: {} cannot be read: {error}", path.display())),
    }
}
