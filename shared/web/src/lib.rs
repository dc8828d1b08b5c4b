//! messaging-web.
