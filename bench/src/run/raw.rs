//! The raw cost of what a refresh is made of: one signature verified, two made, one small write kept.

use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
};
use vestibule::db::{self, Db, Error};
use vestibule::ground::secrets::Digest;
use vestibule::params;
use vestibule::settings::Algorithm;

use super::table::median;
use super::units;
use crate::Result;
use crate::client::histogram::as_float;
use crate::keys::key;
use crate::machine::{self, cores};
use crate::seed::{Amount, seed};

/// Processor time of signatures, in microseconds, round after round.
pub(super) struct Signatures {
    work: Crypto,
    message: Vec<u8>,
    making: Vec<f64>,
    verifying: Vec<f64>,
}

enum Crypto {
    Hs256(Box<hmac::Key>),
    Es256(EcdsaKeyPair, ParsedPublicKey),
}

impl Signatures {
    /// Of what a token signs: everything before its last dot. Nothing for the other algorithms.
    ///
    /// # Errors
    /// When no key can be made.
    pub(super) fn new(algorithm: Algorithm, token: &str) -> Result<Option<Self>> {
        let failed = |_| "no key can be made";
        let work = match algorithm {
            Algorithm::Hs256 => Crypto::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))),
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
                let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
                Crypto::Es256(pair, public.map_err(|_| "no public key")?)
            }
            Algorithm::EdDsa | Algorithm::Rs256 => return Ok(None),
        };
        let message = token.rsplit_once('.').map_or("", |(signed, _)| signed).as_bytes().to_vec();
        Ok(Some(Self { work, message, making: Vec::new(), verifying: Vec::new() }))
    }

    /// One round.
    ///
    /// # Errors
    /// When a signature cannot be made or does not count.
    pub(super) fn round(&mut self, span: Duration) -> Result<()> {
        let message = &self.message;
        let (making, verifying) = match &self.work {
            Crypto::Hs256(key) => {
                let tag = hmac::sign(key, message);
                let making = micros(span, || hmac::sign(key, message).as_ref().len() == 32)?;
                (making, micros(span, || hmac::verify(key, message, tag.as_ref()).is_ok())?)
            }
            Crypto::Es256(pair, public) => {
                let random = SystemRandom::new();
                let signature = pair.sign(&random, message).map_err(|_| "cannot sign")?;
                let making = micros(span, || pair.sign(&random, message).is_ok())?;
                (making, micros(span, || public.verify_sig(message, signature.as_ref()).is_ok())?)
            }
        };
        self.making.push(making);
        self.verifying.push(verifying);
        Ok(())
    }

    /// Of making one, and of verifying one.
    pub(super) fn medians(&self) -> (f64, f64) {
        (median(self.making.iter().copied()), median(self.verifying.iter().copied()))
    }
}

/// Processor time of each turn of `work`, on as many threads as there are cores, as the server has: where two cores are two halves of
/// one, either is slower while the other works.
fn micros(span: Duration, work: impl Fn() -> bool + Sync) -> Result<f64> {
    let (pid, began) = (std::process::id(), Instant::now());
    let before = machine::cpu(pid)?;
    let done = thread::scope(|scope| {
        let turns = || {
            let mut done = 0_u64;
            while began.elapsed() < span {
                for _ in 0..16 {
                    if !std::hint::black_box(work()) {
                        return None;
                    }
                }
                done += 16;
            }
            Some(done)
        };
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(turns)).collect();
        threads.into_iter().map(|thread| thread.join().ok().flatten()).sum::<Option<u64>>()
    });
    let done = done.ok_or("a signature does not count")?;
    Ok((machine::cpu(pid)? - before) * 1e6 / as_float(done))
}

/// Commits of one small write each, as a refresh makes one.
pub(super) struct Commits {
    db: Db,
    sessions: u64,
    rates: Vec<f64>,
    cpus: Vec<f64>,
}

impl Commits {
    /// On a database of its own, which is filled.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn new(url: &str, sessions: u64) -> Result<Self> {
        seed(url, Amount { users: sessions, sessions_per_user: 1, seen_in: 0 }).await?;
        let db = Db::open(url, db::Options::default()).await?;
        Ok(Self { db, sessions, rates: Vec::new(), cpus: Vec::new() })
    }

    /// One round.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn round(&mut self, span: Duration) -> Result<()> {
        let (pid, db) = (std::process::id(), self.db.clone());
        let (began, before) = (Instant::now(), machine::cpu(pid)?);
        let rate = units::rate(span, self.sessions, move |number| commit(db.clone(), number)).await?;
        let done = rate * began.elapsed().as_secs_f64();
        self.rates.push(rate);
        self.cpus.push((machine::cpu(pid)? - before) * 1e6 / done.max(1.0));
        Ok(())
    }

    /// How many a second.
    pub(super) fn rate(&self) -> f64 {
        median(self.rates.iter().copied())
    }

    /// Processor time of each in this process, in microseconds: on SQLite all there is.
    pub(super) fn cpu(&self) -> f64 {
        median(self.cpus.iter().copied())
    }
}

async fn commit(db: Db, number: i64) -> std::result::Result<(), Error> {
    let hash = Digest::of(key(number.unsigned_abs()).as_bytes());
    let done = db.unit(move |tx| async move {
        let sql = "UPDATE auth_sessions SET gen = gen + 1, gen_at = $2, last_seen_at = $2 WHERE key_hash = $1";
        tx.run(sql, params![&hash, 1_767_225_600_000_i64]).await
    });
    match done.await? {
        1 => Ok(()),
        other => Err(Error::Other(format!("{other} rows were written instead of one"))),
    }
}
