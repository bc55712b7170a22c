//! The OpenAPI document as a page for people, at `openapi/`: all addresses at once, without a script or anything from elsewhere.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, header};
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value;

use crate::accounts::Auth;
use crate::ground::Message;
use crate::http::{Directory, render};
use crate::settings::Settings;

use super::{engine, json, surroundings, tree};

/// Where the page stands, below the base path.
const PATH: &str = "openapi";

/// Where the page stands.
pub(super) fn address(settings: &Settings) -> String {
    format!("{}/{PATH}/", settings.server.base_path.trim_end_matches('/'))
}

/// The page, made when it is first asked for.
pub(crate) struct Reader {
    auth: Auth,
    directory: Arc<Directory>,
    page: OnceLock<String>,
}

impl Reader {
    /// Where the page stands, below the base path.
    pub(crate) const PATH: &'static str = PATH;

    /// The page about those endpoints.
    pub(crate) fn new(auth: Auth, directory: Arc<Directory>) -> Self {
        Self { auth, directory, page: OnceLock::new() }
    }

    /// Answers a request.
    pub(crate) fn answer(&self, request: &Request<Body>) -> Response<Body> {
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut refused = render::plain(405, Message::MethodNotAllowed(request.method().to_string()).text());
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return render::secured(refused, &self.auth);
        }
        let page = self.page.get_or_init(|| page(&self.auth.settings, &self.directory));
        let body = if request.method() == Method::HEAD { Body::empty() } else { Body::from(page.clone()) };
        let mut answer = Response::new(body);
        render::guard(answer.headers_mut());
        super::dress(answer.headers_mut());
        render::secured(answer, &self.auth)
    }
}

fn page(settings: &Settings, directory: &Directory) -> String {
    let document = directory.openapi(settings);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let about: Vec<Vec<Part>> = text(&document["info"]["description"]).split("\n\n").map(prose).collect();
    let values = context! {
        title => "Reference",
        about => Serde(about),
        server => text(&document["servers"][0]["url"]),
        document => tree::address(settings, "openapi.json"),
        operations => Serde(operations(&document)),
        schemas => Serde(schemas(&document)),
        tree => Serde(tree::of(settings, directory, None)),
        ..surroundings(settings)
    };
    engine::render("reader.html", values)
}

/// A piece of a line: text, code, or the name of a schema.
#[derive(Serialize)]
struct Part {
    text: String,
    code: bool,
    schema: Option<String>,
}

impl Part {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: false, schema: None }
    }
}

/// What stands between backticks is code.
fn prose(text: &str) -> Vec<Part> {
    text.split('`').enumerate().map(|(at, text)| Part { code: at % 2 == 1, ..Part::text(text) }).collect()
}

#[derive(Serialize)]
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    who: &'static str,
    takes: Vec<Member>,
    example: Option<String>,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
struct Member {
    name: String,
    r#type: Vec<Part>,
    required: bool,
    description: Vec<Part>,
}

#[derive(Serialize)]
struct Answer {
    status: String,
    good: bool,
    description: String,
    r#type: Vec<Part>,
}

#[derive(Serialize)]
struct Schema {
    name: String,
    r#type: Vec<Part>,
    members: Vec<Member>,
    written: bool,
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let each = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten().filter(|(name, _)| *name != "parameters");
        methods.map(move |(method, operation)| described(document, path, method, operation))
    });
    each.collect()
}

fn described(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let text = |member: &str| operation[member].as_str().unwrap_or_default().to_owned();
    let media = &operation["requestBody"]["content"]["application/json"];
    let answers = operation["responses"].as_object().into_iter().flatten();
    Operation {
        id: text("operationId"),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text("summary"),
        description: text("description"),
        who: who(&operation["security"]),
        takes: members(resolved(document, &media["schema"])),
        example: media.get("example").map(json::coloured),
        answers: answers.map(|(status, answer)| answered(document, status, answer)).collect(),
    }
}

fn who(security: &Value) -> &'static str {
    let choices = security.as_array().map(Vec::as_slice).unwrap_or_default();
    match choices {
        [] => "For anybody.",
        all if all.iter().any(|choice| choice.as_object().is_some_and(serde_json::Map::is_empty)) => {
            "For anybody; a session counts."
        }
        _ => "Needs a session.",
    }
}

fn answered(document: &Value, status: &str, answer: &Value) -> Answer {
    let answer = resolved(document, answer);
    Answer {
        status: status.to_owned(),
        good: status.starts_with('2'),
        description: answer["description"].as_str().unwrap_or_default().to_owned(),
        r#type: kind(&answer["content"]["application/json"]["schema"]),
    }
}

/// What a reference leads to.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let target = value["$ref"].as_str().and_then(|target| document.pointer(target.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn members(schema: &Value) -> Vec<Member> {
    let names =
        |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
    // Where one of several lists must be there, what is on all of them must be.
    let mut lists = schema["anyOf"].as_array().into_iter().flatten().map(|choice| names(&choice["required"]));
    let common = lists.next().unwrap_or_default().into_iter().filter(|name| lists.clone().all(|list| list.contains(name)));
    let required: Vec<String> = names(&schema["required"]).into_iter().chain(common).collect();
    let each = schema["properties"].as_object().into_iter().flatten().map(|(name, member)| Member {
        name: name.clone(),
        r#type: kind(member),
        required: required.contains(name),
        description: prose(member["description"].as_str().unwrap_or_default()),
    });
    each.collect()
}

fn schemas(document: &Value) -> Vec<Schema> {
    let all = document["components"]["schemas"].as_object().into_iter().flatten();
    let each = all.map(|(name, schema)| Schema {
        name: name.clone(),
        r#type: kind(schema),
        members: members(schema),
        written: name.ends_with("Request") || name.ends_with("Form") || name.ends_with("Errors"),
    });
    each.collect()
}

/// A schema in a few words.
fn kind(schema: &Value) -> Vec<Part> {
    if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
        return vec![Part { schema: Some(name.to_owned()), ..Part::text("") }];
    }
    if let Some(choices) = schema["anyOf"].as_array().filter(|choices| choices.iter().all(|choice| choice["required"].is_null()))
    {
        return choices.iter().enumerate().flat_map(|(at, choice)| joined(at, " or ", kind(choice))).collect();
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        return vec![Part::text(values.join(" or "))];
    }
    let mut words: Vec<Part> = match &schema["type"] {
        Value::String(name) if name == "array" => joined(1, "list of ", kind(&schema["items"])),
        Value::String(name) => vec![Part::text(name.as_str())],
        Value::Array(names) => vec![Part::text(names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "))],
        _ => Vec::new(),
    };
    if let Some(format) = schema["format"].as_str() {
        words.push(Part::text(format!(" ({format})")));
    }
    words
}

fn joined(at: usize, word: &str, parts: Vec<Part>) -> Vec<Part> {
    let word = (at > 0).then(|| Part::text(word));
    word.into_iter().chain(parts).collect()
}
