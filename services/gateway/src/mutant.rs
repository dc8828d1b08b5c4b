//! Faults put in on purpose, by which the checker of tests/chaos shows that it can fail.

/// A fault that a build for tests can be told to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// What is missing is not fetched.
    NoRefill,
    /// Messages are passed on as they come.
    NoOrder,
}

impl Mutant {
    /// Whether this process has been told to have it.
    #[cfg(feature = "mutants")]
    pub(crate) fn is_on(self) -> bool {
        static ON: std::sync::LazyLock<Option<Mutant>> = std::sync::LazyLock::new(|| {
            #[expect(
                clippy::disallowed_methods,
                reason = "no setting: it is there in builds for tests alone"
            )]
            let mutant = std::env::var("MUTANT");
            match mutant.as_deref() {
                Ok("refill") => Some(Mutant::NoRefill),
                Ok("ordering") => Some(Mutant::NoOrder),
                _ => None,
            }
        });
        *ON == Some(self)
    }

    /// Never, outside of builds for tests.
    #[cfg(not(feature = "mutants"))]
    pub(crate) const fn is_on(self) -> bool {
        false
    }
}

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!(
    "the feature `mutants` is for debug builds: it makes a gateway that can be told to lose its guarantees"
);
