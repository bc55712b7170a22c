//! All endpoints of a running service, for whoever describes them.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::settings::Settings;

use super::Endpoint;
use super::openapi;

/// The endpoints, in the order in which people read of them.
pub struct Directory {
    /// The endpoints.
    pub endpoints: Vec<Arc<Endpoint>>,
    document: OnceLock<Vec<u8>>,
}

impl Directory {
    /// A directory of these.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        Self { endpoints: endpoints.into_iter().map(Arc::new).collect(), document: OnceLock::new() }
    }

    /// The OpenAPI document of these endpoints under these settings.
    pub fn openapi(&self, settings: &Settings) -> Value {
        openapi::document(settings, &self.endpoints)
    }

    /// The same as JSON on one line, made when it is first asked for: neither endpoints nor settings change while they are served.
    pub fn written(&self, settings: &Settings) -> &[u8] {
        self.document.get_or_init(|| self.openapi(settings).to_string().into_bytes())
    }
}
