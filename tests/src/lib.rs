//! Nothing but a home for the end-to-end tests in `tests/`, whose scenarios are the node scripts in `e2e/`.
