//! Tokens checked by key sets that somebody publishes: in a file, or at a URL of a real HTTP server.

#[cfg(test)]
mod by_file;
#[cfg(test)]
mod by_url;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod process;
#[cfg(test)]
mod publisher;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod which_key;
