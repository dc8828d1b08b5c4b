use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What the process may take beside: a test's harness says what runs.
const BESIDE: usize = 8 * 1_024;

/// Runs something that may take so much memory at a time, what it returns included.
///
/// It counts what the whole process takes, so nothing else of any size may run meanwhile.
pub(crate) fn bounded<T>(bytes_max: usize, run: impl FnOnce() -> T) -> T {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let result = run();
    let taken = ALLOCATOR.peak_usage().saturating_sub(before);
    assert!(
        taken <= bytes_max + BESIDE,
        "took {taken} bytes of {bytes_max}"
    );
    result
}
