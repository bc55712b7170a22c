//! The outer form of a token: three parts, the first of which says nothing that we would believe (RFC 7515, RFC 8725 §3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The most bytes of a token: what a cookie or a header line carries.
pub const LONGEST: usize = 4096;

/// The first part. Only what our own tokens have may stand there: a key or an address that a token brings along (`jwk`, `jku`,
/// `x5c`, `x5u`), `crit` and `zip` are refused with everything else, and nothing is fetched (T33). A member that stands there
/// twice is refused too.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// Compared with the algorithm of the key; never used to choose one.
    pub(super) alg: String,
    typ: String,
    /// The key's name. Tokens of the system before this one have none.
    pub(super) kid: Option<String>,
}

/// A token in its parts; nothing is verified yet.
pub(super) struct Parts<'a> {
    pub(super) header: Header,
    /// What is signed.
    pub(super) message: &'a [u8],
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    /// The parts of a token, or nothing when it has not our form.
    pub(super) fn of(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.').filter(|_| token.len() <= LONGEST)?;
        let (header, payload) = message.split_once('.').filter(|(_, payload)| !payload.contains('.'))?;
        let header = URL_SAFE_NO_PAD.decode(header).ok().filter(|json| json.starts_with(b"{"))?;
        let header: Header = serde_json::from_slice(&header).ok()?;
        (header.typ == "JWT").then_some(Self { header, message: message.as_bytes(), payload, signature })
    }

    /// The signature. One text for one signature: padding, white space and spare bits are refused (T32).
    pub(super) fn signature(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.signature).ok()
    }

    /// The claims as JSON. Only to be read once the signature is verified.
    pub(super) fn payload(&self) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.payload).ok()
    }
}
