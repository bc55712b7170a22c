//! Accounts that move in from Django, as `manage.py dumpdata --format jsonl` writes them.

use std::fs;

use serde_json::json;

use crate::place::Place;

/// `correct horse battery staple`, hashed by Django with few rounds.
const HASH: &str = "pbkdf2_sha256$1000$seasalt2$vVHZGEs7v6quz+ZQJ3YUviKmZHPrpr5OATMMKlICjVY=";
const PASSWORD: &str = "correct horse battery staple";

fn account(pk: u64, name: &str, password: &str) -> String {
    let fields = json!({
        "username": name, "email": format!("{name}@example.org"), "password": password, "first_name": "", "last_name": "",
        "is_active": true, "is_staff": false, "is_superuser": false, "groups": [], "user_permissions": [],
        "date_joined": "2024-05-06T07:08:09.100Z", "last_login": null, "shoe_size": 41,
    });
    json!({ "model": "auth.user", "pk": pk, "fields": fields }).to_string()
}

#[test]
fn people_move_in_with_their_numbers_and_passwords_and_an_import_may_be_repeated() {
    for place in Place::both() {
        let server = place.serve();
        let ask = server.driver();
        let proven = json!({ "model": "account.emailaddress", "pk": 1, "fields": { "user": 40, "email": "Ana@example.org", "verified": true } });
        let broken = json!({ "model": "auth.user", "pk": 90, "fields": { "password": HASH, "date_joined": "yesterday" } });
        let lines = [
            account(40, "ana", HASH),
            account(41, "ben", "md5$x$00"),
            proven.to_string(),
            account(42, "a b", HASH),
            broken.to_string(),
        ];
        let file = std::env::temp_dir().join(format!("moving-{}-{}.jsonl", std::process::id(), ask.status_of("none")));
        fs::write(&file, lines.join("\n")).unwrap();
        let import = || place.run(&["user", "import", file.to_str().unwrap()], &[]);

        let done = import();
        let (said, complained) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(1), "two accounts cannot be: {complained}");
        assert!(
            said.contains("2 accounts imported, 0 were there already") && said.contains("1 have a password in a form"),
            "{said}"
        );
        assert!(said.contains("shoe_size of 3 accounts") && complained.contains("line 4: username"), "{said}{complained}");

        let key = ask.login("ana", PASSWORD).expect(200).key();
        assert_eq!(ask.status_of(&key), 200);
        ask.login("ben", PASSWORD).expect(400);
        let listed = place.run(&["user", "list", "--json"], &[]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(listed.contains(r#""pk":40"#) && listed.contains(r#""email_verified":true"#), "{listed}");

        let again = import();
        assert!(String::from_utf8_lossy(&again.stdout).contains("0 accounts imported, 2 were there already"));
        ask.login("ana", PASSWORD).expect(200);
        ask.register("cleo");
        let last = place.run(&["user", "list", "--json", "--after", "90"], &[]);
        assert!(
            String::from_utf8_lossy(&last.stdout).contains("cleo"),
            "a new account has a number behind all that the file names"
        );
        fs::remove_file(&file).unwrap();
    }
}
