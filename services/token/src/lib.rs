//! messaging-token.
