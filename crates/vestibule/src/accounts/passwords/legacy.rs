//! Passwords that came from Django: PBKDF2, bcrypt and scrypt in Django's own formats. Checked, never made.
//!
//! Hashes are compared as text, as Django does, so that no second spelling of one hash counts.

use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use zeroize::Zeroizing;

use super::stored::{Refusal, number};
use super::workspace::Workspace;
use crate::ground::{Error, Result};

/// Ten times today's default of Django; some seconds.
const MOST_ITERATIONS: u32 = 10_000_000;
/// Some seconds, and 16 times the default of Django.
const MOST_BCRYPT_COST: u32 = 16;
/// Memory of one scrypt computation in bytes: 1 GiB.
const MOST_SCRYPT_BYTES: u64 = 1 << 30;
const MOST_SCRYPT_LANES: u32 = 16;

/// bcrypt reads no more of a password than this.
const BCRYPT_BYTES: usize = 72;
/// Where the hash begins in `$2b$12$<22 characters of salt><31 of hash>`.
const BCRYPT_HASH_AT: usize = 29;

/// A parsed value of Django's `password` column, with the text that the right password must give.
pub(super) struct Legacy {
    recipe: Recipe,
    hash: String,
}

enum Recipe {
    Pbkdf2 { algorithm: pbkdf2::Algorithm, len: usize, iterations: NonZeroU32, salt: String },
    Bcrypt { cost: u32, salt: [u8; 16], prehash: bool },
    Scrypt { params: scrypt::Params, salt: String },
}

impl Legacy {
    /// Reads `algorithm$…`.
    ///
    /// # Errors
    /// [`Refusal::Unsupported`] for other formats, [`Refusal::TooCostly`] when it asks for too much.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let (algorithm, rest) = text.split_once('$').ok_or(Refusal::Unsupported)?;
        match algorithm {
            "pbkdf2_sha256" => pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN, rest),
            "pbkdf2_sha1" => pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, digest::SHA1_OUTPUT_LEN, rest),
            "bcrypt_sha256" => bcrypt(rest, true),
            "bcrypt" => bcrypt(rest, false),
            "scrypt" => scrypt(rest),
            _ => Err(Refusal::Unsupported),
        }
    }

    /// Whether `password` is the one. One computation, compared in constant time.
    ///
    /// # Errors
    /// [`Error::Internal`] when an algorithm refuses what was checked at parsing.
    pub(super) fn matches(&self, password: &[u8], workspace: &Workspace) -> Result<bool> {
        workspace.count();
        let hash = self.recipe.derive(password)?;
        // bcrypt would take any password that begins with the same 72 bytes (T02).
        let cut = matches!(self.recipe, Recipe::Bcrypt { prehash: false, .. }) && password.len() > BCRYPT_BYTES;
        Ok(verify_slices_are_equal(hash.as_bytes(), self.hash.as_bytes()).is_ok() && !cut)
    }
}

impl Recipe {
    /// The hash of `password` as Django writes it.
    fn derive(&self, password: &[u8]) -> Result<Zeroizing<String>> {
        let text = match self {
            Self::Pbkdf2 { algorithm, len, iterations, salt } => {
                let mut out = Zeroizing::new(vec![0; *len]);
                pbkdf2::derive(*algorithm, *iterations, salt.as_bytes(), password, &mut out);
                STANDARD.encode(&out)
            }
            Self::Bcrypt { cost, salt, prehash } => {
                let hexed = prehash.then(|| Zeroizing::new(hex::encode(digest::digest(&digest::SHA256, password))));
                let password = hexed.as_ref().map_or(password, |hexed| hexed.as_bytes());
                let parts = bcrypt::hash_with_salt(password, *cost, *salt)
                    .map_err(|error| Error::internal(format!("bcrypt: {error}")))?;
                parts.to_string().split_off(BCRYPT_HASH_AT)
            }
            Self::Scrypt { params, salt } => {
                let mut out = Zeroizing::new([0; 64]);
                scrypt::scrypt(password, salt.as_bytes(), params, out.as_mut_slice())
                    .map_err(|error| Error::internal(format!("scrypt: {error}")))?;
                STANDARD.encode(out.as_slice())
            }
        };
        Ok(Zeroizing::new(text))
    }
}

/// `iterations$salt$hash`.
fn pbkdf2(algorithm: pbkdf2::Algorithm, len: usize, text: &str) -> Result<Legacy, Refusal> {
    let [iterations, salt, hash] = fields(text)?;
    let iterations = number(iterations).and_then(NonZeroU32::new).ok_or(Refusal::Unsupported)?;
    if iterations.get() > MOST_ITERATIONS {
        return Err(Refusal::TooCostly);
    }
    Ok(Legacy { recipe: Recipe::Pbkdf2 { algorithm, len, iterations, salt: salt.to_owned() }, hash: hash.to_owned() })
}

/// `$2b$12$<salt><hash>`; `2x` is the version with the broken sign extension and stays out.
fn bcrypt(text: &str, prehash: bool) -> Result<Legacy, Refusal> {
    if !["$2a$", "$2b$", "$2y$"].iter().any(|version| text.starts_with(version)) {
        return Err(Refusal::Unsupported);
    }
    let parts: HashParts = text.parse().map_err(|_| Refusal::Unsupported)?;
    // The crate also reads a sign here, and refuses costs below 4 only when it computes.
    let cost = text.get(4..6).and_then(number).filter(|cost| *cost >= 4).ok_or(Refusal::Unsupported)?;
    if cost > MOST_BCRYPT_COST {
        return Err(Refusal::TooCostly);
    }
    let hash = text.get(BCRYPT_HASH_AT..).ok_or(Refusal::Unsupported)?.to_owned();
    Ok(Legacy { recipe: Recipe::Bcrypt { cost, salt: parts.get_salt_raw(), prehash }, hash })
}

/// `work factor$salt$block size$parallelism$hash`.
fn scrypt(text: &str) -> Result<Legacy, Refusal> {
    let [n, salt, r, p, hash] = fields(text)?;
    let (Some(n), Some(r), Some(p)) = (number(n), number(r), number(p)) else {
        return Err(Refusal::Unsupported);
    };
    // RFC 7914 §2: a power of two greater than one.
    if n < 2 || !n.is_power_of_two() {
        return Err(Refusal::Unsupported);
    }
    if u64::from(n) * u64::from(r) > MOST_SCRYPT_BYTES / 128 || p > MOST_SCRYPT_LANES {
        return Err(Refusal::TooCostly);
    }
    let log_n = u8::try_from(n.ilog2()).map_err(|_| Refusal::Unsupported)?;
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| Refusal::Unsupported)?;
    Ok(Legacy { recipe: Recipe::Scrypt { params, salt: salt.to_owned() }, hash: hash.to_owned() })
}

/// Exactly `N` fields between dollars, none of them empty: an empty salt is no salt.
fn fields<const N: usize>(text: &str) -> Result<[&str; N], Refusal> {
    let parts: Vec<&str> = text.split('$').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(Refusal::Unsupported);
    }
    parts.try_into().map_err(|_| Refusal::Unsupported)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn refusal(text: &str) -> Option<Refusal> {
        Legacy::parse(text).err()
    }

    #[test]
    fn t02_a_password_that_bcrypt_would_cut_does_not_match() {
        let matches = |password: &str, stored: &str| {
            let legacy = Legacy::parse(stored).ok().unwrap();
            legacy.matches(password.as_bytes(), &Workspace::new(0, Arc::default())).unwrap()
        };
        let stored = |password: &str| format!("bcrypt${}", bcrypt::hash_with_salt(password, 4, [3; 16]).unwrap());
        let (fits, cut) = ("x".repeat(72), "x".repeat(73));
        assert!(matches(&fits, &stored(&fits)));
        assert!(!matches(&cut, &stored(&fits)));
        assert!(!matches(&cut, &stored(&cut)));
        for version in ["$2a$", "$2y$"] {
            assert!(matches(&fits, &stored(&fits).replace("$2b$", version)));
        }
    }

    #[test]
    fn parameters_beyond_a_logins_means_are_not_computed() {
        let bcrypt = "abcdefghijklmnopqrstuutwZ1IOTtu3SsEBT5lI/LFncP31tIybm";
        for stored in [
            "pbkdf2_sha256$10000001$salt$hash",
            &format!("bcrypt$$2b$17${bcrypt}"),
            &format!("bcrypt_sha256$$2b$31${bcrypt}"),
            "scrypt$1048576$salt$9$1$hash",
            "scrypt$2147483648$salt$4294967295$1$hash",
            "scrypt$16384$salt$8$17$hash",
        ] {
            assert_eq!(refusal(stored), Some(Refusal::TooCostly), "{stored}");
        }
        assert!(Legacy::parse("scrypt$1048576$salt$8$16$hash").is_ok());
    }

    #[test]
    fn a_damaged_string_is_not_supported() {
        let bcrypt = "abcdefghijklmnopqrstuutwZ1IOTtu3SsEBT5lI/LFncP31tIybm";
        for stored in [
            "pbkdf2_sha256",
            "pbkdf2_sha256$1000$salt",
            "pbkdf2_sha256$1000$$hash",
            "pbkdf2_sha256$1000$salt$",
            "pbkdf2_sha256$1000$salt$hash$more",
            "pbkdf2_sha256$0$salt$hash",
            "pbkdf2_sha256$-1$salt$hash",
            "pbkdf2_sha512$1000$salt$hash",
            "scrypt$16383$salt$8$5$hash",
            "scrypt$1$salt$8$5$hash",
            "scrypt$16384$salt$0$5$hash",
            "scrypt$16384$salt$8$0$hash",
            "bcrypt$$2b$12$short",
            &format!("bcrypt$$2x$12${bcrypt}"),
            &format!("bcrypt$2b$12${bcrypt}"),
            &format!("bcrypt$$2b$03${bcrypt}"),
            &format!("bcrypt$$2b$+9${bcrypt}"),
            "sha1$salt$hash",
            "crypt$$hash",
        ] {
            assert_eq!(refusal(stored), Some(Refusal::Unsupported), "{stored}");
        }
    }
}
