//! Argon2 as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>` (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::stored::{Refusal, number};
use super::workspace::Workspace;
use crate::ground::{Error, Result};

/// Bytes of a new salt (OWASP Password Storage asks for at least 16).
pub(super) const SALT: usize = 16;
/// Bytes of a new hash.
const HASH: usize = 32;
/// Characters of `<salt>$<hash>` in a new string.
const TAIL: usize = 22 + 1 + 43;

/// The most that a stored string may ask for: 1 GiB, 64 passes, 16 lanes. Beyond it, one login would hold a thread for minutes.
const MOST: (u32, u32, u32) = (1 << 20, 64, 16);

/// The cost of new hashes: argon2id version 19 with one lane.
#[derive(Clone, Debug)]
pub(super) struct Cost {
    argon2: Argon2<'static>,
    head: String,
}

impl Cost {
    /// The cost of `memory_kib` KiB and `iterations` passes.
    ///
    /// # Errors
    /// [`Error::Internal`] when Argon2 cannot work with these (fewer than 8 KiB, no pass) or no login could afford to check them.
    pub(super) fn new(memory_kib: u32, iterations: u32) -> Result<Self> {
        if memory_kib > MOST.0 || iterations > MOST.1 {
            return Err(Error::internal(format!("password hashing cannot cost {memory_kib} KiB and {iterations} passes")));
        }
        let params = Params::new(memory_kib, iterations, 1, Some(HASH)).map_err(broken)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self { argon2, head: format!("$argon2id$v=19$m={memory_kib},t={iterations},p=1$") })
    }

    /// Blocks of one KiB that a computation needs.
    pub(super) fn blocks(&self) -> usize {
        self.argon2.params().block_count()
    }

    /// The string to store for `password`.
    ///
    /// # Errors
    /// As [`Workspace::with`].
    pub(super) fn hash(&self, password: &[u8], salt: &[u8; SALT], workspace: &mut Workspace) -> Result<String> {
        let hash = derive(&self.argon2, password, salt, HASH, workspace)?;
        Ok(format!("{}{}${}", self.head, STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(&hash)))
    }

    /// Whether `stored` was made some other way than [`Cost::hash`] makes it today.
    pub(super) fn differs(&self, stored: &str) -> bool {
        stored.strip_prefix(&self.head).is_none_or(|tail| tail.len() != TAIL)
    }
}

/// A parsed PHC string of any Argon2 variant.
pub(super) struct Phc {
    argon2: Argon2<'static>,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Phc {
    /// Reads `$argon2{id,i,d}$[v=N$]m=…,t=…,p=…$salt$hash`. A missing version is the first one, 16.
    ///
    /// # Errors
    /// [`Refusal::Unsupported`] when it is not of this form, [`Refusal::TooCostly`] when it asks for too much.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parts = text.strip_prefix('$').ok_or(Refusal::Unsupported)?.split('$').peekable();
        let algorithm = match parts.next() {
            Some("argon2id") => Algorithm::Argon2id,
            Some("argon2i") => Algorithm::Argon2i,
            Some("argon2d") => Algorithm::Argon2d,
            _ => return Err(Refusal::Unsupported),
        };
        let version = match parts.next_if(|part| part.starts_with("v=")) {
            Some("v=19") => Version::V0x13,
            Some("v=16") | None => Version::V0x10,
            Some(_) => return Err(Refusal::Unsupported),
        };
        let cost = parts.next().and_then(cost).ok_or(Refusal::Unsupported)?;
        let (Some(salt), Some(hash), None) = (bytes(parts.next()), bytes(parts.next()), parts.next()) else {
            return Err(Refusal::Unsupported);
        };
        // Shorter than the PHC format allows, a hash could be met by chance.
        if !(8..=64).contains(&salt.len()) || !(10..=64).contains(&hash.len()) {
            return Err(Refusal::Unsupported);
        }
        if cost.0 > MOST.0 || cost.1 > MOST.1 || cost.2 > MOST.2 {
            return Err(Refusal::TooCostly);
        }
        let params = Params::new(cost.0, cost.1, cost.2, Some(hash.len())).map_err(|_| Refusal::Unsupported)?;
        Ok(Self { argon2: Argon2::new(algorithm, version, params), salt, hash })
    }

    /// Whether `password` is the one. One computation, compared in constant time.
    ///
    /// # Errors
    /// As [`Workspace::with`].
    pub(super) fn matches(&self, password: &[u8], workspace: &mut Workspace) -> Result<bool> {
        let hash = derive(&self.argon2, password, &self.salt, self.hash.len(), workspace)?;
        Ok(verify_slices_are_equal(&hash, &self.hash).is_ok())
    }
}

fn derive(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    len: usize,
    workspace: &mut Workspace,
) -> Result<Zeroizing<Vec<u8>>> {
    workspace.count();
    workspace.with(argon2.params().block_count(), |blocks| {
        let mut out = Zeroizing::new(vec![0; len]);
        argon2.hash_password_into_with_memory(password, salt, &mut out, blocks).map_err(broken)?;
        Ok(out)
    })
}

fn cost(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(',');
    let memory = number(parts.next()?.strip_prefix("m=")?)?;
    let passes = number(parts.next()?.strip_prefix("t=")?)?;
    let lanes = number(parts.next()?.strip_prefix("p=")?)?;
    parts.next().is_none().then_some((memory, passes, lanes))
}

fn bytes(part: Option<&str>) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(part?).ok()
}

fn broken(error: argon2::Error) -> Error {
    Error::internal(format!("argon2: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Published with the reference implementation of Argon2 (its `test.c`), for the password `password` and the salt `somesalt`.
    const KNOWN: [&str; 6] = [
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    ];

    fn matches(password: &str, stored: &str) -> Option<bool> {
        let phc = Phc::parse(stored).ok()?;
        phc.matches(password.as_bytes(), &mut Workspace::new(256, Arc::default())).ok()
    }

    #[test]
    fn the_published_argon2_hashes_match_and_nothing_else_does() {
        for stored in KNOWN {
            assert_eq!(matches("password", stored), Some(true), "{stored}");
            assert_eq!(matches("differentpassword", stored), Some(false), "{stored}");
        }
    }

    #[test]
    fn reused_memory_gives_the_same_bytes_as_fresh_memory() {
        let cost = Cost::new(64, 2).unwrap();
        let hash = |password: &[u8], workspace: &mut Workspace| cost.hash(password, &[7; SALT], workspace).unwrap();
        let mut reused = Workspace::new(cost.blocks(), Arc::default());
        hash(b"what was here before", &mut reused);
        assert_eq!(hash(b"ana", &mut reused), hash(b"ana", &mut Workspace::new(cost.blocks(), Arc::default())));
    }

    #[test]
    fn a_costly_foreign_hash_does_not_keep_its_memory() {
        let mut workspace = Workspace::new(8, Arc::default());
        let phc = Phc::parse(KNOWN[1]).ok().unwrap();
        assert!(phc.matches(b"password", &mut workspace).unwrap());
        assert!(!workspace.holds());
    }

    #[test]
    fn only_todays_parameters_do_not_differ() {
        let cost = Cost::new(64, 2).unwrap();
        let mut workspace = Workspace::new(cost.blocks(), Arc::default());
        let stored = cost.hash(b"ana", &[7; SALT], &mut workspace).unwrap();
        assert!(!cost.differs(&stored));
        assert!(Cost::new(65, 2).unwrap().differs(&stored));
        assert!(Cost::new(64, 3).unwrap().differs(&stored));
        assert!(cost.differs(&format!("argon2{stored}")), "Django's spelling is rewritten as well");
        assert!(
            cost.differs("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
            "short salt"
        );
    }

    #[test]
    fn parameters_beyond_a_logins_means_are_not_computed() {
        let tail = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for cost in ["m=1048577,t=2,p=1", "m=256,t=65,p=1", "m=256,t=2,p=17", "m=4294967295,t=4294967295,p=16777215"] {
            let refusal = Phc::parse(&format!("$argon2id$v=19${cost}${tail}")).err();
            assert_eq!(refusal, Some(Refusal::TooCostly), "{cost}");
        }
        assert!(Phc::parse(&format!("$argon2id$v=19$m=1048576,t=64,p=16${tail}")).is_ok());
        assert!(
            Cost::new(1_048_577, 2).is_err()
                && Cost::new(64, 65).is_err()
                && Cost::new(7, 1).is_err()
                && Cost::new(64, 0).is_err()
        );
    }

    #[test]
    fn a_damaged_string_is_not_argon2() {
        let whole = KNOWN[1];
        let damaged = [
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$".to_owned(),
            whole.replace("argon2id", "argon2x"),
            whole.replace("v=19", "v=18"),
            whole.replace("m=256", "m=+256"),
            whole.replace("m=256", "m=4294967296"),
            whole.replace("m=256", "m=7"),
            whole.replace("t=2", "t=0"),
            whole.replace("p=1", "p=0"),
            whole.replace("p=1", "p=1,keyid=AAAA"),
            whole.replace("c29tZXNhbHQ", "c29tZQ"),
            whole.replace("nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "nf65EA"),
            format!("{whole}="),
            format!("{whole}$"),
            whole[1..].to_owned(),
            String::new(),
        ];
        for stored in damaged {
            assert_eq!(Phc::parse(&stored).err(), Some(Refusal::Unsupported), "{stored}");
        }
    }
}
