//! messaging-store.
