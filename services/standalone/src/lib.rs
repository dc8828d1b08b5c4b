//! messaging-standalone.
