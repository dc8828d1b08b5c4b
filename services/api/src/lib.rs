//! messaging-api.
