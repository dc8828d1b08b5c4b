//! messaging-auth.
