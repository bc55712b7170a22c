use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::ground::Secret;
use crate::settings::{Environment, FieldSettings};

/// A folder of the owner's with those files, and settings that name it.
fn owner(files: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    let mut settings = settings();
    settings.templates.dir = Some(folder.path().into());
    (folder, settings)
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.site.name = "Acme".into();
    settings.server.public_url = Some("https://acme.example/".into());
    settings.password.reset_code = true;
    settings
}

fn load(settings: &Settings) -> Templates {
    Templates::load(settings, &Languages::default(), Functions::default())
        .unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

fn refused(settings: &Settings) -> Vec<String> {
    let problems = Templates::load(settings, &Languages::default(), Functions::default()).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

fn told(problems: &[TemplateProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn about() -> About {
    About {
        user: Person { username: "ana".into(), email: "ana@example.org".into(), first_name: "Ana".into(), ..Person::default() },
        new_email: "new@example.org".into(),
        link: Some("https://acme.example/auth/x?a=1&b=2".into()),
        code: Some("BCDF-GHJK".into()),
        valid_for: Duration::from_secs(3 * 86_400),
        code_valid_for: Duration::from_secs(600),
        ..About::default()
    }
}

fn speaking(tag: &str) -> Language {
    Language::built_in(tag).unwrap()
}

const CONFIRMATION: &str = "account/email/email_confirmation_message.txt";

#[test]
fn every_built_in_mail_renders_in_every_language() {
    let languages = Languages::default();
    let made = load(&settings()).made;
    assert_eq!(told(&check::check(&made, &settings(), &languages)), "");
    let mut without_code = settings();
    without_code.password.reset_code = false;
    assert_eq!(told(&check::check(&made, &without_code, &languages)), "");
}

#[test]
fn a_mail_says_what_it_must_in_text_and_html() {
    let mail = load(&settings()).render(Kind::EmailConfirmationSignup, &about(), &speaking("en")).unwrap();
    assert_eq!(mail.subject, "[Acme] Confirm your e-mail address");
    let expected = "Hello,\n\nWelcome to Acme! Please confirm that ana@example.org is your address.\n\n\
                    https://acme.example/auth/x?a=1&b=2\n\nOr enter this code where you are asked for one:\n\n    BCDF-GHJK\n\n\
                    The link is valid for 3 days, the code for 10 minutes.\n\n\
                    If you did not sign up at Acme, you can ignore this mail: nothing will happen.\n\nAcme\nhttps://acme.example\n";
    assert_eq!(mail.text, expected);
    let html = mail.html.unwrap();
    assert!(html.contains("href=\"https://acme.example/auth/x?a=1&amp;b=2\""), "{html}");
    for part in ["<html lang=\"en\">", "BCDF-GHJK", "3 days", "prefers-color-scheme: dark", "width=device-width"] {
        assert!(html.contains(part), "{part}: {html}");
    }
}

#[test]
fn mails_load_nothing_from_elsewhere_and_run_nothing() {
    for (path, text) in sources::EMBEDDED.iter().filter(|(path, _)| path.ends_with(".html")) {
        for foreign in ["<img", "<script", "<link", "<iframe", "@import", "url(", "http:", "https:"] {
            assert!(!text.contains(foreign), "{path}: {foreign}");
        }
    }
}

#[test]
fn a_mail_speaks_its_readers_language() {
    let templates = load(&settings());
    let english = templates.render(Kind::PasswordReset, &about(), &speaking("en")).unwrap();
    for language in Languages::default().enabled().iter().skip(1) {
        let mail = templates.render(Kind::PasswordReset, &about(), language).unwrap();
        assert_ne!(mail.subject, english.subject, "{language:?}");
        assert!(mail.html.unwrap().contains(&format!("lang=\"{}\"", language.tag())));
        for line in english.text.lines().filter(|line| line.ends_with(['.', ':']) && !line.contains("://")) {
            assert!(!mail.text.contains(line), "{language:?}: {line}");
        }
    }
    let polish = templates.render(Kind::PasswordReset, &about(), &speaking("pl")).unwrap();
    assert!(polish.text.contains("przez 3 dni") && polish.text.contains("przez 10 minut"), "{}", polish.text);
}

#[test]
fn t77_what_people_call_themselves_is_escaped_for_its_place() {
    let mut about = about();
    about.user.username = "<b>{{ 7*7 }}</b>\r\nBcc: x".into();
    let mail = load(&settings()).render(Kind::PasswordReset, &about, &speaking("en")).unwrap();
    assert!(mail.text.contains("<b>{{ 7*7 }}</b>\nBcc: x"), "{}", mail.text);
    let html = mail.html.unwrap();
    assert!(html.contains("&lt;b&gt;{{ 7*7 }}&lt;/b&gt;") && !html.contains("<b>"), "{html}");
}

#[test]
fn t20_a_subject_is_one_line_whatever_its_template_says() {
    let (_folder, mut settings) = owner(&[(
        "account/email/email_confirmation_subject.txt",
        "\n Hi\r\n{{ user.first_name }},\n\tplease\u{b}\u{85}confirm\u{2028}now \n",
    )]);
    settings.email.subject_prefix = Some("(x)\n".into());
    let mut about = about();
    about.user.first_name = "Ana\r\nBcc: evil@example.org".into();
    let mail = load(&settings).render(Kind::EmailConfirmation, &about, &speaking("en")).unwrap();
    assert_eq!(mail.subject, "(x) Hi Ana Bcc: evil@example.org, please confirm now");
}

#[test]
fn t80_a_mail_is_never_printed() {
    let mail = load(&settings()).render(Kind::PasswordReset, &about(), &speaking("en")).unwrap();
    assert!(!format!("{mail:?} {:?}", about()).contains("BCDF"));
    assert!(mail.text.contains(Secret::from("BCDF-GHJK").expose()));
}

#[test]
fn an_owner_overrides_a_text_and_knows_vars_fields_and_functions() {
    let text = "{{ vars.support }} {{ user.team|upper }}|{{ user.shoe }}| {{ price('basic', 2) }} {{ kind }} {{ link }}";
    let (_folder, mut settings) = owner(&[(CONFIRMATION, text)]);
    settings.templates.vars.insert("support".into(), "help@acme.example".into());
    let field = |name: &str| serde_json::from_value::<FieldSettings>(serde_json::json!({ "name": name })).unwrap();
    settings.user.fields = vec![field("team"), field("shoe")];
    let mut functions = Functions::default();
    functions.add("price", |given| serde_json::json!(format!("{} for {}", given[1], given[0])));
    let templates =
        Templates::load(&settings, &Languages::default(), functions).unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let mut about = about();
    about.user.profile = serde_json::json!({ "team": "red", "shoe": null });
    let mail = templates.render(Kind::EmailConfirmation, &about, &speaking("de")).unwrap();
    let expected = "help@acme.example RED|| 2 for \"basic\" email_confirmation https://acme.example/auth/x?a=1&b=2\n";
    assert_eq!((mail.text.as_str(), mail.html), (expected, None));
    assert_eq!(mail.subject, "[Acme] Bestätige deine E-Mail-Adresse", "the subject is still ours");
}

#[test]
fn a_base_of_the_owners_is_used_by_our_mails() {
    let base = "{% block greeting %}{% endblock %}\n{% block content %}{% endblock %}\nYours, {{ site.name }}";
    let (_folder, settings) = owner(&[("account/email/base_message.txt", base)]);
    let mail = load(&settings).render(Kind::PasswordChanged, &about(), &speaking("en")).unwrap();
    assert!(mail.text.ends_with("\nYours, Acme\n"), "{}", mail.text);
}

#[test]
fn a_broken_template_is_told_with_file_line_and_remedy() {
    for (text, line, what, remedy) in [
        ("{{ link }}\n{% if code %}", 2, "syntax error", "remove the file"),
        ("{{ link }}\n\n{{ usr.email }}", 3, "undefined value", "A mail knows site, public_url"),
        ("{{ link }}{{ user.nickname }}", 1, "undefined value", "user.<name>"),
        ("{{ link }}\n{{ now() }}", 2, "unknown function", "Give the library a function"),
        ("{{ link }}\n{% include 'none.txt' %}", 2, "template not found", "templates.dir"),
        ("{% load i18n %}{{ activate_url }}", 1, "syntax error", "vestibule templates convert"),
        ("{{ link }}\n{{ _('a {b}', b=user.nickname) }}", 2, "undefined value", "A mail knows"),
    ] {
        let (folder, settings) = owner(&[(CONFIRMATION, text)]);
        let problems = refused(&settings);
        let place = format!("{}, line {line}: ", folder.path().join(CONFIRMATION).display());
        let problem = &problems[0];
        assert!(problem.starts_with(&place) && problem.contains(what) && problem.contains(remedy), "{text}: {problem}");
    }
}

#[test]
fn a_mistake_that_only_some_accounts_show_is_found_at_start() {
    let (_folder, settings) = owner(&[(CONFIRMATION, "{{ link }}\n{% if not user.first_name %}{{ oops }}{% endif %}")]);
    assert!(refused(&settings)[0].contains("line 2: undefined value"));
    let (_folder, settings) = owner(&[(CONFIRMATION, "{{ link }}\n{% if language == 'ja' %}{{ oops }}{% endif %}")]);
    assert!(refused(&settings)[0].contains("line 2: undefined value"));
}

#[test]
fn a_text_without_its_link_does_not_start() {
    for (path, text) in [
        (CONFIRMATION, "Please confirm."),
        ("account/email/email_confirmation_message.html", "<p>Please confirm.</p>"),
        ("account/email/email_change_message.txt", "{{ vars }}"),
        ("registration/password_reset_email.html", "Your token is {{ token }}"),
    ] {
        let (_folder, settings) = owner(&[(path, text)]);
        let problems = refused(&settings).join("\n");
        assert!(problems.contains("never says {{ link }}"), "{path}: {problems}");
    }
    for (path, text) in [
        (CONFIRMATION, "{{ code }}"),
        (CONFIRMATION, "https://app.acme.example/confirm/{{ key }}"),
        ("registration/password_reset_email.txt", "https://app.acme.example/{{ uid }}/{{ token }}"),
        ("registration/password_reset_email.txt", "{{ code }}"),
        ("account/email/password_changed_message.txt", "Changed."),
    ] {
        load(&owner(&[(path, text)]).1);
    }
    let (_folder, mut settings) = owner(&[("registration/password_reset_email.txt", "<{{ code }}>")]);
    settings.password.reset_code = false;
    assert!(refused(&settings)[0].contains("never says"), "no code is mailed here");
}

#[test]
fn all_problems_come_at_once_and_each_once() {
    let (_folder, settings) = owner(&[(CONFIRMATION, "{{ a }}"), ("account/email/email_changed_subject.txt", "{{ b }}")]);
    assert_eq!(refused(&settings).len(), 2);
    let (_folder, settings) = owner(&[("account/email/email_changed_subject.txt", " \n ")]);
    assert!(refused(&settings)[0].contains("comes out empty"));
}

#[test]
fn in_development_an_edited_template_is_used_at_the_next_mail() {
    let (folder, settings) = owner(&[]);
    let templates = load(&settings);
    let text = || templates.render(Kind::EmailConfirmation, &about(), &speaking("en")).map(|mail| mail.text);
    assert!(text().unwrap().starts_with("Hello,"));
    write(folder.path(), CONFIRMATION, "One {{ link }}");
    assert!(text().unwrap().starts_with("One "));
    write(folder.path(), CONFIRMATION, "Two {{ link");
    assert_eq!(text().unwrap_err().line, Some(1));
    let other = || templates.render(Kind::PasswordChanged, &about(), &speaking("en")).map(|mail| mail.text);
    assert!(other().is_ok(), "a mistake keeps no other mail back");
    let base = "account/email/base_message.txt";
    write(folder.path(), base, "{% block content %}{% endblock %}\n{% if");
    let problem = other().unwrap_err();
    assert!(problem.file.ends_with(base) && problem.line == Some(2), "{problem}");
    fs::remove_file(folder.path().join(base)).unwrap();
    fs::remove_file(folder.path().join(CONFIRMATION)).unwrap();
    assert!(text().unwrap().starts_with("Hello,"));
}

#[test]
fn in_production_templates_stay_as_they_were_tried() {
    let (folder, mut settings) = owner(&[(CONFIRMATION, "One {{ link }}")]);
    settings.environment = Environment::Production;
    let templates = load(&settings);
    write(folder.path(), CONFIRMATION, "Two {{ link");
    let mail = templates.render(Kind::EmailConfirmation, &about(), &speaking("en")).unwrap();
    assert!(mail.text.starts_with("One "));
}

#[test]
fn django_filters_and_markup_in_sentences_work() {
    let html = "<p>{{ 'ana'|capfirst }} {{ 'abcdef'|truncatechars(4) }} {{ 2|pluralize }}{{ 1|pluralize }} {{ 3|pluralize('y,ies') }} \
                {{ ''|yesno('a,b') }} {{ 'a/ü &'|urlencode }} {{ 'a<\nb'|linebreaksbr }} {{ _html('<b>{x}</b>', x='<i>') }} {{ _('<{x}>', x='&') }} \
                {{ _n('{count} a', '{count} b', count=2) }} {{ link }}</p>";
    let (_folder, settings) = owner(&[("account/email/email_confirmation_message.html", html)]);
    let mail = load(&settings).render(Kind::EmailConfirmation, &about(), &speaking("en")).unwrap();
    let expected = "<p>Ana abc… s ies b a/%C3%BC%20%26 a&lt;<br>b <b>&lt;i&gt;</b> &lt;&amp;&gt; 2 b https://acme.example/auth/x?a=1&amp;b=2</p>\n";
    assert_eq!(mail.html.unwrap().split_whitespace().collect::<Vec<_>>().join(" "), expected.trim());
}

#[test]
fn a_preview_shows_every_mail() {
    let templates = load(&settings());
    for kind in Kind::ALL {
        let mail = templates.preview(kind, &speaking("fr")).unwrap();
        assert!(mail.subject.starts_with("[Acme] ") && mail.html.is_some());
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
    }
}
