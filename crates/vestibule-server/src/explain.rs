//! Settings in words: what is in effect and why, and an example file with everything.

use std::fmt::Write;

use serde_json::{Map, Value};
use vestibule::settings::Settings;

use crate::load::Loaded;
use crate::load::shape::Shape;
use crate::load::tree::{join, quote};

/// How wide a comment may be.
const WIDTH: usize = 100;

/// The settings in effect as TOML, each with its source. Of secrets it shows that they are set, and nothing more.
pub(crate) fn show(loaded: &Loaded) -> String {
    let schema = Settings::schema();
    let values = serde_json::to_value(&loaded.settings).unwrap_or_default();
    let mut show = Show { loaded, out: String::new(), derived: loaded.settings.derived() };
    if let Value::Object(members) = &values {
        show.table("", members, Shape(&schema));
    }
    show.out
}

struct Show<'a> {
    loaded: &'a Loaded,
    derived: Vec<(&'static str, Value, &'static str)>,
    out: String,
}

impl Show<'_> {
    fn table(&mut self, key: &str, members: &Map<String, Value>, shape: Shape<'_>) {
        let of = |name: &str| shape.member(name).or_else(|| shape.values());
        let (sections, leaves): (Vec<_>, Vec<_>) = members
            .iter()
            .filter_map(|(name, value)| Some((name, value, of(name)?)))
            .partition(|(_, value, s)| is_section(value, *s));
        for (name, value, _) in leaves {
            self.leaf(&join(key, name), name, value);
        }
        for (name, value, shape) in sections {
            let key = join(key, name);
            match value {
                Value::Object(inner) if !inner.is_empty() => {
                    // A table of tables with free names needs no header of its own.
                    if !shape.values().is_some_and(Shape::is_table) {
                        self.line(format_args!("\n[{key}]"));
                    }
                    self.table(&key, inner, shape);
                }
                Value::Array(items) => self.items(&key, items, shape),
                _ => {}
            }
        }
    }

    fn items(&mut self, key: &str, items: &[Value], shape: Shape<'_>) {
        for (at, item) in items.iter().enumerate() {
            if let (Value::Object(inner), Some(shape)) = (item, shape.items()) {
                self.line(format_args!("\n[[{key}]]"));
                self.table(&format!("{key}[{at}]"), inner, shape);
            }
        }
    }

    fn leaf(&mut self, key: &str, name: &str, value: &Value) {
        let source = self.loaded.sources.get(key).map(|source| format!("  # {source}"));
        if value.is_null() {
            let derived = self.derived.iter().find(|(derived, ..)| *derived == key);
            let line = match derived {
                Some((_, value, why)) => format!("# {} = {}  # {why}", quote(name), toml_text(value)),
                None => format!("# {} is not set{}", quote(name), source.unwrap_or_default()),
            };
            self.line(format_args!("{line}"));
        } else {
            let source = source.unwrap_or_else(|| "  # default".into());
            self.line(format_args!("{} = {}{source}", quote(name), toml_text(value)));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        push(&mut self.out, line);
    }
}

fn push(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{line}");
}

fn is_section(value: &Value, shape: Shape<'_>) -> bool {
    let tables = |items: &Vec<Value>| !items.is_empty() && shape.items().is_some_and(Shape::is_table);
    shape.is_table() || value.as_array().is_some_and(tables)
}

/// A value as TOML writes it.
fn toml_text(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| "\"\"".into(), |value| value.to_string())
}

const HEAD: &str = "\
# Every setting of Vestibule. A line that begins with # and a name shows a default, or an example where it says so:
# take the # away to set it. A variable of the environment goes before this file: VESTIBULE__SERVER__LISTEN is
# server.listen, with two underscores between levels; lists are written with commas or as JSON.
# This file is generated from the source; `vestibule config example` prints it.
";

/// A file with every setting, each with its meaning and its default, all commented out.
pub(crate) fn example() -> String {
    let schema = Settings::schema();
    let mut out = HEAD.to_owned();
    example_table(&mut out, "", Shape(&schema));
    out
}

fn example_table(out: &mut String, key: &str, shape: Shape<'_>) {
    let members = || shape.members().into_iter().flatten().map(|(name, inner)| (name, Shape(inner)));
    let is_section = |shape: Shape<'_>| shape.is_table() || shape.items().is_some_and(Shape::is_table);
    for (name, inner) in members().filter(|(_, inner)| !is_section(*inner)) {
        example_leaf(out, name, inner);
    }
    for (name, inner) in members().filter(|(_, inner)| is_section(*inner)) {
        let key = join(key, name);
        out.push('\n');
        comment(out, &inner.about());
        let free = inner.values().map(|values| (values, values.is_table()));
        match (free, inner.items()) {
            (Some((values, true)), _) => {
                push(out, format_args!("#[{key}.example]"));
                example_table(out, &format!("{key}.example"), values);
            }
            (Some((values, false)), _) => {
                let value = if values.is_secret() { "…" } else { "a value" };
                push(out, format_args!("#[{key}]\n#example = \"{value}\""));
            }
            (None, Some(items)) => {
                push(out, format_args!("#[[{key}]]"));
                example_table(out, &key, items);
            }
            (None, None) => {
                push(out, format_args!("[{key}]"));
                example_table(out, &key, inner);
            }
        }
    }
}

fn example_leaf(out: &mut String, name: &str, shape: Shape<'_>) {
    out.push('\n');
    comment(out, &shape.about());
    for (word, about) in shape.words() {
        comment(out, &format!("- {word}: {about}"));
    }
    let list_words: Vec<_> = shape.items().map(Shape::words).unwrap_or_default();
    for (word, about) in list_words {
        comment(out, &format!("- {word}: {about}"));
    }
    let default = shape.default();
    let unset = default.is_null() || default == "" && shape.example().is_some();
    let value = match (unset, shape.example()) {
        (false, _) => toml_text(default),
        (true, Some(example)) => format!("{}  # an example: it is not set by default", toml_text(example)),
        (true, None) => "\"…\"  # it is not set by default".into(),
    };
    push(out, format_args!("#{} = {value}", quote(name)));
    if default.as_array().is_some_and(Vec::is_empty)
        && let Some(example) = shape.example()
    {
        push(out, format_args!("# For example: {} = {}", quote(name), toml_text(example)));
    }
}

/// Writes a text as lines of a comment.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > WIDTH {
            push(out, format_args!("{line}"));
            line = if text.starts_with("- ") { "#  ".into() } else { "#".into() };
        }
        line.push(' ');
        line.push_str(word);
    }
    if line.len() > 1 {
        push(out, format_args!("{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tests::{loaded, problems};

    fn path() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vestibule.example.toml")
    }

    #[test]
    fn the_example_file_is_current() {
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path(), example()).unwrap();
        }
        let written = std::fs::read_to_string(path()).unwrap();
        assert!(written == example(), "run `UPDATE=1 cargo test -p vestibule-server example_file`");
    }

    #[test]
    fn the_example_changes_nothing_until_it_is_uncommented() {
        let untouched = serde_json::to_string(&Settings::default()).unwrap();
        assert_eq!(serde_json::to_string(&loaded(&example(), &[]).settings).unwrap(), untouched);
    }

    #[test]
    fn every_line_of_the_example_is_a_setting_that_can_be_read() {
        let uncommented: String = example()
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(uncommented.contains("\nmin_length = 8\n") && uncommented.contains("[social.example]"));
        // Files that do not exist, and values that do not go together, are all that can be wrong with it.
        for problem in problems(&uncommented, &[]) {
            let structural =
                ["is not a setting", "is a table", "is a list", "is missing", "is not TOML", "Did you mean", "Write a"];
            assert!(!structural.iter().any(|text| problem.contains(text)), "{problem}");
        }
    }

    #[test]
    fn every_leaf_is_shown_with_its_source_and_can_be_read_again() {
        let file = "[site]\nname = \"Acme\"\n[[user.fields]]\nname = \"gender\"\nkind = \"choice\"\nchoices = [\"a\", {value = \"b\"}]\n";
        let shown =
            show(&loaded(file, &[("VESTIBULE__PASSWORD__MIN_LENGTH", "12"), ("VESTIBULE__TEMPLATES__VARS__COLOR", "red")]));
        for line in [
            "environment = \"development\"  # default",
            "name = \"Acme\"  # vestibule.toml:2",
            "min_length = 12  # VESTIBULE__PASSWORD__MIN_LENGTH",
            "# require_old = true  # follows account.profile",
            "# secret_key is not set",
            "[[user.fields]]",
            "name = \"gender\"  # vestibule.toml:4",
            "[templates.vars]",
            "color = \"red\"  # VESTIBULE__TEMPLATES__VARS__COLOR",
        ] {
            assert!(shown.lines().any(|l| l == line), "{line}\n{shown}");
        }
        let again = loaded(&shown, &[]);
        assert_eq!(again.settings.password.min_length, 12);
        assert_eq!(again.settings.user.fields[0].choices.len(), 2);
        assert_eq!(
            serde_json::to_value(&again.settings).unwrap()["limits"],
            serde_json::to_value(Settings::default()).unwrap()["limits"]
        );
    }

    #[test]
    fn t80_a_secret_is_shown_as_set_and_never_itself() {
        let key = "s3cret-0123456789-0123456789-0123456789";
        let file = format!("[database]\nurl = \"postgres://ana:{key}@db/app\"\n[email.http.headers]\nX-Key = \"{key}\"\n");
        let loaded = loaded(&file, &[("VESTIBULE__SECRET_KEY", key), ("VESTIBULE__JWT__SECRET", key)]);
        let shown = show(&loaded);
        assert!(!shown.contains("s3cret") && !format!("{loaded:?}").contains("s3cret"), "{shown}");
        assert!(shown.contains("secret_key = \"…(set)\"  # VESTIBULE__SECRET_KEY"), "{shown}");
        assert!(shown.contains("url = \"postgres://ana:…@db/app\"  # vestibule.toml:2"), "{shown}");
        assert!(shown.contains("X-Key = \"…(set)\"  # vestibule.toml:4"), "{shown}");
    }
}
