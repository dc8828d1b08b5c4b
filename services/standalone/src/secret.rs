use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use messaging_settings::Settings;

/// The file in the data folder that keeps a demo's secret.
const FILE: &str = "jwt-secret";

/// Bytes of randomness in a secret.
const SECRET_BYTES: usize = 32;

/// Gives the settings a `JWT_SECRET` if they have none: the one of the last demo, so that its tokens go on to hold, or a new one.
pub(crate) fn read_or_make(settings: &mut Settings, data_dir: &Path) {
    if settings.text("JWT_SECRET").is_some() {
        return;
    }
    let path = data_dir.join(FILE);
    let secret = match fs::read_to_string(&path) {
        Ok(secret) if !secret.trim().is_empty() => secret,
        _ => match make(data_dir, &path) {
            Ok(secret) => secret,
            Err(error) => {
                return settings.fault(
                    "DATA_DIR",
                    format!("{} cannot be written: {error}", path.display()),
                );
            }
        },
    };
    settings.set_default("JWT_SECRET", secret);
}

fn make(data_dir: &Path, path: &Path) -> std::io::Result<String> {
    fs::create_dir_all(data_dir)?;
    let secret: String = rand::random::<[u8; SECRET_BYTES]>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(secret.as_bytes())?;
    Ok(secret)
}
