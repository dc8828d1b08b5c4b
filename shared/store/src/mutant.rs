//! A fault put in on purpose, by which the checker of tests/chaos shows that it can fail.

/// Whether messages of one `clientMessageId` are stored as often as they come.
#[cfg(feature = "mutants")]
pub(crate) fn repeats_are_stored() -> bool {
    static IS_ON: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "no setting: it is there in builds for tests alone"
        )]
        let mutant = std::env::var("MUTANT");
        mutant.is_ok_and(|mutant| mutant == "idempotency")
    });
    *IS_ON
}

/// Never, outside of builds for tests.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn repeats_are_stored() -> bool {
    false
}

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!(
    "the feature `mutants` is for debug builds: it makes a store that can be told to lose its guarantees"
);
