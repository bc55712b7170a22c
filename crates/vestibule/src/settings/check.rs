//! What must not be combined, and the bounds that no setting may leave (threats.md §0.5).

use std::fmt;
use std::ops::RangeInclusive;

use super::{LoginMethod, Presence, Scope, Settings, Span, Verification};
use super::{cookies, fields, mail, providers, reach, signing};
use crate::ground::Secret;
use crate::ground::secrets::MasterKey;

/// Something that must be changed before the service may start. No text of it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as in `password.min_length`.
    pub key: String,
    /// What is wrong, to follow the key in a sentence.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}. {}", self.key, self.what, self.remedy)
    }
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Found(Vec<Problem>);

impl Found {
    pub(super) fn add(&mut self, key: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Problem { key: key.into(), what: what.into(), remedy: remedy.into() });
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.0
    }
}

impl Settings {
    /// Everything that is wrong with these settings, at once. A service starts only when the list is empty.
    pub fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        reach::check(self, &mut found);
        mail::check(self, &mut found);
        keys(self, &mut found);
        password(self, &mut found);
        account(self, &mut found);
        spans(self, &mut found);
        numbers(self, &mut found);
        limits(self, &mut found);
        cookies::check(self, &mut found);
        signing::check(self, &mut found);
        fields::check(&self.user, &mut found);
        providers::check(self, &mut found);
        found.0
    }
}

/// The equal-cost pairs of the OWASP Password Storage Cheat Sheet for argon2id: memory in KiB and passes (T04).
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// A mistake in the number must not ask the machine for more memory than it has: 1 GiB a hash.
const MOST_MEMORY_KIB: u32 = 1 << 20;

fn password(settings: &Settings, found: &mut Found) {
    let password = &settings.password;
    if password.min_length < 8 {
        let what = format!("is {}, but a password has at least 8 characters", password.min_length);
        found.add("password.min_length", what, "Set it to 8 or more, or remove it.");
    } else if password.min_length > password.max_bytes / 4 {
        let what = format!("is {}, which does not always fit into password.max_bytes", password.min_length);
        found.add("password.min_length", what, "Set it to at most a quarter of password.max_bytes.");
    }
    if password.max_bytes < 512 {
        let what = format!("is {}, but 128 characters of four bytes must fit", password.max_bytes);
        found.add("password.max_bytes", what, "Set it to 512 or more, or remove it.");
    }
    let (memory, passes) = (password.memory_kib, password.iterations);
    if !(8..=MOST_MEMORY_KIB).contains(&memory) {
        found.add("password.memory_kib", format!("is {memory}, not 8 to {MOST_MEMORY_KIB}"), "Set it to 19456, or remove it.");
    }
    if !(1..=100).contains(&passes) {
        found.add("password.iterations", format!("is {passes}, not 1 to 100"), "Set it to 2, or remove it.");
    }
    if settings.production() && !OWASP.iter().any(|(m, t)| memory >= *m && passes >= *t) {
        let what = format!("is {memory} with password.iterations {passes}, too cheap to guess for production");
        let remedy = "Use at least 47104 with 1, 19456 with 2, 12288 with 3, 9216 with 4 or 7168 with 5.";
        found.add("password.memory_kib", what, remedy);
    }
}

fn keys(settings: &Settings, found: &mut Found) {
    let mut key = |name: &str, secret: &Option<Secret>| {
        // A secret never stands in a message: the type's own words name only its length or sameness (T40).
        if let Some(Err(what)) = secret.as_ref().map(MasterKey::new) {
            found.add(name, what, "Use the output of `openssl rand -hex 32`.");
        }
    };
    key("secret_key", &settings.secret_key);
    key("jwt.secret", &settings.jwt.secret);
}

fn account(settings: &Settings, found: &mut Found) {
    let account = &settings.account;
    let key = "account.login_methods";
    if account.login_methods.is_empty() {
        found.add(key, "is empty, so nobody could log in", "Name \"username\", \"email\" or both.");
    }
    for (method, word, presence) in
        [(LoginMethod::Username, "username", account.username), (LoginMethod::Email, "email", account.email)]
    {
        if presence == Presence::Off && account.login_methods.contains(&method) {
            let what = format!("has {word} while account.{word} is off");
            found.add(key, what, format!("Take {word} out of it, or set account.{word} to required or optional."));
        }
    }
    if account.email == Presence::Off && account.email_verification == Verification::Mandatory {
        let what = "is mandatory while account.email is off, so nobody could log in";
        found.add("account.email_verification", what, "Set it to none, or set account.email to required.");
    }
}

fn spans(settings: &Settings, found: &mut Found) {
    let (server, jwt, tokens) = (&settings.server, &settings.jwt, &settings.tokens);
    let least = Span::seconds(1);
    let century = Span::days(36_500);
    let nothing = Span::seconds(0);
    for (key, span, range) in [
        ("server.header_timeout", server.header_timeout, least..=Span::seconds(30)),
        ("server.body_timeout", server.body_timeout, least..=Span::seconds(30)),
        ("server.idle_timeout", server.idle_timeout, least..=Span::days(1)),
        ("password.reset_ttl", settings.password.reset_ttl, least..=Span::hours(24)),
        ("email.verification_ttl", settings.email.verification_ttl, least..=Span::days(7)),
        ("email.code_ttl", settings.email.code_ttl, least..=Span::minutes(10)),
        ("email.give_up_after", settings.email.give_up_after, least..=century),
        ("tokens.idle_ttl", tokens.idle_ttl, least..=century),
        ("tokens.absolute_ttl", tokens.absolute_ttl, least..=century),
        ("jwt.access_ttl", jwt.access_ttl, least..=century),
        ("jwt.refresh_ttl", jwt.refresh_ttl, jwt.access_ttl..=century),
        ("jwt.refresh_grace", jwt.refresh_grace, nothing..=Span::seconds(60)),
        ("jwt.leeway", jwt.leeway, nothing..=Span::seconds(60)),
    ] {
        within(found, key, span, range);
    }
}

fn within<T: PartialOrd + fmt::Display>(found: &mut Found, key: &str, value: T, range: RangeInclusive<T>) {
    if !range.contains(&value) {
        let (least, most) = (range.start(), range.end());
        found.add(key, format!("is {value}, not {least} to {most}"), format!("Set it to {least} to {most}, or remove it."));
    }
}

fn numbers(settings: &Settings, found: &mut Found) {
    let kib = super::ByteSize::kib;
    within(found, "server.max_connections", settings.server.max_connections, 1..=1_000_000);
    within(found, "server.body_max", settings.server.body_max, kib(1)..=kib(1024));
    within(found, "email.code_tries", settings.email.code_tries, 1..=5);
    within(found, "account.username_min_length", settings.account.username_min_length, 1..=150);
}

fn limits(settings: &Settings, found: &mut Found) {
    let limits = &settings.limits;
    if settings.production() && !limits.enabled {
        found.add("limits.enabled", "is false in production", "Remove it, or set the limits that are too low.");
    }
    // A scope that an action cannot count would be no limit at all, and nobody would notice.
    for (key, rates, countable, why, remedy) in [
        (
            "limits.login",
            &limits.login,
            Scope::Ip,
            "nobody who asks to log in is known yet",
            "Use the scope ip; limits.login_failed counts each account.",
        ),
        ("limits.registration", &limits.registration, Scope::Ip, "nobody who registers has an account", "Use the scope ip."),
        (
            "limits.reset",
            &limits.reset,
            Scope::Ip,
            "nobody who asks for a mail or brings its link is known yet",
            "Use the scope ip; limits.mail counts the mails to each address.",
        ),
        (
            "limits.mail",
            &limits.mail,
            Scope::Account,
            "mails to one address are counted together, whoever asked for them",
            "Use the scope account.",
        ),
    ] {
        if let Some(rate) = rates.rates().iter().find(|rate| rate.scope != countable) {
            found.add(key, format!("has the scope {}, but {why}", rate.scope.word()), remedy);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::settings::{Environment, RateLimits};

    pub(in crate::settings) fn keys(settings: &Settings) -> Vec<String> {
        settings.check().into_iter().map(|p| p.key).collect()
    }

    #[test]
    fn the_defaults_are_fit_for_development() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn t01_a_minimum_of_seven_characters_is_refused() {
        let mut settings = Settings::default();
        settings.password.min_length = 7;
        let [problem] = settings.check().try_into().unwrap();
        assert_eq!(
            problem.to_string(),
            "password.min_length is 7, but a password has at least 8 characters. Set it to 8 or more, or remove it."
        );
        settings.password.min_length = 8;
        assert_eq!(keys(&settings), [""; 0]);
    }

    #[test]
    fn t02_128_characters_always_fit() {
        let mut settings = Settings::default();
        settings.password.max_bytes = 511;
        assert_eq!(keys(&settings), ["password.max_bytes"]);
        settings.password.max_bytes = 512;
        settings.password.min_length = 129;
        assert_eq!(keys(&settings), ["password.min_length"]);
        settings.password.min_length = 128;
        assert_eq!(keys(&settings), [""; 0]);
    }

    #[test]
    fn t04_cheap_hashing_is_refused_in_production_and_equal_cost_is_not() {
        let refused = |environment, memory, passes| {
            let mut settings = Settings { environment, ..Settings::default() };
            (settings.password.memory_kib, settings.password.iterations) = (memory, passes);
            keys(&settings).iter().any(|k| k == "password.memory_kib")
        };
        for (memory, passes) in OWASP {
            assert!(!refused(Environment::Production, memory, passes));
            assert!(refused(Environment::Production, memory - 1, passes));
        }
        assert!(!refused(Environment::Development, 8, 1));
        assert!(refused(Environment::Development, 7, 1) && refused(Environment::Development, u32::MAX, 1));
    }

    #[test]
    fn every_bound_is_kept_and_all_problems_come_at_once() {
        let mut settings = Settings::default();
        let second = Span::seconds(1).duration();
        let beyond = |span: Span| Span::from(span.duration() + second);
        settings.server.header_timeout = beyond(Span::seconds(30));
        settings.server.body_timeout = beyond(Span::seconds(30));
        settings.server.body_max = "1048577".parse().unwrap();
        settings.password.min_length = 7;
        settings.password.reset_ttl = beyond(Span::hours(24));
        settings.email.verification_ttl = beyond(Span::days(7));
        settings.email.code_ttl = beyond(Span::minutes(10));
        settings.email.code_tries = 6;
        settings.tokens.idle_ttl = Span::seconds(0);
        settings.tokens.absolute_ttl = Span::seconds(0);
        settings.jwt.refresh_grace = beyond(Span::seconds(60));
        settings.jwt.leeway = beyond(Span::seconds(60));
        let expected = [
            "password.min_length",
            "server.header_timeout",
            "server.body_timeout",
            "password.reset_ttl",
            "email.verification_ttl",
            "email.code_ttl",
            "tokens.idle_ttl",
            "tokens.absolute_ttl",
            "jwt.refresh_grace",
            "jwt.leeway",
            "server.body_max",
            "email.code_tries",
        ];
        assert_eq!(keys(&settings), expected);
    }

    #[test]
    fn every_bound_itself_is_allowed() {
        let mut settings = Settings::default();
        settings.server.header_timeout = Span::seconds(30);
        settings.server.body_timeout = Span::seconds(30);
        settings.server.body_max = "1MiB".parse().unwrap();
        settings.password.reset_ttl = Span::hours(24);
        settings.email.verification_ttl = Span::days(7);
        settings.jwt.leeway = Span::seconds(60);
        settings.jwt.refresh_grace = Span::seconds(60);
        assert_eq!(keys(&settings), [""; 0]);
        settings.jwt.refresh_grace = Span::seconds(0);
        assert_eq!(keys(&settings), [""; 0]);
    }

    #[test]
    fn a_login_method_needs_what_it_names() {
        let mut settings = Settings::default();
        settings.account.username = Presence::Off;
        assert_eq!(keys(&settings), ["account.login_methods"]);
        settings.account.login_methods = vec![LoginMethod::Email];
        assert_eq!(keys(&settings), [""; 0]);
        settings.account.email = Presence::Off;
        assert_eq!(keys(&settings), ["account.login_methods"]);
        settings.account.login_methods.clear();
        assert_eq!(keys(&settings), ["account.login_methods"]);
    }

    #[test]
    fn nobody_can_prove_an_address_that_no_account_has() {
        let mut settings = Settings::default();
        settings.account.email = Presence::Off;
        settings.account.login_methods = vec![LoginMethod::Username];
        settings.account.email_verification = Verification::Mandatory;
        assert_eq!(keys(&settings), ["account.email_verification"]);
    }

    #[test]
    fn limits_stay_on_in_production() {
        let mut settings = Settings::default();
        settings.limits.enabled = false;
        assert_eq!(keys(&settings), [""; 0]);
        settings.environment = Environment::Production;
        assert!(keys(&settings).contains(&"limits.enabled".into()));
    }

    #[test]
    fn a_scope_that_an_action_cannot_count_is_refused() {
        let limit = |text: &str| text.parse::<RateLimits>().unwrap();
        for scope in ["account", "account+ip"] {
            let mut settings = Settings::default();
            let limits = &mut settings.limits;
            (limits.login, limits.registration) = (limit(&format!("5/m/{scope}")), limit(&format!("20/m/ip, 5/m/{scope}")));
            (limits.reset, limits.login_failed) = (limit(&format!("20/m/ip, 5/m/{scope}")), limit(&format!("5/m/{scope}")));
            assert_eq!(keys(&settings), ["limits.login", "limits.registration", "limits.reset"]);
        }
        for scope in ["ip", "account+ip"] {
            let mut settings = Settings::default();
            settings.limits.mail = limit(&format!("3/h/account, 9/h/{scope}"));
            let [problem] = settings.check().try_into().unwrap();
            assert_eq!(
                problem.to_string(),
                format!(
                    "limits.mail has the scope {scope}, but mails to one address are counted together, whoever asked for them. Use the scope account."
                )
            );
        }
    }

    #[test]
    fn t40_a_weak_key_is_refused_without_being_shown() {
        for weak in ["0123456789abcdef0123456789abcde", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            let mut settings = Settings { secret_key: Some(weak.into()), ..Settings::default() };
            settings.jwt.secret = Some(weak.into());
            assert_eq!(keys(&settings), ["secret_key", "jwt.secret"]);
            assert!(!format!("{:?} {settings:?}", settings.check()).contains(weak));
        }
    }
}
