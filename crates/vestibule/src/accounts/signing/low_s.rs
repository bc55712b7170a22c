//! One signature for one ECDSA token.
//!
//! Where (r, s) is a signature on P-256, so is (r, n − s), and anybody can make one from the other. A token is then another text with
//! the same meaning, which would slip past a list of texts. So the smaller s alone is written, and believed here (T32); other verifiers
//! take both.

/// The order n of the curve's group (FIPS 186-4, D.1.2.3), big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Half of it, rounded down.
const HALF: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3,
    0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Whether a signature of 64 bytes has the smaller s.
pub(super) fn is_low(signature: &[u8]) -> bool {
    signature.len() == 64 && signature[32..] <= HALF[..]
}

/// The same signature with the other s.
pub(super) fn flip(signature: &mut [u8]) {
    let mut borrow = false;
    for (byte, whole) in signature.iter_mut().skip(32).zip(ORDER).rev() {
        let (rest, under) = whole.overflowing_sub(*byte);
        let (rest, further) = rest.overflowing_sub(u8::from(borrow));
        (*byte, borrow) = (rest, under || further);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flipping_twice_changes_nothing_and_once_the_side() {
        let mut signature: Vec<u8> = (0..64).collect();
        assert!(is_low(&signature));
        let before = signature.clone();
        flip(&mut signature);
        assert!(!is_low(&signature) && signature[..32] == before[..32]);
        flip(&mut signature);
        assert_eq!(signature, before);
    }

    #[test]
    fn the_half_and_what_follows_it_are_each_others_other() {
        let mut signature = [[0; 32], HALF].concat();
        assert!(is_low(&signature));
        flip(&mut signature);
        assert_eq!(signature[63], HALF[31] + 1, "n is odd");
        assert!(!is_low(&signature) && !is_low(&signature[..63]));
    }
}
