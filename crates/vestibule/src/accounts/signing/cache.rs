//! Which access tokens were verified lately, so that the same signature is not verified at each request.
//!
//! Only the signature and the form of the claims are remembered. The end of a token is judged each time, and whether its session
//! still counts is asked of the database each time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::ground::secrets::Digest;

use super::Claims;

const SHARDS: usize = 16;

/// Places in a shard: 32,768 tokens in all, some 15 MiB when every place is taken by usual ones. A token that finds its place taken takes it.
const PLACES: usize = 2_048;

/// The verified tokens.
pub(super) struct Verified {
    shards: [Mutex<Vec<Option<Arc<Entry>>>>; SHARDS],
}

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
        let (shard, place) = self.place(digest);
        let entry = shard.lock().unwrap_or_else(PoisonError::into_inner).get(place)?.clone()?;
        (entry.digest == *digest && entry.keys == keys).then(|| entry.claims.clone())
    }

    /// Remembers a token that this set of keys has verified.
    pub(super) fn put(&self, digest: Digest, keys: u64, claims: &Arc<Claims>) {
        let entry = Arc::new(Entry { digest, keys, claims: claims.clone() });
        let (shard, place) = self.place(&digest);
        let mut places = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        if let Some(taken) = places.get_mut(place) {
            *taken = Some(entry);
        }
    }

    /// A digest is spread evenly, so its beginning says where it belongs.
    fn place(&self, digest: &Digest) -> (&Mutex<Vec<Option<Arc<Entry>>>>, usize) {
        let number = digest.as_bytes().iter().take(4).fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
        (&self.shards[number % SHARDS], number / SHARDS % PLACES)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::accounts::UserId;
    use crate::ground::Time;

    #[test]
    fn a_token_is_remembered_for_its_set_of_keys_and_memory_is_bounded() {
        let at = Time::from_millis(0);
        let claims = |number| Claims {
            user: UserId::from_i64(number),
            sid: Some("s".into()),
            jti: "j".into(),
            issued_at: at,
            expires_at: at,
            more: Map::new(),
        };
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
        let kept: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert_eq!(kept, SHARDS * PLACES);
    }
}
