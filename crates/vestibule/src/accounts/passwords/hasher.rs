//! Hashing and checking passwords without holding up anybody else.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use super::phc::{Cost, SALT};
use super::pool::Pool;
use super::stored::{Refusal, Stored};
use super::workspace::Workspace;
use crate::ground::{Entropy, Error, Result, Secret};

/// How long a thread keeps its memory without work.
const IDLE: Duration = Duration::from_secs(10);
/// The shortest queue that the measured rate may lead to.
const SHORTEST_QUEUE: usize = 128;

/// What hashing may cost and how much of it may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Memory of one computation in KiB; at least 8, at most 1048576.
    pub memory_kib: u32,
    /// Passes over the memory; at least 1, at most 64.
    pub iterations: u32,
    /// Threads that hash; nothing means as many as there are cores.
    pub threads: Option<NonZeroUsize>,
    /// Passwords that may wait; nothing means one second of work at the rate measured at start, at least 128.
    pub queue: Option<NonZeroUsize>,
    /// The longest password in bytes; a longer one never matches and is never hashed (T02).
    pub max_bytes: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { memory_kib: 19456, iterations: 2, threads: None, queue: None, max_bytes: 1024 }
    }
}

/// What a check of a password found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the password is the stored one.
    pub matches: bool,
    /// Whether it matches and was stored by another algorithm, or with other parameters, than a new one would be: the moment to
    /// hash it again (T05).
    pub stale: bool,
}

/// Hashes passwords with argon2id on threads of its own. Clones share the threads; the last one dropped ends them.
#[derive(Clone, Debug)]
pub struct Hasher(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: Pool,
    cost: Cost,
    max_bytes: usize,
    entropy: Entropy,
    computations: Arc<AtomicU64>,
}

impl Hasher {
    /// Starts the threads. Without a given queue length this hashes once to measure the rate, some 20 ms; that one is not counted.
    ///
    /// # Errors
    /// [`Error::Internal`] when the parameters are out of their range or there are no threads to be had.
    pub fn start(parameters: &Parameters, entropy: Entropy) -> Result<Self> {
        let cost = Cost::new(parameters.memory_kib, parameters.iterations)?;
        let threads = parameters.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        let queue = match parameters.queue {
            Some(queue) => queue.get(),
            None => one_second(threads, measure(&cost)?),
        };
        let computations = Arc::<AtomicU64>::default();
        let pool = Pool::start(threads, queue, IDLE, || Workspace::new(cost.blocks(), Arc::clone(&computations)).metered())?;
        tracing::debug!(threads, queue, "password hashing started");
        Ok(Self(Arc::new(Shared { pool, cost, max_bytes: parameters.max_bytes, entropy, computations })))
    }

    /// The string to store for `password`: argon2id with a fresh salt of 16 bytes, as a PHC string (T04).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many wait. [`Error::Internal`] when the password is too long or holds NUL: the form
    /// must have refused it, since [`Hasher::verify`] would never let it in.
    pub async fn hash(&self, password: Secret) -> Result<String> {
        if !self.fits(&password) {
            return Err(Error::internal("a password that no policy allows reached hashing"));
        }
        let salt = self.0.entropy.bytes::<SALT>()?;
        let cost = self.0.cost.clone();
        self.0.pool.run(move |workspace| cost.hash(password.expose().as_bytes(), &salt, workspace)).await
    }

    /// Whether `password` is the `stored` one. Nothing stored means that there is no such account, or none that may log in with
    /// a password. Every call costs exactly one computation, so that the time tells nobody which accounts exist (T09).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many wait.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<Verdict> {
        // Neither a long password nor one cut at NUL is worth a computation over its own bytes (T02).
        let stored = stored.filter(|_| self.fits(&password));
        let cost = self.0.cost.clone();
        self.0.pool.run(move |workspace| check(&cost, &password, stored.as_deref(), workspace)).await
    }

    /// Hash computations since the start: one for each [`Hasher::hash`] and each [`Hasher::verify`] that was not refused.
    pub fn computations(&self) -> u64 {
        self.0.computations.load(Ordering::Relaxed)
    }

    /// How many passwords wait for a thread.
    pub fn queue_len(&self) -> usize {
        self.0.pool.waiting()
    }

    fn fits(&self, password: &Secret) -> bool {
        let text = password.expose();
        text.len() <= self.0.max_bytes && !text.contains('\0')
    }
}

/// One computation, whatever is stored.
fn check(cost: &Cost, password: &Secret, stored: Option<&str>, workspace: &mut Workspace) -> Result<Verdict> {
    let refusal = match stored.map(|text| (text, Stored::parse(text))) {
        Some((text, Ok(known))) => {
            let matches = known.matches(password.expose().as_bytes(), workspace)?;
            return Ok(Verdict { matches, stale: matches && cost.differs(text) });
        }
        Some((_, Err(refusal))) => refusal,
        None => Refusal::Unusable,
    };
    match refusal {
        Refusal::Unusable => {}
        // Never the stored text: what is not understood may be a password in plain text.
        Refusal::Unsupported => tracing::warn!("a stored password has a format that is not supported; it must be reset"),
        Refusal::TooCostly => {
            tracing::warn!("a stored password asks for more memory or time than a login may take; it must be reset")
        }
    }
    // Hash even when nothing can match, so that both answers take as long.
    cost.hash(b"", &[0; SALT], workspace)?;
    Ok(Verdict { matches: false, stale: false })
}

/// How long one hash takes here.
fn measure(cost: &Cost) -> Result<Duration> {
    let mut workspace = Workspace::new(cost.blocks(), Arc::default());
    let start = Instant::now();
    cost.hash(b"", &[0; SALT], &mut workspace)?;
    Ok(start.elapsed())
}

/// How many passwords all threads hash in a second.
fn one_second(threads: usize, each: Duration) -> usize {
    let rate = u128::try_from(threads).unwrap_or(1) * 1_000_000 / each.as_micros().max(1);
    usize::try_from(rate).unwrap_or(SHORTEST_QUEUE).max(SHORTEST_QUEUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Parameters {
        let few = NonZeroUsize::new(2);
        Parameters { memory_kib: 8, iterations: 1, threads: few, queue: NonZeroUsize::new(64), ..Parameters::default() }
    }

    fn hasher() -> Hasher {
        Hasher::start(&cheap(), Entropy::seeded(1)).unwrap()
    }

    async fn matches(hasher: &Hasher, password: &str, stored: &str) -> bool {
        hasher.verify(password.into(), Some(stored.to_owned())).await.unwrap().matches
    }

    #[tokio::test]
    async fn t04_a_hash_is_argon2id_at_full_cost_with_a_salt_of_its_own() {
        let hasher = Hasher::start(&Parameters::default(), Entropy::System).unwrap();
        let (first, second) =
            (hasher.hash("correct horse".into()).await.unwrap(), hasher.hash("correct horse".into()).await.unwrap());
        assert_ne!(first, second);
        for stored in [first, second] {
            let tail = stored.strip_prefix("$argon2id$v=19$m=19456,t=2,p=1$").unwrap();
            let (salt, hash) = tail.split_once('$').unwrap();
            assert_eq!((salt.len(), hash.len()), (22, 43), "16 and 32 bytes");
            assert!(!stored.contains("correct horse"));
            let verdict = hasher.verify("correct horse".into(), Some(stored)).await.unwrap();
            assert_eq!(verdict, Verdict { matches: true, stale: false });
        }
    }

    #[tokio::test]
    async fn t02_only_the_exact_bytes_match() {
        let hasher = hasher();
        for length in [64, 72, 73, 100, 128, 256] {
            let password = "aB".repeat(length)[..length].to_owned();
            let stored = hasher.hash(password.as_str().into()).await.unwrap();
            assert!(matches(&hasher, &password, &stored).await);
            let variants = [
                format!("{}x", &password[..length - 1]),
                password[..length - 1].to_owned(),
                format!("{password}x"),
                format!(" {password}"),
                format!("{password} "),
                password.to_uppercase(),
            ];
            for variant in variants {
                assert!(!matches(&hasher, &variant, &stored).await, "{length}: {variant}");
            }
        }
    }

    #[tokio::test]
    async fn t02_a_password_that_is_too_long_or_holds_nul_costs_the_dummy_and_never_matches() {
        let hasher = hasher();
        let mut workspace = Workspace::new(8, Arc::default());
        for password in ["x".repeat(1025), "x".repeat(100_000), "with\0nul".to_owned()] {
            let stored = hasher.0.cost.hash(password.as_bytes(), &[1; SALT], &mut workspace).unwrap();
            let before = hasher.computations();
            assert!(!matches(&hasher, &password, &stored).await);
            assert_eq!(hasher.computations() - before, 1);
            assert!(matches!(hasher.hash(password.into()).await, Err(Error::Internal(_))));
            assert_eq!(hasher.computations() - before, 1, "a refused password is not hashed");
        }
        let longest = "x".repeat(1024);
        let stored = hasher.hash(longest.as_str().into()).await.unwrap();
        assert!(matches(&hasher, &longest, &stored).await);
    }

    #[tokio::test]
    async fn t05_an_imported_password_is_stale_once_it_matches() {
        let hasher = hasher();
        let weaker = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let django = "pbkdf2_sha256$1000$seasalt2$uVEb+sgBbQ+os/7/NKCwt12lTi30NXcIL1uign1R2Qc=";
        for stored in [weaker, django] {
            let right = hasher.verify("password".into(), Some(stored.to_owned())).await.unwrap();
            assert_eq!(right, Verdict { matches: true, stale: true });
            let wrong = hasher.verify("passwore".into(), Some(stored.to_owned())).await.unwrap();
            assert_eq!(wrong, Verdict { matches: false, stale: false });
        }
    }

    #[tokio::test]
    async fn t07_an_account_without_a_password_lets_nobody_in() {
        let hasher = hasher();
        for stored in [None, Some(""), Some("!"), Some("!IkgteMxwkK9LSX9p1KTcDcGnRogUNkJ3NwhEBMyD")] {
            for password in ["", " ", "!", stored.unwrap_or("None")] {
                let verdict = hasher.verify(password.into(), stored.map(str::to_owned)).await.unwrap();
                assert_eq!(verdict, Verdict { matches: false, stale: false }, "{stored:?} {password:?}");
            }
        }
    }

    #[tokio::test]
    async fn t09_every_attempt_costs_exactly_one_computation() {
        let hasher = hasher();
        let own = hasher.hash("right password".into()).await.unwrap();
        let costly = own.replace("m=8", "m=1048577");
        let imports = [
            "argon2$argon2i$v=19$m=512,t=2,p=2$c29tZXNhbHQ$Cw0MNPft1kLenNzy00JsEQ",
            "pbkdf2_sha1$1000$seasalt2$RhDgUmce9R5GoyYX238GVR+UlIg=",
            "bcrypt$$2b$04$abcdefghijklmnopqrstuutwZ1IOTtu3SsEBT5lI/LFncP31tIybm",
            "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuugkQA0GCBGUEqAtJsvVqqVkMMm/ez2qi",
            "scrypt$2$seasalt2$8$1$ITo5lv6w",
        ];
        let others = ["", "!", "plaintext", "md5$seasalt2$2115a63a0cec5350deaa40fbe428068b", "pbkdf2_sha256$", &own, &costly];
        let stored = imports.into_iter().chain(others).map(|text| Some(text.to_owned())).chain([None]);
        for stored in stored {
            for password in ["right password", "wrong password", ""] {
                let before = hasher.computations();
                hasher.verify(password.into(), stored.clone()).await.unwrap();
                assert_eq!(hasher.computations() - before, 1, "{stored:?} {password:?}");
            }
        }
    }

    #[tokio::test]
    async fn t84_beyond_the_queue_the_answer_is_unavailable() {
        let one = NonZeroUsize::new(1);
        let hasher = Hasher::start(&Parameters { threads: one, queue: one, ..cheap() }, Entropy::seeded(1)).unwrap();
        let (gate, closed) = std::sync::mpsc::channel::<()>();
        let (began, begun) = tokio::sync::oneshot::channel();
        let busy = hasher.clone();
        let held = tokio::spawn(async move {
            let wait = move |_: &mut Workspace| Ok((began.send(()), closed.recv()));
            busy.0.pool.run(wait).await.is_ok()
        });
        begun.await.unwrap();
        let (waiting, refused) = tokio::join!(
            async {
                let waiting = hasher.verify("first".into(), None);
                tokio::pin!(waiting);
                tokio::select! { biased; _ = &mut waiting => unreachable!("the only thread is held"), () = std::future::ready(()) => {} }
                assert_eq!(hasher.queue_len(), 1);
                tokio::task::yield_now().await;
                gate.send(()).unwrap();
                waiting.await
            },
            hasher.hash("second".into()),
        );
        assert_eq!(refused, Err(Error::Unavailable(Duration::from_secs(1))));
        assert!(!waiting.unwrap().matches && held.await.unwrap());
        assert_eq!(hasher.queue_len(), 0);
    }

    #[test]
    fn the_queue_holds_one_second_of_work_and_at_least_128() {
        assert_eq!(one_second(16, Duration::from_millis(15)), 1066);
        assert_eq!(one_second(2, Duration::from_millis(100)), 128);
        assert_eq!(one_second(1, Duration::ZERO), 1_000_000);
    }

    #[test]
    fn parameters_out_of_range_do_not_start() {
        for (memory_kib, iterations) in [(7, 1), (8, 0), (u32::MAX, 1), (8, u32::MAX)] {
            assert!(Hasher::start(&Parameters { memory_kib, iterations, ..cheap() }, Entropy::seeded(1)).is_err());
        }
    }

    #[test]
    fn the_last_clone_ends_the_threads() {
        let hasher = hasher();
        let computations = Arc::clone(&hasher.0.computations);
        drop((hasher.clone(), hasher));
        let deadline = Instant::now() + Duration::from_secs(10);
        while Arc::strong_count(&computations) > 1 {
            assert!(Instant::now() < deadline, "a thread still holds its workspace");
            std::thread::yield_now();
        }
    }
}
