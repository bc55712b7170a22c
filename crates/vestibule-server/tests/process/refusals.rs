//! What stops a start says so in a sentence that tells what to do, and the exit status is 1.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::place::Place;

/// Serves in vain, and gives what it said.
fn refused(place: &Place, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let done = place.run(arguments, settings);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(done.stdout.is_empty(), "{}", String::from_utf8_lossy(&done.stdout));
    said
}

fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said:?}");
    }
}

#[test]
fn a_taken_port_names_another_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refused(&Place::sqlite(), &["serve"], &[("VESTIBULE__SERVER__LISTEN", &address)]);
    says(&said, &[&address, "another program listens there", "choose another port: VESTIBULE__SERVER__LISTEN=127.0.0.1:"]);
}

/// A folder in which this user can make no file; root can in most, but not in the kernel's.
fn unwritable(place: &Place) -> PathBuf {
    let folder = place.folder.path().join("shut");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(folder.join("try"), "").is_ok() { PathBuf::from("/sys") } else { folder }
}

#[test]
fn an_unwritable_folder_is_named_with_a_remedy() {
    let place = Place::sqlite();
    let folder = unwritable(&place);
    let url = format!("sqlite://{}/vestibule.db", folder.display());
    let named = folder.display().to_string();
    let key = ("VESTIBULE__SECRET_KEY", "0123456789abcdef0123456789abcdef");
    for environment in [&[("VESTIBULE__DATABASE__URL", url.as_str())][..], &[("VESTIBULE__DATABASE__URL", &url), key]] {
        let said = refused(&place, &["serve"], environment);
        says(&said, &[&named, "let the user this runs as write to the folder", "database.url"]);
        assert!(!folder.join("vestibule.key").exists(), "no key is left beside a database that cannot be opened");
    }
}

#[test]
fn a_missing_folder_is_named_with_a_remedy() {
    let place = Place::sqlite();
    let url = format!("sqlite://{}/missing/vestibule.db", place.folder.path().display());
    let said = refused(&place, &["serve"], &[("VESTIBULE__DATABASE__URL", &url)]);
    says(&said, &["/missing", "does not exist; make it, or change database.url"]);
}

#[test]
fn an_unreadable_settings_file_is_named_with_a_remedy() {
    let place = Place::sqlite();
    let folder = place.folder.path().display().to_string();
    for file in [folder.clone(), format!("{folder}/missing.toml")] {
        let said = refused(&place, &["serve", "--config", &file], &[]);
        says(&said, &[&file, "cannot be read", "Name a file that exists and is readable, with --config."]);
    }
}

#[test]
fn all_wrong_settings_are_named_at_once_with_source_and_remedy() {
    let place = Place::sqlite();
    std::fs::write(
        place.folder.path().join("vestibule.toml"),
        "[server]\nlistn = \"127.0.0.1:1\"\n[password]\nmin_length = \"x\"\n",
    )
    .unwrap();
    let said = refused(&place, &["serve"], &[("VESTIBULE__PASSWORD__RESET_TTL", "5x"), ("VESTIBULE__NONSENSE", "1")]);
    says(&said, &["server.listn", "vestibule.toml:2", "Did you mean server.listen?"]);
    says(&said, &["password.min_length", "vestibule.toml:4"]);
    says(&said, &["password.reset_ttl", "VESTIBULE__PASSWORD__RESET_TTL", "5x"]);
    says(&said, &["nonsense", "VESTIBULE__NONSENSE", "is not a setting"]);
}

#[test]
fn a_database_that_cannot_be_used_is_named_without_its_password() {
    let place = Place::sqlite();
    std::fs::write(place.folder.path().join("other.db"), "this is not a database, whatever its name says").unwrap();
    let url = format!("sqlite://{}/other.db", place.folder.path().display());
    says(&refused(&place, &["serve"], &[("VESTIBULE__DATABASE__URL", &url)]), &["is not an SQLite database", "database.url"]);
    let gone = "postgres://ana:s3cret-word@127.0.0.1:1/app";
    let said = refused(&place, &["serve"], &[("VESTIBULE__DATABASE__URL", gone)]);
    says(&said, &["PostgreSQL cannot be reached", "start it, or change", "database.url"]);
    assert!(!said.contains("s3cret-word"));
}

#[test]
fn another_secret_key_than_the_databases_is_refused() {
    for place in Place::both() {
        place.serve_with(&[("VESTIBULE__SECRET_KEY", "0123456789abcdef0123456789abcdef")]).kill();
        let other = [("VESTIBULE__SECRET_KEY", "another-key-0123456789abcdef0123456789")];
        says(&refused(&place, &["serve"], &other), &["secret_key", "set the old key again"]);
    }
}

#[test]
fn t89_a_database_of_a_newer_program_is_refused() {
    for place in Place::both() {
        place.serve().kill();
        place.change("INSERT INTO auth_migrations (version, name, checksum, applied_at) VALUES (9000, '9000_later', 'x', 0)");
        for command in ["serve", "migrate", "check"] {
            let said = refused(&place, &[command], &[]);
            says(&said, &["9000_later", "does not know", "run the newer program, or restore an older backup"]);
        }
        assert_eq!(place.faults(), []);
    }
}

#[test]
fn t89_a_migration_that_was_altered_is_refused() {
    for place in Place::both() {
        place.serve().kill();
        place.change("UPDATE auth_migrations SET checksum = 'altered' WHERE version = 1");
        for command in ["serve", "migrate", "check"] {
            says(&refused(&place, &[command], &[]), &["0001_accounts differs", "use the program as it was released"]);
        }
    }
}

#[test]
fn t79_the_provider_that_believes_everybody_is_refused_where_others_come() {
    for others in [("VESTIBULE__ENVIRONMENT", "production"), ("VESTIBULE__SERVER__LISTEN", "0.0.0.0:0")] {
        for command in ["serve", "check"] {
            let said = refused(&Place::sqlite(), &[command], &[("VESTIBULE__SOCIAL__DEV__KIND", "dev"), others]);
            says(&said, &["social.dev (VESTIBULE__SOCIAL__DEV__KIND", "lets everybody sign in as anybody", "Remove the section"]);
        }
    }
}
