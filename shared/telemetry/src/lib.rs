//! messaging-telemetry.
