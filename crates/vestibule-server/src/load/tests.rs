use super::*;

fn read(file: &str, env: &[(&str, &str)]) -> Result<Loaded, Problems> {
    from_parts(Some(("vestibule.toml", file)), env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

/// The settings of a file and variables that have no problems.
pub(crate) fn loaded(file: &str, env: &[(&str, &str)]) -> Loaded {
    read(file, env).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The problems of a file and variables, each in its own line.
pub(crate) fn problems(file: &str, env: &[(&str, &str)]) -> Vec<String> {
    read(file, env).err().map(|p| p.0.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

#[test]
fn nothing_written_is_development_with_the_defaults() {
    let loaded = from_parts(None, std::iter::empty()).unwrap();
    assert!(loaded.sources.is_empty());
    assert_eq!(loaded.settings.public_url(), "http://127.0.0.1:8000");
}

#[test]
fn a_variable_goes_before_the_file_and_the_file_before_the_default() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nbase_path = \"/a\"\n";
    let loaded = loaded(file, &[("VESTIBULE__SERVER__LISTEN", "127.0.0.1:2"), ("PATH", "/bin")]);
    assert_eq!(loaded.settings.server.listen.port(), 2);
    assert_eq!(loaded.settings.server.base_path, "/a");
    assert_eq!(loaded.settings.server.max_connections, 4096);
    assert_eq!(loaded.sources["server.listen"].to_string(), "VESTIBULE__SERVER__LISTEN");
    assert_eq!(loaded.sources["server.base_path"].to_string(), "vestibule.toml:3");
    assert!(!loaded.sources.contains_key("server.max_connections"));
}

#[test]
fn t01_starting_with_a_minimum_of_seven_fails_with_a_clear_message() {
    let refused = read("[password]\nmin_length = 7\n", &[]).unwrap_err().to_string();
    assert_eq!(
        refused,
        "The settings have a problem:\n  - password.min_length (vestibule.toml:2) is 7, but a password has at least 8 \
         characters. Set it to 8 or more, or remove it."
    );
    let refused = problems("", &[("VESTIBULE__PASSWORD__MIN_LENGTH", "7")]);
    assert!(refused[0].starts_with("password.min_length (VESTIBULE__PASSWORD__MIN_LENGTH) is 7"), "{refused:?}");
}

#[test]
fn all_problems_come_in_one_message_with_their_sources_and_remedies() {
    let file = r#"
environment = "production"
[server]
max_connections = "many"
header_timout = "10s"
[password]
min_length = 7
reset_ttl = "1 hour"
[tokens]
mode = "cookies"
[account]
login_methods = ["username", "telephone"]
confirm_email_on_get = 1
[pasword]
min_length = 9
"#;
    let env =
        [("VESTIBULE__LIMITS__LOGIN", "10/m"), ("VESTIBULE__SERVER__LISTENN", "x"), ("VESTIBULE__LIMITS__ENABLED", "false")];
    let found = problems(file, &env);
    let expected = [
        "account.confirm_email_on_get (vestibule.toml:13) is 1. Write true or false, without quotes.",
        r#"account.login_methods[1] (vestibule.toml:12) is "telephone". Write "username" or "email"."#,
        "limits.login (VESTIBULE__LIMITS__LOGIN) has a limit `10/m` that is not of the form N/period/scope: \"10/m\". \
         Write limits as in \"10/m/ip, 100/24h/account\", or \"\" for none.",
        r#"password.reset_ttl (vestibule.toml:8) is not a span of time of at most 36500d: "1 hour". Write a whole number and one of ms, s, m, h, d, as in "15m"."#,
        "pasword (vestibule.toml:14) is not a setting. Did you mean password?",
        "server.header_timout (vestibule.toml:5) is not a setting. Did you mean server.header_timeout?",
        "server.listenn (VESTIBULE__SERVER__LISTENN) is not a setting. Did you mean server.listen?",
        r#"server.max_connections (vestibule.toml:4) is "many". Write a whole number from 0 to 4294967295, without quotes."#,
        r#"tokens.mode (vestibule.toml:10) is "cookies". Write "opaque", "jwt" or "jwt-cookie"."#,
        "server.public_url is required in production. Set it to the https address that people see.",
        "secret_key is required in production. Write the output of `openssl rand -hex 32` into a file of mode 600 and set secret_key_file to it.",
        "email.transport is console in production, so no mail would reach anybody. Set it to smtp, http or file, or set account.email to off.",
        "email.from is required in production. Write the sender as in \"Example <noreply@example.org>\".",
        "password.min_length (vestibule.toml:7) is 7, but a password has at least 8 characters. Set it to 8 or more, or remove it.",
        "limits.enabled (VESTIBULE__LIMITS__ENABLED) is false in production. Remove it, or set the limits that are too low.",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_name_from_another_section_is_pointed_out() {
    let found = problems("public_url = \"https://a.example\"\n[server]\nname = \"Acme\"\n", &[]);
    assert!(found[0].contains("Did you mean server.public_url?"), "{found:?}");
}

#[test]
fn nothing_near_is_not_guessed() {
    let found = problems("[server]\nzebra = 1\n", &[]);
    assert!(found[0].contains("server.zebra (vestibule.toml:2) is not a setting. Remove it"), "{found:?}");
}

#[test]
fn every_line_that_is_not_toml_is_told_without_being_repeated() {
    let found = problems("secret_key = s3cret\n[server\nlisten = \"a\"\n[site]\nname = \n", &[]);
    assert!(found.len() >= 2 && found[0].starts_with("vestibule.toml:1 is not TOML"), "{found:?}");
    assert!(!found.join("\n").contains("s3cret"), "{found:?}");
}

#[test]
fn variables_may_be_lists_tables_numbers_and_truth_values_in_any_case() {
    let env = [
        ("vestibule__server__trusted_proxies", "10.0.0.0/8, 192.168.0.0/16"),
        ("Vestibule__Server__Cors_Origins", r#"["https://app.example.test"]"#),
        ("VESTIBULE__ACCOUNT__LOGIN_METHODS", "email"),
        ("VESTIBULE__ACCOUNT__USERNAME", "off"),
        ("VESTIBULE__ACCOUNT__LOGOUT_ON_GET", "true"),
        ("VESTIBULE__SERVER__BODY_MAX", "131072"),
        ("VESTIBULE__PASSWORD__HASH_THREADS", "2"),
        ("VESTIBULE__PASSWORD__HASH_QUEUE", "auto"),
        ("VESTIBULE__LIMITS__LOGIN", ""),
        ("VESTIBULE__EMAIL__FROM", ""),
        ("VESTIBULE__SITE", r#"{"name": "Acme"}"#),
        ("VESTIBULE__EMAIL__HTTP__HEADERS__AUTHORIZATION", "Bearer x"),
        ("VESTIBULE__USER__FIELDS", r#"[{"name": "phone_number", "kind": "phone", "required": true, "details": "read_only"}]"#),
    ];
    let settings = loaded("[email]\nfrom = \"a@example.test\"\n", &env).settings;
    assert_eq!(settings.server.trusted_proxies.len(), 2);
    assert_eq!(settings.server.cors_origins, ["https://app.example.test"]);
    assert_eq!(settings.account.login_methods.len(), 1);
    assert!(settings.account.logout_on_get);
    assert_eq!(settings.server.body_max.to_string(), "128KiB");
    assert_eq!(settings.password.hash_threads.to_string(), "2");
    assert!(settings.limits.login.rates().is_empty());
    assert_eq!(settings.email.from, None);
    assert_eq!(settings.site.name, "Acme");
    assert_eq!(settings.email.http.headers["authorization"].expose(), "Bearer x");
    assert_eq!(settings.user.fields[0].name, "phone_number");
}

#[test]
fn a_variable_that_cannot_be_read_is_told() {
    for (name, text, told) in [
        ("VESTIBULE__USER__FIELDS", "gender", "user.fields (VESTIBULE__USER__FIELDS) is not JSON"),
        ("VESTIBULE__USER__FIELDS", "[{", "user.fields (VESTIBULE__USER__FIELDS) is not JSON at column 2"),
        ("VESTIBULE__SITE", "Acme", "site (VESTIBULE__SITE) is not JSON"),
        ("VESTIBULE__ACCOUNT__LOGOUT_ON_GET", "yes", "Write true or false"),
        ("VESTIBULE__", "x", "is not a setting"),
        ("VESTIBULE__SITE__NAME__X", "x", "site.name (VESTIBULE__SITE__NAME__X) is a table"),
        ("VESTIBULE__PASSWORD__MIN_LENGTH", "-8", "is -8. Write a whole number from 0"),
        ("VESTIBULE__PASSWORD__MIN_LENGTH", "4294967296", "is 4294967296. Write a whole number"),
        ("VESTIBULE__PASSWORD__HASH_THREADS", "0", "Write \"cores\" or a whole number from 1."),
    ] {
        let found = problems("", &[(name, text)]);
        assert!(found.len() == 1 && found[0].contains(told), "{name}={text}: {found:?}");
    }
}

#[test]
fn two_variables_for_one_setting_are_refused() {
    let found = problems("", &[("VESTIBULE__SITE__NAME", "A"), ("vestibule__site__name", "B")]);
    assert!(found.len() == 1 && found[0].contains("is set a second time"), "{found:?}");
}

#[test]
fn a_field_without_a_name_or_with_a_stray_member_is_told_with_its_line() {
    let file = "[[user.fields]]\nname = \"a\"\nkind = \"choise\"\n[[user.fields]]\nkind = \"text\"\ncolour = 1\n";
    let found = problems(file, &[]);
    assert!(
        found[0].starts_with("user.fields[0].kind (vestibule.toml:3) is \"choise\". Write \"text\", \"choice\""),
        "{found:?}"
    );
    assert!(found.iter().any(|p| p.contains("user.fields[1].name") && p.contains("is missing")), "{found:?}");
    assert!(found.iter().any(|p| p.starts_with("user.fields[1].colour (vestibule.toml:6) is not a setting")), "{found:?}");
}

#[test]
fn a_field_that_does_not_hold_together_is_told_with_its_place() {
    let found = problems("[[user.fields]]\nname = \"a\"\nkind = \"choice\"\n", &[]);
    assert_eq!(
        found,
        [
            "user.fields[0].choices (vestibule.toml:3) is empty, but the kind choice needs something to choose. List what the field can be."
        ]
    );
}

#[test]
fn t40_no_message_repeats_a_secret() {
    let env = [
        ("VESTIBULE__SECRET_KEY", "s3cret"),
        ("VESTIBULE__DATABASE__URL", "mysql://ana:s3cret@db"),
        ("VESTIBULE__EMAIL__HTTP__HEADERS", "s3cret"),
    ];
    let found = problems("[jwt]\nsecret = [\"s3cret\"]\n[social.x]\nclient_secret = 53\n", &env);
    assert!(found.len() >= 5, "{found:?}");
    assert!(!found.join("\n").contains("s3cret") && !found.join("\n").contains("53"), "{found:?}");
}

#[test]
fn the_fields_of_the_article_are_read() {
    let file = r#"
[account]
username = "off"
login_methods = ["email"]
[[user.fields]]
name = "gender"
kind = "choice"
choices = ["female", "male", "other"]
[[user.fields]]
name = "phone_number"
kind = "phone"
required = true
details = "read_only"
"#;
    let settings = loaded(file, &[]).settings;
    assert_eq!(settings.user.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["gender", "phone_number"]);
}

#[cfg(unix)]
mod files {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("vestibule-load-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str, mode: u32) -> String {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_secret_is_read_from_its_file() {
        let folder = Folder::new("secret");
        let key = folder.write("key", &format!("{KEY}\n"), 0o600);
        let url = folder.write("url", "sqlite://other.db", 0o600);
        let file = format!("secret_key_file = {key:?}\n[database]\nurl_file = {url:?}\n");
        let loaded = loaded(&file, &[]);
        assert_eq!(loaded.settings.secret_key.as_ref().map(|s| s.expose().to_owned()).as_deref(), Some(KEY));
        assert_eq!(loaded.settings.database.url.expose(), "sqlite://other.db");
        assert_eq!(loaded.sources["secret_key"].to_string(), format!("file {key}"));
    }

    #[test]
    fn t40_a_key_file_that_everybody_can_read_is_refused() {
        let folder = Folder::new("world");
        let key = folder.write("key", KEY, 0o644);
        let file = format!("secret_key_file = {key:?}\n[jwt]\nprivate_key_file = {key:?}\n");
        let found = problems(&file, &[]);
        assert!(found.len() == 2 && found.iter().all(|p| p.contains("everybody")), "{found:?}");
        assert!(!found.join("").contains(KEY));
    }

    #[test]
    fn a_secret_that_is_missing_empty_weak_or_there_twice_is_refused() {
        let folder = Folder::new("twice");
        let empty = folder.write("empty", "\n", 0o600);
        let weak = folder.write("weak", "short", 0o600);
        let key = folder.write("key", KEY, 0o600);
        for (file, env, told) in [
            (format!("secret_key_file = \"{key}-not\"\n"), vec![], "cannot be read"),
            (format!("secret_key_file = {empty:?}\n"), vec![], "is empty"),
            (format!("secret_key_file = {weak:?}\n"), vec![], "secret_key (file "),
            (format!("secret_key_file = {key:?}\n"), vec![("VESTIBULE__SECRET_KEY", KEY)], "is set besides secret_key"),
        ] {
            let found = problems(&file, &env);
            assert!(found.len() == 1 && found[0].contains(told), "{file}: {found:?}");
        }
    }

    #[test]
    fn a_named_file_must_exist_and_an_unnamed_one_need_not() {
        let folder = Folder::new("named");
        let refused = load(Some(&folder.0.join("none.toml")), std::iter::empty()).unwrap_err();
        assert!(refused.to_string().contains("none.toml cannot be read"), "{refused}");
        let path = folder.write("some.toml", "[site]\nname = \"Acme\"\n", 0o644);
        let loaded = load(Some(Path::new(&path)), std::iter::empty()).unwrap();
        assert_eq!(loaded.settings.site.name, "Acme");
        assert_eq!(loaded.sources["site.name"].to_string(), format!("{path}:2"));
        assert!(load(None, std::iter::empty()).is_ok());
    }
}
