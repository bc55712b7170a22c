//! No changed token is believed, and nothing that is sent makes the reader panic.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;

/// One place for all cases: what changes is the token.
fn places() -> &'static (Runtime, Vec<(Place, String)>) {
    static PLACES: OnceLock<(Runtime, Vec<(Place, String)>)> = OnceLock::new();
    PLACES.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let places = runtime.block_on(async {
            let mut places = Vec::new();
            for algorithm in ALGORITHMS {
                let place = Place::new(|settings| {
                    settings.jwt.algorithm = algorithm;
                    settings.jwt.secret = Some("an-old-key-of-32-characters-or-more".into());
                    settings.jwt.accept_legacy_until = "2030-01-01".parse().ok();
                })
                .await;
                let token = place.access().await;
                places.push((place, token));
            }
            places
        });
        (runtime, places)
    })
}

fn is_believed(place: &Place, token: &str) -> bool {
    places().0.block_on(place.signing.read_access(token)).is_ok()
}

fn is_believed_as_refresh(place: &Place, token: &str) -> bool {
    places().0.block_on(place.signing.read_refresh(token)).is_ok()
}

/// Nothing that differs from the token in one character is believed, and the token itself is.
fn every_change_is_noticed(token: &str, is_believed: impl Fn(&str) -> bool) {
    assert!(is_believed(token));
    for at in 0..token.len() {
        for other in ["A", "B", "_", "-", "=", ".", " "].into_iter().filter(|other| token[at..=at] != **other) {
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert!(!is_believed(&changed), "{at} {other:?} of {token}");
        }
        let missing = format!("{}{}", &token[..at], &token[at + 1..]);
        assert!(!is_believed(&missing), "without {at} of {token}");
    }
}

#[test]
fn t32_every_changed_character_is_noticed() {
    for (place, token) in &places().1 {
        every_change_is_noticed(token, |changed| is_believed(place, changed));
    }
}

#[test]
fn t32_every_changed_character_of_a_refresh_token_is_noticed() {
    for (place, _) in &places().1 {
        let token = places().0.block_on(place.refresh(3));
        every_change_is_noticed(&token, |changed| is_believed_as_refresh(place, changed));
    }
}

#[test]
fn t32_every_changed_character_of_a_token_of_the_system_before_is_noticed() {
    let place = &places().1[0].0;
    for (kind, is_believed) in [("access", is_believed as fn(&Place, &str) -> bool), ("refresh", is_believed_as_refresh)] {
        let mut claims = place.claims();
        claims["token_type"] = kind.into();
        claims.as_object_mut().unwrap().remove("sid");
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let message = format!("{}.{}", encode(r#"{"alg":"HS256","typ":"JWT"}"#), encode(&claims.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"an-old-key-of-32-characters-or-more");
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes())));
        every_change_is_noticed(&token, |changed| is_believed(place, changed));
    }
}

#[test]
fn t32_the_other_signature_of_an_elliptic_curve_is_noticed() {
    let (place, token) = &places().1[0];
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let flipped = |signature: &[u8]| format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    super::super::low_s::flip(&mut signature);
    assert!(!is_believed(place, &flipped(&signature)));
    let key = place.signing.current().signer(place.clock.now()).unwrap().jwk.as_ref().unwrap().parse().unwrap();
    assert!(key.verify_sig(message.as_bytes(), &signature).is_ok(), "it is a sound signature all the same");
    super::super::low_s::flip(&mut signature);
    assert!(is_believed(place, &flipped(&signature)));
}

#[test]
fn t32_every_changed_bit_is_noticed() {
    for (place, token) in &places().1 {
        let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        for part in 0..3 {
            for bit in 0..parts[part].len() * 8 {
                let mut changed = parts.clone();
                changed[part][bit / 8] ^= 1 << (bit % 8);
                let texts: Vec<String> = changed.iter().map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).collect();
                assert!(!is_believed(place, &texts.join(".")), "bit {bit} of part {part}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn t32_nothing_that_is_made_up_is_believed(text in "\\PC{0,200}", which in 0..4_usize) {
        prop_assert!(!is_believed(&places().1[which].0, &text));
        prop_assert!(!is_believed_as_refresh(&places().1[which].0, &text));
    }

    #[test]
    fn t33_no_header_and_no_claims_make_the_reader_panic(
        header in prop_oneof!["\\PC{0,80}", r#"\{("(alg|typ|kid|crit|jku)":("(JWT|ES256|HS256|x)"|[0-9]{1,3}|null|\[\]|\{\}),?){0,4}\}"#],
        payload in prop::collection::vec(any::<u8>(), 0..100),
        signature in prop::collection::vec(any::<u8>(), 0..100),
        which in 0..4_usize,
    ) {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let token = format!("{}.{}.{}", encode(header.as_bytes()), encode(&payload), encode(&signature));
        prop_assert!(!is_believed(&places().1[which].0, &token));
    }

    #[test]
    fn t34_no_signed_claims_make_the_reader_panic(payload in prop_oneof![
        "\\PC{0,100}",
        r#"\{"token_type":"access","exp":-?[0-9]{1,25}(\.[0-9])?(e[0-9]{1,3})?,"iat":-?[0-9]{1,25},"nbf":-?[0-9]{1,25},"jti":"j","sid":"s","user_id":"-?[0-9]{1,20}"\}"#,
    ], which in 0..4_usize) {
        let (place, _) = &places().1[which];
        let read = places().0.block_on(place.signing.read_access(&place.sign_text(&payload)));
        if let Ok(claims) = read {
            prop_assert!(claims.expires_at > place.clock.now() && claims.issued_at < claims.expires_at);
        }
    }

    #[test]
    fn t32_a_spliced_token_is_not_believed(which in 0..4_usize, from in 0..200_usize, to in 0..200_usize, with in "[A-Za-z0-9_.-]{0,40}") {
        let (place, token) = &places().1[which];
        let (from, to) = (from.min(to).min(token.len()), from.max(to).min(token.len()));
        let changed = format!("{}{with}{}", &token[..from], &token[to..]);
        prop_assume!(changed != *token);
        prop_assert!(!is_believed(place, &changed));
    }
}
