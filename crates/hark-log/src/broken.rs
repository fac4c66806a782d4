//! Laws that a proof breaks on purpose, to see that it would notice: `scripts/prove crash --break LAW`.
//!
//! Only in builds with debug assertions: a release holds not a byte of it.

/// What can be broken, under its name in `HARK_BREAK_LAW`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    /// `offsets`: what was read is committed behind what was written, in a transaction of its own (against law 3).
    Offsets,
    /// `overlay`: records do not see what earlier ones of their batch changed (against law 2).
    Overlay,
    /// `isolation`: records of open and aborted transactions are read too (against law 5).
    Isolation,
}

#[cfg(debug_assertions)]
pub(crate) fn is_broken(law: Law) -> bool {
    static BROKEN: std::sync::LazyLock<Option<Law>> = std::sync::LazyLock::new(|| {
        let law = match std::env::var("HARK_BREAK_LAW").ok()?.as_str() {
            "offsets" => Law::Offsets,
            "overlay" => Law::Overlay,
            "isolation" => Law::Isolation,
            _ => return None,
        };
        tracing::warn!(?law, "a law of the log is broken on purpose: records will be lost or repeated");
        Some(law)
    });
    *BROKEN == Some(law)
}

#[cfg(not(debug_assertions))]
pub(crate) fn is_broken(_: Law) -> bool {
    false
}
