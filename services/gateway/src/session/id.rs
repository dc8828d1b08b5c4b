use rand::Rng as _;

/// 120 random bits as 20 characters of `A-Za-z0-9_-`: a name that cannot be guessed.
pub(crate) fn random_id() -> Box<str> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let bits: u128 = rand::rng().random();
    let digit = |place: u32| char::from(ALPHABET[(bits >> (6 * place)) as usize & 63]);
    (0..20).map(digit).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_long_and_safe_in_urls() {
        let (one, two) = (random_id(), random_id());
        assert_ne!(one, two);
        assert!(
            one.len() == 20
                && one
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        );
    }
}
