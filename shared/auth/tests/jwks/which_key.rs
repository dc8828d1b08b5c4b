//! Which key of a set checks a token, and which tokens none of them does.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::keys::{
    ED_1, LATER, P256_1, P256_2, P384, RSA_1, RSA_2, RSA_SHORT, TestKey, hmac_token, set,
};
use crate::process::{Process, faults};

/// A process whose key set has these keys, and for which these algorithms are accepted.
fn process(algorithms: &str, keys: &[Value]) -> Process {
    process_with(algorithms, keys, &[])
}

fn process_with(algorithms: &str, keys: &[Value], more: &[(&str, &str)]) -> Process {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, set(keys)).expect("it can be written");
    let path = path.to_str().expect("a path in UTF-8");
    let settings = [("JWT_ALGORITHMS", algorithms), ("JWT_JWKS_FILE", path)];
    Process::start(&[&settings[..], more].concat())
}

/// Whether a set of this key alone could be used.
fn is_usable(algorithms: &str, key: &Value) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, set(std::slice::from_ref(key))).expect("it can be written");
    let path = path.to_str().expect("a path in UTF-8");
    let settings = [("JWT_ALGORITHMS", algorithms), ("JWT_JWKS_FILE", path)];
    faults(&settings).is_empty()
}

#[tokio::test]
async fn every_algorithm_is_checked_by_the_key_of_the_kid() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    for (name, algorithm, key) in [
        ("RS256", RS256, RSA_1),
        ("RS384", RS384, RSA_1),
        ("RS512", RS512, RSA_1),
        ("PS256", PS256, RSA_1),
        ("PS384", PS384, RSA_1),
        ("PS512", PS512, RSA_1),
        ("ES256", ES256, P256_1),
        ("ES384", ES384, P384),
        ("EdDSA", EdDSA, ED_1),
    ] {
        let key = key.with(algorithm);
        let unusable = P256_2.public_with(&json!({"use": "enc"}));
        let others = [RSA_SHORT.public(), unusable, key.public()];
        let process = process(name, &others);
        process.accepts(&key.token()).await;
        let claims = json!({"sub": "u-1", "exp": LATER});
        process.refuses(&key.sign(Some("nobody"), &claims)).await;
        assert_eq!(
            process.keys(),
            1,
            "{name}: keys that serve nothing do not count"
        );
    }
}

#[tokio::test]
async fn a_key_serves_its_own_algorithm_alone() {
    let as_rs256 = process("RS256,PS256", &[RSA_1.public()]);
    as_rs256.accepts(&RSA_1.token()).await;
    as_rs256
        .refuses(&RSA_1.with(Algorithm::PS256).token())
        .await;

    let without_alg = RSA_1.public_with(&json!({"alg": null}));
    let accepted = process("RS256,PS256", std::slice::from_ref(&without_alg));
    accepted.accepts(&RSA_1.token()).await;
    accepted
        .accepts(&RSA_1.with(Algorithm::PS256).token())
        .await;
    accepted
        .refuses(&RSA_1.with(Algorithm::RS512).token())
        .await;
    accepted.refuses(&P256_1.named("rsa-1").token()).await;
}

#[tokio::test]
async fn a_public_key_is_never_a_secret() {
    let pem = include_bytes!("../keys/test-only-rsa-1.public.pem");
    let public = RSA_1.public();
    let modulus = public["n"].as_str().expect("it has one");
    let secret = "a secret that is long enough for HMAC";
    // {"k": base64url of the secret above}: whoever can read the set could sign by it.
    let oct = json!({"kty": "oct", "kid": "oct", "alg": "HS256", "use": "sig",
        "k": "YSBzZWNyZXQgdGhhdCBpcyBsb25nIGVub3VnaCBmb3IgSE1BQw"});
    for (algorithms, more) in [
        ("RS256", vec![]),
        (
            "RS256,HS256",
            vec![("JWT_SECRET", "another secret that is long enough")],
        ),
    ] {
        let process = process_with(algorithms, &[public.clone(), oct.clone()], &more);
        assert_eq!(process.keys(), 1);
        for key in [&pem[..], modulus.as_bytes(), secret.as_bytes()] {
            for kid in [None, Some("rsa-1"), Some("oct")] {
                process.refuses(&hmac_token(key, kid)).await;
            }
        }
        process.accepts(&RSA_1.token()).await;
    }
    assert!(!is_usable("RS256,ES256,EdDSA", &oct));
}

#[tokio::test]
async fn a_token_without_kid_is_checked_if_one_key_alone_fits() {
    let one_each = process("RS256,ES256", &[RSA_1.public(), P256_1.public()]);
    one_each.accepts(&RSA_1.token_without_kid()).await;
    one_each.accepts(&P256_1.token_without_kid()).await;
    one_each.refuses(&RSA_2.token_without_kid()).await;
    let two = process("RS256", &[RSA_1.public(), RSA_2.public()]);
    two.refuses(&RSA_1.token_without_kid()).await;
    two.accepts(&RSA_1.token()).await;
    let nameless = process("RS256", &[RSA_1.public_with(&json!({"kid": null}))]);
    nameless.accepts(&RSA_1.token_without_kid()).await;
    nameless.refuses(&RSA_1.token()).await;
}

#[tokio::test]
async fn a_kid_that_two_keys_share_names_neither() {
    let process = process(
        "RS256,ES256",
        &[
            RSA_1.public(),
            RSA_2.named("rsa-1").public(),
            P256_1.public(),
        ],
    );
    process.refuses(&RSA_1.token()).await;
    process.refuses(&RSA_2.named("rsa-1").token()).await;
    process.accepts(&P256_1.token()).await;
}

#[tokio::test]
async fn a_key_that_is_for_something_else_does_not_make_a_kid_ambiguous() {
    let for_encryption = RSA_2.named("rsa-1").public_with(&json!({"use": "enc"}));
    let process = process("RS256", &[RSA_1.public(), for_encryption]);
    process.accepts(&RSA_1.token()).await;
    process.refuses(&RSA_2.named("rsa-1").token()).await;
}

#[tokio::test]
async fn keys_that_are_not_good_for_checking_tokens_are_left_out() {
    let all = "RS256,ES256,ES384,EdDSA";
    let check = |key: TestKey, changes: Value, expected: bool| {
        let jwk = key.public_with(&changes);
        assert_eq!(is_usable(all, &jwk), expected, "{jwk}");
    };
    let even = RSA_1.public()["n"].as_str().expect("it has one").to_owned();
    let even = format!("{}A", &even[..even.len() - 1]);
    for (key, changes, expected) in [
        (RSA_1, json!({}), true),
        (RSA_1, json!({"use": null, "alg": null, "kid": null}), true),
        (RSA_1, json!({"key_ops": ["verify"]}), true),
        (RSA_1, json!({"key_ops": ["sign"]}), false),
        (RSA_1, json!({"use": "enc"}), false),
        (RSA_1, json!({"alg": "RSA-OAEP"}), false),
        (RSA_1, json!({"alg": "HS256"}), false),
        (RSA_1, json!({"alg": "ES256"}), false),
        (RSA_1, json!({"alg": "RS512"}), false),
        (RSA_1, json!({"kty": "oct"}), false),
        (RSA_1, json!({"kty": 7}), false),
        (RSA_1, json!({"n": null}), false),
        (RSA_1, json!({"n": "not base64url!"}), false),
        (RSA_1, json!({"n": even}), false),
        (RSA_1, json!({"e": "AQ"}), false),
        (RSA_1, json!({"e": "AQABAQABAQAB"}), false),
        (RSA_1, json!({"kid": "x".repeat(257)}), false),
        (RSA_SHORT, json!({}), false),
        (P256_1, json!({}), true),
        (P256_1, json!({"crv": "P-384"}), false),
        (P256_1, json!({"crv": "secp256k1"}), false),
        (P256_1, json!({"x": P256_2.public()["x"]}), false),
        (P256_1, json!({"y": "AAAA"}), false),
        (P384, json!({}), true),
        (ED_1, json!({}), true),
        (ED_1, json!({"crv": "X25519"}), false),
        (ED_1, json!({"x": "AAAA"}), false),
        (ED_1, json!({"x": ""}), false),
        (
            ED_1,
            json!({"x": format!("{}AAAA", ED_1.public()["x"].as_str().expect("it has one"))}),
            false,
        ),
    ] {
        check(key, changes, expected);
    }
}

#[tokio::test]
async fn claims_are_looked_at_as_well() {
    let host = [
        ("JWT_ISSUER", "https://id.example"),
        ("JWT_AUDIENCE", "messaging"),
    ];
    let process = process_with("ES256", &[P256_1.public()], &host);
    let good = json!({"sub": "u-1", "exp": LATER, "iss": "https://id.example", "aud": ["other", "messaging"]});
    let sign = |changes: Value| {
        let mut claims = good.clone();
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        P256_1.sign(Some("p256-1"), &claims)
    };
    process.accepts(&sign(json!({}))).await;
    process.accepts(&sign(json!({"aud": "messaging"}))).await;
    for changes in [
        json!({"iss": "https://evil.example"}),
        json!({"iss": null}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"aud": null}),
        json!({"nbf": LATER - 1}),
        json!({"sub": null}),
        json!({"exp": null}),
    ] {
        process.refuses(&sign(changes)).await;
    }
    let expired = process.user(&sign(json!({"exp": 1_000_000_000}))).await;
    assert_eq!(expired, Err(messaging_auth::TokenError::Expired));
}

#[tokio::test]
async fn a_pem_key_beside_a_set_checks_tokens_without_kid() {
    let pem = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/keys/test-only-rsa-1.public.pem"
    );
    let beside = [("JWT_PUBLIC_KEY_FILE", pem)];
    let both = process_with("RS256,ES256", &[RSA_2.public(), P256_1.public()], &beside);
    both.accepts(&RSA_1.token_without_kid()).await;
    both.refuses(&RSA_1.token()).await;
    both.refuses(&RSA_2.token_without_kid()).await;
    both.accepts(&RSA_2.token()).await;
    both.accepts(&P256_1.token()).await;
    both.accepts(&P256_1.token_without_kid()).await;

    let alone = [("JWT_ALGORITHMS", "RS256"), beside[0]];
    let alone = Process::start(&alone);
    alone.accepts(&RSA_1.token_without_kid()).await;
    alone.accepts(&RSA_1.token()).await;
    alone.refuses(&RSA_2.token()).await;
}
