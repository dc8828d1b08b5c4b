//! The transports as a peer meets them: raw bytes against a listening server.

mod connections;
mod counting;
mod handshake;
mod moves;
mod namespaces;
#[cfg(test)]
mod peers;
mod plain;
mod polling;
mod relay;
#[cfg(test)]
mod server;
mod slowness;
mod socketio;
mod upgrade;
mod websocket;
#[cfg(test)]
mod wire;
