//! Names of accounts: which are taken, and accounts without a name or an address.

use http::Method;
use serde_json::json;
use vestibule::Settings;
use vestibule::settings::{LoginMethod, Presence, Verification};
use vestibule::testing::{TestApp, on_both};

use super::{TAKEN, refuse, register};
use crate::exchange::*;

const BAD_NAME: &str = "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";
const NAME_TAKEN: &str = "A user with that username already exists.";

#[tokio::test]
async fn names_are_judged_as_recorded() {
    on_both(stock, async |app: TestApp| {
        let at = |message: &str| json!({ "username": [message] });
        let bad = at(BAD_NAME);
        let rows = vec![
            (named("with space"), 400, bad.clone()),
            (named("we!rd"), 400, bad.clone()),
            (named(&"a".repeat(151)), 400, at("Ensure this field has no more than 150 characters.")),
            (named(""), 400, at("This field may not be blank.")),
            (named("null\0byte"), 400, at("Null characters are not allowed.")),
            (named("emoji😀"), 400, bad.clone()),
            (named("new\nline"), 400, bad.clone()),
            (named("<script>"), 400, bad),
            (json!({ "email": "x@example.com", "password1": PASSWORD, "password2": PASSWORD }), 400, at("This field is required.")),
            (but(named("x"), json!({ "username": null })), 400, at("This field may not be null.")),
            (but(named("bob2"), json!({ "email": "" })), 400, json!({ "email": ["This field may not be blank."] })),
            (
                json!({ "username": "similarname", "password1": "similarname1", "password2": "similarname1" }),
                400,
                non_field("The password is too similar to the username."),
            ),
            (
                json!({ "username": "zed", "email": "longlocal@example.com", "password1": "longlocal1", "password2": "longlocal1" }),
                400,
                non_field("The password is too similar to the email address."),
            ),
            (
                json!({}),
                400,
                json!({
                    "username": ["This field is required."],
                    "password1": ["This field is required."],
                    "password2": ["This field is required."]
                }),
            ),
        ];
        refuse(&app, rows).await;
        for (typed, shown) in [
            (json!("bob"), "bob"),
            (json!("a".repeat(150)), "a".repeat(150).as_str()),
            (json!("ümlaut"), "ümlaut"),
            (json!("名前"), "名前"),
            (json!(" padded "), "padded"),
            (json!("dot.ted"), "dot.ted"),
            (json!("plus+sign"), "plus+sign"),
            (json!("at@sign"), "at@sign"),
            (json!("under_score-dash"), "under_score-dash"),
            (json!("ﬁgature"), "figature"),
            (json!("1"), "1"),
            (json!("admin"), "admin"),
            (json!("MiXed"), "MiXed"),
            (json!(12345), "12345"),
        ] {
            let made = app.post("registration/", but(named("x"), json!({ "username": typed }))).send().await;
            check("registration/", &made, 201, &any_key(), shown);
            let me = app.get("user/").token(&made.key()).send().await.expect(200).json();
            assert_eq!((&me["username"], &me["email"]), (&json!(shown), &json!("")), "{typed}");
        }
    })
    .await;
}

#[tokio::test]
async fn t71_a_name_has_one_account_in_whatever_spelling() {
    on_both(stock, async |app: TestApp| {
        let alice = |name: &str, email: &str| but(named(name), json!({ "email": email }));
        register(&app, vec![(alice("alice", "alice@example.com"), 201, any_key())]).await;
        let taken = json!({ "username": [NAME_TAKEN] });
        let both = json!({ "username": [NAME_TAKEN], "email": [TAKEN] });
        let rows = vec![
            (alice("alice", "alice2@example.com"), 400, taken.clone()),
            (alice("ALICE", "alice3@example.com"), 400, taken.clone()),
            (alice("ａｌｉｃｅ", "alice3@example.com"), 400, taken),
            (alice("alice4", "alice@example.com"), 400, json!({ "email": [TAKEN] })),
            (alice("alice5", "Alice@Example.com"), 400, json!({ "email": [TAKEN] })),
            (alice("alice", "alice@example.com"), 400, both),
        ];
        refuse(&app, rows).await;
        register(&app, vec![(named("straße"), 201, any_key())]).await;
        refuse(&app, vec![(named("STRASSE"), 400, json!({ "username": [NAME_TAKEN] }))]).await;
    })
    .await;
}

#[tokio::test]
async fn names_keep_to_the_least_length_and_the_list_of_names_that_nobody_may_have() {
    let bounded = |settings: &mut Settings| {
        settings.account.username_min_length = 3;
        settings.account.username_denylist = vec!["admin".into(), "root".into()];
    };
    on_both(bounded, async |app: TestApp| {
        let with = |name: &str| but(named(name), json!({ "email": format!("{}@example.com", app.fresh_name()) }));
        let denied = json!({ "username": ["Username can not be used. Please use other username."] });
        let rows = vec![
            (with("ab"), 400, json!({ "username": ["Ensure this field has at least 3 characters."] })),
            (with("Admin"), 400, denied.clone()),
            (with("ｒｏｏｔ"), 400, denied),
        ];
        refuse(&app, rows).await;
        register(&app, vec![(with("abc"), 201, any_key()), (with("admin2"), 201, any_key())]).await;
    })
    .await;
}

#[tokio::test]
async fn an_account_without_a_name_gets_one_from_its_address_where_names_are_optional() {
    let optional = |settings: &mut Settings| {
        settings.account.username = Presence::Optional;
        settings.account.login_methods = vec![LoginMethod::Email];
        settings.account.email_verification = Verification::None;
        settings.account.username_denylist = vec!["root".into()];
    };
    on_both(optional, async |app: TestApp| {
        let with = |email: &str| json!({ "email": email, "password1": PASSWORD, "password2": PASSWORD });
        let mut names = Vec::new();
        for email in
            ["john.doe@example.com", "john.doe@example.org", "John.Doe@example.net", "root@example.org", "!#$@example.org"]
        {
            let made = app.post("registration/", with(email)).send().await;
            check("registration/", &made, 201, &any_key(), email);
            let me = app.get("user/").token(&made.key()).send().await.expect(200).json();
            names.push(me["username"].as_str().unwrap_or_default().to_owned());
        }
        assert_eq!(names, ["john.doe", "john.doe2", "john.doe3", "root2", "user"]);
        let picked = |email: &str, name: &str| but(with(email), json!({ "username": name }));
        register(&app, vec![(picked("picked@example.com", "picked"), 201, any_key())]).await;
        let rows = vec![
            (picked("picked2@example.com", "picked"), 400, json!({ "username": [NAME_TAKEN] })),
            (picked("blank@example.com", ""), 400, json!({ "username": ["This field may not be blank."] })),
            (with("john.doe@example.com"), 400, json!({ "email": [TAKEN] })),
        ];
        refuse(&app, rows).await;
        let rows = vec![(json!({ "email": "john.doe@example.org", "password": PASSWORD }), 200, any_key())];
        json_rows(&app, Method::POST, "login/", None, rows).await;
    })
    .await;
}

#[tokio::test]
async fn accounts_without_addresses_are_known_by_name_alone() {
    let nameless = |settings: &mut Settings| {
        settings.account.email = Presence::Off;
        settings.account.login_methods = vec![LoginMethod::Username];
        settings.account.email_verification = Verification::None;
    };
    on_both(nameless, async |app: TestApp| {
        // An address is a member that the form does not know.
        let made = app.post("registration/", but(named("bob"), json!({ "email": "no address" }))).send().await;
        check("registration/", &made, 201, &any_key(), "bob");
        let me = json!({ "pk": 1, "username": "bob", "first_name": "", "last_name": "" });
        check("user/", &app.get("user/").token(&made.key()).send().await, 200, &me, "bob");
        register(&app, vec![(named("carl"), 201, any_key()), (named("BOB"), 400, json!({ "username": [NAME_TAKEN] }))]).await;
    })
    .await;
}
