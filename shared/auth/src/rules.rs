use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};

use crate::claims::ShownClaims;
use crate::key::Key;
use crate::{AuthConfig, Identity, TokenError};

/// What must hold of a token besides that its key has signed it.
#[derive(Debug)]
pub(crate) struct Rules {
    validations: Vec<(Algorithm, Validation)>,
}

impl Rules {
    pub(crate) fn new(config: &AuthConfig) -> Self {
        let algorithms = config.algorithms.iter();
        Self {
            validations: algorithms
                .map(|algorithm| (*algorithm, validation(*algorithm, config)))
                .collect(),
        }
    }

    /// Whether tokens may be signed so.
    pub(crate) fn accept(&self, algorithm: Algorithm) -> bool {
        self.of(algorithm).is_some()
    }

    /// The identity that a token proves at this moment, by a key that serves the algorithm.
    pub(crate) fn prove(
        &self,
        token: &str,
        algorithm: Algorithm,
        key: &Key,
    ) -> Result<Identity, TokenError> {
        let validation = self.of(algorithm).ok_or(TokenError::Invalid)?;
        if !key.serves(algorithm) {
            return Err(TokenError::Invalid);
        }
        let decoded = jsonwebtoken::decode::<ShownClaims>(token, key.decoding(), validation);
        let token = decoded.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => TokenError::Expired,
            _ => TokenError::Invalid,
        })?;
        Ok(token.claims.into())
    }

    fn of(&self, algorithm: Algorithm) -> Option<&Validation> {
        let mut validations = self.validations.iter();
        let (_, validation) = validations.find(|(known, _)| *known == algorithm)?;
        Some(validation)
    }
}

fn validation(algorithm: Algorithm, config: &AuthConfig) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = 0;
    // A token is no longer valid at its `exp` (RFC 7519, section 4.1.4), to the library only after it.
    validation.reject_tokens_expiring_in_less_than = 1;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "sub"]);
    match &config.issuer {
        Some(issuer) => {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        None => validation.iss = None,
    }
    match &config.audience {
        Some(audience) => {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        None => validation.validate_aud = false,
    }
    validation
}
