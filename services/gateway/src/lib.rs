//! messaging-gateway.
