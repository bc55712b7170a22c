//! What the schema says about one place of the tree.

use serde_json::{Map, Value};

/// A part of the schema. It has no references: everything about a place stands in it.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a>(pub(crate) &'a Value);

impl<'a> Shape<'a> {
    /// The members of a table with fixed names, in the order of the contract.
    pub(crate) fn members(self) -> Option<&'a Map<String, Value>> {
        self.0.get("properties")?.as_object()
    }

    /// The member with this name.
    pub(crate) fn member(self, name: &str) -> Option<Shape<'a>> {
        self.members()?.get(name).map(Shape)
    }

    /// What each member of a table with names of the owner's choice is.
    pub(crate) fn values(self) -> Option<Shape<'a>> {
        self.0.get("additionalProperties").filter(|inner| inner.is_object()).map(Shape)
    }

    /// What each item of a list is.
    pub(crate) fn items(self) -> Option<Shape<'a>> {
        self.0.get("items").map(Shape)
    }

    /// The members that must be there.
    pub(crate) fn required(self) -> impl Iterator<Item = &'a str> {
        self.0.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Whether the place may hold this type of JSON.
    pub(crate) fn takes(self, kind: &str) -> bool {
        match self.0.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|k| k == kind),
            Some(one) => one == kind,
            None => kind == "string" && self.0.get("oneOf").is_some(),
        }
    }

    /// Whether the place is a table and nothing else.
    pub(crate) fn is_table(self) -> bool {
        self.takes("object") && !self.takes("string")
    }

    /// How a text is read further.
    pub(crate) fn format(self) -> &'a str {
        self.0.get("format").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether what stands there must not be shown.
    pub(crate) fn is_secret(self) -> bool {
        matches!(self.format(), "secret" | "secret-url")
    }

    /// The words that the place may hold, with what each means; empty where any text may stand.
    pub(crate) fn words(self) -> Vec<(&'a str, &'a str)> {
        let one = |word: &'a Value| Some((word.get("const")?.as_str()?, word.get("description")?.as_str()?));
        self.0.get("oneOf").and_then(Value::as_array).into_iter().flatten().filter_map(one).collect()
    }

    /// The whole numbers that the place may hold.
    pub(crate) fn range(self) -> (i64, i64) {
        let bound = |name| self.0.get(name).and_then(Value::as_i64);
        let widest = if self.format() == "uint32" { i64::from(u32::MAX) } else { i64::MAX };
        (bound("minimum").unwrap_or(i64::MIN), bound("maximum").unwrap_or(widest))
    }

    /// What the place means.
    pub(crate) fn about(self) -> String {
        let text = self.0.get("description").and_then(Value::as_str).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The value that stands there when nothing is written.
    pub(crate) fn default(self) -> &'a Value {
        self.0.get("default").unwrap_or(&Value::Null)
    }

    /// A value that could stand there.
    pub(crate) fn example(self) -> Option<&'a Value> {
        self.0.get("examples")?.get(0)
    }
}
