//! hark-log
