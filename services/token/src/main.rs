//! `messaging-token`: mints a token for development, as the host platform does in production.

use std::process::ExitCode;

use clap::Parser;
use messaging_auth::{Duration, JwtSecret, Role, mint};
use messaging_domain::UserId;
use messaging_lifecycle::{chain, now};
use messaging_settings::{Fault, Settings, Warnings};

/// How long a token holds where nothing else is said.
const DEFAULT_EXPIRATION: &str = "7d";

/// Mints a development token, signed by HS256 with JWT_SECRET, and prints it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The user's id: 1 to 64 characters of A-Z, a-z, 0-9, _ and -
    #[arg(long)]
    sub: UserId,
    /// client, freelancer, admin or service
    #[arg(long)]
    role: Option<Role>,
    /// The user's name
    #[arg(long)]
    name: Option<String>,
    /// How long the token holds, such as 90s, 15m, 12h or 7d [default: JWT_EXPIRATION, or 7d]
    #[arg(long)]
    expires_in: Option<Duration>,
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for the terminal"
)]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut settings = Settings::from_env();
    let secret = JwtSecret::read(&mut settings);
    let default = DEFAULT_EXPIRATION.parse().expect("a number and a unit");
    let expires_in = arguments
        .expires_in
        .unwrap_or_else(|| settings.or("JWT_EXPIRATION", default));
    if settings.text("JWT_SECRET").is_none() {
        settings.fault("JWT_SECRET", "is not set; the token is signed with it");
    }
    match settings.finish() {
        Ok(Warnings(warnings)) => {
            for Fault { variable, message } in warnings {
                eprintln!("messaging-token: warning: {variable} {message}");
            }
        }
        Err(faults) => return faults.report(),
    }
    let Some(secret) = secret else {
        return ExitCode::FAILURE;
    };
    match mint(
        &secret,
        &arguments.sub,
        arguments.role,
        arguments.name,
        now(),
        expires_in,
    ) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("messaging-token: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}
