//! `openapi.json`: everything that this installation answers, described for programs (OpenAPI 3.1).
//!
//! It comes from the same values as the answers themselves, so it is exact for these settings.

use http::Method;
use serde_json::json;

use crate::ground::Result;
use crate::http::{Answer, Call, Endpoint, Gives, Operation};

/// `GET openapi.json`.
pub fn endpoint() -> Endpoint {
    let schema = json!({ "type": "object", "required": ["openapi", "info", "paths"], "properties": {
        "openapi": { "type": "string" }, "info": { "type": "object" }, "paths": { "type": "object" },
    } });
    let example = json!({ "openapi": "3.1.1", "info": { "title": "Vestibule", "version": "1" }, "paths": {} });
    Endpoint::new("openapi.json", "OpenAPI")
        .described("This description of the interface, as this installation has it.")
        .forgiving()
        .with(
            Operation::new(Method::GET, |call| Box::pin(get(call)))
                .called("describe", "Describe the interface")
                .gives(Gives::named(200, "An OpenAPI 3.1 document.", "OpenApi", schema, example)),
        )
}

async fn get(call: Call) -> Result<Answer> {
    Ok(Answer::written(200, call.directory.written(call.auth.settings()).to_vec()))
}
