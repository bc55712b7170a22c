//! One method of one address.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::forms::{Completeness, Form};
use crate::ground::Message;
use crate::http::endpoint::Touches;
use crate::http::{Endpoint, Gives, Guard, Operation, Shape};
use crate::settings::Settings;

use super::components::{Components, refused};
use super::{security, tag};

pub(super) fn described(settings: &Settings, endpoint: &Endpoint, operation: &Operation, components: &mut Components) -> Value {
    let mut out = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "description": endpoint.description,
        "tags": [tag(endpoint)],
        "security": security::wanted(settings, endpoint),
    });
    if let Some(form) = &operation.takes {
        out["requestBody"] = body(operation, form, components);
    }
    out["responses"] = responses(settings, endpoint, operation, components);
    out
}

/// `getUser` → `GetUser`.
fn type_name(id: &str, of: &str) -> String {
    let mut letters = id.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(of.chars()).collect()
}

fn body(operation: &Operation, form: &Form, components: &mut Components) -> Value {
    let json =
        components.schema(&type_name(operation.id, "Request"), either(operation, form.schema_taken(operation.completeness)));
    // A form cannot say `null`.
    let sent = if form.takes_null() {
        components.schema(&type_name(operation.id, "Form"), either(operation, form.schema_sent(operation.completeness)))
    } else {
        json.clone()
    };
    let mut media = json!({ "schema": json });
    let example = match operation.either.last() {
        Some(members) => form.example_of(members),
        None => form.example(operation.completeness),
    };
    if let Some(example) = example {
        media["example"] = example;
    }
    let required = !operation.either.is_empty()
        || operation.completeness == Completeness::Whole && form.fields.iter().any(|field| field.required);
    json!({ "required": required, "content": {
        "application/json": media,
        "application/x-www-form-urlencoded": { "schema": sent },
        "multipart/form-data": { "schema": sent },
    } })
}

/// The schema with what must be there, where the form alone does not say it.
fn either(operation: &Operation, mut schema: Value) -> Value {
    match operation.either.as_slice() {
        [] => {}
        [all] => schema["required"] = json!(all),
        several => {
            schema.as_object_mut().map(|schema| schema.remove("required"));
            schema["anyOf"] = several.iter().map(|members| json!({ "required": members })).collect();
        }
    }
    schema
}

fn responses(settings: &Settings, endpoint: &Endpoint, operation: &Operation, components: &mut Components) -> Value {
    let mut all = BTreeMap::new();
    for status in refusals(settings, endpoint, operation) {
        all.insert(status, components.refusal(status, settings));
    }
    if let Some(form) = &operation.takes {
        all.insert(400, wrong_fields(operation, form, components));
    }
    for answer in &operation.gives {
        let same: Vec<&Gives> = operation.gives.iter().filter(|other| other.status == answer.status).collect();
        all.insert(answer.status, response(&same, components));
    }
    Value::Object(all.into_iter().map(|(status, response)| (status.to_string(), response)).collect::<Map<_, _>>())
}

/// The statuses of the refusals that follow from what the operation is.
fn refusals(settings: &Settings, endpoint: &Endpoint, operation: &Operation) -> Vec<u16> {
    let sends = operation.method != Method::GET;
    let shows = endpoint.guard != Guard::Anybody || !endpoint.forgiving;
    let may = [
        (400, sends),
        (401, shows),
        // A cookie may speak for a request, so another site may have made a browser send it (design decision 17).
        (
            403,
            endpoint.guard == Guard::Staff
                || (sends && (shows || endpoint.touches != Touches::NoCookies && settings.gives_cookies())),
        ),
        (406, true),
        (408, sends),
        (413, sends),
        (415, sends),
        (429, operation.takes.is_some() && settings.limits.enabled),
        (500, true),
        (503, true),
    ];
    may.into_iter().filter(|(_, may)| *may).map(|(status, _)| status).collect()
}

/// What is wrong with the fields, or why there is none.
fn wrong_fields(operation: &Operation, form: &Form, components: &mut Components) -> Value {
    let fields = components.schema(&type_name(operation.id, "Errors"), form.schema_refused());
    let detail = json!({ "$ref": "#/components/schemas/Detail" });
    let first = form.fields.iter().find(|field| !field.read_only).map_or("non_field_errors", |field| field.name.as_str());
    let example = json!({ first: [Message::Blank.text()] });
    let mut content = refused(&json!({ "anyOf": [fields, detail] }), &example, 400, "invalid");
    let error = json!({ "field": first, "code": Message::Blank.code(), "detail": Message::Blank.text() });
    content["application/problem+json"]["example"]["errors"] = json!([error]);
    json!({ "description": "A field is not as it must be, or the body cannot be read.", "content": content })
}

/// One status; where it is given with one of several bodies, any of them.
fn response(same: &[&Gives], components: &mut Components) -> Value {
    let meanings: Vec<&str> = same.iter().map(|gives| gives.meaning).collect();
    let mut out = json!({ "description": meanings.join(" Or: ") });
    let status = same.first().map_or(200, |gives| gives.status);
    let bodies: Vec<(Value, Option<Value>)> = same.iter().filter_map(|gives| body_of(&gives.shape, components)).collect();
    let Some((first, example)) = bodies.first().cloned() else { return out };
    let schema =
        if bodies.len() > 1 { json!({ "anyOf": bodies.iter().map(|(schema, _)| schema).collect::<Vec<_>>() }) } else { first };
    if StatusCode::from_u16(status).is_ok_and(|status| status.is_success()) {
        let mut media = json!({ "schema": schema });
        if let Some(example) = example {
            media["example"] = example;
        }
        out["content"] = json!({ "application/json": media });
    } else {
        let code = same.iter().find_map(|gives| if let Shape::Says(_, code) = &gives.shape { Some(*code) } else { None });
        out["content"] = refused(&schema, &example.unwrap_or_default(), status, code.unwrap_or("refused"));
    }
    out
}

/// A body's schema and a value that fits.
fn body_of(shape: &Shape, components: &mut Components) -> Option<(Value, Option<Value>)> {
    match shape {
        Shape::Nothing => None,
        Shape::Says(sentence, _) => Some((json!({ "$ref": "#/components/schemas/Detail" }), Some(json!({ "detail": sentence })))),
        Shape::Named { name, schema, example } => Some((components.schema(name, schema.clone()), example.clone())),
        Shape::List(item) => {
            let (schema, example) = body_of(item, components)?;
            Some((json!({ "type": "array", "items": schema }), example.map(|example| json!([example]))))
        }
    }
}
