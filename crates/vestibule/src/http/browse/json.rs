//! JSON in colours, as HTML.

use std::fmt::Write;

use serde_json::Value;

/// The value over several lines. All of its text is escaped.
pub(super) fn coloured(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => span(out, "jw", "null"),
        Value::Bool(truth) => span(out, "jw", if *truth { "true" } else { "false" }),
        Value::Number(number) => span(out, "jn", &number.to_string()),
        Value::String(_) => span(out, "js", &value.to_string()),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            let each = items.iter().map(|item| (None, item));
            between(out, '[', ']', each, depth);
        }
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        Value::Object(members) => {
            let each = members.iter().map(|(name, member)| (Some(name.as_str()), member));
            between(out, '{', '}', each, depth);
        }
    }
}

fn between<'v>(
    out: &mut String,
    open: char,
    close: char,
    each: impl Iterator<Item = (Option<&'v str>, &'v Value)>,
    depth: usize,
) {
    out.push(open);
    for (at, (name, value)) in each.enumerate() {
        out.push_str(if at > 0 { ",\n" } else { "\n" });
        indent(out, depth + 1);
        if let Some(name) = name {
            span(out, "jk", &Value::from(name).to_string());
            out.push_str(": ");
        }
        write(out, value, depth + 1);
    }
    out.push('\n');
    indent(out, depth);
    out.push(close);
}

fn indent(out: &mut String, depth: usize) {
    (0..depth).for_each(|_| out.push_str("    "));
}

fn span(out: &mut String, class: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = write!(out, "<span class=\"{class}\">{}</span>", escaped(text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn t77_names_and_values_are_escaped_and_nothing_is_lost() {
        let value = json!({ "<b>": ["</span><script>alert('x')</script>", 1.5, null, true, {}, []], "\"": "a&b" });
        let html = coloured(&value);
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains('\''), "{html}");
        let text = regex::Regex::new("<[^>]*>").unwrap().replace_all(&html, "").into_owned();
        let text =
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
