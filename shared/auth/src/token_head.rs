use jsonwebtoken::Algorithm;

/// The longest token that is looked at, in bytes; a longer one is invalid.
pub(crate) const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What a token says of how it is to be checked. None of it is proved.
#[derive(Debug)]
pub(crate) struct TokenHead {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
}

impl TokenHead {
    /// Reads a token's header; none of a token that cannot be valid.
    ///
    /// A `crit` names extensions that whoever does not know them must refuse (RFC 7515, section 4.1.11). None is known here.
    pub(crate) fn read(token: &str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.crit.is_some() {
            return None;
        }
        Some(Self {
            algorithm: header.alg,
            kid: header.kid,
        })
    }
}
