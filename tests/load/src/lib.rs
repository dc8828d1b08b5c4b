//! messaging-load.
