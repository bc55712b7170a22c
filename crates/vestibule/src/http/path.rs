//! The parameters of a path.

/// What stands in the path where the pattern has braces. The pattern matches, or the router had not come here.
pub(super) fn parameters(pattern: &str, path: &str) -> Vec<String> {
    if !pattern.contains('{') {
        return Vec::new();
    }
    let (pattern, path) = (pattern.trim_matches('/'), path.trim_matches('/'));
    let decoded = |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
    // From the end: what stands before the parameters may have been moved.
    let pairs = pattern.rsplit('/').zip(path.rsplit('/')).take_while(|(name, _)| name.starts_with('{'));
    let mut parameters: Vec<String> = pairs.map(|(_, segment)| decoded(segment)).collect();
    parameters.reverse();
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_from_the_end_wherever_the_service_is_mounted() {
        assert_eq!(parameters("sessions/{id}", "/auth/sessions/a%20b/"), ["a b"]);
        assert_eq!(parameters("sessions/{id}", "/sessions/%ff"), ["\u{fffd}"]);
        assert!(parameters("sessions", "/auth/sessions/").is_empty());
    }
}
