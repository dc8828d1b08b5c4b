//! The transports as a peer meets them: raw bytes against a listening server.

mod connections;
mod handshake;
mod namespaces;
mod plain;
mod polling;
#[cfg(test)]
mod server;
mod slowness;
mod socketio;
mod upgrade;
mod websocket;
#[cfg(test)]
mod wire;
