//! What is wrong with settings is told before anything is started.

use crate::keys::{P256_1, RSA_1, set};
use crate::process::faults;

const HS256: [(&str, &str); 2] = [
    ("JWT_ALGORITHMS", "HS256"),
    ("JWT_SECRET", "a secret that is long enough for HMAC"),
];

/// The variables that are complained of, a line for each.
fn check(settings: &[(&str, &str)], expected: &[&str]) {
    let faults = faults(settings);
    let variables: Vec<&str> = faults
        .lines()
        .map(|line| line.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(variables, expected, "{settings:?}\n{faults}");
}

fn key_file(name: &str) -> String {
    format!("{}/tests/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn public_keys_come_from_somewhere_and_are_needed() {
    let (rs256, url) = (
        ("JWT_ALGORITHMS", "RS256"),
        ("JWT_JWKS_URL", "https://id.example/jwks"),
    );
    check(&[rs256], &["JWT_PUBLIC_KEY_FILE"]);
    check(&[rs256, url], &[]);
    check(&[url, ("JWT_ALGORITHMS", "RS256,HS256")], &["JWT_SECRET"]);
    check(&[HS256[0], HS256[1], url], &["JWT_JWKS_URL"]);
    check(&[url, HS256[1]], &["JWT_JWKS_URL"]);
    check(
        &[rs256, url, ("JWT_JWKS_FILE", "/etc/jwks.json")],
        &["JWT_JWKS_URL"],
    );
    check(&[url, ("JWT_ALGORITHMS", "RS257")], &["JWT_ALGORITHMS"]);
    check(&[url, ("JWT_ALGORITHMS", ",")], &["JWT_ALGORITHMS"]);
}

#[test]
fn a_url_that_is_none_is_a_fault_and_not_printed() {
    let es256 = ("JWT_ALGORITHMS", "ES256");
    for url in [
        "id.example/jwks",
        "file:///jwks.json",
        "https://me:hunter2@id.example/",
    ] {
        let settings = [es256, ("JWT_JWKS_URL", url)];
        check(&settings, &["JWT_JWKS_URL"]);
        assert!(!faults(&settings).contains("hunter2"));
    }
    let refresh = ("JWT_JWKS_REFRESH_SECONDS", "0");
    check(
        &[es256, ("JWT_JWKS_URL", "http://id.example/"), refresh],
        &["JWT_JWKS_REFRESH_SECONDS"],
    );
}

#[test]
fn a_file_without_a_usable_key_is_a_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let check_document = |algorithms: &str, document: &str, expected: &[&str]| {
        let path = folder.path().join("jwks.json");
        std::fs::write(&path, document).expect("it can be written");
        let path = path.to_str().expect("a path in UTF-8");
        check(
            &[("JWT_ALGORITHMS", algorithms), ("JWT_JWKS_FILE", path)],
            expected,
        );
    };
    check_document("RS256,ES256", &set(&[RSA_1.public()]), &[]);
    let many = |count| set(&vec![RSA_1.public(); count]);
    check_document("RS256", &many(100), &[]);
    for bad in [
        String::new(),
        "not JSON".to_owned(),
        "[]".to_owned(),
        r#"{"keys": {}}"#.to_owned(),
        set(&[]),
        set(&[P256_1.public()]),
        many(101),
        format!("{}{}", set(&[RSA_1.public()]), " ".repeat(256 * 1024)),
    ] {
        check_document("RS256", &bad, &["JWT_JWKS_FILE"]);
    }
    for path in ["/nowhere/jwks.json", "/"] {
        check(
            &[("JWT_ALGORITHMS", "RS256"), ("JWT_JWKS_FILE", path)],
            &["JWT_JWKS_FILE"],
        );
    }
}

#[test]
fn a_pem_file_has_a_public_key_for_what_is_accepted() {
    let check = |algorithms: &str, file: &str, expected: &[&str]| {
        let file = key_file(file);
        check(
            &[
                ("JWT_ALGORITHMS", algorithms),
                ("JWT_PUBLIC_KEY_FILE", &file),
            ],
            expected,
        );
    };
    let fault = &["JWT_PUBLIC_KEY_FILE"][..];
    check("RS256,PS256", "test-only-rsa-1.public.pem", &[]);
    check("ES256", "test-only-p256-1.public.pem", &[]);
    check("ES384", "test-only-p384.public.pem", &[]);
    check("EdDSA", "test-only-ed25519-1.public.pem", &[]);
    check("ES256", "test-only-p384.public.pem", fault);
    check("RS256,ES256", "test-only-rsa-1.public.pem", fault);
    check("RS256", "test-only-rsa-1.pem", fault);
    check("EdDSA", "test-only-ed25519-1.pem", fault);
    check("RS256", "test-only-ca.crt", fault);
}
