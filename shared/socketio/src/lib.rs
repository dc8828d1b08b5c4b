//! messaging-socketio.
