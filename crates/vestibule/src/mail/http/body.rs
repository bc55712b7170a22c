//! The body of a request to a delivery service.

use std::path::Path;

use http::HeaderValue;
use lettre::message::Mailbox;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::Mail;
use crate::mail::message;

/// The name of the one template, for its error messages.
const NAME: &str = "email.http.body_template";

/// What is posted when there is no template.
const STANDARD: &str = r#"{"from": {{ from }}, "to": {{ to }}, "subject": {{ subject }}, "text": {{ text }}{% if html %}, "html": {{ html }}{% endif %}}"#;

/// Makes bodies. Every value is written as the type of the body demands, so no mail can change the shape of its request (T77).
pub(super) struct Template {
    environment: Environment<'static>,
    form: bool,
}

impl Template {
    /// Reads the template and tries it. `kind` is the content type: a form's values are percent-encoded, all others are JSON.
    pub(super) fn read(path: Option<&Path>, kind: Option<&HeaderValue>) -> Result<Self, String> {
        let form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let source = match path {
            Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{NAME}: {}: {error}", path.display()))?,
            None if form => return Err(format!("{NAME}: is not set, and the standard body is not a form")),
            None => STANDARD.to_owned(),
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Json);
        if form {
            environment.set_formatter(|out, _, value| Ok(out.write_str(&encoded(value))?));
        }
        environment.add_template_owned(NAME, source).map_err(|error| explained(&error))?;
        let template = Self { environment, form };
        template.try_out()?;
        Ok(template)
    }

    /// A template that fails should do so at the start and not at the first mail.
    fn try_out(&self) -> Result<(), String> {
        let text = "A \"quoted\" line\nand <another> \\ & more: é".to_owned();
        for html in [None, Some(format!("<p>{text}</p>"))] {
            let mail = Mail {
                id: "0123456789abcdef".into(),
                to: "ana@example.org".into(),
                from: "Ana & \"Bob\" <noreply@example.org>".into(),
                subject: "\"Hello\"".into(),
                text: text.clone(),
                html,
                link: None,
                kind: "email_confirmation",
            };
            let letter = message::Letter::of(&mail).map_err(|error| error.to_string())?;
            self.render(&letter.mail, &letter.from)?;
        }
        Ok(())
    }

    /// The body for one mail.
    ///
    /// # Errors
    /// A sentence that names the template's line, or says that the result is no JSON.
    pub(super) fn render(&self, mail: &Mail, from: &Mailbox) -> Result<String, String> {
        let values = context! {
            id => &mail.id,
            to => &mail.to,
            from => &mail.from,
            from_name => from.name.as_deref().unwrap_or_default(),
            from_address => from.email.to_string(),
            subject => &mail.subject,
            text => &mail.text,
            html => &mail.html,
            link => &mail.link,
            kind => mail.kind,
        };
        let rendered = self.environment.get_template(NAME).and_then(|template| template.render(values));
        let body = rendered.map_err(|error| explained(&error))?;
        if self.form {
            // Line breaks of values are encoded by now; these are the template's own.
            return Ok(body.replace(['\r', '\n'], ""));
        }
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&body);
        valid
            .map_err(|error| format!("{NAME}: does not give JSON: {error}; values come with their quotes, write {{{{ to }}}}"))?;
        Ok(body)
    }
}

fn encoded(value: &Value) -> String {
    let text = if value.is_none() { String::new() } else { value.to_string() };
    utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
}

fn explained(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!(" line {line}:")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{NAME}:{line} {}{detail}", error.kind())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::message::tests::mail;
    use super::*;
    use crate::mail::message::Letter;

    fn template(source: &str, kind: &str) -> Result<Template, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), source).unwrap();
        Template::read(Some(file.path()), Some(&HeaderValue::from_str(kind).unwrap()))
    }

    fn rendered(template: &Template, mail: &Mail) -> String {
        let letter = Letter::of(mail).unwrap();
        template.render(&letter.mail, &letter.from).unwrap()
    }

    const SLY: &str = "\",\"bcc\":\"evil@example.test\" {{7*7}} & to=evil@example.test \\";

    #[test]
    fn without_a_template_the_body_is_plain_json() {
        let template = Template::read(None, None).unwrap();
        let body: Value = serde_json::from_str(&rendered(&template, &mail())).unwrap();
        let Mail { to, from, subject, text, html, .. } = mail();
        assert_eq!(body, json!({ "to": to, "from": from, "subject": subject, "text": text, "html": html }));
        let body: Value = serde_json::from_str(&rendered(&template, &Mail { html: None, ..mail() })).unwrap();
        assert!(body.get("html").is_none());
    }

    #[test]
    fn t77_a_value_never_leaves_its_place() {
        for source in [r#"{"s": {{ subject }}, "k": {{ kind }}}"#, r#"{"s": {{ subject|tojson }}, "k": {{ kind|tojson }}}"#] {
            let json = template(source, "application/json").unwrap();
            let body: Value = serde_json::from_str(&rendered(&json, &Mail { subject: SLY.into(), ..mail() })).unwrap();
            assert_eq!(body, json!({ "s": SLY, "k": "email_confirmation" }));
        }
        let form =
            template("to={{ to }}\n&subject={{ subject }}\n&html={{ html }}\n", "application/x-www-form-urlencoded").unwrap();
        let body = rendered(&form, &Mail { subject: SLY.into(), html: None, ..mail() });
        let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs, [pair("to", "ana@example.org"), pair("subject", SLY), pair("html", "")]);
    }

    #[test]
    fn a_broken_template_is_refused_at_the_start() {
        for (source, kind, named) in [
            ("{\"to\": {{ to }", "application/json", "line 1"),
            ("{\"to\":\n {{ whom }}}", "application/json", "line 2"),
            ("{\"to\": \"{{ to }}\"}", "application/json", "does not give JSON"),
            ("{\"html\": {{ html|length }}}", "application/json", "line 1"),
            ("to={{ whom }}", "application/x-www-form-urlencoded", "line 1"),
        ] {
            let refused = template(source, kind).err().unwrap_or_else(|| panic!("{source}"));
            assert!(refused.starts_with(NAME) && refused.contains(named), "{refused}");
        }
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        assert!(Template::read(None, Some(&form)).is_err() && Template::read(Some(Path::new("/nowhere")), None).is_err());
    }

    /// The templates of the cookbook's page, which people copy.
    #[test]
    fn the_documented_templates_work() {
        let page = include_str!("../../../../../docs/cookbook/mail-services.md");
        let blocks: Vec<&str> = page.split("```jinja\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert_eq!(blocks.len(), 3);
        for source in blocks {
            let kind = if source.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
            let template = template(source, kind).unwrap_or_else(|error| panic!("{error}\n{source}"));
            let body = rendered(&template, &mail());
            let link = if kind.ends_with("json") { "s3cretkey0123456789" } else { "auth%2Eexample%2Eorg" };
            assert!(body.contains(link), "{body}");
        }
    }
}
