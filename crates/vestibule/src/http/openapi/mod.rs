//! The OpenAPI 3.1 document, from the endpoints and the settings alone: what is switched off is not in it.
//!
//! [`document`] puts it together; [`operation`] describes one method of one address, [`components`] what several share.

mod components;
mod operation;
mod security;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::settings::Settings;

use super::Endpoint;
use components::Components;

/// The version of the specification that the document follows.
const OPENAPI: &str = "3.1.1";

/// The document of these endpoints under these settings.
pub(super) fn document(settings: &Settings, endpoints: &[Arc<Endpoint>]) -> Value {
    let mut components = Components::new(settings);
    let mut paths = Map::new();
    for endpoint in endpoints {
        // A file's name has no slash behind it, though it would be answered all the same.
        let Some(place) = settings.endpoints.place(endpoint.path) else { continue };
        let end = if place.contains('.') { "" } else { "/" };
        paths.insert(format!("/{place}{end}"), path(settings, endpoint, &mut components));
    }
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": settings.site.name,
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Registration, login and accounts.",
            "description": about(settings),
        },
        "servers": [{ "url": format!("{}{}", settings.public_url(), settings.server.base_path.trim_end_matches('/')) }],
        "tags": tags(endpoints),
        "paths": paths,
        "components": components.written(),
    })
}

fn path(settings: &Settings, endpoint: &Endpoint, components: &mut Components) -> Value {
    let mut out = Map::new();
    let parameters: Vec<Value> = parameters(endpoint.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    if !parameters.is_empty() {
        out.insert("parameters".into(), parameters.into());
    }
    for operation in &endpoint.operations {
        out.insert(
            operation.method.as_str().to_ascii_lowercase(),
            operation::described(settings, endpoint, operation, components),
        );
    }
    Value::Object(out)
}

/// The names in braces.
fn parameters(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// Addresses that begin alike belong together.
fn tag(endpoint: &Endpoint) -> &'static str {
    endpoint.path.split(['/', '.']).next().unwrap_or_default()
}

fn tags(endpoints: &[Arc<Endpoint>]) -> Value {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for endpoint in endpoints {
        match all.iter_mut().find(|(name, _)| *name == tag(endpoint)) {
            Some((_, members)) => members.push(endpoint.name),
            None => all.push((tag(endpoint), vec![endpoint.name])),
        }
    }
    all.into_iter().map(|(name, members)| json!({ "name": name, "description": members.join(", ") })).collect()
}

fn about(settings: &Settings) -> String {
    let mut text = "Every address answers with and without the slash at its end. `OPTIONS` describes an address in the shape of \
        Django REST framework. A method that an address does not have is answered with 405, what nothing is behind with 404.\n\n\
        Errors are `{\"field\": [\"…\"]}`, `{\"non_field_errors\": [\"…\"]}` or `{\"detail\": \"…\"}`; whoever accepts \
        `application/problem+json` gets problem details (RFC 9457) with a stable code for each field. Sentences are in the \
        language that `Accept-Language` asks for; codes are the same in all."
        .to_owned();
    text.push_str("\n\n");
    text.push_str(security::about(settings));
    text
}
