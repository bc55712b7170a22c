//! What an operator does while a server runs on the same database counts at the next request.

use std::io::Write;
use std::process::Stdio;

use crate::driver::PASSWORD;
use crate::place::Place;

const OTHER: &str = "An0ther-pass-7q";

#[test]
fn t29_user_disable_ends_the_users_access_at_the_next_request() {
    for place in Place::both() {
        let server = place.serve();
        let ask = server.driver();
        let keys = [ask.register("ana"), ask.login("ana", PASSWORD).expect(200).key()];
        let bystander = ask.register("ben");
        assert_eq!(keys.each_ref().map(|key| ask.status_of(key)), [200, 200]);

        let done = place.run(&["user", "disable", "ana"], &[]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(keys.each_ref().map(|key| ask.status_of(key)), [401, 401]);
        ask.login("ana", PASSWORD).expect(400);
        assert_eq!(ask.status_of(&bystander), 200);

        assert!(place.run(&["user", "enable", "ana"], &[]).status.success());
        assert_eq!(keys.each_ref().map(|key| ask.status_of(key)), [401, 401], "what was ended stays ended");
        ask.login("ana", PASSWORD).expect(200);
    }
}

#[test]
fn user_set_password_and_user_create_count_at_once() {
    for place in Place::both() {
        let server = place.serve();
        let ask = server.driver();
        let key = ask.register("ana");
        for arguments in [
            &["user", "set-password", "ana", "--password-stdin"][..],
            &["user", "create", "--username", "eve", "--email", "eve@example.org", "--password-stdin"],
        ] {
            let mut command = place.command(arguments, &[]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            writeln!(command.stdin.take().unwrap(), "{OTHER}").unwrap();
            assert!(command.wait().unwrap().success());
        }
        assert_eq!(ask.status_of(&key), 401);
        ask.login("ana", PASSWORD).expect(400);
        ask.login("ana", OTHER).expect(200);
        ask.login("eve", OTHER).expect(200);
    }
}

#[test]
fn user_delete_removes_the_account_while_a_server_runs() {
    for place in Place::both() {
        let server = place.serve();
        let ask = server.driver();
        let key = ask.register("ana");
        let asked = place.run(&["user", "delete", "ana"], &[]);
        assert_eq!(asked.status.code(), Some(2), "without a terminal nobody can be asked");
        assert_eq!(ask.status_of(&key), 200);
        let done = place.run(&["user", "delete", "ana", "--yes"], &[]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(ask.status_of(&key), 401);
        ask.login("ana", PASSWORD).expect(400);
        assert_eq!(place.run(&["user", "delete", "ana", "--yes"], &[]).status.code(), Some(1));
        assert_eq!(place.faults(), []);
    }
}

#[test]
fn user_sessions_lists_and_ends_them_while_a_server_runs() {
    for place in Place::both() {
        let server = place.serve();
        let ask = server.driver();
        let keys =
            [ask.register("ana"), ask.login("ana", PASSWORD).expect(200).key(), ask.login("ana", PASSWORD).expect(200).key()];
        let bystander = ask.register("ben");
        let run = |more: &[&str]| {
            let done = place.run(&[&["user", "sessions", "ana"], more].concat(), &[]);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (done.status.code(), text(&done.stdout), text(&done.stderr))
        };
        let (status, said, complaint) = run(&["--json"]);
        assert_eq!(status, Some(0), "{complaint}");
        let listed: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut shown = ask.get("sessions/", &keys[2]).expect(200).json();
        shown.as_array_mut().unwrap().iter_mut().for_each(|session| drop(session.as_object_mut().unwrap().remove("current")));
        assert_eq!(serde_json::Value::from(listed.clone()), shown, "what its owner sees");
        assert!(!keys.iter().any(|key| said.contains(key)));
        let id = |session: &serde_json::Value| session["id"].as_str().unwrap().to_owned();
        let ids: Vec<String> = listed.iter().map(id).collect();
        let (status, said, _) = run(&[]);
        assert_eq!((status, said.lines().count()), (Some(0), 3));
        for (line, id) in said.lines().zip(&ids) {
            assert!(line.starts_with(&format!("{id}  opened 2")) && line.contains("  127.0.0.1  "), "{line}");
        }

        let current = |key: &str| {
            let listed = ask.get("sessions/", key).expect(200).json();
            id(listed.as_array().unwrap().iter().find(|session| session["current"] == true).unwrap())
        };
        let (second, bens) = (current(&keys[1]), current(&bystander));
        assert_eq!(run(&["--end", &second]), (Some(0), format!("session {second} has ended\n"), String::new()));
        assert_eq!(keys.each_ref().map(|key| ask.status_of(key)), [200, 401, 200]);
        for nobodys in [second.as_str(), &bens, "nothing"] {
            let (status, _, complaint) = run(&["--end", nobodys]);
            assert_eq!((status, complaint.contains(&format!("has no session {nobodys:?}"))), (Some(1), true), "{complaint}");
        }
        assert_eq!(run(&["--end-all"]).1, "2 sessions of account 1 have ended\n");
        assert_eq!(keys.each_ref().map(|key| ask.status_of(key)), [401, 401, 401]);
        assert_eq!(run(&["--json"]).1, "");
        assert_eq!(run(&["--end-all", "--end", &second]).0, Some(2), "one of both");
        assert_eq!(ask.status_of(&bystander), 200);
        ask.login("ana", PASSWORD).expect(200);
        let by = "SELECT count(*) FROM auth_audit WHERE event IN ('session.ended', 'sessions.ended') AND request_id = 'cli'";
        assert_eq!(place.count(by), 2);
    }
}

#[test]
fn check_names_the_values_that_no_longer_fit_and_never_shows_them() {
    for place in Place::both() {
        let field = |kind: &str| format!("[[user.fields]]\nname = \"color\"\n{kind}\n");
        let settings = place.folder.path().join("vestibule.toml");
        std::fs::write(&settings, field("kind = \"text\"")).unwrap();
        let made = |name: &str, color: &str| {
            let email = format!("{name}@example.org");
            let color = format!("color={color}");
            let arguments = ["user", "create", "--username", name, "--email", &email, "--field", &color, "--password-stdin"];
            let mut command = place.command(&arguments, &[]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            writeln!(command.stdin.take().unwrap(), "{PASSWORD}").unwrap();
            assert!(command.wait().unwrap().success());
        };
        made("ana", "red");
        made("bea", "a-secret-color");
        std::fs::write(&settings, field("kind = \"choice\"\nchoices = [\"red\"]\nrequired = true")).unwrap();
        let done = place.run(&["check"], &[]);
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
        assert!(told.contains("1 value(s)") && told.contains("account 2: color") && told.contains("fit to serve"), "{told}");
        assert!(!told.contains("a-secret-color"), "{told}");
    }
}

#[test]
fn a_command_for_nobody_fails_with_a_sentence() {
    let place = Place::sqlite();
    let _server = place.serve();
    let done = place.run(&["user", "disable", "nobody"], &[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("there is no account \"nobody\""));
}

#[test]
fn openapi_needs_no_database_and_leaves_nothing_behind() {
    let place = Place::sqlite();
    let settings = [("VESTIBULE__DATABASE__URL", "postgres://nobody@127.0.0.1:1/none"), ("VESTIBULE__DOCS__OPENAPI", "false")];
    let done = place.run(&["openapi"], &settings);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(document["paths"]["/login/"]["post"]["operationId"] == "login");
    assert_eq!(std::fs::read_dir(place.folder.path()).unwrap().count(), 0);
}

/// The files of a place, but for the logs of its servers, and for what SQLite keeps beside a database that is open or was killed.
fn files(place: &Place) -> Vec<String> {
    let names = std::fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let passing = |name: &String| ["log", "-wal", "-shm"].iter().any(|end| name.ends_with(end));
    let mut names: Vec<String> = names.filter(|name| !passing(name)).collect();
    names.sort();
    names
}

#[test]
fn openapi_makes_no_folder_for_mails() {
    let place = Place::sqlite();
    let mails = place.folder.path().join("mails");
    let settings = [("VESTIBULE__EMAIL__TRANSPORT", "file"), ("VESTIBULE__EMAIL__FILE__DIR", mails.to_str().unwrap())];
    let done = place.run(&["openapi"], &settings);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(files(&place), [""; 0]);
}

#[test]
fn check_opens_the_service_also_where_there_is_no_database_yet() {
    let key = ("VESTIBULE__JWT__PRIVATE_KEY_FILE", "/nowhere/jwt.pem");
    for (settings, complaint) in [
        (&[("VESTIBULE__ENDPOINTS__OFF", "registraton")][..], "endpoints.off: there is no endpoint \"registraton\""),
        (&[("VESTIBULE__TOKENS__MODE", "jwt"), key], "jwt.private_key_file"),
        (&[("VESTIBULE__TEMPLATES__DIR", "broken")], "base.html"),
        (&[("VESTIBULE__DATABASE__URL", "sqlite://missing/vestibule.db")], "the folder missing of the database does not exist"),
    ] {
        let place = Place::sqlite();
        std::fs::create_dir_all(place.folder.path().join("broken/pages")).unwrap();
        std::fs::write(place.folder.path().join("broken/pages/base.html"), "{% if").unwrap();
        let done = place.run(&["check"], settings);
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!((done.status.code(), told.contains(complaint)), (Some(1), true), "{complaint}: {told}");
        assert!(done.stdout.is_empty(), "{}", String::from_utf8_lossy(&done.stdout));
        assert_eq!(files(&place), ["broken"]);
    }
}

#[test]
fn check_makes_no_file_and_no_key() {
    for place in Place::both() {
        let mails = place.folder.path().join("mails");
        let settings = [
            ("VESTIBULE__TOKENS__MODE", "jwt"),
            ("VESTIBULE__EMAIL__TRANSPORT", "file"),
            ("VESTIBULE__EMAIL__FILE__DIR", mails.to_str().unwrap()),
        ];
        let check = |verdict: &str| {
            let done = place.run(&["check"], &settings);
            let said = String::from_utf8_lossy(&done.stdout).into_owned();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            assert!(said.starts_with(verdict), "{said}, not {verdict}");
        };
        match place.kind {
            "sqlite" => check("fit to serve; there is no database yet, `vestibule serve` makes it"),
            _ => check("fit to serve; the database lacks "),
        }
        assert_eq!(files(&place), [""; 0]);
        // Opaque keys need no key that signs, so this makes none either.
        place.serve().kill();
        let before = files(&place);
        check("fit to serve\n");
        assert_eq!(files(&place), before);
        assert_eq!(place.count("SELECT count(*) FROM auth_keys"), 0);
        place.change("DELETE FROM auth_migrations WHERE version = (SELECT max(version) FROM auth_migrations)");
        check("fit to serve; the database lacks 1 migration(s), which the next start makes");
    }
}

#[test]
fn check_says_that_tokens_of_before_cannot_be_refreshed_without_a_mode_that_has_tokens() {
    let place = Place::sqlite();
    let legacy = [
        ("VESTIBULE__JWT__ACCEPT_LEGACY_UNTIL", "2999-01-01"),
        ("VESTIBULE__JWT__SECRET", "an-old-key-of-32-characters-or-more"),
    ];
    let said = |settings: &[(&str, &str)]| {
        let done = place.run(&["check"], settings);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    assert!(said(&legacy).contains("tokens.mode is opaque, where no token can be refreshed"));
    assert!(!said(&[legacy[0], legacy[1], ("VESTIBULE__TOKENS__MODE", "jwt")]).contains("opaque"));
}

/// Settings with which tokens are made and taken.
const TOKENS: [(&str, &str); 2] =
    [("VESTIBULE__JWT__SECRET", "an-old-key-of-32-characters-or-more"), ("VESTIBULE__JWT__ACCEPT_LEGACY_UNTIL", "2090-01-01")];

#[test]
fn t40_keys_are_rotated_and_retired_while_a_server_runs() {
    for place in Place::both() {
        let settings: Vec<_> =
            TOKENS.into_iter().chain([("VESTIBULE__SECRET_KEY", "a-key-of-32-characters-or-more-!")]).collect();
        let server = place.serve_with(&settings);
        let run = |arguments: &[&str]| {
            let done = place.run(arguments, &settings);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (done.status.code(), text(&done.stdout), text(&done.stderr))
        };
        let list = || -> Vec<(String, String)> {
            let (status, text, complaint) = run(&["keys", "list", "--json"]);
            assert_eq!(status, Some(0), "{complaint}");
            let keys = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            keys.map(|key| (key["kid"].as_str().unwrap().to_owned(), key["state"].as_str().unwrap().to_owned())).collect()
        };
        let published = || server.driver().send("GET", "/.well-known/jwks.json", None, None).unwrap().expect(200);
        let [(first, _)] = list().try_into().unwrap();
        assert!(published().text.contains(&first));
        let (status, _, complaint) = run(&["keys", "retire", &first]);
        assert_eq!((status, complaint.contains("no successor")), (Some(1), true), "{complaint}");

        let (status, said, complaint) = run(&["keys", "rotate"]);
        assert_eq!((status, said.contains("signs from 2")), (Some(0), true), "{said}{complaint}");
        let states: Vec<String> = list().into_iter().map(|(_, state)| state).collect();
        assert_eq!(states, ["signing", "waiting"]);
        let (status, said, complaint) = run(&["keys", "rotate", "--now"]);
        assert_eq!((status, said.contains("signs now")), (Some(0), true), "{said}{complaint}");
        let keys = list();
        let states: Vec<&str> = keys.iter().map(|(_, state)| state.as_str()).collect();
        assert_eq!(states, ["verifying", "verifying", "signing"]);
        let answer = published();
        assert!(keys.iter().all(|(kid, _)| answer.text.contains(kid)), "{}", answer.text);
        assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));

        assert_eq!(run(&["keys", "retire", &first]).0, Some(0));
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        assert!(!published().text.contains(&first), "the server has read it");
        assert_eq!(list().len(), 2);
        // Names are base64url, so one in 64 begins with a hyphen.
        for name in ["nothing", "-nothing"] {
            let (status, _, complaint) = run(&["keys", "retire", name]);
            assert_eq!((status, complaint.contains(&format!("there is no key {name:?}"))), (Some(1), true), "{complaint}");
        }
    }
}

#[test]
fn without_tokens_there_are_no_keys_to_look_after() {
    let place = Place::sqlite();
    let _server = place.serve();
    let done = place.run(&["keys", "list"], &[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("tokens.mode is opaque"));
}

#[test]
fn t40_a_server_does_not_start_with_a_key_that_is_weak_or_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/../vestibule/tests/data/keys");
    for (name, algorithm, mode, complaint) in [
        ("ec-pkcs8.pem", "ES256", 0o604, "everybody on this machine can read"),
        ("rsa-1024.pem", "RS256", 0o600, "an RSA key of 2048 to 8192 bits"),
        ("rsa-pkcs8.pem", "ES256", 0o600, "an EC key on the curve P-256"),
    ] {
        let path = place.folder.path().join(name);
        std::fs::copy(format!("{keys}/{name}"), &path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let own = [("VESTIBULE__JWT__ALGORITHM", algorithm), ("VESTIBULE__JWT__PRIVATE_KEY_FILE", path.to_str().unwrap())];
        let settings: Vec<_> = TOKENS.into_iter().chain(own).collect();
        let done = place.run(&["serve"], &settings);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("jwt.private_key_file") && said.contains(" names the file ") && said.contains(complaint), "{said}");
        assert!(!said.contains("PRIVATE KEY"), "{said}");
    }
}
