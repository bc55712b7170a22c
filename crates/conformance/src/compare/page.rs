//! Pages: whether what a person can fill in is there. Words and looks are our own.

use serde_json::Value;

/// How a page is compared with the recorded summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Every recorded field and form is there.
    Same,
    /// It shows the answer and has nothing to fill in at all.
    WithoutForms,
    /// A form or a field is missing.
    Lacking(String),
}

/// Compares a page with the summary of the recorded one. The fields that carry a whole body as text are the reference's own way.
pub fn compare(summary: &Value, ours: &str) -> Page {
    let forms: Vec<&Value> = summary["forms"].as_array().into_iter().flatten().collect();
    let fields = forms.iter().filter_map(|form| form["fields"].as_array()).flatten().filter_map(Value::as_str);
    // `input:email:email`, `select:gender`
    let names: Vec<&str> = fields.filter_map(|field| field.split(':').nth(1)).filter(|name| !name.starts_with('_')).collect();
    let sends = forms.iter().any(|form| form["method"].as_str().is_some_and(|method| method.eq_ignore_ascii_case("post")));
    if (sends || !names.is_empty()) && !ours.contains("<form") {
        return Page::WithoutForms;
    }
    let has = |name: &str| [format!("name=\"{name}\""), format!("name={name}")].iter().any(|text| ours.contains(text.as_str()));
    match names.into_iter().find(|name| !has(name)) {
        Some(name) => Page::Lacking(format!("the page has no field {name}")),
        None => Page::Same,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_what_a_person_fills_in() {
        let form = |fields: Value| json!({ "forms": [{ "method": "POST", "fields": fields }] });
        let summary = form(json!(["input:email:email", "select:gender", "textarea:_content"]));
        assert_eq!(compare(&summary, "<h1>Login</h1>"), Page::WithoutForms);
        assert_eq!(compare(&summary, r#"<form><input name="email"><select name="gender"></select></form>"#), Page::Same);
        assert!(
            matches!(compare(&summary, r#"<form><input name="email"></form>"#), Page::Lacking(what) if what.contains("gender"))
        );
        assert_eq!(compare(&form(json!([])), "<p>"), Page::WithoutForms, "a button alone");
        assert_eq!(compare(&json!({ "forms": [] }), "<p>"), Page::Same);
    }
}
