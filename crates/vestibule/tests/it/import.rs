//! Accounts that move in.

use vestibule::accounts::import::{Came, Record, import};
use vestibule::testing::{TestApp, on_both};

fn record(id: i64, name: &str) -> Record {
    Record { id, username: Some(name.into()), email: Some(format!("{name}@example.org")), is_active: true, ..Record::default() }
}

#[tokio::test]
async fn t77_a_null_character_keeps_its_own_account_out_and_no_other() {
    on_both(
        |_| {},
        async |app: TestApp| {
            let hash = "pbkdf2_sha256$1000$sea\0salt$vVHZGEs7v6quz+ZQJ3YUviKmZHPrpr5OATMMKlICjVY=";
            let records = vec![
                record(1, "ana"),
                Record { first_name: "B\0en".into(), ..record(2, "ben") },
                Record { last_name: "\0".into(), ..record(3, "cleo") },
                Record { password: Some(hash.into()), ..record(4, "dan") },
                record(5, "eve"),
            ];
            let refused = |field: &str| Came::Refused(format!("{field}: Null characters are not allowed."));
            let came = import(&app.auth, records).await.unwrap();
            assert_eq!(came, [Came::New, refused("first_name"), refused("last_name"), Came::WithoutPassword, Came::New]);
            assert_eq!(app.count("SELECT count(*) FROM auth_users").await, 3);
        },
    )
    .await;
}
