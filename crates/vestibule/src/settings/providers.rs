//! The rules for sign-in providers.

use super::Settings;
use super::check::Found;

#[cfg(not(feature = "social"))]
pub(super) fn check(settings: &Settings, found: &mut Found) {
    for id in settings.social.keys() {
        found.add(format!("social.{id}"), "is a provider, which this program was built without", "Remove the section.");
    }
}

#[cfg(feature = "social")]
pub(super) use rules::check;

impl Settings {
    /// Pairs of providers that file people under one issuer although they ask different places who somebody is. Whoever has a subject
    /// at one comes into the account of whoever has it at the other; only the operator knows whether that is one person.
    #[must_use]
    pub fn providers_alike(&self) -> Vec<[String; 2]> {
        #[cfg(feature = "social")]
        return rules::alike(self);
        #[cfg(not(feature = "social"))]
        Vec::new()
    }
}

#[cfg(feature = "social")]
mod rules {
    use url::Url;

    use super::{Found, Settings};
    use crate::ground::address::is_loopback_host;
    use crate::settings::Social;
    use crate::social::dev::DEV;
    use crate::social::kinds::{ClientProof, KINDS, Kind, Speech};

    /// First segments of paths that mean something else.
    const TAKEN: [&str; 13] = [
        "registration",
        "login",
        "logout",
        "user",
        "password",
        "token",
        "socialaccounts",
        "sessions",
        "email",
        "reauthenticate",
        "social",
        "mfa",
        "openapi",
    ];

    /// Members of an account that a provider's member can become, beside the declared fields.
    const STANDARD: [&str; 7] = ["subject", "email", "email_verified", "username", "first_name", "last_name", "name"];

    pub(in crate::settings) fn check(settings: &Settings, found: &mut Found) {
        for (id, own) in &settings.social {
            let key = |member: &str| format!("social.{id}.{member}");
            name(id, found);
            let Some(kind) = own.kind(id) else {
                let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
                let what = format!("is {:?}, which is no kind of provider", if own.kind.is_empty() { id } else { &own.kind });
                found.add(key("kind"), what, format!("Use one of {}.", known.join(", ")));
                continue;
            };
            if kind.name == DEV {
                development(settings, id, found);
            } else {
                client(own, kind, &key, found);
            }
            addresses(settings, own, kind, &key, found);
            members(settings, own, &key, found);
            if own.accept_access_token == Some(true) && kind.audience.is_none() && matches!(kind.speech, Speech::OAuth { .. }) {
                let what = "is true, but this provider does not tell for whom an access token was made";
                found.add(key("accept_access_token"), what, "Remove it, and let clients send the code.");
            }
        }
    }

    /// Pairs of providers with one issuer that ask different places who somebody is. Under one issuer and one subject both tell of one
    /// person here, which is right only if they are the same people.
    pub(in crate::settings) fn alike(settings: &Settings) -> Vec<[String; 2]> {
        let all: Vec<_> = settings.social.iter().filter_map(|(id, own)| Some((id, Namespace::of(own, own.kind(id)?)))).collect();
        let pair = |(at, (id, own)): (usize, &(&String, Namespace<'_>))| {
            let (other, _) = all.iter().take(at).find(|(_, other)| other.issuer == own.issuer && other != own)?;
            Some([(*other).clone(), (*id).clone()])
        };
        all.iter().enumerate().filter_map(pair).collect()
    }

    /// What a provider calls people, and where it says so.
    #[derive(PartialEq)]
    struct Namespace<'a> {
        issuer: String,
        /// The token and the userinfo endpoint; with OpenID Connect they follow from the issuer.
        endpoints: Option<[&'a str; 2]>,
        subject: Vec<&'a str>,
    }

    impl<'a> Namespace<'a> {
        fn of(own: &'a Social, kind: &'a Kind) -> Self {
            let or = |url: &'a Option<String>, usual: &'a str| url.as_deref().unwrap_or(usual);
            let endpoints = match kind.speech {
                Speech::OpenId { .. } => None,
                Speech::OAuth { token, userinfo, .. } => Some([or(&own.token_url, token), or(&own.userinfo_url, userinfo)]),
            };
            let named = own.map.get("subject");
            let subject = named.map_or_else(|| kind.members.subject.to_vec(), |name| vec![name.as_str()]);
            Self { issuer: own.effective_issuer(kind), endpoints, subject }
        }
    }

    /// It lets anybody in as anybody.
    fn development(settings: &Settings, id: &str, found: &mut Found) {
        if id != DEV {
            found.add(format!("social.{id}.kind"), "is \"dev\", which has one section", "Call the section social.dev.");
        } else if !settings.local() {
            let what = "lets everybody sign in as anybody, so it is for development on one machine alone: environment = \
                        \"development\", server.listen and server.public_url on loopback";
            found.add(format!("social.{id}"), what, "Remove the section.");
        }
    }

    fn name(id: &str, found: &mut Found) {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if id.is_empty() || id.len() > 63 || !id.bytes().all(plain) {
            let what = "is not a name for a provider, which becomes part of a path";
            found.add(format!("social.{id}"), what, "Use at most 63 small letters, digits, hyphens and underscores.");
        } else if TAKEN.contains(&id) {
            found.add(format!("social.{id}"), "is a path that means something else", "Choose another name.");
        }
    }

    fn client(own: &Social, kind: &Kind, key: &dyn Fn(&str) -> String, found: &mut Found) {
        if own.client_id.as_deref().is_none_or(str::is_empty) {
            found.add(key("client_id"), "is required", "Set it to the identifier that the provider gave to your application.");
        }
        let has_secret = own.client_secret.is_some() || own.client_secret_file.is_some();
        if kind.client == ClientProof::Signed {
            for (member, set) in [
                ("team_id", own.team_id.is_some()),
                ("key_id", own.key_id.is_some()),
                ("private_key_file", own.private_key_file.is_some()),
            ] {
                if !set {
                    found.add(
                        key(member),
                        format!("is required by {}", kind.label),
                        "See docs/social/apple.md for where it is found.",
                    );
                }
            }
        } else if !has_secret && !kind.issuer.is_empty() {
            let remedy = "Set it, or client_secret_file, to the secret that the provider gave to your application.";
            found.add(key("client_secret"), format!("is required by {}", kind.label), remedy);
        }
    }

    fn addresses(settings: &Settings, own: &Social, kind: &Kind, key: &dyn Fn(&str) -> String, found: &mut Found) {
        let needs_issuer = matches!(kind.speech, Speech::OpenId { .. }) && kind.issuer.is_empty();
        if needs_issuer && own.issuer.is_none() {
            let remedy = "Set it to the address under which the provider has /.well-known/openid-configuration.";
            found.add(key("issuer"), "is required", remedy);
        }
        let needs_endpoints = matches!(kind.speech, Speech::OAuth { authorize: "", .. });
        for (member, url) in
            [("authorize_url", &own.authorize_url), ("token_url", &own.token_url), ("userinfo_url", &own.userinfo_url)]
        {
            if needs_endpoints && url.is_none() {
                found.add(
                    key(member),
                    "is required",
                    "Set it to the address in the provider's documentation, or use kind = \"oidc\".",
                );
            }
        }
        let all = [
            ("issuer", &own.issuer),
            ("authorize_url", &own.authorize_url),
            ("token_url", &own.token_url),
            ("userinfo_url", &own.userinfo_url),
        ];
        for (member, url) in all {
            if let Some(url) = url
                && !is_address(url, settings.production())
            {
                let what = "is not an https address (http is for this machine alone, in development)";
                found.add(key(member), what, "Write it as in \"https://login.example.org\", as the provider does.");
            }
        }
        if own.issuer.as_deref().is_some_and(|issuer| issuer.contains(['?', '#'])) {
            found.add(key("issuer"), "has a query or a fragment", "Write it as the provider's description does.");
        }
        // "postmessage" is what Google's own scripts use in the place of an address.
        if own.callback_url.as_deref().is_some_and(|url| url != "postmessage" && Url::parse(url).is_err()) {
            found.add(key("callback_url"), "is not a whole address", "Begin it with https:// and a host, or remove it.");
        }
    }

    fn is_address(text: &str, production: bool) -> bool {
        let Ok(url) = Url::parse(text) else { return false };
        let plain = url.username().is_empty() && url.password().is_none() && url.host_str().is_some();
        match url.scheme() {
            "https" => plain,
            "http" => plain && !production && url.host_str().is_some_and(is_loopback_host),
            _ => false,
        }
    }

    fn members(settings: &Settings, own: &Social, key: &dyn Fn(&str) -> String, found: &mut Found) {
        for name in own.map.keys() {
            let declared = settings.user.fields.iter().any(|field| field.name == *name);
            if !declared && !STANDARD.contains(&name.as_str()) {
                let what = "is no member of an account";
                found.add(
                    key(&format!("map.{name}")),
                    what,
                    format!("Use one of {}, or a field of user.fields.", STANDARD.join(", ")),
                );
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::settings::Environment;
        use crate::settings::check::tests::keys;

        fn with(id: &str, environment: Environment, change: impl FnOnce(&mut Social)) -> Vec<String> {
            let mut own = Social { client_id: Some("id".into()), client_secret: Some("secret".into()), ..Social::default() };
            change(&mut own);
            let mut settings = Settings { environment, ..Settings::default() };
            settings.social.insert(id.into(), own);
            keys(&settings).into_iter().filter(|key| key.starts_with("social")).collect()
        }

        #[test]
        fn t50_no_server_files_its_people_under_anothers_issuer() {
            let issuer = |change: fn(&mut Social)| {
                let mut own = Social::default();
                change(&mut own);
                own.effective_issuer(own.kind("github").unwrap())
            };
            assert_eq!(issuer(|_| ()), "https://github.com");
            assert_eq!(
                issuer(|own| own.token_url = Some("https://github.com/login/oauth/access_token".into())),
                "https://github.com"
            );
            let elsewhere: fn(&mut Social) = |own| own.token_url = Some("https://git.example.org/token".into());
            assert_eq!(issuer(elsewhere), "https://git.example.org/token");
            let told: fn(&mut Social) = |own| own.userinfo_url = Some("https://git.example.org/api/v3/user".into());
            assert_eq!(issuer(told), "https://git.example.org/api/v3/user");
            assert_eq!(issuer(|own| own.issuer = Some("https://git.example.org".into())), "https://git.example.org");
        }

        /// Whether two providers may name different people alike.
        fn beside(first: Social, second: Social) -> bool {
            let mut settings = Settings::default();
            settings.social.insert("a".into(), first);
            settings.social.insert("b".into(), second);
            alike(&settings) == [["a".to_owned(), "b".to_owned()]]
        }

        #[test]
        fn t50_two_providers_of_one_issuer_that_may_tell_of_different_people_are_named() {
            let known = |kind: &str| Social {
                kind: kind.into(),
                client_id: Some("id".into()),
                client_secret: Some("secret".into()),
                ..Social::default()
            };
            let own = |path: &str| Social {
                authorize_url: Some("https://id.example.org/authorize".into()),
                token_url: Some(format!("https://id.example.org/{path}/token")),
                userinfo_url: Some("https://id.example.org/me".into()),
                ..known("oauth2")
            };
            let by = |provider: Social, issuer: &str| Social { issuer: Some(issuer.into()), ..provider };
            let named =
                |provider: Social, subject: &str| Social { map: [("subject".to_owned(), subject.to_owned())].into(), ..provider };
            for (first, second, fits) in [
                (own("x"), own("x"), true),
                (own("x"), own("y"), false),
                (own("x"), by(own("y"), "https://y.example.org"), true),
                (by(own("x"), "https://y.example.org"), by(own("y"), "https://y.example.org"), false),
                (own("x"), named(own("x"), "login"), false),
                (known("google"), known("google"), true),
                (known("google"), named(known("google"), "email"), false),
                (by(known("oidc"), "https://id.example.org"), own("x"), true),
                (by(known("oidc"), "https://id.example.org"), by(own("x"), "https://id.example.org"), false),
                (known("github"), known("github"), true),
                (known("github"), by(own("x"), "https://github.com"), false),
            ] {
                assert_eq!(beside(first.clone(), second.clone()), !fits, "{first:?} {second:?}");
            }
        }

        fn problems(id: &str, change: impl FnOnce(&mut Social)) -> Vec<String> {
            with(id, Environment::Development, change)
        }

        #[test]
        fn two_lines_are_enough_for_a_kind_of_one_company() {
            for kind in KINDS.iter().filter(|kind| !kind.issuer.is_empty() && kind.name != "apple") {
                assert_eq!(problems(kind.name, |_| {}), [""; 0], "{}", kind.name);
            }
            for (id, missing) in [
                ("keycloak", vec!["social.keycloak.issuer"]),
                ("oidc", vec!["social.oidc.issuer"]),
                ("acme", vec!["social.acme.kind"]),
                ("oauth2", vec!["social.oauth2.authorize_url", "social.oauth2.token_url", "social.oauth2.userinfo_url"]),
                ("apple", vec!["social.apple.team_id", "social.apple.key_id", "social.apple.private_key_file"]),
            ] {
                assert_eq!(problems(id, |_| {}), missing);
            }
            assert_eq!(problems("dev", |own| *own = Social::default()), [""; 0], "not even two");
            assert_eq!(problems("github", |own| own.client_id = None), ["social.github.client_id"]);
            assert_eq!(problems("github", |own| own.client_secret = None), ["social.github.client_secret"]);
        }

        #[test]
        fn a_providers_name_is_fit_for_a_path_and_means_nothing_else() {
            for id in ["", "A", "a/b", "ä", "login", "socialaccounts", "social", &"a".repeat(64)] {
                let key = format!("social.{id}");
                assert_eq!(problems(id, |own| own.kind = "google".into()), [key], "{id}");
            }
        }

        #[test]
        fn t57_addresses_are_https_and_in_development_http_on_this_machine() {
            for (url, development, production) in [
                ("https://login.example.org", true, true),
                ("http://127.0.0.1:9000", true, false),
                ("http://localhost:9000/realm", true, false),
                ("http://login.example.org", false, false),
                ("https://ana:pw@login.example.org", false, false),
                ("login.example.org", false, false),
                ("file:///etc/passwd", false, false),
            ] {
                for (environment, fits) in [(Environment::Development, development), (Environment::Production, production)] {
                    let found = with("oidc", environment, |own| own.issuer = Some(url.into()));
                    assert_eq!(found.is_empty(), fits, "{url} {environment:?}");
                }
            }
            assert_eq!(problems("oidc", |own| own.issuer = Some("https://a.test/?x".into())), ["social.oidc.issuer"]);
        }

        #[test]
        fn t79_the_provider_that_believes_everybody_is_for_one_machine_in_development() {
            let found = |change: fn(&mut Settings)| {
                let mut settings = Settings::default();
                settings.social.insert("dev".into(), Social::default());
                change(&mut settings);
                keys(&settings).contains(&"social.dev".to_owned())
            };
            assert!(!found(|_| {}));
            assert!(!found(|settings| settings.server.public_url = Some("http://localhost:8000".into())));
            assert!(found(|settings| settings.environment = Environment::Production));
            assert!(found(|settings| settings.server.listen = "0.0.0.0:8000".parse().unwrap()));
            assert!(found(|settings| settings.server.public_url = Some("https://auth.example.org".into())));
            assert_eq!(problems("acme", |own| own.kind = "dev".into()), ["social.acme.kind"]);
            let mut settings = Settings { environment: Environment::Production, ..Settings::default() };
            settings.social.insert("dev".into(), Social::default());
            assert!(crate::social::Providers::load(&settings).is_err(), "nor is it made where nobody asked the rules");
        }

        #[test]
        fn what_makes_no_sense_is_refused() {
            assert_eq!(problems("spotify", |own| own.accept_access_token = Some(true)), ["social.spotify.accept_access_token"]);
            assert_eq!(problems("github", |own| own.accept_access_token = Some(true)), [""; 0]);
            let mapped = problems("google", |own| drop(own.map.insert("is_staff".into(), "admin".into())));
            assert_eq!(mapped, ["social.google.map.is_staff"]);
            assert_eq!(problems("google", |own| own.callback_url = Some("postmessage".into())), [""; 0]);
            assert_eq!(problems("google", |own| own.callback_url = Some("/x".into())), ["social.google.callback_url"]);
        }
    }
}
