//! How requests are counted: with handles that are registered once, so that one request costs two additions and a look at the clock.

use std::sync::OnceLock;
use std::time::Duration;

use http::Method;
use metrics::{Counter, Histogram, counter, histogram};

use crate::ground::meters;

/// The classes of status that an answer has: 2xx to 5xx.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The methods that are told apart; the last stands for all others, which a client may make up.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other"];

/// The counters of one endpoint.
pub(super) struct Tally {
    endpoint: &'static str,
    seconds: Histogram,
    // Made when first needed: most of the possible combinations never happen.
    counters: [[OnceLock<Counter>; CLASSES.len()]; METHODS.len()],
}

impl Tally {
    pub(super) fn new(endpoint: &'static str) -> Self {
        let seconds = histogram!(meters::REQUEST_SECONDS, "endpoint" => endpoint);
        Self { endpoint, seconds, counters: Default::default() }
    }

    pub(super) fn count(&self, method: &Method, status: u16, took: Duration) {
        self.seconds.record(took.as_secs_f64());
        let (method, class) = (method_index(method), class_index(status));
        let counter = self.counters[method][class].get_or_init(
            || counter!(meters::REQUESTS, "endpoint" => self.endpoint, "method" => METHODS[method], "status" => CLASSES[class]),
        );
        counter.increment(1);
    }
}

fn method_index(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::POST => 1,
        Method::PUT => 2,
        Method::PATCH => 3,
        Method::DELETE => 4,
        Method::HEAD => 5,
        Method::OPTIONS => 6,
        _ => 7,
    }
}

fn class_index(status: u16) -> usize {
    usize::from(status / 100).clamp(2, 5) - 2
}

/// A request to where nothing is.
pub(crate) fn count_elsewhere() {
    counter!(meters::REQUESTS, "endpoint" => "none", "method" => "any", "status" => "4xx").increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t79_a_method_that_a_client_made_up_is_no_series_of_its_own() {
        let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        for method in known {
            assert_eq!(METHODS[method_index(&method.parse().unwrap())], method);
        }
        for method in ["TRACE", "CONNECT", "get", "MADE-UP"] {
            assert_eq!(METHODS[method_index(&method.parse().unwrap())], "other");
        }
    }

    #[test]
    fn every_status_has_a_class() {
        let classes = [(100, "2xx"), (200, "2xx"), (304, "3xx"), (429, "4xx"), (503, "5xx"), (999, "5xx")];
        for (status, class) in classes {
            assert_eq!(CLASSES[class_index(status)], class);
        }
    }
}
