//! The pages for people, without a front end: asked as a browser asks, with its cookies.

use std::collections::BTreeMap;
use std::sync::Mutex;

use http::Method;
use vestibule::Settings;
use vestibule::ground::Language;
use vestibule::settings::{FieldSettings, LoginMethod, Presence, Registration, Verification};
use vestibule::testing::app::PASSWORD;
use vestibule::testing::{TestAnswer, TestApp, on_both};

const OTHER: &str = "An0ther-pass-7q";

/// Keeps cookies, and sends forms with the token that stands in the page.
pub(crate) struct Browser<'a> {
    app: &'a TestApp,
    pub(crate) cookies: Mutex<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        Self { app, cookies: Mutex::default() }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> TestAnswer {
        let mut request = self.app.request(method, path).header("origin", "http://127.0.0.1:8000");
        let cookies: Vec<_> = self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", &cookies.join("; "));
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        let answer = request.send().await;
        let mut kept = self.cookies.lock().unwrap();
        for line in answer.headers.get_all("set-cookie") {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                kept.remove(name)
            } else {
                kept.insert(name.to_owned(), value.to_owned())
            };
        }
        answer
    }

    pub(crate) async fn open(&self, path: &str) -> TestAnswer {
        self.ask(Method::GET, path, None).await
    }

    /// Opens the page, fills the form in and sends it to `to`.
    async fn send_to(&self, page: &str, to: &str, form: &[(&str, &str)]) -> TestAnswer {
        let token = token(&self.open(page).await.expect(200));
        let mut form = form.to_vec();
        form.push(("csrfmiddlewaretoken", &token));
        self.ask(Method::POST, to, Some(&form)).await
    }

    pub(crate) async fn send(&self, page: &str, form: &[(&str, &str)]) -> TestAnswer {
        self.send_to(page, page, form).await
    }

    async fn sign_in(&self, name: &str, password: &str) -> TestAnswer {
        self.send("sign-in/", &[("name", name), ("password", password)]).await
    }
}

fn token(page: &TestAnswer) -> String {
    let rest = page.text.split_once("name=\"csrfmiddlewaretoken\" value=\"").unwrap_or_else(|| panic!("{}", page.text)).1;
    rest.split('"').next().unwrap().to_owned()
}

fn mandatory(settings: &mut Settings) {
    settings.account.email_verification = Verification::Mandatory;
}

fn link_to(app: &TestApp, address: &str) -> String {
    let link = app.mailbox.last_to(address).link.unwrap();
    link.strip_prefix("http://127.0.0.1:8000").unwrap().to_owned()
}

#[tokio::test]
async fn a_newcomer_signs_up_confirms_signs_in_and_resets_the_password_on_pages_alone() {
    on_both(mandatory, async |app: TestApp| {
        let browser = Browser::new(&app);
        let form = [("username", "ana"), ("email", "ana@example.org"), ("password1", PASSWORD), ("password2", PASSWORD)];
        let signed_up = browser.send("sign-up/", &form).await.expect(303);
        assert_eq!(signed_up.header("location"), "/auth/registration/account-email-verification-sent/");
        browser.open("/auth/registration/account-email-verification-sent/").await.expect(200);
        let owed = browser.sign_in("ana", PASSWORD).await.expect(400);
        assert!(owed.text.contains("E-mail is not verified.") && owed.text.contains("Send another mail"), "{}", owed.text);
        app.deliver().await;
        let confirm = link_to(&app, "ana@example.org");
        browser.open(&confirm).await.expect(200);
        let confirmed = browser.ask(Method::POST, &confirm, None).await.expect(200);
        assert!(confirmed.text.contains("href=\"/auth/sign-in/\""), "{}", confirmed.text);
        assert_eq!(browser.sign_in("ana", PASSWORD).await.expect(303).header("location"), "/auth/account/");
        let account = browser.open("account/").await.expect(200);
        assert!(account.text.contains("ana@example.org"), "{}", account.text);
        assert_eq!(browser.open("sign-in/").await.expect(303).header("location"), "/auth/account/");

        let out = browser.send_to("account/", "sign-out/", &[]).await.expect(303);
        assert_eq!(out.header("location"), "/auth/sign-in/");
        let stranger = browser.open("account/").await.expect(303);
        assert_eq!(stranger.header("location"), "/auth/sign-in/?next=%2Fauth%2Faccount%2F");

        let asked = browser.send("forgot-password/", &[("email", "ana@example.org")]).await.expect(200);
        let unknown = browser.send("forgot-password/", &[("email", "bob@example.org")]).await.expect(200);
        assert_eq!(asked.text.replace("ana@", "bob@"), unknown.text, "the same of every address");
        app.deliver().await;
        let reset = link_to(&app, "ana@example.org");
        let passwords = [("new_password1", OTHER), ("new_password2", OTHER)];
        browser.open(&reset).await.expect(200);
        let done = browser.ask(Method::POST, &reset, Some(&passwords)).await.expect(200);
        assert!(done.text.contains("href=\"/auth/sign-in/\""), "{}", done.text);
        browser.sign_in("ana", PASSWORD).await.expect(400);
        browser.sign_in("ana@example.org", OTHER).await.expect(303);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_signed_in_changes_address_and_password_and_goes_on() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("ana").await;
            app.deliver().await;
            let browser = Browser::new(&app);
            browser.sign_in("ana", PASSWORD).await.expect(303);
            let wrong = browser.send("account/email/", &[("email", "new@example.org"), ("password", "wrong")]).await.expect(400);
            assert!(wrong.text.contains("This is not your password.") && wrong.text.contains("value=\"new@example.org\""));
            assert!(!wrong.text.contains("value=\"wrong\""), "a password is never written into a page");
            let sent = browser.send("account/email/", &[("email", "new@example.org"), ("password", PASSWORD)]).await.expect(200);
            assert!(sent.text.contains("new@example.org"), "{}", sent.text);
            app.deliver().await;
            let link = link_to(&app, "new@example.org");
            browser.ask(Method::POST, &link, None).await.expect(200);
            assert!(browser.open("account/").await.expect(200).text.contains("new@example.org"));

            let other = Browser::new(&app);
            other.sign_in("ana", PASSWORD).await.expect(303);
            let form = |old| [("old_password", old), ("new_password1", OTHER), ("new_password2", OTHER)];
            browser.send("account/password/", &form("wrong")).await.expect(400);
            browser.send("account/password/", &form(PASSWORD)).await.expect(200);
            browser.open("account/").await.expect(200);
            other.open("account/").await.expect(303);
            let change = browser.open("/.well-known/change-password").await.expect(303);
            assert_eq!(change.header("location"), "/auth/account/password/");
        },
    )
    .await;
}

#[tokio::test]
async fn t44_t46_a_form_counts_only_from_the_browser_that_was_shown_it() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("ana").await;
            let (mine, theirs) = (Browser::new(&app), Browser::new(&app));
            let foreign = token(&theirs.open("sign-in/").await.expect(200));
            mine.open("sign-in/").await.expect(200);
            let fields = [("name", "ana"), ("password", PASSWORD)];
            for form in [fields.to_vec(), [fields.as_slice(), &[("csrfmiddlewaretoken", &foreign)]].concat()] {
                let refused = mine.ask(Method::POST, "sign-in/", Some(&form)).await.expect(403);
                assert!(refused.header("content-type").starts_with("text/html") && !refused.headers.contains_key("set-cookie"));
            }
            mine.sign_in("ana", PASSWORD).await.expect(303);
            for page in ["sign-out/", "account/email/", "account/password/", "forgot-password/", "sign-up/"] {
                mine.ask(Method::POST, page, Some(&[("csrfmiddlewaretoken", &foreign)])).await.expect(403);
                // Nothing changes by looking, whatever method a client pretends to mean.
                let looked = mine.open(&format!("{page}?_method=POST")).await;
                assert!(looked.status == 200 || looked.status == 303);
            }
            mine.open("account/").await.expect(200);
        },
    )
    .await;
}

#[tokio::test]
async fn t56_after_signing_in_one_comes_to_where_one_wanted_on_this_site_alone() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("ana").await;
            for (next, expected) in [
                ("%2Forders%3Fpage%3D2", "/orders?page=2"),
                ("https%3A%2F%2Fapp.example.test%2Fa%2Fb", "/auth/account/"),
                ("%2F%2Fevil.test", "/auth/account/"),
                ("https%3A%2F%2Fevil.test", "/auth/account/"),
                ("%2F%5Cevil.test", "/auth/account/"),
                ("", "/auth/account/"),
            ] {
                let browser = Browser::new(&app);
                let page = format!("sign-in/?next={next}");
                let to = browser.send(&page, &[("name", "ana"), ("password", PASSWORD)]).await.expect(303);
                assert_eq!(to.header("location"), expected);
            }
        },
    )
    .await;
    let onward = |settings: &mut Settings| settings.frontend.after_login_url = Some("http://app.example.org/".into());
    on_both(onward, async |app: TestApp| {
        app.register("ana").await;
        let to = Browser::new(&app).sign_in("ana", PASSWORD).await.expect(303);
        assert_eq!(to.header("location"), "http://app.example.org/");
        let page = app.get("sign-in/").send().await.expect(200);
        assert!(page.header("content-security-policy").contains("form-action 'self' http://app.example.org;"));
    })
    .await;
    let listed = |settings: &mut Settings| {
        settings.frontend.return_urls = vec!["https://app.example.test/a".into(), "myapp://callback".into()];
    };
    on_both(listed, async |app: TestApp| {
        app.register("ana").await;
        for (next, expected) in [
            ("https%3A%2F%2Fapp.example.test%2Fa%2Fb", "https://app.example.test/a/b"),
            ("myapp%3A%2F%2Fcallback", "myapp://callback"),
            ("https%3A%2F%2Fapp.example.test%2F", "/auth/account/"),
            ("https%3A%2F%2Fapp.example.test.evil.test%2Fa", "/auth/account/"),
            ("myapp%3A%2F%2Fcallback.evil", "/auth/account/"),
        ] {
            let (browser, page) = (Browser::new(&app), format!("sign-in/?next={next}"));
            let to = browser.send(&page, &[("name", "ana"), ("password", PASSWORD)]).await.expect(303);
            assert_eq!(to.header("location"), expected);
        }
        let policy = app.get("sign-in/").send().await.expect(200).header("content-security-policy").to_owned();
        assert!(policy.contains("form-action 'self' https://app.example.test myapp:;"), "{policy}");
    })
    .await;
}

#[tokio::test]
async fn the_sign_up_page_asks_for_what_the_settings_declare() {
    let article = |settings: &mut Settings| {
        settings.account.username = Presence::Off;
        settings.account.login_methods = vec![LoginMethod::Email];
        let fields: Vec<FieldSettings> = serde_json::from_value(serde_json::json!([
            { "name": "gender", "kind": "choice", "choices": ["female", "male", "other"] },
            { "name": "phone_number", "kind": "phone", "required": true, "help": "With the country's number." },
            { "name": "news", "kind": "boolean" },
        ]))
        .unwrap();
        settings.user.fields = fields;
    };
    on_both(article, async |app: TestApp| {
        let browser = Browser::new(&app);
        let page = browser.open("sign-up/").await.expect(200);
        for part in [
            "<label for=\"email\">E-mail address</label>",
            "<select id=\"gender\" name=\"gender\">",
            "<option value=\"female\">",
            "id=\"phone_number\" name=\"phone_number\" required aria-describedby=\"phone_number-help\" type=\"tel\"",
            "<input id=\"news\" name=\"news\" type=\"checkbox\"",
        ] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        assert!(!page.text.contains("name=\"username\""));
        let email = [("email", "ana@example.org"), ("gender", "female"), ("password1", PASSWORD), ("password2", PASSWORD)];
        let wrong = browser.send("sign-up/", &email).await.expect(400);
        assert!(wrong.text.contains("id=\"phone_number-errors\"") && wrong.text.contains("<option value=\"female\" selected>"));
        let whole = [email.as_slice(), &[("phone_number", "+4930123456"), ("news", "true")]].concat();
        assert_eq!(browser.send("sign-up/", &whole).await.expect(303).header("location"), "/auth/account/");
        assert!(browser.open("account/").await.expect(200).text.contains("ana@example.org"));
    })
    .await;
    let closed = |settings: &mut Settings| settings.account.registration = Registration::Closed;
    on_both(closed, async |app: TestApp| {
        Browser::new(&app).open("sign-up/").await.expect(404);
        assert!(!app.get("sign-in/").send().await.expect(200).text.contains("sign-up"));
    })
    .await;
}

#[tokio::test]
async fn every_page_speaks_the_readers_language_and_says_which() {
    on_both(
        |_| {},
        async |app: TestApp| {
            app.register("ana").await;
            let english = Browser::new(&app);
            english.sign_in("ana", PASSWORD).await.expect(303);
            let cookies =
                english.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
            let pages = [
                "sign-up/",
                "forgot-password/",
                "registration/account-email-verification-sent/",
                "registration/account-confirm-email/k/",
                "email/change/confirm/k/",
                "password/reset/confirm/u/t/",
                "account/",
                "account/email/",
                "account/password/",
            ];
            for path in pages {
                let mut titles = Vec::new();
                for language in Language::all_built_in() {
                    let tag = language.tag();
                    let request = app.get(path).header("accept-language", tag).header("cookie", &cookies.join("; "));
                    let page = request.send().await;
                    assert!([200, 404].contains(&page.status), "{path}: {}", page.status);
                    assert!(page.text.contains(&format!("<html lang=\"{tag}\" dir=\"ltr\">")), "{path}");
                    assert_eq!((page.header("content-language"), page.header("vary")), (tag, "accept-language, cookie"));
                    let title = page.text.split_once("<title>").unwrap().1.split(" · ").next().unwrap().to_owned();
                    assert!(!titles.contains(&title), "{path} in {tag}: {title}");
                    titles.push(title);
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t77_what_people_typed_is_text_on_every_page() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let browser = Browser::new(&app);
            let sly = "\"><script>alert(1)</script>{{7*7}}";
            for (page, field) in [("sign-in/", "name"), ("sign-up/", "username"), ("forgot-password/", "email")] {
                let shown = browser.send(page, &[(field, sly), ("password", "x")]).await.expect(400);
                assert!(!shown.text.contains("<script") && !shown.text.contains("49"), "{page}: {}", shown.text);
                let policy = shown.header("content-security-policy");
                assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn t69_a_browser_that_signed_in_on_a_page_is_known_there_too() {
    let limited = |settings: &mut Settings| {
        settings.limits.enabled = true;
        settings.limits.login_failed = "3/24h/account".parse().unwrap();
    };
    on_both(limited, async |app: TestApp| {
        let (first, second) = (Browser::new(&app), Browser::new(&app));
        let form = [("username", "ana"), ("email", "ana@example.org"), ("password1", PASSWORD), ("password2", PASSWORD)];
        first.send("sign-up/", &form).await.expect(303);
        second.sign_in("ana", PASSWORD).await.expect(303);
        let device = |browser: &Browser<'_>| browser.cookies.lock().unwrap().get("device").cloned();
        let before = (device(&first).unwrap(), device(&second).unwrap());
        let stranger = Browser::new(&app);
        let lock_out = async |password: &str| {
            for _ in 0..3 {
                stranger.sign_in("ana", "wrong").await.expect(400);
            }
            stranger.sign_in("ana", password).await.expect(429);
        };
        lock_out(PASSWORD).await;
        for browser in [&first, &second] {
            browser.send_to("account/", "sign-out/", &[]).await.expect(303);
            browser.sign_in("ana", PASSWORD).await.expect(303);
        }
        assert!(device(&first).unwrap() != before.0 && device(&second).unwrap() != before.1);

        // Its own user has changed the password in it: it stays known, and no other does.
        let change = [("old_password", PASSWORD), ("new_password1", OTHER), ("new_password2", OTHER)];
        first.send("account/password/", &change).await.expect(200);
        app.advance(std::time::Duration::from_secs(24 * 60 * 60 + 1));
        lock_out(OTHER).await;
        first.send_to("account/", "sign-out/", &[]).await.expect(303);
        first.sign_in("ana", OTHER).await.expect(303);
        second.sign_in("ana", OTHER).await.expect(429);
        app.deliver().await;
    })
    .await;
}
