//! hark-rules
