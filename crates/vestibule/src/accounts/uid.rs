//! The name of an account in a reset link.
//!
//! In strict it is opaque, so that it tells neither how many accounts there are nor which one it is (T13); in compat it is the
//! number in base 36, as the reference writes it.

use aws_lc_rs::hmac;

use super::{Auth, UserId};

/// The digits of base 36.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl Auth {
    /// The name of that account.
    pub fn uid(&self, user: UserId) -> String {
        if self.settings.compat() {
            return base36(user.as_i64());
        }
        let tag = hmac::sign(&self.code_key, format!("uid\0{user}").as_bytes());
        hex::encode(&tag.as_ref()[..12])
    }
}

/// The account that a name in compat stands for, whether it exists or not.
pub fn from_base36(text: &str) -> Option<UserId> {
    let plain = !text.is_empty() && text.len() <= 13 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| i64::from_str_radix(text, 36).ok()).flatten().map(UserId::from_i64)
}

fn base36(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(DIGITS[usize::try_from(rest % 36).unwrap_or_default()]);
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_36_is_read_as_it_is_written() {
        for (number, text) in [(1, "1"), (35, "z"), (36, "10"), (i64::MAX, "1y2p0ij32e8e7")] {
            assert_eq!(base36(number), text);
            assert_eq!(from_base36(text), Some(UserId::from_i64(number)));
        }
        for bad in ["", "-1", "+1", "zzz!", "zzzzzzzzzzzzzz", "1y2p0ij32e8e8", "é"] {
            assert_eq!(from_base36(bad), None, "{bad}");
        }
    }
}
