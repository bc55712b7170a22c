//! What the database holds as a whole: the same before and after a refused request, and in order at the end of every check.

use std::collections::BTreeMap;

use tokio::sync::OnceCell;
use vestibule::testing::TestApp;

/// Every row of every table as text, by table. Counters and the audit trail are left out: they tell of refusals too.
pub(super) async fn contents(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    for (table, row) in app.auth.db().all::<(String, String)>(whole(app).await, &[]).await.unwrap() {
        tables.entry(table).or_default().push(row);
    }
    assert!(tables.contains_key("auth_facts"), "the statement finds the tables: {tables:?}");
    tables.values_mut().for_each(|rows| rows.sort());
    tables
}

/// One statement that reads all, made once for each kind of database.
async fn whole(app: &TestApp) -> &'static str {
    static SQLITE: OnceCell<&str> = OnceCell::const_new();
    static POSTGRES: OnceCell<&str> = OnceCell::const_new();
    let make = || async {
        let mut rows = BTreeMap::<String, Vec<String>>::new();
        for column in columns(app).await {
            rows.entry(column.table.clone()).or_default().push(format!("COALESCE({}, '-')", column.as_text(app)));
        }
        let exempt = ["auth_limits", "auth_audit"];
        let kept = rows.iter().filter(|(table, _)| table.starts_with("auth_") && !exempt.contains(&table.as_str()));
        let each = kept.map(|(table, row)| format!("SELECT '{table}', {} FROM {table}", row.join(" || '|' || ")));
        &*each.collect::<Vec<_>>().join(" UNION ALL ").leak()
    };
    if app.auth.db().is_shared() { POSTGRES.get_or_init(make).await } else { SQLITE.get_or_init(make).await }
}

/// A column of a table.
pub(super) struct Column {
    pub(super) table: String,
    pub(super) name: String,
    /// Whether it holds bytes rather than what can be written as text.
    pub(super) bytes: bool,
}

impl Column {
    fn as_text(&self, app: &TestApp) -> String {
        match (self.bytes, app.auth.db().is_shared()) {
            (false, _) => format!("CAST({} AS TEXT)", self.name),
            (true, false) => format!("hex({})", self.name),
            (true, true) => format!("encode({}, 'hex')", self.name),
        }
    }
}

/// Every column of every table.
pub(super) async fn columns(app: &TestApp) -> Vec<Column> {
    let sql = if app.auth.db().is_shared() {
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
    } else {
        "SELECT m.name, c.name, c.type FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid"
    };
    let found = app.auth.db().all::<(String, String, String)>(sql, &[]).await.unwrap();
    let bytes = |kind: &str| ["blob", "bytea"].contains(&kind.to_ascii_lowercase().as_str());
    found.into_iter().map(|(table, name, kind)| Column { table, name, bytes: bytes(&kind) }).collect()
}

/// What must be true of the rows, whatever was done: each statement counts those that break a rule.
const RULES: &[(&str, &str)] = &[
    (
        "a session, a unique value without its user",
        "SELECT (SELECT COUNT(*) FROM auth_sessions WHERE user_id NOT IN (SELECT id FROM auth_users)) + (SELECT COUNT(*) FROM auth_unique_values WHERE user_id NOT IN (SELECT id FROM auth_users))",
    ),
    (
        "a session of a later epoch than its user",
        "SELECT COUNT(*) FROM auth_sessions s JOIN auth_users u ON u.id = s.user_id WHERE s.epoch > u.epoch",
    ),
    ("a session that was seen before it began", "SELECT COUNT(*) FROM auth_sessions WHERE last_seen_at < created_at"),
    (
        "a name without its key or the reverse",
        "SELECT COUNT(*) FROM auth_users WHERE (username IS NULL) <> (username_key IS NULL)",
    ),
    ("an address without its key or the reverse", "SELECT COUNT(*) FROM auth_users WHERE (email IS NULL) <> (email_key IS NULL)"),
    ("an address held by another than it is", "SELECT COUNT(*) FROM auth_users WHERE email_owner <> email_key"),
    (
        "a verified address that nobody holds",
        "SELECT COUNT(*) FROM auth_users WHERE email_verified_at IS NOT NULL AND email_owner IS NULL",
    ),
    ("a negative counter", "SELECT COUNT(*) FROM auth_limits WHERE hits < 0"),
];

/// Looks through the books: foreign keys, orphans, the database's own check.
pub(super) async fn check(app: &TestApp) {
    for (wrong, sql) in RULES {
        assert_eq!(app.count(sql).await, 0, "{wrong}");
    }
    if !app.auth.db().is_shared() {
        let said = app.auth.db().all::<(String,)>("SELECT integrity_check FROM pragma_integrity_check", &[]).await.unwrap();
        assert_eq!(said, [("ok".to_owned(),)]);
        assert_eq!(app.count("SELECT COUNT(*) FROM pragma_foreign_key_check").await, 0);
    }
}
