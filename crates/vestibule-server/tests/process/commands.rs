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
