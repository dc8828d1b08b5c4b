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
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if !kept.trim().is_empty() {
        return settings.set_default("JWT_SECRET", kept);
    }
    let secret = random();
    if let Err(error) = keep(data_dir, &path, &secret) {
        let message = format!("{} cannot be written: {error}", path.display());
        settings.fault("DATA_DIR", message);
    }
    settings.set_default("JWT_SECRET", secret);
}

fn random() -> String {
    let bytes = rand::random::<[u8; SECRET_BYTES]>();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keep(data_dir: &Path, path: &Path, secret: &str) -> std::io::Result<()> {
    fs::create_dir_all(data_dir)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(secret.as_bytes())
}
