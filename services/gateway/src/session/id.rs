use rand::Rng as _;

const ID_LENGTH: usize = 20;

/// 120 random bits as 20 characters of `A-Za-z0-9_-`: a name that cannot be guessed.
pub(crate) fn random_id() -> Box<str> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let bits: u128 = rand::rng().random();
    let digit = |place: u32| char::from(ALPHABET[(bits >> (6 * place)) as usize & 63]);
    (0..ID_LENGTH as u32).map(digit).collect::<String>().into()
}

/// Whether a text could be such a name.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_long_and_safe_in_urls() {
        let (one, two) = (random_id(), random_id());
        assert_ne!(one, two);
        assert!(is_id(&one) && is_id(&two));
        for bad in ["", "short", "a.b.c.d.e.f.g.h.i.j.", "ääääääääää"] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
