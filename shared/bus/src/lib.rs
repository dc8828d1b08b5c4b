//! messaging-bus.
