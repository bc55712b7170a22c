//! The parameters of a path.

/// What stands in the path where the pattern has braces. The pattern matches, or the router had not come here. Read from the end:
/// the beginning may have been moved.
pub(super) fn parameters(pattern: &str, path: &str) -> Vec<String> {
    if !pattern.contains('{') {
        return Vec::new();
    }
    let decoded = |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
    let pairs = pattern.trim_matches('/').rsplit('/').zip(path.trim_matches('/').rsplit('/'));
    let mut parameters: Vec<String> =
        pairs.filter(|(name, _)| name.starts_with('{')).map(|(_, segment)| decoded(segment)).collect();
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
        assert_eq!(parameters("{provider}/of/{id}/end", "/a/b/of/c/end"), ["b", "c"]);
        assert!(parameters("sessions", "/auth/sessions/").is_empty());
    }
}
