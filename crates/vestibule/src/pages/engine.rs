//! The templates of the pages.

use std::path::Path;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

use crate::accounts::links;
use crate::ground::{Error, Language, Languages, Result};
use crate::mail::templates::{Functions, empty_engine, sentences};
use crate::settings::{LoginMethod, Presence, Registration, Settings};

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        &[$((concat!("pages/", $name), include_str!(concat!("../../templates/pages/", $name)))),+]
    };
}

const BUILT_IN: &[(&str, &str)] = built_in![
    "account.html",
    "base.html",
    "change_email.html",
    "change_password.html",
    "dev_provider.html",
    "email_change.html",
    "email_changed.html",
    "email_confirm.html",
    "email_confirmed.html",
    "fields.html",
    "forgot_password.html",
    "password_reset_confirm.html",
    "password_reset_done.html",
    "problem.html",
    "sign_in.html",
    "sign_up.html",
    "sign_up_complete.html",
    "verification_sent.html",
];

/// The pages of an installation.
pub struct Pages {
    engine: Environment<'static>,
    /// What every page knows.
    common: Value,
}

impl Pages {
    /// The pages of these settings; what stands in `templates.dir` replaces ours.
    ///
    /// # Errors
    /// Every page that cannot be read or understood, with its file and line.
    pub fn load(settings: &Settings, functions: &Functions, languages: &Languages) -> Result<Self, Vec<String>> {
        let mut engine = empty_engine(functions);
        engine.set_auto_escape_callback(|_| AutoEscape::Html);
        engine.set_undefined_behavior(UndefinedBehavior::Lenient);
        let mut problems = Vec::new();
        for &(name, text) in BUILT_IN {
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
        let pages = Self { engine, common: common(settings) };
        for (name, _) in BUILT_IN.iter().filter(|_| problems.is_empty()) {
            for language in languages.enabled() {
                let wrong = context! { non_field_errors => ["An example of an error."], email => ["Another."] };
                if let Err(error) = pages.render(name, context! { wrong }, language) {
                    return Err(vec![format!("templates.dir: {error:?}")]);
                }
            }
        }
        if problems.is_empty() { Ok(pages) } else { Err(problems) }
    }

    /// A page as HTML, in that language.
    ///
    /// # Errors
    /// [`Error::Internal`] when the template fails.
    pub fn render(&self, name: &str, values: Value, language: &Language) -> Result<String> {
        let reader = [("language", language.tag().into()), ("direction", language.direction().into())];
        let reader = Value::from_pairs::<_, &str, Value>(reader);
        let all = context! { ..values, ..self.common.clone(), ..reader, ..Value::from_pairs(sentences(language)) };
        let page = self.engine.get_template(name).and_then(|template| template.render(all));
        page.map_err(|error| Error::internal(format!("{error:#}")))
    }
}

/// What every page knows: the names that an owner's own pages may use too.
fn common(settings: &Settings) -> Value {
    // Nothing where the settings leave the page out.
    let url = |path: &str| links::page_if_there(settings, path).unwrap_or_default();
    let account = &settings.account;
    context! {
        site_name => &settings.site.name,
        login_url => &settings.frontend.login_url,
        after_login_url => &settings.frontend.after_login_url,
        vars => &settings.templates.vars,
        has_email => account.email != Presence::Off,
        open => account.registration == Registration::Open,
        by => match account.login_methods.as_slice() {
            [LoginMethod::Username] => "username",
            [LoginMethod::Email] => "email",
            _ => "either",
        },
        urls => context! {
            account => url("account"),
            change_email => url("account/email"),
            change_password => url("account/password"),
            forgot => url("forgot-password"),
            sign_in => url("sign-in"),
            sign_out => url("sign-out"),
            sign_up => url("sign-up"),
            verification_sent => url("registration/account-email-verification-sent"),
        },
        // What only some requests have.
        fields => Vec::<Value>::new(),
        user => context! {},
        values => context! {},
        wrong => context! {},
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
