//! The example without code, served by the program itself, and the same accounts in Rust.

use std::path::Path;

use serde_json::{Value, json};
use vestibule::Auth;
use vestibule::testing::app::PASSWORD;

use crate::place::Place;

fn file() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/custom_profile_server/vestibule.toml"))
}

/// What the example in Rust says of itself.
fn in_rust(folder: &Path) -> Value {
    let mut settings = custom_profile::settings();
    settings.database.url = format!("sqlite://{}", folder.join("rust.db").display()).into();
    (settings.password.memory_kib, settings.password.iterations) = (8, 1);
    // As the places of these tests have it.
    settings.limits.enabled = false;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let auth = runtime.block_on(custom_profile::accounts(Auth::builder(settings)).build()).unwrap();
    auth.openapi()
}

#[test]
fn a_settings_file_and_rust_types_describe_the_same_interface() {
    assert!(std::fs::read_to_string(file()).unwrap().lines().count() < 40);
    let place = Place::sqlite();
    let config = file().display().to_string();
    let listen = [("VESTIBULE__SERVER__LISTEN", "127.0.0.1:8000")];
    let told = place.run(&["openapi", "--config", &config], &listen);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let by_file: Value = serde_json::from_slice(&told.stdout).unwrap();
    let in_rust = in_rust(place.folder.path());
    assert!(in_rust["paths"].as_object().unwrap().len() > 5);
    for (part, ours) in in_rust.as_object().unwrap() {
        for (name, ours) in ours.as_object().into_iter().flatten() {
            assert_eq!(ours, &by_file[part][name], "{part} {name}");
        }
    }
    assert!(in_rust == by_file);
}

#[test]
fn the_example_without_code_asks_for_what_it_declares() {
    let place = Place::sqlite();
    std::fs::copy(file(), place.folder.path().join("vestibule.toml")).unwrap();
    let server = place.serve();
    let person = json!({ "email": "ana@example.org", "password1": PASSWORD, "password2": PASSWORD });
    let ask = server.driver();
    let missing = ask.post("registration/", None, &person);
    assert_eq!((missing.status, missing.json()), (400, json!({ "phone_number": ["This field is required."] })));
    let mut whole = person;
    whole["phone_number"] = json!("+1 555 0100");
    let key = ask.post("registration/", None, &whole).expect(201).key();
    let me = ask.get("user/", &key).json();
    assert_eq!(me, json!({ "pk": 1, "email": "ana@example.org", "gender": "", "phone_number": "+15550100" }));
}
