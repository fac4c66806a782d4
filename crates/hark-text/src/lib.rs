//! hark-text
