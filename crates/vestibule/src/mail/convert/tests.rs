use std::fs;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::ground::{Language, Languages};
use crate::mail::templates::{About, Kind, Person, Rendered, Templates};
use crate::settings::Settings;

/// The constructs of the sign-up mail that the reference's guides overwrite: two loads, a tag that names, and sentences with a
/// value of their own, each over several lines.
const CONFIRMATION: &str = "{% load account %}{% user_display user as user_display %}{% load i18n %}{%
autoescape off %}{% blocktrans with
site_domain=current_site.domain %}Greetings of {{ site_name }}. Somebody called {{ user_display }} typed your
address on {{ site_domain }}. Was it you? Then open {{
activate_url }} {% endblocktrans %} {% blocktrans with site_domain=current_site.domain %}So long, {{
site_name }}! {{ site_domain }}{% endblocktrans %} {% endautoescape %}
";

/// The constructs of the reset mail that comes with Django.
const RESET: &str = "{% load i18n %}{% autoescape off %} {% blocktranslate %}A new password was wanted for you at {{
site_name }}.{% endblocktranslate %} {% translate \"This is the page:\" %} {% block reset_link %} {{ protocol }}://{{
domain }}{% url 'password_reset_confirm' uidb64=uid token=token %} {% endblock
%} {% translate 'And this, should you wonder, is you:' %} {{
user.get_username }} {% translate \"Have fun!\" %} {%
blocktranslate %}All of {{ site_name }}{% endblocktranslate %} {%
endautoescape %}
";

fn ours(source: &str) -> String {
    template("account/email/x.txt", source).unwrap_or_else(|problems| panic!("{source}: {problems:?}")).text
}

fn problems(source: &str) -> Vec<String> {
    template("account/email/x.html", source).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The mail that comes of a Django template at that path.
fn rendered(path: &str, source: &str, kind: Kind) -> Rendered {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, template(path, source).unwrap().text).unwrap();
    let mut settings = Settings::default();
    settings.site.name = "Acme".into();
    settings.server.public_url = Some("https://acme.example".into());
    settings.templates.dir = Some(folder.path().into());
    settings.templates.vars.insert("custom_url".into(), "https://app.acme.example/reset".into());
    let templates = Templates::load(&settings, &Languages::default(), Functions::default())
        .unwrap_or_else(|problems| panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    let about = About {
        user: Person { username: "ana".into(), email: "ana@example.org".into(), ..Person::default() },
        link: Some("https://acme.example/auth/l1nk".into()),
        uid: Some("u1d".into()),
        token: Some("t0ken".into()),
        valid_for: Duration::from_secs(3_600),
        ..About::default()
    };
    templates.render(kind, &about, &Language::english()).unwrap()
}

#[test]
fn the_confirmation_mail_of_the_guides_converts_and_says_the_same() {
    let mail = rendered("account/email/email_confirmation_message.txt", CONFIRMATION, Kind::EmailConfirmationSignup);
    let words: Vec<&str> = mail.text.split_whitespace().collect();
    let expected = "Greetings of Acme. Somebody called ana typed your address on acme.example. Was it you? Then open \
                    https://acme.example/auth/l1nk So long, Acme! acme.example";
    assert_eq!(words.join(" "), expected);
    assert_eq!(mail.html, None);
}

#[test]
fn the_reset_mail_of_django_converts_and_says_the_same() {
    let mail = rendered("registration/password_reset_email.html", RESET, Kind::PasswordReset);
    let words: Vec<&str> = mail.text.split_whitespace().collect();
    let expected = "A new password was wanted for you at Acme. This is the page: https://acme.example/auth/l1nk And this, \
                    should you wonder, is you: ana Have fun! All of Acme";
    assert_eq!(words.join(" "), expected);
    assert_eq!(mail.html, None, "it is a text under a name that says html");
}

#[test]
fn a_link_of_ones_own_reads_its_setting_from_the_vars() {
    let source = "{% load password_tags %}Go: {% get_settings_var 'CUSTOM_URL' %}?uidb64={{ uid }}&token={{ token }}";
    let converted = template("registration/password_reset_email.html", source).unwrap();
    assert_eq!(converted.text, "Go: {{ vars.custom_url }}?uidb64={{ uid }}&token={{ token }}");
    assert_eq!(converted.vars, BTreeSet::from(["custom_url".to_owned()]));
    let mail = rendered("registration/password_reset_email.html", source, Kind::PasswordReset);
    assert_eq!(mail.text, "Go: https://app.acme.example/reset?uidb64=u1d&token=t0ken\n");
}

#[test]
fn tags_become_ours() {
    for (theirs, expected) in [
        ("{% extends 'account/email/base_message.txt' %}", "{% extends \"account/email/base_message.txt\" %}"),
        ("{% block content %}a{{ block.super }}{% endblock content %}", "{% block content %}a{{ super() }}{% endblock %}"),
        ("{% include \"a.txt\" %}", "{% include \"a.txt\" %}"),
        ("{% include 'a.txt' with x=code only %}", "{% with x = code %}{% include \"a.txt\" %}{% endwith %}"),
        (
            "{% if not code and user.first_name != 'x' %}1{% elif code %}2{% else %}3{% endif %}",
            "{% if not code and user.first_name != \"x\" %}1{% elif code %}2{% else %}3{% endif %}",
        ),
        (
            "{% for k, v in vars.items reversed %}{{ forloop.counter }}{{ k }}{% empty %}-{% endfor %}",
            "{% for k, v in vars|items|reverse %}{{ loop.index }}{{ k }}{% else %}-{% endfor %}",
        ),
        (
            "{% with a=code b=user.email|upper %}{{ b }}{% endwith %}",
            "{% with a = code, b = user.email|upper %}{{ b }}{% endwith %}",
        ),
        ("{% with code as a %}{{ a }}{% endwith %}", "{% with a = code %}{{ a }}{% endwith %}"),
        ("a{% comment \"why\" %}{{ anything|goes }}{% endcomment %}b{# c #}", "ab"),
        ("{% verbatim %}{{ kept }}{% endverbatim %}", "{% raw %}{{ kept }}{% endraw %}"),
        ("{% spaceless %}a{% endspaceless %}{% firstof code 'x' %}", "a{{ code or \"x\" }}"),
        ("{% filter upper|cut:' ' %}a{% endfilter %}", "{% filter upper|replace(\" \", \"\") %}a{% endfilter %}"),
        (
            "{% user_display user %}{{ user }}{{ user.get_full_name }}",
            "{{ display_name }}{{ display_name }}{{ (user.first_name ~ \" \" ~ user.last_name)|trim }}",
        ),
        ("{% get_current_language as L %}{{ L }}{{ LANGUAGE_CODE }}", "{{ language }}{{ language }}"),
        ("{% my_setting 'A_B' as x %}{{ x }}", "{{ vars.a_b }}"),
    ] {
        assert_eq!(ours(theirs), expected, "{theirs}");
    }
}

#[test]
fn sentences_become_ours() {
    for (theirs, expected) in [
        ("{% trans \"Hi 'you'\" %}", "{{ _(\"Hi 'you'\") }}"),
        ("{% translate 'Say \"x\"' context 'c' as t %}{{ t }}", "{% set t = _(\"Say \\\"x\\\"\") %}{{ t }}"),
        ("{% trans user.email %}{% trans 'a' noop %}", "{{ _(user.email) }}{{ \"a\" }}"),
        ("{% trans 'a'|upper %}", "{{ _(\"a\")|upper }}"),
        ("{% blocktrans %}Of {{ site_name }}{% endblocktrans %}", "{{ _(\"Of {site_name}\", site_name=site.name) }}"),
        (
            "{% blocktrans with a=code|upper and b=email %}{{ a }}{{ b }}{{ a }}{% endblocktrans %}",
            "{{ _(\"{a}{b}{a}\", a=code|upper, b=email) }}",
        ),
        ("{% blocktrans with code as a %}{{ a }}{% endblocktrans %}", "{{ _(\"{a}\", a=code) }}"),
        (
            "{% blocktranslate trimmed %}\n  a\n  b {{ user.email }}\n{% endblocktranslate %}",
            "{{ _(\"a b {user_email}\", user_email=user.email) }}",
        ),
        ("{% blocktrans %}a\nb{% endblocktrans %}", "{{ _(\"a\\nb\") }}"),
        (
            "{% blocktrans count n=vars|length %}{{ n }} thing{% plural %}{{ n }} things{% endblocktrans %}",
            "{{ _n(\"{n} thing\", \"{n} things\", count=vars|length, n=vars|length) }}",
        ),
        ("{% blocktrans asvar t %}a{% endblocktrans %}{{ t }}", "{% set t = _(\"a\") %}{{ t }}"),
    ] {
        assert_eq!(ours(theirs), expected, "{theirs}");
    }
}

#[test]
fn markup_in_a_sentence_of_a_page_stays_markup() {
    let html = |source| template("account/email/x.html", source).unwrap().text;
    assert_eq!(html("<p>{% trans '<b>Hi</b>' %}</p>"), "<p>{{ _html(\"<b>Hi</b>\") }}</p>");
    assert_eq!(
        html("<p>{% autoescape off %}{% trans '<b>Hi</b>' %}{% endautoescape %}</p>"),
        "<p>{% autoescape false %}{{ _(\"<b>Hi</b>\") }}{% endautoescape %}</p>"
    );
}

#[test]
fn a_link_replaces_the_scheme_and_host_before_it() {
    let url = "{% url 'password_reset_confirm' uidb64=uid token=token %}";
    for before in [
        "{{ protocol }}://{{ domain }}",
        "https://{{ site.domain }}",
        "http://www.example.org",
        "{{ protocol }}://example.org",
        "",
    ] {
        assert_eq!(ours(&format!("Go: {before}{url} now")), "Go: {{ link }} now", "{before}");
    }
    assert_eq!(ours(&format!("https://example.org is us. {url}")), "https://example.org is us. {{ link }}");
    assert_eq!(ours(&format!("<a href=\"{{{{ protocol }}}}://{{{{ domain }}}}{url}\">")), "<a href=\"{{ link }}\">");
    assert_eq!(ours("{% url 'account_confirm_email' key as u %}{{ protocol }}://{{ domain }}{{ u }}"), "{{ link }}");
    assert_eq!(ours("{{ protocol }}://{{ domain }}/help"), "{{ site.scheme }}://{{ site.domain }}/help");
}

#[test]
fn what_has_no_counterpart_is_named_with_its_line() {
    for (source, line, word) in [
        ("a\n{{ request.path }}", 2, "request"),
        ("\n\n{{ user.pk }}", 3, "user.pk"),
        ("{{ email|date:'Y' }}", 1, "date"),
        ("{% now 'Y' %}", 1, "now"),
        ("{% static 'logo.png' %}", 1, "static"),
        ("a\n{% url 'account_login' %}", 2, "account_login"),
        ("a\n{% if code %}b", 2, "endif"),
        ("a\n{% endif %}", 2, "if"),
        ("{% comment %}", 1, "endcomment"),
        ("a\n{% blocktrans %}b\n{% if code %}c{% endif %}{% endblocktrans %}", 2, "line 3"),
        ("{% blocktrans %}<b>{{ nothing }}</b>{% endblocktrans %}", 1, "nothing"),
        ("{% language 'de' %}{% endlanguage %}", 1, "language"),
        ("a\n{{ b", 2, "never closed"),
        ("{% for x code %}{% endfor %}", 1, "`in`"),
        ("{% block a-b %}{% endblock %}", 1, "block"),
    ] {
        let problems = problems(source);
        assert!(problems[0].starts_with(&format!("line {line}: ")) && problems[0].contains(word), "{source}: {problems:?}");
    }
    assert_eq!(problems("{{ a }}\n{{ b }}\n{% now 'Y' %}").len(), 3, "all at once");
}

#[test]
fn a_folder_is_turned_with_what_its_mails_stand_on() {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [
        (
            "templates/account/email/email_confirmation_message.txt",
            "{% extends 'mails/base.txt' %}{% block b %}{{ activate_url }}{% endblock %}",
        ),
        ("templates/mails/base.txt", "{% load i18n %}{% block b %}{% endblock %}{% my_tag 'HELP_URL' %}"),
        ("templates/registration/password_reset_subject.txt", "{% now 'Y' %}"),
        ("templates/account/login.html", "{% csrf_token %}"),
        ("README.txt", "{{ hello"),
    ] {
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let folder = folder(dir.path());
    let converted: Vec<&str> = folder.converted.keys().map(String::as_str).collect();
    assert_eq!(converted, ["account/email/email_confirmation_message.txt", "mails/base.txt"]);
    assert_eq!(folder.vars, BTreeSet::from(["help_url".to_owned()]));
    assert_eq!(folder.skipped, ["README.txt", "templates/account/login.html"]);
    assert!(
        folder.problems[0].starts_with("templates/registration/password_reset_subject.txt, line 1: "),
        "{:?}",
        folder.problems
    );
}

proptest! {
    #[test]
    fn t75_no_text_makes_the_converter_panic(source in "\\PC{0,200}") {
        let _ = template("x.html", &source);
    }

    #[test]
    fn t75_no_near_template_makes_the_converter_panic(
        source in r#"(\{%|%\}|\{\{|\}\}|\{#|#\}|if|for|in|x|with|block|trans|blocktrans|plural|end|url|'|"|\\|\||:|=|as|é|\.|_\(|\)|://|link|\n| ){0,40}"#
    ) {
        let _ = template("x.html", &source);
    }

    #[test]
    fn t75_no_nest_of_tags_makes_the_converter_panic(
        source in r#"(\{% (if code|endif|for x in vars|endfor|block b|endblock|with a=code|endwith|blocktrans|endblocktrans|plural|trans 'x' as y|else|empty|autoescape off|endautoescape|url 'password_reset_confirm'|comment|endcomment|spaceless|endspaceless) %\}|\{\{ (x|y|domain|protocol) \}\}|://|text|\n){0,30}"#
    ) {
        let _ = template("x.html", &source);
    }
}
