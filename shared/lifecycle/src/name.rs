use std::fmt::Write;

/// A name for one life of a process: the host's name, or the one given if that is not known, and 8 random hexadecimal digits.
///
/// It is made of letters, digits, `_` and `-`, so that it can be part of a subject or key, and is at most 80 characters long.
pub fn unique_name(fallback: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    with_random_suffix(if host.is_empty() { fallback } else { host })
}

fn with_random_suffix(base: &str) -> String {
    let mut name: String = base
        .chars()
        .take(71)
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    write!(name, "-{:08x}", rand::random::<u32>()).expect("writing to a text cannot fail");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_part_of_a_subject_and_is_new_each_time() {
        let name = with_random_suffix(&format!("pod.a b>*{}", "x".repeat(100)));
        assert!(name.starts_with("pod-a-b--x"), "{name}");
        assert_eq!(name.len(), 80);
        assert_ne!(unique_name("api"), unique_name("api"));
    }
}
