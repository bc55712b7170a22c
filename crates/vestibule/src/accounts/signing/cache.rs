//! Which access tokens were verified lately, so that the same signature is not verified at each request.
//!
//! Only the signature and the form of the claims are remembered. The end of a token is judged each time, and whether its session
//! still counts is asked of the database each time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::ground::secrets::Digest;

use super::Claims;

const SHARDS: usize = 16;

/// Sets of places in a shard; a token belongs into one of them.
const SETS: usize = 512;

/// Places in a set: 32,768 tokens in all, some 15 MiB when every place is taken by usual ones. A token that finds its set full takes
/// the place of the one that came first. With one place for each instead of four, every seventh of 10,000 tokens would keep being
/// forgotten.
const PLACES: usize = 4;

/// The verified tokens.
pub(super) struct Verified {
    shards: [Mutex<Vec<Set>>; SHARDS],
}

/// The latest first.
type Set = [Option<Entry>; PLACES];

struct Entry {
    /// Of the whole token, signature included: two tokens never share an entry.
    digest: Digest,
    /// Which set of keys verified it.
    keys: u64,
    claims: Arc<Claims>,
}

impl Default for Verified {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Verified {
    /// The claims of a token that this set of keys has verified.
    pub(super) fn get(&self, digest: &Digest, keys: u64) -> Option<Arc<Claims>> {
        let (shard, set) = self.place(digest);
        let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = shard.get(set)?.iter().flatten();
        entries.find(|entry| entry.digest == *digest && entry.keys == keys).map(|entry| entry.claims.clone())
    }

    /// Remembers a token that this set of keys has verified.
    pub(super) fn put(&self, digest: Digest, keys: u64, claims: &Arc<Claims>) {
        let (shard, set) = self.place(&digest);
        let mut sets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.is_empty() {
            sets.resize_with(SETS, Set::default);
        }
        let Some(set) = sets.get_mut(set) else { return };
        // Where it is known already, by other keys or to another request just now, it stays known once.
        let last = set.iter().position(|taken| taken.as_ref().is_none_or(|entry| entry.digest == digest)).unwrap_or(PLACES - 1);
        if let Some(moved) = set.get_mut(..=last) {
            moved.rotate_right(1);
        }
        set[0] = Some(Entry { digest, keys, claims: claims.clone() });
    }

    fn place(&self, digest: &Digest) -> (&Mutex<Vec<Set>>, usize) {
        let (shard, set) = place(digest);
        (&self.shards[shard], set)
    }
}

/// A digest is spread evenly, so its beginning says in which shard and set it belongs.
fn place(digest: &Digest) -> (usize, usize) {
    let number = digest.as_bytes().iter().take(4).fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    (number % SHARDS, number / SHARDS % SETS)
}

/// The tokens that this process signed lately: a signature of one's own need not be verified when it comes back. Key, claims and
/// session are judged as those of any other token. As many as there are verified ones, in 1 MiB.
#[derive(Default)]
pub(super) struct Signed {
    shards: [Mutex<Vec<[Option<Digest>; PLACES]>>; SHARDS],
}

impl Signed {
    /// Whether the token with that digest, signature included, was signed here.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        let (shard, set) = place(digest);
        let sets = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        sets.get(set).is_some_and(|set| set.iter().flatten().any(|known| known == digest))
    }

    /// Remembers a token that was signed here.
    pub(super) fn put(&self, digest: Digest) {
        let (shard, set) = place(&digest);
        let mut sets = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if sets.is_empty() {
            sets.resize_with(SETS, Default::default);
        }
        if let Some(set) = sets.get_mut(set) {
            set.rotate_right(1);
            set[0] = Some(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::accounts::UserId;
    use crate::ground::Time;

    fn claims(number: i64) -> Claims {
        let (at, sid) = (Time::from_millis(0), Some("s".into()));
        Claims { user: UserId::from_i64(number), sid, jti: "j".into(), issued_at: at, expires_at: at, more: Map::new() }
    }

    #[test]
    fn a_token_is_remembered_for_its_set_of_keys_and_memory_is_bounded() {
        let (cache, mine) = (Verified::default(), Digest::of(b"mine"));
        cache.put(mine, 1, &Arc::new(claims(-1)));
        assert_eq!(cache.get(&mine, 1).unwrap().user, UserId::from_i64(-1));
        assert!(cache.get(&mine, 2).is_none(), "another set of keys");
        assert!(cache.get(&Digest::of(b"other"), 1).is_none());
        for number in 0..100_000_i64 {
            let digest = Digest::of(&number.to_be_bytes());
            cache.put(digest, 1, &Arc::new(claims(number)));
            assert_eq!(cache.get(&digest, 1).unwrap().user, UserId::from_i64(number));
        }
        let kept: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().iter().flatten().flatten().count()).sum();
        assert!((SHARDS * SETS * PLACES * 9 / 10..=SHARDS * SETS * PLACES).contains(&kept), "{kept}");
    }

    #[test]
    fn what_was_signed_here_is_known_and_memory_is_bounded() {
        let signed = Signed::default();
        assert!(!signed.has(&Digest::of(b"mine")));
        for number in 0..100_000_i64 {
            let digest = Digest::of(&number.to_be_bytes());
            signed.put(digest);
            assert!(signed.has(&digest) && !signed.has(&Digest::of(b"other")));
        }
        let kept: usize = signed.shards.iter().map(|shard| shard.lock().unwrap().iter().flatten().flatten().count()).sum();
        assert!((1..=SHARDS * SETS * PLACES).contains(&kept), "{kept}");
    }

    #[test]
    fn as_many_tokens_as_fit_into_a_third_are_remembered_side_by_side() {
        let (cache, digests) = (Verified::default(), (0..10_000_i64).map(|number| Digest::of(&number.to_be_bytes())));
        for (number, digest) in digests.clone().enumerate() {
            cache.put(digest, 1, &Arc::new(claims(i64::try_from(number).unwrap())));
        }
        let known = digests.filter(|digest| cache.get(digest, 1).is_some()).count();
        assert!(known > 9_800, "{known}");
    }

    #[test]
    fn a_token_that_other_keys_verify_again_takes_no_second_place() {
        let (cache, mine) = (Verified::default(), Digest::of(b"mine"));
        (1..=9).for_each(|keys| cache.put(mine, keys, &Arc::new(claims(1))));
        assert!(cache.get(&mine, 9).is_some() && cache.get(&mine, 8).is_none());
        let kept: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().iter().flatten().flatten().count()).sum();
        assert_eq!(kept, 1);
    }
}
