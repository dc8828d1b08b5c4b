//! messaging-tests.
